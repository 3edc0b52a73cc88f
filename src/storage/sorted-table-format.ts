/**
 * Footer, fences and rows of a sorted table. ON DISK: docs/formats/catalogue.md.
 *
 * ```
 * block | block | … | fences | key filter | footer 64 B
 * block: CRC u32 (seeded with table and block number), row count u32, rows
 * row:   key (varint length), kind u8 (0 deleted, 1 value), [value (varint length)]
 * ```
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";

/** A binary string: every character is one byte, `<` compares bytes. */
export type EncodedKey = string;

/** A row's newest state: bytes, or null for one that was deleted. */
export type TableValue = Uint8Array | null;

export interface TableRow {
  readonly key: EncodedKey;
  readonly value: TableValue;
}

/** ON DISK: "INST" read as a little-endian number. */
const TABLE_MAGIC = 0x5453_4e49;
const TABLE_FORMAT_VERSION = 1;
export const FOOTER_BYTES = 64;
/** CRC and row count in front of the rows of a block. */
export const BLOCK_HEAD_BYTES = 8;
/** Least bytes of a fence: offset and key length. */
const FENCE_BYTES_MIN = 5;
/** Bytes of one table. Source: the fences hold offsets of 32 bits. */
export const TABLE_BYTES_MAX = 0xffff_ffff;

export function tablePath(folder: string, table: number): string {
  return `${folder}/${fileName(table)}`;
}

function fileName(table: number): string {
  return `${String(table).padStart(10, "0")}.tbl`;
}

/** The table a file of this name would be; undefined for other names. */
export function tableOfName(name: string): number | undefined {
  return /^\d{10,16}\.tbl$/.test(name) ? Number.parseInt(name, 10) : undefined;
}

export interface TableFooter {
  readonly fencesOffset: number;
  readonly fencesBytes: number;
  readonly fencesCrc: number;
  readonly filterBytes: number;
  readonly filterCrc: number;
  readonly blockCount: number;
  readonly rowCount: number;
  readonly table: number;
}

export function encodeTableFooter(footer: TableFooter): Buffer {
  const writer = new ByteWriter(FOOTER_BYTES).uint64(footer.fencesOffset);
  writer.uint32(footer.fencesBytes).uint32(footer.fencesCrc);
  writer.uint32(footer.filterBytes).uint32(footer.filterCrc).uint32(footer.blockCount);
  writer.uint64(footer.rowCount).uint64(footer.table).raw(new Uint8Array(8));
  writer.uint32(TABLE_FORMAT_VERSION).uint32(TABLE_MAGIC);
  return writer.uint32(crc32(writer.view())).finish();
}

/** The checksum at the end of a footer: names the file in the manifest. */
export function footerCrcOf(footer: Buffer): number {
  return footer.readUInt32LE(FOOTER_BYTES - 4);
}

/**
 * @param size of the whole file, which the parts must add up to.
 * @throws InsulaError `data_damaged`, `format_unsupported`.
 */
export function decodeTableFooter(bytes: Buffer, table: number, size: number): TableFooter {
  if (crc32(bytes.subarray(0, FOOTER_BYTES - 4)) !== footerCrcOf(bytes)) {
    throw damagedTable(table, "its footer is wrong");
  }
  const reader = new ByteReader(bytes);
  const footer = {
    fencesOffset: reader.uint64(),
    fencesBytes: reader.uint32(),
    fencesCrc: reader.uint32(),
    filterBytes: reader.uint32(),
    filterCrc: reader.uint32(),
    blockCount: reader.uint32(),
    rowCount: reader.uint64(),
    table: reader.uint64(),
  };
  reader.skip(8);
  const version = reader.uint32();
  if (reader.uint32() !== TABLE_MAGIC) throw damagedTable(table, "its footer is wrong");
  if (version !== TABLE_FORMAT_VERSION) {
    throw otherFormat(`table ${fileName(footer.table)}`, TABLE_FORMAT_VERSION, version);
  }
  if (footer.table !== table) throw damagedTable(table, "its bytes are another table's");
  const { fencesOffset, fencesBytes, filterBytes, blockCount } = footer;
  const isWhole = fencesOffset + fencesBytes + filterBytes + FOOTER_BYTES === size;
  if (!isWhole || blockCount * FENCE_BYTES_MIN > fencesBytes) {
    throw damagedTable(table, "its parts do not add up to its file");
  }
  return footer;
}

/** First keys and offsets of the blocks, without an object per block. */
export class TableFences {
  readonly blockCount: number;
  /** Offset of each block, one more for the end. */
  readonly #offsets: Uint32Array;
  /** First keys one after the other, and where each begins. */
  readonly #keys: Buffer;
  readonly #keyStarts: Uint32Array;

  /** @param bytes as they lie in the file, verified; copied. */
  constructor(bytes: Buffer, blockCount: number, end: number) {
    this.blockCount = blockCount;
    this.#offsets = new Uint32Array(blockCount + 1);
    this.#keyStarts = new Uint32Array(blockCount + 1);
    const keys = Buffer.allocUnsafeSlow(bytes.length);
    const reader = new ByteReader(bytes);
    let at = 0;
    for (let block = 0; block < blockCount; block++) {
      this.#offsets[block] = reader.uint32();
      this.#keyStarts[block] = at;
      at += reader.bytes().copy(keys, at);
    }
    this.#offsets[blockCount] = end;
    this.#keyStarts[blockCount] = at;
    this.#keys = keys.subarray(0, at);
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#offsets.byteLength + this.#keyStarts.byteLength + this.#keys.buffer.byteLength;
  }

  /** Where a block begins; of the count of blocks, where the last one ends. */
  offset(block: number): number {
    return this.#offsets[block] ?? 0;
  }

  /** Last block whose first key is not above; -1 when the key sorts before all. */
  blockOf(key: Buffer): number {
    let low = 0;
    let high = this.blockCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.#keys.subarray(this.#keyStarts[middle], this.#keyStarts[middle + 1]);
      if (Buffer.compare(first, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The values are views on the block. */
export function decodeRows(block: Buffer): readonly TableRow[] {
  const reader = new ByteReader(block, 4);
  return Array.from({ length: reader.uint32() }, () => {
    const key = reader.bytes().toString("latin1");
    const value = reader.uint8() === 0 ? null : reader.bytes();
    return { key, value };
  });
}

/** Walks a block of about 4 KiB, whose rows have different lengths; the value is a view on it. */
export function findRow(block: Buffer, key: Buffer): TableValue | undefined {
  const reader = new ByteReader(block, 4);
  const count = reader.uint32();
  for (let i = 0; i < count; i++) {
    // Passed over without a view on each key and value: a shard that wakes or is listed is a look
    // into one block, and views were most of its cost.
    const length = reader.varint();
    const start = reader.position;
    reader.skip(length);
    const order = compareKeys(block, start, { length, key });
    const isDeleted = reader.uint8() !== 1;
    if (order === 0) return isDeleted ? null : reader.bytes();
    if (order > 0) return undefined;
    if (!isDeleted) reader.skip(reader.varint());
  }
  return undefined;
}

/**
 * The order of the bytes at `start` and `key`: below 0 when they are first. By hand, since keys
 * differ after a few bytes, which takes less than a call of Buffer's own.
 */
function compareKeys(
  block: Buffer,
  start: number,
  { length, key }: { readonly length: number; readonly key: Buffer },
): number {
  const common = Math.min(length, key.length);
  for (let i = 0; i < common; i++) {
    const order = (block[start + i] ?? 0) - (key[i] ?? 0);
    if (order !== 0) return order;
  }
  return length - key.length;
}

/** Of everything behind the checksum itself; tells where the block belongs. */
export function blockCrc(block: Uint8Array, table: number, number: number): number {
  const place = Buffer.allocUnsafe(12);
  place.writeBigUInt64LE(BigInt(table), 0);
  place.writeUInt32LE(number, 8);
  return crc32(block.subarray(4), crc32(place));
}

export function damagedTable(table: number, reason: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot read catalogue table ${String(table)}: ${reason}.`,
  );
}
