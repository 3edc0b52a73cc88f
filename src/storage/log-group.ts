/**
 * A group: the frames that were made durable by one sync. Header with directory, payloads, trailer.
 * Layout: docs/formats/node-log.md, "group".
 */
import { crc32 } from "../base/crc32.ts";
import type { LogFrameHeader, LogPosition } from "./log-entry.ts";
import {
  decodeLogEntry,
  encodeLogEntry,
  LOG_ENTRY_BYTES,
  readUint64,
  writeUint64,
} from "./log-entry.ts";
import { LOG_FORMAT_VERSION } from "./log-file-header.ts";

/** Frames of one group. Source: what gathers during one sync at 83,000 commits a second. */
export const LOG_GROUP_FRAMES_MAX = 2_048;
/** ON DISK. */
export const LOG_GROUP_FIXED_BYTES = 72;
export const LOG_GROUP_TRAILER_BYTES = 16;
export const LOG_GROUP_MAGIC: Buffer = Buffer.from("INSG");
const TRAILER_MAGIC = Buffer.from("GSNI");
/** ON DISK: a group without frames that says "everything before me was synced". */
const FLAG_COMMIT_MARK = 1;

/** What a shard gives to the log. */
export interface LogFrame {
  readonly shard: Uint8Array;
  readonly kind: number;
  readonly sequenceFirst: number;
  readonly sequenceLast: number;
  readonly netRows: number;
  readonly netBytes: number;
  /** The shard has sealed the payload; the log takes it as it is. */
  readonly isSealed: boolean;
  /** A copy of a frame of an older file; see {@link LogFrameHeader.isMoved}. */
  readonly isMoved?: boolean;
  /** The payload in pieces; they belong to the log until the append settles. */
  readonly parts: readonly Uint8Array[];
}

export interface LogGroupPlace {
  readonly generation: bigint;
  readonly group: number;
  readonly position: LogPosition;
  /** Everything before this was on disk when the group was written. */
  readonly durable: LogPosition;
}

export interface EncodedLogGroup {
  readonly parts: readonly Uint8Array[];
  readonly byteLength: number;
  readonly entries: readonly LogFrameHeader[];
  /** The entries as they stand in the directory. */
  readonly directory: Uint8Array;
}

export interface LogGroupHead extends LogGroupPlace {
  readonly entries: readonly LogFrameHeader[];
  /** Header, payloads and trailer. */
  readonly byteLength: number;
  readonly crc: number;
}

/** Bytes a group takes on disk. */
export function logGroupBytes(frameCount: number, payloadBytes: number): number {
  return logGroupHeadBytes(frameCount) + payloadBytes + LOG_GROUP_TRAILER_BYTES;
}

/** Fixed part, directory and checksum. */
export function logGroupHeadBytes(frameCount: number): number {
  return LOG_GROUP_FIXED_BYTES + frameCount * LOG_ENTRY_BYTES + 4;
}

/** Payloads are not copied: the result names the frames' own parts between header and trailer. */
export function encodeLogGroup(place: LogGroupPlace, frames: readonly LogFrame[]): EncodedLogGroup {
  const head = Buffer.alloc(logGroupHeadBytes(frames.length));
  const entries: LogFrameHeader[] = [];
  const parts: Uint8Array[] = [head];
  let offset = place.position.offset + head.length;
  for (const [i, frame] of frames.entries()) {
    let crc = 0;
    let length = 0;
    for (const part of frame.parts) {
      crc = crc32(part, crc);
      length += part.length;
      parts.push(part);
    }
    const { shard, kind, sequenceFirst, sequenceLast, netRows, netBytes, isSealed } = frame;
    const extent = { file: place.position.file, offset, length, crc };
    const isMoved = frame.isMoved ?? false;
    const entry = {
      shard,
      kind,
      isSealed,
      isMoved,
      sequenceFirst,
      sequenceLast,
      netRows,
      netBytes,
      extent,
    };
    encodeLogEntry(head, LOG_GROUP_FIXED_BYTES + i * LOG_ENTRY_BYTES, entry);
    entries.push(entry);
    offset += length;
  }
  const payloadBytes = offset - place.position.offset - head.length;
  encodeFixed(head, place, { frameCount: frames.length, payloadBytes });
  const crc = crc32(head.subarray(0, head.length - 4));
  head.writeUInt32LE(crc, head.length - 4);
  parts.push(encodeTrailer(place.group, crc));
  const byteLength = head.length + payloadBytes + LOG_GROUP_TRAILER_BYTES;
  const directory = head.subarray(LOG_GROUP_FIXED_BYTES, head.length - 4);
  return { parts, byteLength, entries, directory };
}

function encodeFixed(
  head: Buffer,
  place: LogGroupPlace,
  sizes: { readonly frameCount: number; readonly payloadBytes: number },
): void {
  LOG_GROUP_MAGIC.copy(head, 0);
  head.writeUInt16LE(LOG_FORMAT_VERSION, 4);
  head.writeUInt16LE(sizes.frameCount === 0 ? FLAG_COMMIT_MARK : 0, 6);
  head.writeBigUInt64LE(place.generation, 8);
  writeUint64(head, 16, place.group);
  writeUint64(head, 24, place.position.file);
  writeUint64(head, 32, place.position.offset);
  writeUint64(head, 40, place.durable.file);
  writeUint64(head, 48, place.durable.offset);
  head.writeUInt32LE(sizes.frameCount, 56);
  head.writeUInt16LE(LOG_ENTRY_BYTES, 60);
  writeUint64(head, 64, sizes.payloadBytes);
}

function encodeTrailer(group: number, crc: number): Buffer {
  const trailer = Buffer.alloc(LOG_GROUP_TRAILER_BYTES);
  writeUint64(trailer, 0, group);
  trailer.writeUInt32LE(crc, 8);
  TRAILER_MAGIC.copy(trailer, 12);
  return trailer;
}

/**
 * Frames of the group whose fixed part starts at `at`, or undefined when these bytes cannot be the
 * start of a group of this life of this file at this position. A first look, before the checksum.
 */
export function peekLogGroup(
  bytes: Buffer,
  at: number,
  place: { readonly generation: bigint; readonly position: LogPosition },
): number | undefined {
  if (bytes.length - at < LOG_GROUP_FIXED_BYTES) return undefined;
  if (bytes.compare(LOG_GROUP_MAGIC, 0, 4, at, at + 4) !== 0) return undefined;
  if (bytes.readUInt16LE(at + 4) !== LOG_FORMAT_VERSION) return undefined;
  if (bytes.readBigUInt64LE(at + 8) !== place.generation) return undefined;
  if (readUint64(bytes, at + 24) !== place.position.file) return undefined;
  if (readUint64(bytes, at + 32) !== place.position.offset) return undefined;
  const frameCount = bytes.readUInt32LE(at + 56);
  if (frameCount > LOG_GROUP_FRAMES_MAX) return undefined;
  return bytes.readUInt16LE(at + 60) === LOG_ENTRY_BYTES ? frameCount : undefined;
}

/**
 * The version of a group of this life at this place that is none of ours; undefined for anything
 * else. Its checksum is not looked at: {@link isLogGroupHeadSound} does, with as many bytes as
 * `headBytes` says.
 */
export function peekOtherGroup(
  bytes: Buffer,
  place: { readonly generation: bigint; readonly position: LogPosition },
): { readonly version: number; readonly headBytes: number } | undefined {
  if (bytes.length < LOG_GROUP_FIXED_BYTES) return undefined;
  const version = bytes.readUInt16LE(4);
  const isOther =
    version !== LOG_FORMAT_VERSION &&
    LOG_GROUP_MAGIC.equals(bytes.subarray(0, 4)) &&
    bytes.readBigUInt64LE(8) === place.generation &&
    readUint64(bytes, 24) === place.position.file &&
    readUint64(bytes, 32) === place.position.offset;
  const entriesBytes = bytes.readUInt32LE(56) * bytes.readUInt16LE(60);
  return isOther ? { version, headBytes: LOG_GROUP_FIXED_BYTES + entriesBytes + 4 } : undefined;
}

/** @param head all of it, its checksum included. */
export function isLogGroupHeadSound(head: Buffer): boolean {
  const end = head.length - 4;
  return end > 0 && head.readUInt32LE(end) === crc32(head.subarray(0, end));
}

/**
 * Bytes a group says it has, by its fixed part and before any checksum; 0 when there is no start of
 * a group of this life at the place.
 */
export function declaredGroupBytes(
  fixed: Buffer,
  place: { readonly generation: bigint; readonly position: LogPosition },
): number {
  const count = peekLogGroup(fixed, 0, place);
  return count === undefined ? 0 : logGroupBytes(count, readUint64(fixed, 64));
}

/** True when the bytes start as a group of the file does, in whatever life of it. */
export function isLogGroupOfFile(bytes: Buffer, file: number): boolean {
  if (bytes.length < LOG_GROUP_FIXED_BYTES) return LOG_GROUP_MAGIC.equals(bytes.subarray(0, 4));
  return LOG_GROUP_MAGIC.equals(bytes.subarray(0, 4)) && readUint64(bytes, 24) === file;
}

/** @param bytes exactly the head of a group that {@link peekLogGroup} accepted. */
export function decodeLogGroupHead(bytes: Buffer): LogGroupHead | undefined {
  if (!isLogGroupHeadSound(bytes)) return undefined;
  const crc = bytes.readUInt32LE(bytes.length - 4);
  const file = readUint64(bytes, 24);
  const frameCount = bytes.readUInt32LE(56);
  const entries: LogFrameHeader[] = [];
  for (let i = 0; i < frameCount; i++) {
    entries.push(decodeLogEntry(bytes, LOG_GROUP_FIXED_BYTES + i * LOG_ENTRY_BYTES, file));
  }
  return {
    generation: bytes.readBigUInt64LE(8),
    group: readUint64(bytes, 16),
    position: { file, offset: readUint64(bytes, 32) },
    durable: { file: readUint64(bytes, 40), offset: readUint64(bytes, 48) },
    entries,
    byteLength: bytes.length + readUint64(bytes, 64) + LOG_GROUP_TRAILER_BYTES,
    crc,
  };
}

export function isLogGroupTrailer(bytes: Buffer, head: LogGroupHead): boolean {
  return bytes.equals(encodeTrailer(head.group, head.crc));
}
