/**
 * A file of key slots: one random key each, wrapped by the root key, all made before any is used.
 * ON DISK: docs/formats/keys.md.
 *
 * Slots never move, so a key exists in one place and destroying it is overwriting 64 bytes.
 */
import { ByteWriter } from "../base/bytes.ts";
import { NONCE_BYTES, TAG_BYTES, openBytes, sealBytes } from "../base/cipher.ts";
import { crc32 } from "../base/crc32.ts";
import { InsulaError, assert } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import type { RootKey } from "./root-file.ts";

/** ON DISK. */
export const SLOT_BYTES = 64;
/** ON DISK: slots of one file; with the header exactly 64 KiB. */
export const SLOTS_PER_FILE = 1_023;
const SLOT_KEY_BYTES = 32;
/** ON DISK. */
export const SLOT_HEADER_BYTES = 64;
const HEADER_BYTES = SLOT_HEADER_BYTES;
const MAGIC = Buffer.from("INSQ", "latin1");
const FORMAT_VERSION = 1;
const ERASED = Buffer.alloc(SLOT_BYTES);

/** Files are numbered from 1, slots from 1 through all files. */
export function slotPlace(slot: number): { readonly file: number; readonly offset: number } {
  assert(Number.isSafeInteger(slot) && slot >= 1, "slots are numbered from 1");
  const file = Math.floor((slot - 1) / SLOTS_PER_FILE) + 1;
  return { file, offset: HEADER_BYTES + ((slot - 1) % SLOTS_PER_FILE) * SLOT_BYTES };
}

export function firstSlot(file: number): number {
  return (file - 1) * SLOTS_PER_FILE + 1;
}

export function slotFilePath(file: number): string {
  return `keys/${String(file).padStart(10, "0")}.slots`;
}

/** Undefined for the name of anything else. */
export function slotFileNumber(name: string): number | undefined {
  const digits = /^(\d{10})\.slots$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeSlotHeader(file: number, { folder }: RootKey): Buffer {
  const writer = new ByteWriter(HEADER_BYTES).raw(MAGIC).uint32(FORMAT_VERSION).uint64(file);
  writer.raw(folder).raw(new Uint8Array(HEADER_BYTES - 4 - writer.length));
  return writer.uint32(crc32(writer.view())).finish();
}

/**
 * Why these are not the first bytes of slot file `file`; undefined when they are. A damaged header
 * takes no key away: each slot has a checksum and says where it belongs.
 *
 * @throws InsulaError `format_unsupported` for a sound header of another version.
 */
export function findSlotHeaderFault(
  header: Uint8Array,
  file: number,
  root: RootKey,
): string | undefined {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  const end = HEADER_BYTES - 4;
  const isSound =
    bytes.length === HEADER_BYTES &&
    MAGIC.equals(bytes.subarray(0, MAGIC.length)) &&
    crc32(bytes.subarray(0, end)) === bytes.readUInt32LE(end);
  if (!isSound) return "its header is damaged";
  const version = bytes.readUInt32LE(MAGIC.length);
  if (version !== FORMAT_VERSION) throw otherFormat(slotFilePath(file), FORMAT_VERSION, version);
  const isOurs = encodeSlotHeader(file, root).equals(bytes);
  return isOurs ? undefined : "its header is of another file or another data folder";
}

export function encodeSlot(
  slot: number,
  key: Uint8Array,
  root: RootKey,
  nonce: Uint8Array,
): Buffer {
  assert(key.length === SLOT_KEY_BYTES, "a slot holds a key of 32 bytes");
  const seal = { key: root.key, nonce, context: contextOf(slot, root) };
  const { sealed, tag } = sealBytes(seal, [key]);
  const writer = new ByteWriter(SLOT_BYTES).raw(nonce).raw(sealed).raw(tag);
  return writer.uint32(crc32(writer.view())).finish();
}

/**
 * @throws InsulaError `data_damaged` for a slot that was erased, is damaged or is of another place.
 */
export function decodeSlot(slot: number, bytes: Uint8Array, root: RootKey): Uint8Array {
  if (ERASED.equals(bytes)) throw lost(slot, "it was erased");
  if (!isSlotSound(bytes)) throw lost(slot, "its checksum does not match");
  const end = SLOT_BYTES - 4;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const seal = { key: root.key, nonce, context: contextOf(slot, root) };
  const key = openBytes(
    seal,
    bytes.subarray(NONCE_BYTES, end - TAG_BYTES),
    bytes.subarray(end - TAG_BYTES, end),
  );
  if (key === undefined) throw lost(slot, "it is of another place or another data folder");
  return new Uint8Array(key);
}

/** A key, or zeros where one was; not whose it is. */
export function isSlotSound(bytes: Uint8Array): boolean {
  const end = SLOT_BYTES - 4;
  if (bytes.length !== SLOT_BYTES) return false;
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32LE(end);
  return crc32(bytes.subarray(0, end)) === stored || ERASED.equals(bytes);
}

function contextOf(slot: number, { folder }: RootKey): Buffer {
  return new ByteWriter(32).string("slot").raw(folder).uint64(slot).finish();
}

function lost(slot: number, reason: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot open the data: key slot ${String(slot)} holds no key: ${reason}.`,
    { details: { slot } },
  );
}
