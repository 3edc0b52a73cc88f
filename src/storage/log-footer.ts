/**
 * The footer of a finished log file: every frame of the file, ordered by shard, behind a Bloom
 * filter. It answers "what of this shard lies in this file" with one read, and stands in for a
 * damaged group header. Layout: docs/formats/node-log.md, "footer".
 */
import { crc32 } from "../base/crc32.ts";
import { otherFormat } from "../base/format-version.ts";
import type { LogFrameHeader } from "./log-entry.ts";
import {
  decodeLogEntry,
  encodeLogEntry,
  LOG_ENTRY_BYTES,
  LOG_SHARD_BYTES,
  readUint64,
  writeUint64,
} from "./log-entry.ts";
import { LOG_FORMAT_VERSION } from "./log-file-header.ts";

/** ON DISK. */
export const LOG_FOOTER_TRAILER_BYTES = 24;
export const LOG_FOOTER_FIXED_BYTES = 56;
const FIXED_BYTES = LOG_FOOTER_FIXED_BYTES;
const MAGIC = Buffer.from("INSF");
const TRAILER_MAGIC = Buffer.from("FSNI");
/** Bits and probes per shard: one wrong yes in about a hundred. */
const BLOOM_BITS_PER_SHARD = 10;
const BLOOM_PROBES = 7;
/** Entries of one file; a file is finished earlier when it reaches this. */
export const LOG_FILE_ENTRIES_MAX = 1_000_000;
/**
 * Power of two above {@link LOG_FILE_ENTRIES_MAX}: a sort key holds 32 bits of the shard and the
 * row.
 */
const SORT_ROW_LIMIT = 1 << 20;

export interface LogFooterPlace {
  readonly file: number;
  readonly generation: bigint;
  /** Where the groups end and the footer starts. */
  readonly groupsEnd: number;
}

/** Gathers the entries of the file that is being written. */
export class LogFooterBuilder {
  #entries: Buffer = Buffer.alloc(64 * LOG_ENTRY_BYTES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param directory entries as they stand on disk, copied. */
  add(directory: Uint8Array): void {
    const start = this.#count * LOG_ENTRY_BYTES;
    if (start + directory.length > this.#entries.length) {
      const grown = Buffer.alloc(Math.max(this.#entries.length * 2, start + directory.length));
      this.#entries.copy(grown, 0, 0, start);
      this.#entries = grown;
    }
    this.#entries.set(directory, start);
    this.#count += directory.length / LOG_ENTRY_BYTES;
  }

  addEntry(entry: LogFrameHeader): void {
    const bytes = Buffer.alloc(LOG_ENTRY_BYTES);
    encodeLogEntry(bytes, 0, entry);
    this.add(bytes);
  }

  /** Frames of the shard so far, in the order written. Costs a walk over all entries. */
  entriesOf(shard: Uint8Array, file: number): readonly LogFrameHeader[] {
    const wanted = Buffer.from(shard);
    const found: LogFrameHeader[] = [];
    for (let at = 0; at < this.#count * LOG_ENTRY_BYTES; at += LOG_ENTRY_BYTES) {
      if (wanted.compare(this.#entries, at, at + LOG_SHARD_BYTES) !== 0) continue;
      found.push(decodeLogEntry(this.#entries, at, file));
    }
    return found;
  }

  /** Sorts; about 20 ms for 150,000 entries. */
  finish(place: LogFooterPlace): LogFooter {
    const rows = sortRows(this.#entries, this.#count);
    const sorted = Buffer.alloc(this.#count * LOG_ENTRY_BYTES);
    let shardCount = 0;
    for (const [i, row] of rows.entries()) {
      const start = row * LOG_ENTRY_BYTES;
      this.#entries.copy(sorted, i * LOG_ENTRY_BYTES, start, start + LOG_ENTRY_BYTES);
      if (i === 0 || compareShards(sorted, i - 1, sorted, i) !== 0) shardCount++;
    }
    const bloom = Buffer.alloc(Math.max(8, Math.ceil((shardCount * BLOOM_BITS_PER_SHARD) / 8)));
    for (let i = 0; i < this.#count; i++) {
      const start = i * LOG_ENTRY_BYTES;
      for (const bit of bloomBits(sorted.subarray(start, start + LOG_SHARD_BYTES), bloom.length)) {
        bloom[bit >>> 3] = (bloom[bit >>> 3] ?? 0) | (1 << (bit & 7));
      }
    }
    return new LogFooter(place, sorted, bloom);
  }
}

export class LogFooter {
  readonly place: LogFooterPlace;
  readonly #entries: Buffer;
  readonly #bloom: Buffer;

  /** @param entries sorted by shard, then by offset. */
  constructor(place: LogFooterPlace, entries: Buffer, bloom: Buffer) {
    this.place = place;
    this.#entries = entries;
    this.#bloom = bloom;
  }

  get count(): number {
    return this.#entries.length / LOG_ENTRY_BYTES;
  }

  /** False: the file surely holds nothing of the shard. True: it may. */
  mayContain(shard: Uint8Array): boolean {
    for (const bit of bloomBits(Buffer.from(shard), this.#bloom.length)) {
      if (((this.#bloom[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }

  /** Frames of the shard in the order written. */
  entriesOf(shard: Uint8Array): readonly LogFrameHeader[] {
    if (!this.mayContain(shard)) return [];
    const wanted = Buffer.from(shard);
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareShards(this.#entries, middle, wanted, 0) < 0) low = middle + 1;
      else high = middle;
    }
    const found: LogFrameHeader[] = [];
    while (low < this.count && compareShards(this.#entries, low, wanted, 0) === 0) {
      found.push(this.entry(low++));
    }
    return found;
  }

  /** The n-th frame in the order of the shards; for walking the file in slices. */
  entry(n: number): LogFrameHeader {
    return decodeLogEntry(this.#entries, n * LOG_ENTRY_BYTES, this.place.file);
  }

  encode(): readonly Uint8Array[] {
    const fixed = Buffer.alloc(FIXED_BYTES);
    MAGIC.copy(fixed, 0);
    fixed.writeUInt16LE(LOG_FORMAT_VERSION, 4);
    fixed.writeUInt16LE(LOG_ENTRY_BYTES, 6);
    fixed.writeBigUInt64LE(this.place.generation, 8);
    writeUint64(fixed, 16, this.place.file);
    writeUint64(fixed, 24, this.place.groupsEnd);
    fixed.writeUInt32LE(this.count, 32);
    fixed.writeUInt32LE(this.#bloom.length, 36);
    fixed.writeUInt16LE(BLOOM_PROBES, 40);
    const crc = crc32(this.#bloom, crc32(this.#entries, crc32(fixed)));
    const trailer = Buffer.alloc(LOG_FOOTER_TRAILER_BYTES);
    writeUint64(trailer, 0, this.place.groupsEnd);
    trailer.writeUInt32LE(crc, 8);
    trailer.writeUInt32LE(crc32(trailer.subarray(0, 12)), 12);
    TRAILER_MAGIC.copy(trailer, 20);
    return [fixed, this.#entries, this.#bloom, trailer];
  }
}

/** Where the footer starts by the last bytes of a file; undefined when there is no footer. */
export function decodeLogFooterTrailer(trailer: Buffer): number | undefined {
  if (trailer.length !== LOG_FOOTER_TRAILER_BYTES) return undefined;
  if (!TRAILER_MAGIC.equals(trailer.subarray(20))) return undefined;
  if (trailer.readUInt32LE(12) !== crc32(trailer.subarray(0, 12))) return undefined;
  return readUint64(trailer, 0);
}

/** Bytes of the whole footer by its fixed part, trailer included. */
export function logFooterBytes(fixed: Buffer): number {
  const entries = fixed.readUInt32LE(32) * LOG_ENTRY_BYTES;
  return FIXED_BYTES + entries + fixed.readUInt32LE(36) + LOG_FOOTER_TRAILER_BYTES;
}

/**
 * @param bytes from the start of the footer to the end of its trailer.
 * @throws InsulaError `format_unsupported` for a sound footer of another version.
 */
export function decodeLogFooter(
  bytes: Buffer,
  file: number,
  generation: bigint,
): LogFooter | undefined {
  const body = bytes.subarray(0, bytes.length - LOG_FOOTER_TRAILER_BYTES);
  const trailer = bytes.subarray(body.length);
  const groupsEnd = decodeLogFooterTrailer(trailer);
  if (groupsEnd === undefined || body.length < FIXED_BYTES) return undefined;
  if (trailer.readUInt32LE(8) !== crc32(body) || !MAGIC.equals(body.subarray(0, 4)))
    return undefined;
  if (body.readBigUInt64LE(8) !== generation || readUint64(body, 16) !== file) return undefined;
  const version = body.readUInt16LE(4);
  if (version !== LOG_FORMAT_VERSION) {
    throw otherFormat(`the footer of log file ${String(file)}`, LOG_FORMAT_VERSION, version);
  }
  const entriesEnd = FIXED_BYTES + body.readUInt32LE(32) * LOG_ENTRY_BYTES;
  if (entriesEnd + body.readUInt32LE(36) !== body.length) return undefined;
  const place = { file, generation, groupsEnd };
  return new LogFooter(place, body.subarray(FIXED_BYTES, entriesEnd), body.subarray(entriesEnd));
}

/**
 * Rows in the order of their shards, those of one shard in the order written. Sorting numbers made
 * of the first 32 bits and the row is native; only shards that share those bits are compared fully.
 */
function sortRows(entries: Buffer, count: number): Uint32Array {
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    keys[i] = entries.readUInt32BE(i * LOG_ENTRY_BYTES) * SORT_ROW_LIMIT + i;
  }
  keys.sort();
  const rows = new Uint32Array(count);
  for (const [i, key] of keys.entries()) rows[i] = key % SORT_ROW_LIMIT;
  let start = 0;
  for (let i = 1; i <= count; i++) {
    const isSame = i < count && prefixOf(keys[i] ?? 0) === prefixOf(keys[start] ?? 0);
    if (isSame) continue;
    if (i - start > 1) {
      rows.subarray(start, i).sort((a, b) => compareShards(entries, a, entries, b) || a - b);
    }
    start = i;
  }
  return rows;
}

function prefixOf(key: number): number {
  return Math.floor(key / SORT_ROW_LIMIT);
}

function compareShards(a: Buffer, rowA: number, b: Buffer, rowB: number): number {
  const startA = rowA * LOG_ENTRY_BYTES;
  const startB = rowB * LOG_ENTRY_BYTES;
  return a.compare(b, startB, startB + LOG_SHARD_BYTES, startA, startA + LOG_SHARD_BYTES);
}

/** Double hashing by the shard's own bits, which are random. */
function bloomBits(shard: Buffer, bloomBytes: number): readonly number[] {
  const first = shard.readUInt32LE(0);
  const step = shard.readUInt32LE(8) | 1;
  const bits: number[] = [];
  for (let i = 0; i < BLOOM_PROBES; i++) {
    bits.push(((first + Math.imul(i, step)) >>> 0) % (bloomBytes * 8));
  }
  return bits;
}
