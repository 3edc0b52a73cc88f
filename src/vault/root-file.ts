/** The file that holds the root key, wrapped by the master key. ON DISK: docs/formats/keys.md. */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { NONCE_BYTES, SEAL_BYTES, openWhole, sealWhole } from "../base/cipher.ts";
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import type { Random } from "../io/index.ts";

export const ROOT_PATH = "keys/root";
const MAGIC = Buffer.from("INSR", "latin1");
const FORMAT_VERSION = 1;
const KEY_BYTES = 32;
const FOLDER_BYTES = 16;
const HEAD_BYTES = MAGIC.length + 4 + FOLDER_BYTES + 8;
const WRAP_BYTES = KEY_BYTES + SEAL_BYTES;
/** While a master key is replaced, both open the file. */
const WRAPS_MAX = 2;

export interface RootKey {
  readonly key: Uint8Array;
  /** 16 random bytes: which data folder the keys are of. */
  readonly folder: Uint8Array;
  /** How often the master key was changed. */
  readonly rotations: number;
}

/** @param masterKeys one or two, the newest first. */
export function encodeRoot(
  root: RootKey,
  masterKeys: readonly Uint8Array[],
  random: Random,
): Buffer {
  const head = new ByteWriter(HEAD_BYTES).raw(MAGIC).uint32(FORMAT_VERSION);
  const context = head.raw(root.folder).uint64(root.rotations).finish();
  const writer = new ByteWriter(HEAD_BYTES + WRAPS_MAX * WRAP_BYTES + 8).raw(context);
  writer.uint32(masterKeys.length);
  for (const key of masterKeys) {
    writer.raw(sealWhole({ key, nonce: random.bytes(NONCE_BYTES), context }, [root.key]));
  }
  return writer.uint32(crc32(writer.view())).finish();
}

/** Which data folder a root file is of. @throws InsulaError `data_damaged`, `format_unsupported` */
export function folderOfRoot(bytes: Uint8Array): Uint8Array {
  requireSound(bytes);
  return new ByteReader(bytes, MAGIC.length + 4).raw(FOLDER_BYTES);
}

export interface OpenedRoot {
  readonly root: RootKey;
  /** The key that opened it is the newest, and another opens it too. */
  readonly hasOlderKey: boolean;
}

/**
 * @throws InsulaError `master_key_wrong` when another key wrapped it; `data_damaged`,
 *   `format_unsupported`.
 */
export function decodeRoot(bytes: Uint8Array, masterKey: Uint8Array): OpenedRoot {
  const count = requireSound(bytes);
  const context = bytes.subarray(0, HEAD_BYTES);
  for (let wrap = 0; wrap < count; wrap++) {
    const start = HEAD_BYTES + 4 + wrap * WRAP_BYTES;
    const key = openWhole({ key: masterKey, context }, bytes.subarray(start, start + WRAP_BYTES));
    if (key === undefined) continue;
    const head = new ByteReader(bytes, MAGIC.length + 4);
    const folder = new Uint8Array(head.raw(FOLDER_BYTES));
    const root = { key: new Uint8Array(key), folder, rotations: head.uint64() };
    return { root, hasOlderKey: wrap === 0 && count > 1 };
  }
  throw new InsulaError(
    "master_key_wrong",
    `Cannot open the data: the master key is not the one that wrapped ${ROOT_PATH}. ` +
      "Nothing was changed. Give the key this folder was last used with.",
  );
}

/** Number of wraps of a whole file. */
function requireSound(bytes: Uint8Array): number {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isRoot = file.length >= HEAD_BYTES && MAGIC.equals(file.subarray(0, MAGIC.length));
  const version = isRoot ? file.readUInt32LE(MAGIC.length) : 0;
  // Whatever else a later version changes: a checksum of all before it ends the file.
  const last = Math.max(0, file.length - 4);
  const isWhole = isRoot && crc32(file.subarray(0, last)) === file.readUInt32LE(last);
  if (isWhole && version !== FORMAT_VERSION) throw otherFormat(ROOT_PATH, FORMAT_VERSION, version);
  const count = isRoot && file.length >= HEAD_BYTES + 8 ? file.readUInt32LE(HEAD_BYTES) : 0;
  const end = HEAD_BYTES + 4 + count * WRAP_BYTES;
  const isSound = count >= 1 && count <= WRAPS_MAX && file.length === end + 4 && isWhole;
  if (isSound) return count;
  throw new InsulaError(
    "data_damaged",
    `Cannot read ${ROOT_PATH}: it is damaged. Without it nothing can be read: put back a copy.`,
  );
}
