/** Derivation of signing keys, and the cache that saves four HMACs a request. */
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import type { SignatureScheme } from "./scheme.ts";

/** Entries of the cache: one per key, day and region; about 300 bytes each. */
export const SIGNING_KEYS_MAX = 4_096;

export interface SigningScope {
  readonly scheme: SignatureScheme;
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
}

/** The key of one day, region and service. Cost: four HMACs, about 20 µs. */
export function deriveSigningKey(scope: SigningScope, secret: string): KeyObject {
  const { scheme } = scope;
  let key = hmac(`${scheme.secretPrefix}${secret}`, scope.date);
  key = hmac(key, scope.region);
  key = hmac(key, scheme.service);
  return createSecretKey(hmac(key, scheme.terminator));
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/**
 * Least recently used signing keys, at most {@link SIGNING_KEYS_MAX}.
 *
 * Only keys that proved right are kept, so that guesses with known ids and made-up regions cannot
 * push out the keys in use. An entry remembers its secret and is void when the secret changed.
 */
export class SigningKeyCache {
  readonly #capacity: number;
  readonly #entries = new Map<string, { readonly secret: string; readonly key: KeyObject }>();

  constructor(capacity: number = SIGNING_KEYS_MAX) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(scope: SigningScope, keyId: string, secret: string): KeyObject | undefined {
    const name = entryName(scope, keyId);
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    // eslint-disable-next-line no-restricted-syntax -- both sides are ours, neither is sent to us
    if (entry.secret !== secret) return undefined;
    this.#entries.set(name, entry);
    return entry.key;
  }

  keep(scope: SigningScope, holder: { keyId: string; secret: string; key: KeyObject }): void {
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.#entries.delete(oldest.value);
    }
    const { keyId, secret, key } = holder;
    this.#entries.set(entryName(scope, keyId), { secret, key });
  }
}

function entryName(scope: SigningScope, keyId: string): string {
  return `${keyId}/${scope.date}/${scope.region}/${scope.scheme.service}`;
}
