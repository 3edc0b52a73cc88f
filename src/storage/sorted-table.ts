/**
 * An immutable file of sorted rows: what a flush of the system shard leaves behind. Layout:
 * docs/formats/catalogue.md.
 *
 * In memory: the fences (first key and offset of each block) and the key filter. Blocks are read
 * and verified when a key needs one.
 */
import { crc32 } from "../base/crc32.ts";
import type { FileSystem, ReadableFile } from "../io/index.ts";
import type { BlockCache, BlockShelf } from "./block-cache.ts";
import { BloomFilter } from "./bloom.ts";
import type { PassingBuffers } from "./passing-buffers.ts";
import {
  BLOCK_HEAD_BYTES,
  FOOTER_BYTES,
  TableFences,
  blockCrc,
  damagedTable,
  decodeRows,
  decodeTableFooter,
  findRow,
  footerCrcOf,
  tablePath,
  type EncodedKey,
  type TableRow,
  type TableValue,
} from "./sorted-table-format.ts";
import type { TableName } from "./system-manifest.ts";

/** Blocks read together by a walk over the whole table. */
const WALK_READ_BYTES = 262_144;

interface TableParts {
  readonly bytes: number;
  readonly rowCount: number;
  readonly filter: BloomFilter;
  readonly filterBytes: number;
  readonly fences: TableFences;
}

export class SortedTable implements TableName {
  readonly number: number;
  readonly footerCrc: number;
  readonly bytes: number;
  readonly rowCount: number;
  /** Held in memory as long as the table is open. */
  readonly residentBytes: number;
  readonly #file: ReadableFile;
  readonly #shelf: BlockShelf;
  readonly #passing: PassingBuffers;
  readonly #filter: BloomFilter;
  readonly #fences: TableFences;
  /** Blocks on their way: keys of very many tenants that wake together lie in few of them. */
  readonly #reading = new Map<number, Promise<Buffer>>();
  #users = 0;
  #isRetired = false;

  private constructor(file: ReadableFile, cache: BlockCache, name: TableName, parts: TableParts) {
    this.#file = file;
    this.#shelf = cache.shelf(`t${String(name.number)}`);
    this.#passing = cache.passing;
    this.number = name.number;
    this.footerCrc = name.footerCrc;
    this.bytes = parts.bytes;
    this.rowCount = parts.rowCount;
    this.residentBytes = parts.filterBytes + parts.fences.bytes;
    this.#filter = parts.filter;
    this.#fences = parts.fences;
  }

  /** @throws InsulaError `data_damaged`, `format_unsupported`. */
  static async open(
    fileSystem: FileSystem,
    folder: string,
    options: { readonly table: TableName; readonly cache: BlockCache },
  ): Promise<SortedTable> {
    const { table, cache } = options;
    const file = await fileSystem.openRead(tablePath(folder, table.number));
    if (file === undefined) throw damagedTable(table.number, "the file is missing");
    try {
      return new SortedTable(file, cache, table, await readParts(file, table));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** undefined: this table says nothing of the key. The value is a view on a block. */
  get(key: EncodedKey): Promise<TableValue | undefined> | TableValue | undefined {
    const bytes = Buffer.from(key, "latin1");
    if (!this.#filter.mayContain(bytes)) return undefined;
    const block = this.#fences.blockOf(bytes);
    if (block < 0) return undefined;
    const cached = this.#shelf.get(block);
    if (cached !== undefined) return findRow(asBuffer(cached), bytes);
    return this.#readBlock(block).then((rows) => findRow(rows, bytes));
  }

  /**
   * As {@link SortedTable.get} for one who passes by: nothing is kept for him, nothing of others is
   * pushed out.
   *
   * @param use is given the value, which is valid during the call only.
   */
  async look<Found>(
    key: EncodedKey,
    use: (value: TableValue) => Found,
  ): Promise<Found | undefined> {
    const bytes = Buffer.from(key, "latin1");
    if (!this.#filter.mayContain(bytes)) return undefined;
    const block = this.#fences.blockOf(bytes);
    if (block < 0) return undefined;
    const find = (rows: Buffer): Found | undefined => {
      const value = findRow(rows, bytes);
      return value === undefined ? undefined : use(value);
    };
    const cached = this.#shelf.peek(block);
    if (cached !== undefined) return find(asBuffer(cached));
    const coming = this.#reading.get(block);
    if (coming !== undefined) return find(await coming);
    const start = this.#fences.offset(block);
    return this.#passing.during(this.#fences.offset(block + 1) - start, async (rows) => {
      await readExactly(this.#file, start, rows, this.number);
      this.#verify(rows, block);
      return find(rows);
    });
  }

  /** Where the block lies that holds the key, or says that it was deleted. */
  async locate(key: EncodedKey): Promise<{ offset: number; length: number } | undefined> {
    const found = await this.get(key);
    if (found === undefined) return undefined;
    const block = this.#fences.blockOf(Buffer.from(key, "latin1"));
    const offset = this.#fences.offset(block);
    return { offset, length: this.#fences.offset(block + 1) - offset };
  }

  /** Rows from the first key ≥ `start`, block by block; values are views on the blocks. */
  async *rowsFrom(start: EncodedKey): AsyncIterable<readonly TableRow[]> {
    const first = Math.max(0, this.#fences.blockOf(Buffer.from(start, "latin1")));
    for (let block = first; block < this.#fences.blockCount; block++) {
      const cached = this.#shelf.get(block);
      const bytes = cached === undefined ? await this.#readBlock(block) : asBuffer(cached);
      const rows = decodeRows(bytes);
      yield block === first ? rows.filter(({ key }) => key >= start) : rows;
    }
  }

  /** All rows, read in long runs past the cache, which a merge must not empty. */
  async *allRows(): AsyncIterable<readonly TableRow[]> {
    const fences = this.#fences;
    for (let first = 0, end = 0; first < fences.blockCount; first = end) {
      const start = fences.offset(first);
      end = first + 1;
      while (end < fences.blockCount && fences.offset(end + 1) - start <= WALK_READ_BYTES) end++;
      const run = Buffer.allocUnsafeSlow(fences.offset(end) - start);
      await readExactly(this.#file, start, run, this.number);
      for (let block = first; block < end; block++) {
        const bytes = run.subarray(fences.offset(block) - start, fences.offset(block + 1) - start);
        this.#verify(bytes, block);
        yield decodeRows(bytes);
      }
    }
  }

  /** A reader begins: the file stays open until its {@link SortedTable.release}. */
  hold(): void {
    this.#users++;
  }

  /** A failure to close a file that was only read loses nothing. */
  release(): void {
    this.#users--;
    if (this.#isRetired && this.#users === 0) this.#file.close().catch(() => undefined);
  }

  /** No new reader will come: the last one closes the file. */
  async retire(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.#users === 0) await this.#file.close();
  }

  /** Whoever asks while it is read waits for the same read. */
  #readBlock(block: number): Promise<Buffer> {
    const known = this.#reading.get(block);
    if (known !== undefined) return known;
    const reading = this.#readBlockNow(block).finally(() => this.#reading.delete(block));
    this.#reading.set(block, reading);
    return reading;
  }

  async #readBlockNow(block: number): Promise<Buffer> {
    const start = this.#fences.offset(block);
    const bytes = Buffer.allocUnsafeSlow(this.#fences.offset(block + 1) - start);
    await readExactly(this.#file, start, bytes, this.number);
    this.#verify(bytes, block);
    this.#shelf.set(block, bytes);
    return bytes;
  }

  #verify(bytes: Buffer, block: number): void {
    const isLongEnough = bytes.length >= BLOCK_HEAD_BYTES;
    if (!isLongEnough || bytes.readUInt32LE(0) !== blockCrc(bytes, this.number, block)) {
      throw damagedTable(this.number, `block ${String(block)} is wrong`);
    }
  }
}

async function readParts(file: ReadableFile, table: TableName): Promise<TableParts> {
  const size = await file.size();
  if (size < FOOTER_BYTES) throw damagedTable(table.number, "the file is too short");
  const end = Buffer.allocUnsafeSlow(FOOTER_BYTES);
  await readExactly(file, size - FOOTER_BYTES, end, table.number);
  const footer = decodeTableFooter(end, table.number, size);
  if (footerCrcOf(end) !== table.footerCrc) {
    throw damagedTable(table.number, "it is not the file that the manifest names");
  }
  const { fencesOffset, fencesBytes, filterBytes, blockCount, rowCount } = footer;
  const tail = Buffer.allocUnsafeSlow(fencesBytes + filterBytes);
  await readExactly(file, fencesOffset, tail, table.number);
  const fences = tail.subarray(0, fencesBytes);
  if (crc32(fences) !== footer.fencesCrc) throw damagedTable(table.number, "its fences are wrong");
  // A copy, so that the fences' bytes, which are copied too, are not kept alive behind it.
  const filter = Uint8Array.from(tail.subarray(fencesBytes));
  if (crc32(filter) !== footer.filterCrc) {
    throw damagedTable(table.number, "its key filter is wrong");
  }
  return {
    bytes: size,
    rowCount,
    filter: new BloomFilter(filter),
    filterBytes,
    fences: new TableFences(fences, blockCount, fencesOffset),
  };
}

/** Fills `target` from `start`. */
async function readExactly(
  file: ReadableFile,
  start: number,
  target: Buffer,
  table: number,
): Promise<void> {
  if ((await file.read(start, target)) === target.length) return;
  throw damagedTable(table, "the file is cut off");
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
