/**
 * Raises the version number in bytes of a golden folder and repairs every checksum over it, as the
 * bytes of a later version would be. Each changes its argument. Layouts: docs/formats/.
 */
import { createHash } from "node:crypto";
import { crc32 } from "../../src/base/crc32.ts";
import { SECTION } from "../../src/shard/index.ts";
import {
  chunkCrc,
  decodeFooter,
  decodeHeader,
  decodeTrailer,
  encodeFooter,
  encodeTrailer,
  SEGMENT_HEADER_BYTES,
  SEGMENT_TRAILER_BYTES,
} from "../../src/storage/segment-format.ts";

const LOG_HEADER_BYTES = 64;
const GROUP_FIXED_BYTES = 72;
const ENTRY_BYTES = 104;
const GROUP_TRAILER_BYTES = 16;

export type Raise = (bytes: Buffer) => void;

/** A u16 or u32 at `at`, one higher. */
function raise16(bytes: Buffer, at: number): void {
  bytes.writeUInt16LE(bytes.readUInt16LE(at) + 1, at);
}

function raise32(bytes: Buffer, at: number): void {
  bytes.writeUInt32LE(bytes.readUInt32LE(at) + 1, at);
}

/** Of everything before it. */
function repair(bytes: Buffer, at: number): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, at)), at);
}

/** A header of 64 bytes with its version at `at` and its checksum at the end. */
function raiseHeader(bytes: Buffer, at: number, size: 16 | 32): void {
  if (size === 16) raise16(bytes, at);
  else raise32(bytes, at);
  repair(bytes, 60);
}

export const raiseLogHeader: Raise = (bytes) => {
  raiseHeader(bytes, 4, 16);
};

export const raiseSlotHeader: Raise = (bytes) => {
  raiseHeader(bytes, 4, 32);
};

export const raiseSegmentHeader: Raise = (bytes) => {
  raiseHeader(bytes, 8, 32);
};

/** MANIFEST and keys/root: version behind the magic, checksum at the end. */
export const raiseWhole: Raise = (bytes) => {
  raise32(bytes, 4);
  repair(bytes, bytes.length - 4);
};

export const raiseTable: Raise = (bytes) => {
  const footer = bytes.subarray(-64);
  raise32(footer, 52);
  repair(footer, 60);
};

export const raiseSegmentTrailer: Raise = (bytes) => {
  const trailer = bytes.subarray(-SEGMENT_TRAILER_BYTES);
  trailer.writeUInt32LE(3, 16);
  repair(trailer, 20);
};

/** Starts of the groups, in order. */
function groupsOf(bytes: Buffer): readonly number[] {
  const starts: number[] = [];
  let at = LOG_HEADER_BYTES;
  while (at < bytes.length && bytes.toString("latin1", at, at + 4) === "INSG") {
    starts.push(at);
    at += groupBytes(bytes, at);
  }
  return starts;
}

function headBytes(bytes: Buffer, group: number): number {
  return GROUP_FIXED_BYTES + bytes.readUInt32LE(group + 56) * ENTRY_BYTES + 4;
}

function groupBytes(bytes: Buffer, group: number): number {
  const payloads = Number(bytes.readBigUInt64LE(group + 64));
  return headBytes(bytes, group) + payloads + GROUP_TRAILER_BYTES;
}

function repairGroup(bytes: Buffer, group: number): void {
  const head = bytes.subarray(group, group + headBytes(bytes, group));
  repair(head, head.length - 4);
  const trailer = group + groupBytes(bytes, group) - GROUP_TRAILER_BYTES;
  head.copy(bytes, trailer + 8, head.length - 4);
}

export const raiseFirstGroup: Raise = (bytes) => {
  const [first = 0] = groupsOf(bytes);
  raise16(bytes, first + 4);
  repairGroup(bytes, first);
};

/** The last group of a log without a footer: with a wrong checksum it would be a torn tail. */
export const raiseLastGroup: Raise = (bytes) => {
  const last = groupsOf(bytes).at(-1) ?? 0;
  raise16(bytes, last + 4);
  repairGroup(bytes, last);
};

/** Every plain payload of a group of writes, in a file without a footer. */
export const raiseFrames: Raise = (bytes) => {
  for (const group of groupsOf(bytes)) {
    const count = bytes.readUInt32LE(group + 56);
    for (let i = 0; i < count; i++) {
      const entry = group + GROUP_FIXED_BYTES + i * ENTRY_BYTES;
      if (bytes[entry + 16] !== 2 || bytes[entry + 17] !== 0) continue;
      const start = Number(bytes.readBigUInt64LE(entry + 56));
      const payload = bytes.subarray(start, start + Number(bytes.readBigUInt64LE(entry + 64)));
      payload[4] = 2;
      bytes.writeUInt32LE(crc32(payload), entry + 20);
    }
    repairGroup(bytes, group);
  }
};

export const raiseLogFooter: Raise = (bytes) => {
  const trailer = bytes.subarray(-24);
  const body = bytes.subarray(Number(trailer.readBigUInt64LE(0)), -24);
  raise16(body, 4);
  trailer.writeUInt32LE(crc32(body), 8);
  repair(trailer, 12);
};

/** The inverted indexes of a plain segment. */
export const raiseInverted: Raise = (bytes) => {
  const identity = decodeHeader(bytes.subarray(0, SEGMENT_HEADER_BYTES));
  const trailer = decodeTrailer(bytes.subarray(-SEGMENT_TRAILER_BYTES), identity);
  const start = trailer.footerOffset;
  const footer = decodeFooter(bytes.subarray(start, -SEGMENT_TRAILER_BYTES), trailer, identity);
  const sections = footer.sections.map((section, number) => {
    if (section.type !== SECTION.inverted) return section;
    const { offset, storedBytes, chunkBytes } = section;
    raise32(bytes, offset);
    const chunk = bytes.subarray(offset, offset + Math.min(chunkBytes, storedBytes));
    const table = offset + storedBytes;
    bytes.writeUInt32LE(chunkCrc(chunk, identity.segment, number, 0), table);
    const tableBytes = Math.ceil(storedBytes / chunkBytes) * 4;
    return { ...section, tableCrc: crc32(bytes.subarray(table, table + tableBytes)) };
  });
  const encoded = encodeFooter(identity, { ...footer, sections });
  encoded.copy(bytes, start);
  encodeTrailer(identity, start, encoded).copy(bytes, bytes.length - SEGMENT_TRAILER_BYTES);
};

/** Every segment in the first pack. */
export const raisePacked: Raise = (bytes) => {
  const place = Buffer.alloc(16);
  place.writeBigUInt64LE(1n, 0);
  let at = 0;
  while (at + 48 < bytes.length && bytes.toString("latin1", at, at + 4) === "INSP") {
    const end = at + 48 + bytes.readUInt32LE(at + 4);
    raiseSegmentTrailer(bytes.subarray(at + 48, end));
    place.writeBigUInt64LE(BigInt(at), 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 48, end), crc32(place)), at + 40);
    bytes.writeUInt32LE(crc32(bytes.subarray(at, at + 44), crc32(place)), at + 44);
    at = Math.ceil(end / 8) * 8;
  }
};

/** Of the same length: a number of one digit becomes another. */
export const raiseBackup: Raise = (bytes) => {
  const [text = ""] = bytes.toString("utf8").split("\n");
  const raised = text.replace('"format":1', '"format":2');
  const hash = createHash("sha256").update(raised).digest("hex");
  Buffer.from(`${raised}\n${hash}\n`, "utf8").copy(bytes);
};
