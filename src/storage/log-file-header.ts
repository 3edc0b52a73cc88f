/** The first 64 bytes of a log file. Layout: docs/formats/node-log.md, "file header". */
import { crc32 } from "../base/crc32.ts";
import { otherFormat } from "../base/format-version.ts";
import type { LogPosition } from "./log-entry.ts";
import { readUint64, writeUint64 } from "./log-entry.ts";

/** ON DISK. */
export const LOG_FILE_HEADER_BYTES = 64;
export const LOG_FORMAT_VERSION = 1;
const MAGIC = Buffer.from("INSL");
const CRC_AT = 60;

export interface LogFileHeader {
  readonly file: number;
  /** Random per open of the log: tells the bytes of this life of the file from older ones. */
  readonly generation: bigint;
  /** The file this one follows and where its valid bytes end; file 0 when it is the first. */
  readonly previous: LogPosition;
  /** Number of the first group of this file. */
  readonly groupFirst: number;
  /** Bytes of a former life that lay in the file when it was begun; 0 for a new file. */
  readonly reusedBytes: number;
}

export function encodeLogFileHeader(header: LogFileHeader): Buffer {
  const bytes = Buffer.alloc(LOG_FILE_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(LOG_FORMAT_VERSION, 4);
  bytes.writeUInt16LE(LOG_FILE_HEADER_BYTES, 6);
  writeUint64(bytes, 8, header.file);
  bytes.writeBigUInt64LE(header.generation, 16);
  writeUint64(bytes, 24, header.previous.file);
  writeUint64(bytes, 32, header.previous.offset);
  writeUint64(bytes, 40, header.groupFirst);
  writeUint64(bytes, 48, header.reusedBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  return bytes;
}

/**
 * @returns undefined when the bytes are no valid header of this file.
 * @throws InsulaError `format_unsupported` for a valid header of another version.
 */
export function decodeLogFileHeader(bytes: Buffer, file: number): LogFileHeader | undefined {
  if (bytes.length < LOG_FILE_HEADER_BYTES || !MAGIC.equals(bytes.subarray(0, 4))) return undefined;
  if (bytes.readUInt32LE(CRC_AT) !== crc32(bytes.subarray(0, CRC_AT))) return undefined;
  const version = bytes.readUInt16LE(4);
  if (version !== LOG_FORMAT_VERSION) {
    throw otherFormat(`log file ${fileName(file)}`, LOG_FORMAT_VERSION, version);
  }
  if (readUint64(bytes, 8) !== file) return undefined;
  return {
    file,
    generation: bytes.readBigUInt64LE(16),
    previous: { file: readUint64(bytes, 24), offset: readUint64(bytes, 32) },
    groupFirst: readUint64(bytes, 40),
    reusedBytes: readUint64(bytes, 48),
  };
}

/** `log/0000000001.log` for folder `log` and number 1. */
export function logFilePath(folder: string, file: number): string {
  return `${folder}/${fileName(file)}`;
}

function fileName(file: number): string {
  return `${String(file).padStart(10, "0")}.log`;
}

/** The number of a log file by its name; undefined for any other name. */
export function logFileNumber(name: string): number | undefined {
  return /^\d{10}\.log$/.test(name) ? Number(name.slice(0, 10)) : undefined;
}
