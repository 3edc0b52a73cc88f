/** Comparison of secrets; the only place where a secret may be compared. */
import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Whether two secrets are equal, in a time that tells nothing about where they part.
 *
 * Both sides are hashed first: `timingSafeEqual` throws on different lengths, and a hash makes the
 * lengths equal and the compared bytes useless to somebody who chooses one side.
 */
export function secretsEqual(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(secret: string | Uint8Array): Buffer {
  return createHash("sha256").update(secret).digest();
}
