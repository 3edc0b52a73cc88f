/** Seals what a backup says and the frames it holds, when the data folder has keys. */
import { NONCE_BYTES, openWhole, sealWhole } from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import type { Random } from "../io/index.ts";

/** The key of a backup by its id. */
export type BackupKeys = (backup: string) => Uint8Array;

/** @param keys undefined: nothing is sealed. */
export function sealObject(
  bytes: Uint8Array,
  place: { readonly backup: string; readonly purpose: string },
  { keys, random }: { readonly keys: BackupKeys | undefined; readonly random: Random },
): Uint8Array {
  if (keys === undefined) return bytes;
  const context = Buffer.from(place.purpose, "utf8");
  const nonce = random.bytes(NONCE_BYTES);
  return sealWhole({ key: keys(place.backup), nonce, context }, [bytes]);
}

/** @throws InsulaError `data_damaged` when it was sealed as something else. */
export function openObject(
  sealed: Uint8Array,
  place: { readonly backup: string; readonly purpose: string },
  keys: BackupKeys | undefined,
): Uint8Array {
  if (keys === undefined) return sealed;
  const context = Buffer.from(place.purpose, "utf8");
  const plain = openWhole({ key: keys(place.backup), context }, sealed);
  if (plain !== undefined) return plain;
  throw new InsulaError(
    "data_damaged",
    `Cannot read the backup: ${place.purpose} of backup ${place.backup} was sealed with another key.`,
  );
}
