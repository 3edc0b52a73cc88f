/**
 * What a backup says of one shard: where its bytes are in the object store, and their checksums.
 * ON DISK: docs/formats/backup.md.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { CIPHER_KEY_BYTES } from "../base/cipher.ts";

const UID_BYTES = 16;
const HASH_BYTES = 32;

/** A range of an object, and the SHA-256 of its bytes. */
export interface StoredExtent {
  readonly object: string;
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

export interface StoredSegment {
  readonly segment: Uint8Array;
  readonly shard: Uint8Array;
  readonly rowCount: number;
  readonly sequenceMax: number;
  readonly deadRows: Uint32Array;
  readonly key: Uint8Array | undefined;
  readonly bytes: number;
  /** One behind the other they are the segment. */
  readonly extents: readonly StoredExtent[];
}

/** Frames one behind the other, sealed as one with the key of the backup that wrote them. */
export interface StoredTail {
  readonly backup: string;
  readonly extent: StoredExtent;
  readonly frames: readonly { readonly sequence: number; readonly bytes: number }[];
}

export interface StoredShard {
  readonly uid: Uint8Array;
  readonly sequence: number;
  readonly flushedSequence: number;
  readonly rowCount: number;
  readonly byteCount: number;
  readonly segments: readonly StoredSegment[];
  readonly tail: StoredTail | undefined;
}

export function encodeShard(writer: ByteWriter, shard: StoredShard): void {
  writer.raw(shard.uid).varint(shard.sequence).varint(shard.flushedSequence);
  writer.varint(shard.rowCount).varint(shard.byteCount).varint(shard.segments.length);
  for (const segment of shard.segments) encodeSegment(writer, segment);
  const { tail } = shard;
  writer.varint(tail === undefined ? 0 : tail.frames.length);
  if (tail === undefined) return;
  for (const { sequence, bytes } of tail.frames) writer.varint(sequence).varint(bytes);
  writer.string(tail.backup);
  encodeExtent(writer, tail.extent);
}

export function decodeShard(reader: ByteReader): StoredShard {
  const uid = take(reader, UID_BYTES);
  const sequence = reader.varint();
  const flushedSequence = reader.varint();
  const rowCount = reader.varint();
  const byteCount = reader.varint();
  const segments = Array.from({ length: reader.varint() }, () => decodeSegment(reader));
  const frames = Array.from({ length: reader.varint() }, () => ({
    sequence: reader.varint(),
    bytes: reader.varint(),
  }));
  const tail =
    frames.length === 0
      ? undefined
      : { frames, backup: reader.string(), extent: decodeExtent(reader) };
  return { uid, sequence, flushedSequence, rowCount, byteCount, segments, tail };
}

function encodeSegment(writer: ByteWriter, segment: StoredSegment): void {
  writer.raw(segment.segment).raw(segment.shard).varint(segment.rowCount);
  writer.varint(segment.sequenceMax).varint(segment.bytes);
  writer.uint8(segment.key === undefined ? 0 : 1);
  if (segment.key !== undefined) writer.raw(segment.key);
  writer.varint(segment.deadRows.length);
  let previous = 0;
  for (const row of segment.deadRows) {
    writer.varint(row - previous);
    previous = row;
  }
  writer.varint(segment.extents.length);
  for (const extent of segment.extents) encodeExtent(writer, extent);
}

function decodeSegment(reader: ByteReader): StoredSegment {
  const segment = take(reader, UID_BYTES);
  const shard = take(reader, UID_BYTES);
  const rowCount = reader.varint();
  const sequenceMax = reader.varint();
  const bytes = reader.varint();
  const key = reader.uint8() === 0 ? undefined : take(reader, CIPHER_KEY_BYTES);
  const deadRows = new Uint32Array(reader.varint());
  let previous = 0;
  for (let i = 0; i < deadRows.length; i++) {
    previous += reader.varint();
    deadRows[i] = previous;
  }
  const extents = Array.from({ length: reader.varint() }, () => decodeExtent(reader));
  return { segment, shard, rowCount, sequenceMax, deadRows, key, bytes, extents };
}

function encodeExtent(writer: ByteWriter, extent: StoredExtent): void {
  writer.string(extent.object).varint(extent.offset).varint(extent.bytes).raw(extent.sha256);
}

function decodeExtent(reader: ByteReader): StoredExtent {
  return {
    object: reader.string(),
    offset: reader.varint(),
    bytes: reader.varint(),
    sha256: take(reader, HASH_BYTES),
  };
}

function take(reader: ByteReader, bytes: number): Uint8Array {
  return new Uint8Array(reader.raw(bytes));
}
