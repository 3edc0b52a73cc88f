/** Rows of customers: suspended ones, and erasures. ON DISK: docs/formats/catalogue.md. */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { toSegmentUid, toShardUid, type ShardUid } from "../base/brands.ts";
import { otherFormat } from "../base/format-version.ts";
import type { ErasedShard } from "./erasure.ts";

const ROW_VERSION = 1;
/** ON DISK: second byte of a customer's row. */
const ERASING = 1;
/** ON DISK: flag of an erasure's row. */
const DONE = 1;
const UID_BYTES = 16;

/** A customer whose calls are refused. */
export interface CustomerRow {
  readonly isErasing: boolean;
  readonly sinceMs: number;
}

export interface ErasureRow {
  readonly database: string;
  readonly beganAtMs: number;
  /** Nothing is left to remove; the receipt waits for who asks for it. */
  readonly isDone: boolean;
}

export interface ErasedRow {
  readonly collection: string;
  readonly erased: ErasedShard;
}

export function encodeCustomer({ isErasing, sinceMs }: CustomerRow): Buffer {
  return begin()
    .uint8(isErasing ? ERASING : 0)
    .float64(sinceMs)
    .finish();
}

/** @throws InsulaError `format_unsupported`, `data_damaged`. */
export function decodeCustomer(bytes: Uint8Array): CustomerRow {
  const reader = open(bytes);
  return { isErasing: reader.uint8() === ERASING, sinceMs: reader.float64() };
}

export function encodeErasure({ database, beganAtMs, isDone }: ErasureRow): Buffer {
  const writer = begin().uint8(isDone ? DONE : 0);
  return writer.float64(beganAtMs).string(database).finish();
}

/** @throws InsulaError `format_unsupported`, `data_damaged`. */
export function decodeErasure(bytes: Uint8Array): ErasureRow {
  const reader = open(bytes);
  const isDone = (reader.uint8() & DONE) !== 0;
  return { isDone, beganAtMs: reader.float64(), database: reader.string() };
}

export function encodeErased({ collection, erased }: ErasedRow): Buffer {
  const { keySlot, rowCount, sharedBytes, files, atMs } = erased;
  const writer = begin().string(collection).float64(atMs);
  writer.varint(keySlot).varint(rowCount).varint(sharedBytes).varint(files.length);
  for (const file of files) writer.raw(file);
  return writer.finish();
}

/** @param uid from the key. @throws InsulaError `format_unsupported`, `data_damaged`. */
export function decodeErased(uid: ShardUid, bytes: Uint8Array): ErasedRow {
  const reader = open(bytes);
  const collection = reader.string();
  const atMs = reader.float64();
  const [keySlot, rowCount, sharedBytes] = [reader.varint(), reader.varint(), reader.varint()];
  const files = Array.from({ length: reader.varint() }, () =>
    toSegmentUid(Uint8Array.from(reader.raw(UID_BYTES))),
  );
  return { collection, erased: { uid, keySlot, rowCount, sharedBytes, files, atMs } };
}

/** The shard of a row's key: its last bytes. */
export function shardOfErasedKey(key: string): ShardUid {
  return toShardUid(Uint8Array.from(Buffer.from(key.slice(-UID_BYTES), "latin1")));
}

function begin(): ByteWriter {
  return new ByteWriter(64).uint8(ROW_VERSION);
}

function open(bytes: Uint8Array): ByteReader {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  if (version === ROW_VERSION) return reader;
  throw otherFormat("a customer's row of the catalogue", ROW_VERSION, version);
}
