/**
 * One line of a log directory: whose frame, what it changes, where it lies. The same 104 bytes
 * stand in group headers and in footers. Layout: docs/formats/node-log.md, "directory entry".
 */
import { InsulaError } from "../base/errors.ts";

/** ON DISK. */
export const LOG_ENTRY_BYTES = 104;
/** ON DISK: a plain payload, and one that its shard has sealed. */
const CODEC_PLAIN = 0;
const CODEC_SEALED = 1;
/** ON DISK: bit of the flags: copied from an older file. */
const FLAG_MOVED = 1;
/** Bytes of a shard's identity. */
export const LOG_SHARD_BYTES = 16;

/** A place in the log: a file by number and a byte in it. Places are ordered. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** Where the payload of one frame lies, and its checksum. */
export interface LogExtent {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
  /** CRC-32 of the payload. */
  readonly crc: number;
}

/** What the directory says of one frame. */
export interface LogFrameHeader {
  /** 16 bytes. */
  readonly shard: Uint8Array;
  /** Meaning of the payload, 0 … 255; the log does not look at it. */
  readonly kind: number;
  /** The payload opens with the shard's key only. */
  readonly isSealed: boolean;
  /**
   * A copy of a frame whose file is about to go: it takes the place of the frame with the same
   * sequence numbers and changes nothing else.
   */
  readonly isMoved: boolean;
  readonly sequenceFirst: number;
  readonly sequenceLast: number;
  /** What the frame adds to the count of rows and of bytes of its shard; may be negative. */
  readonly netRows: number;
  readonly netBytes: number;
  readonly extent: LogExtent;
}

export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.file - b.file || a.offset - b.offset;
}

/** Writes an entry at `at`; the bytes there must be zero before. */
export function encodeLogEntry(target: Buffer, at: number, entry: LogFrameHeader): void {
  target.set(entry.shard, at);
  target[at + 16] = entry.kind;
  target[at + 17] = entry.isSealed ? CODEC_SEALED : CODEC_PLAIN;
  target.writeUInt16LE(entry.isMoved ? FLAG_MOVED : 0, at + 18);
  target.writeUInt32LE(entry.extent.crc, at + 20);
  writeUint64(target, at + 24, entry.sequenceFirst);
  writeUint64(target, at + 32, entry.sequenceLast);
  writeInt64(target, at + 40, entry.netRows);
  writeInt64(target, at + 48, entry.netBytes);
  writeUint64(target, at + 56, entry.extent.offset);
  writeUint64(target, at + 64, entry.extent.length);
  // 72 … 103 are reserved: a sealed payload carries its nonce and tag itself.
}

/**
 * @param file number of the file the entry was read from.
 * @throws InsulaError `format_unsupported` for a payload this version cannot open.
 */
export function decodeLogEntry(source: Buffer, at: number, file: number): LogFrameHeader {
  const codec = source[at + 17];
  if (codec !== CODEC_PLAIN && codec !== CODEC_SEALED) {
    throw new InsulaError(
      "format_unsupported",
      `Cannot read a log frame: unknown codec: expected 0 or 1, received ${String(codec)}.`,
      { details: { file } },
    );
  }
  return {
    shard: new Uint8Array(source.subarray(at, at + LOG_SHARD_BYTES)),
    kind: source[at + 16] ?? 0,
    isSealed: codec === CODEC_SEALED,
    isMoved: (source.readUInt16LE(at + 18) & FLAG_MOVED) !== 0,
    sequenceFirst: readUint64(source, at + 24),
    sequenceLast: readUint64(source, at + 32),
    netRows: readInt64(source, at + 40),
    netBytes: readInt64(source, at + 48),
    extent: {
      file,
      offset: readUint64(source, at + 56),
      length: readUint64(source, at + 64),
      crc: source.readUInt32LE(at + 20),
    },
  };
}

/** A safe integer as unsigned 64 bits; two halves, since bigints cost ten times as much. */
export function writeUint64(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value >>> 0, at);
  target.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** Above 2^53 the result is not exact; callers compare it with something they know. */
export function readUint64(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readUInt32LE(at + 4) * 0x1_0000_0000;
}

function writeInt64(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value >>> 0, at);
  target.writeInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

function readInt64(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readInt32LE(at + 4) * 0x1_0000_0000;
}
