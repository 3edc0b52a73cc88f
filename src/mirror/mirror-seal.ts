/** Seals pieces and points with keys that come from the root key of the data folder alone. */
import {
  NONCE_BYTES,
  SEAL_BYTES,
  TAG_BYTES,
  beginOpen,
  beginSeal,
  openWhole,
  sealWhole,
} from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import type { Random } from "../io/index.ts";
import type { PointSeal } from "./mirror-point.ts";
import { partsOf, type Turns } from "./turns.ts";

/** Nothing is sealed. */
export const PLAIN_SEAL: PointSeal = {
  seal: (bytes) => bytes,
  open: (bytes) => bytes,
  sealParts: (parts) => Promise.resolve(parts),
  openInTurns: (bytes) => Promise.resolve(bytes),
};

/** @param key 32 bytes; undefined: nothing is sealed. */
export function mirrorSeal(key: Uint8Array | undefined, random: Random): PointSeal {
  if (key === undefined) return PLAIN_SEAL;
  const contextOf = (purpose: string): Buffer => Buffer.from(purpose, "utf8");
  return {
    seal: (bytes, purpose) =>
      sealWhole({ key, nonce: random.bytes(NONCE_BYTES), context: contextOf(purpose) }, [bytes]),
    open: (bytes, purpose) => {
      const plain = openWhole({ key, context: contextOf(purpose) }, bytes);
      if (plain !== undefined) return plain;
      throw sealedOtherwise(purpose);
    },
    sealParts: async (parts, purpose, turns) => {
      const nonce = random.bytes(NONCE_BYTES);
      const sealing = beginSeal({ key, nonce, context: contextOf(purpose) });
      const sealed: Uint8Array[] = [nonce];
      for (const part of parts) {
        sealed.push(sealing.add(part));
        if (turns.isOverAfterBytes(part.length)) await turns.next();
      }
      return [...sealed, sealing.end()];
    },
    openInTurns: (bytes, purpose, turns) =>
      openInTurns({ key, context: contextOf(purpose) }, { bytes, purpose }, turns),
  };
}

async function openInTurns(
  seal: { readonly key: Uint8Array; readonly context: Uint8Array },
  { bytes, purpose }: { readonly bytes: Uint8Array; readonly purpose: string },
  turns: Turns,
): Promise<Uint8Array> {
  if (bytes.length < SEAL_BYTES) throw sealedOtherwise(purpose);
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const end = bytes.length - TAG_BYTES;
  const opening = beginOpen({ ...seal, nonce }, bytes.subarray(end));
  const plain = Buffer.allocUnsafeSlow(end - NONCE_BYTES);
  let at = 0;
  for (const part of partsOf(bytes.subarray(NONCE_BYTES, end))) {
    at += opening.add(part).copy(plain, at);
    if (turns.isOverAfterBytes(part.length)) await turns.next();
  }
  if (opening.isSound()) return plain;
  throw sealedOtherwise(purpose);
}

function sealedOtherwise(purpose: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot read the mirror: ${purpose} was sealed with another key.`,
  );
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
