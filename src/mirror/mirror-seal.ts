/** Seals pieces and points with keys that come from the root key of the data folder alone. */
import { NONCE_BYTES, openWhole, sealWhole } from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import type { Random } from "../io/index.ts";
import type { PointSeal } from "./mirror-point.ts";

/** @param key 32 bytes; undefined: nothing is sealed. */
export function mirrorSeal(key: Uint8Array | undefined, random: Random): PointSeal {
  if (key === undefined) return { seal: (bytes) => bytes, open: (bytes) => bytes };
  return {
    seal: (bytes, purpose) => {
      const context = Buffer.from(purpose, "utf8");
      return sealWhole({ key, nonce: random.bytes(NONCE_BYTES), context }, [bytes]);
    },
    open: (bytes, purpose) => {
      const plain = openWhole({ key, context: Buffer.from(purpose, "utf8") }, bytes);
      if (plain !== undefined) return plain;
      throw new InsulaError(
        "data_damaged",
        `Cannot read the mirror: ${purpose} was sealed with another key.`,
      );
    },
  };
}

/** What the key of a mirror is derived with: as a backup's, and never equal to one's. */
export function mirrorKeyName(mirror: string): string {
  return `mirror ${mirror}`;
}

/** What {@link PointSeal} is given for each kind of object. */
export const SEAL_PURPOSES = {
  point: (number: number): string => `point ${String(number)}`,
  base: (number: number): string => `base ${String(number)}`,
  piece: (name: string): string => `piece ${name}`,
  secret: (path: string): string => `secret ${path}`,
} as const;
