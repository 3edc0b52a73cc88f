/** Writes a sorted table from rows that arrive in key order. Layout: docs/formats/catalogue.md. */
import { ByteWriter } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { assert } from "../base/errors.ts";
import type { FileSystem, WritableFile } from "../io/index.ts";
import { BloomBuilder } from "./bloom.ts";
import {
  BLOCK_HEAD_BYTES,
  TABLE_BYTES_MAX,
  blockCrc,
  encodeTableFooter,
  footerCrcOf,
  tablePath,
  type TableRow,
} from "./sorted-table-format.ts";

/** A block is closed when it holds this much: one read from the disk. */
const BLOCK_BYTES_TARGET = 4_096;
const WRITE_BYTES = 1024 * 1024;

export class SortedTableWriter {
  readonly #file: WritableFile;
  readonly #table: number;
  readonly #filter: BloomBuilder;
  #block = new ByteWriter(BLOCK_BYTES_TARGET * 2);
  #blockRows = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #offset = 0;
  #written = 0;
  #rowCount = 0;
  readonly #fences = new ByteWriter(4_096);
  #blockCount = 0;

  private constructor(file: WritableFile, table: number, rowCountMax: number) {
    this.#file = file;
    this.#table = table;
    this.#filter = new BloomBuilder(rowCountMax);
  }

  static async create(
    fileSystem: FileSystem,
    folder: string,
    options: { readonly table: number; readonly rowCountMax: number },
  ): Promise<SortedTableWriter> {
    const file = await fileSystem.create(tablePath(folder, options.table));
    return new SortedTableWriter(file, options.table, options.rowCountMax);
  }

  /** Undefined when the row only filled the buffers: most of them, so nothing is awaited. */
  add({ key, value }: TableRow): Promise<void> | undefined {
    const bytes = Buffer.from(key, "latin1");
    if (this.#blockRows === 0) {
      this.#fences.uint32(this.#offset).bytes(bytes);
      this.#blockCount++;
    }
    this.#filter.add(bytes);
    this.#block.bytes(bytes);
    if (value === null) this.#block.uint8(0);
    else this.#block.uint8(1).bytes(value);
    this.#blockRows++;
    this.#rowCount++;
    if (this.#block.length < BLOCK_BYTES_TARGET) return undefined;
    this.#closeBlock();
    return this.#pendingBytes >= WRITE_BYTES ? this.#flush() : undefined;
  }

  /**
   * Everything is on the medium when the promise resolves, but the name: sync the folder.
   *
   * @returns checksum of the footer, by which the manifest knows the file.
   */
  async finish(): Promise<number> {
    if (this.#blockRows > 0) this.#closeBlock();
    const fences = this.#fences.finish();
    const filter = this.#filter.finish();
    const footer = encodeTableFooter({
      fencesOffset: this.#offset,
      fencesBytes: fences.length,
      fencesCrc: crc32(fences),
      filterBytes: filter.length,
      filterCrc: crc32(filter),
      blockCount: this.#blockCount,
      rowCount: this.#rowCount,
      table: this.#table,
    });
    for (const part of [fences, filter, footer]) this.#push(part);
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
    return footerCrcOf(footer);
  }

  /** Gives the file up after a failure; what is in it is nobody's. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  #closeBlock(): void {
    const rows = this.#block.view();
    const block = Buffer.allocUnsafe(BLOCK_HEAD_BYTES + rows.length);
    block.writeUInt32LE(this.#blockRows, 4);
    rows.copy(block, BLOCK_HEAD_BYTES);
    block.writeUInt32LE(blockCrc(block, this.#table, this.#blockCount - 1), 0);
    this.#block = new ByteWriter(BLOCK_BYTES_TARGET * 2);
    this.#blockRows = 0;
    this.#push(block);
  }

  #push(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#offset += bytes.length;
    assert(this.#offset <= TABLE_BYTES_MAX, "a table of the catalogue stays below 4 GiB");
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#file.write(this.#written, bytes);
    this.#written += bytes.length;
  }
}
