/**
 * Keys and metadata of a segment: rows in key order, cut into blocks that are read one at a time.
 *
 * ```
 * block:  count u32, end offset u32 per row (from the start of the entries), entries
 * entry:  key (varint length, UTF-8), metadata (the rest; empty for none)
 * fences: block count u32, row count u32,
 *         first row u32 per block, block offset u32 per block (one more for the end),
 *         key offset u32 per block (one more for the end), first keys
 * ```
 *
 * A key lookup reads the fences (once) and one block; so does a lookup by row.
 */
import { ByteReader, ByteWriter, compareBytes } from "../base/bytes.ts";
import { assert, InsulaError } from "../base/errors.ts";
import type { DocId } from "../base/brands.ts";

/**
 * A block is closed when it holds this much: a few records of usual size, one read from the disk.
 */
const BLOCK_BYTES_TARGET = 4_096;
/** Offsets are 32 bits wide. */
const RECORDS_BYTES_MAX = 0xffff_ffff;
/** A row is first looked for among so many blocks on each side of where it is likely to be. */
const NEAR_BLOCKS = 4;

/** Takes rows in key order and hands out closed blocks. */
export class RecordBlockBuilder {
  readonly #write: (block: Uint8Array) => void;
  readonly #firstRows: number[] = [];
  readonly #offsets: number[] = [];
  readonly #firstKeys: Uint8Array[] = [];
  #entries = new ByteWriter(BLOCK_BYTES_TARGET * 2);
  #ends: number[] = [];
  #rowCount = 0;
  #bytes = 0;

  constructor(write: (block: Uint8Array) => void) {
    this.#write = write;
  }

  /**
   * @param key UTF-8, greater than the one before; not kept beyond the call unless it opens a
   *   block.
   */
  add(key: Uint8Array, metadata: Uint8Array | undefined): void {
    if (this.#ends.length === 0) {
      this.#firstRows.push(this.#rowCount);
      this.#offsets.push(this.#bytes);
      this.#firstKeys.push(Uint8Array.from(key));
    }
    this.#entries.bytes(key);
    if (metadata !== undefined) this.#entries.raw(metadata);
    this.#ends.push(this.#entries.length);
    this.#rowCount++;
    if (this.#entries.length >= BLOCK_BYTES_TARGET) this.#closeBlock();
  }

  /** Closes the last block; the bytes of the fences section. */
  finish(): Uint8Array {
    if (this.#ends.length > 0) this.#closeBlock();
    const writer = new ByteWriter(1024);
    writer.uint32(this.#firstRows.length).uint32(this.#rowCount);
    for (const row of this.#firstRows) writer.uint32(row);
    for (const offset of this.#offsets) writer.uint32(offset);
    writer.uint32(this.#bytes);
    let keyOffset = 0;
    for (const key of this.#firstKeys) {
      writer.uint32(keyOffset);
      keyOffset += key.length;
    }
    writer.uint32(keyOffset);
    for (const key of this.#firstKeys) writer.raw(key);
    return writer.finish();
  }

  #closeBlock(): void {
    const head = new ByteWriter(4 + this.#ends.length * 4);
    head.uint32(this.#ends.length);
    for (const end of this.#ends) head.uint32(end);
    const block = Buffer.concat([head.view(), this.#entries.view()]);
    this.#write(block);
    this.#bytes += block.length;
    assert(this.#bytes <= RECORDS_BYTES_MAX, "records of one segment stay below 4 GiB");
    this.#entries = new ByteWriter(BLOCK_BYTES_TARGET * 2);
    this.#ends = [];
  }
}

export interface BlockPlace {
  readonly offset: number;
  readonly length: number;
  readonly firstRow: DocId;
}

/** The fences section, searched where it lies; no object per block. */
export class RecordFences {
  readonly rowCount: number;
  readonly blockCount: number;
  readonly #bytes: Buffer;
  readonly #words: DataView;
  readonly #keysStart: number;

  /** @throws InsulaError `data_damaged` when lengths do not fit together. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reader = new ByteReader(bytes);
    this.blockCount = reader.uint32();
    this.rowCount = reader.uint32();
    this.#keysStart = 8 + 4 * (3 * this.blockCount + 2);
    if (this.#bytes.length < this.#keysStart) {
      throw new InsulaError(
        "data_damaged",
        "Cannot read record fences: shorter than their header says.",
      );
    }
  }

  /** Number of the block that would hold the key; -1 when the key sorts before every row. */
  blockOfKey(key: Uint8Array): number {
    let low = 0;
    let high = this.blockCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.#firstKey(middle), key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  blockOfRow(row: DocId): number {
    assert(row < this.rowCount, "a row of this segment");
    // Records of like size lie near where they would if all had the same.
    const guess = Math.floor((row * this.blockCount) / this.rowCount);
    const from = Math.max(0, guess - NEAR_BLOCKS);
    const to = Math.min(this.blockCount, guess + NEAR_BLOCKS);
    let low = this.firstRow(from) <= row ? from : 0;
    let high = to < this.blockCount && this.firstRow(to) > row ? to : this.blockCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#uint32(2 + middle) <= row) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  firstRow(block: number): DocId {
    return this.#uint32(2 + block);
  }

  block(number: number): BlockPlace {
    const offset = this.#uint32(2 + this.blockCount + number);
    return {
      offset,
      length: this.#uint32(2 + this.blockCount + number + 1) - offset,
      firstRow: this.#uint32(2 + number),
    };
  }

  #firstKey(block: number): Buffer {
    const slot = 2 + 2 * this.blockCount + 1 + block;
    return this.#bytes.subarray(
      this.#keysStart + this.#uint32(slot),
      this.#keysStart + this.#uint32(slot + 1),
    );
  }

  #uint32(slot: number): number {
    return this.#words.getUint32(slot * 4, true);
  }
}

export interface RecordEntry {
  /** A view on the block. */
  readonly key: Buffer;
  /** A view on the block; undefined for a record without metadata. */
  readonly metadata: Buffer | undefined;
}

/**
 * The key at a position of a cached block, without anything made beside it; undefined for keys and
 * blocks that need a closer look, {@link RecordBlock.entry}.
 */
export function shortKeyIn(block: Uint8Array, position: number): string | undefined {
  if (!Buffer.isBuffer(block)) return undefined;
  const start = position === 0 ? 0 : uint32In(block, 4 * position);
  const from = 4 + 4 * uint32In(block, 0) + start;
  const to = 4 + 4 * uint32In(block, 0) + uint32In(block, 4 + 4 * position);
  const length = block[from] ?? 0x80;
  const end = from + 1 + length;
  return length < 0x80 && end <= to && to <= block.length
    ? block.toString("utf8", from + 1, end)
    : undefined;
}

/** 0 for what is missing. */
function uint32In(bytes: Buffer, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  return (low | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}

/** One block, already verified. Reads entries where they lie. */
export class RecordBlock {
  readonly count: number;
  readonly firstRow: DocId;
  readonly #bytes: Buffer;
  readonly #entriesStart: number;

  constructor(bytes: Uint8Array, firstRow: DocId) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.firstRow = firstRow;
    this.count = this.#bytes.readUInt32LE(0);
    this.#entriesStart = 4 + 4 * this.count;
    if (this.#bytes.length < this.#entriesStart) {
      throw new InsulaError(
        "data_damaged",
        "Cannot read a records block: shorter than its header says.",
      );
    }
  }

  /** @param position 0 to count - 1 within this block. */
  entry(position: number): RecordEntry {
    const start = position === 0 ? 0 : this.#bytes.readUInt32LE(4 * position);
    const end = this.#bytes.readUInt32LE(4 + 4 * position);
    const bytes = this.#bytes;
    const from = this.#entriesStart + start;
    const to = this.#entriesStart + end;
    // Nearly every key is shorter than 128 bytes: its length is one byte, and needs no reader.
    const length = bytes[from] ?? 0x80;
    if (length < 0x80 && from + 1 + length <= to) {
      const rest = from + 1 + length;
      const metadata = rest === to ? undefined : bytes.subarray(rest, to);
      return { key: bytes.subarray(from + 1, rest), metadata };
    }
    const reader = new ByteReader(bytes.subarray(from, to));
    const key = reader.bytes();
    const metadata = reader.remaining === 0 ? undefined : reader.raw(reader.remaining);
    return { key, metadata };
  }

  /** Position of the key within this block, or the place where it would stand as -(place + 1). */
  find(key: Uint8Array): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareBytes(this.entry(middle).key, key);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -(low + 1);
  }
}
