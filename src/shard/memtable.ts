/**
 * Records of one shard that are in the log but in no segment yet.
 *
 * Append-only: an overwritten or deleted record leaves a dead row behind, so that a reader who has
 * noted the number of rows and the live bits can go on while writes arrive. Vectors lie in arena
 * extents, metadata as encoded bytes, keys in a map whose size is bounded by the flush threshold.
 *
 * What a group brings is staged behind the rows there are, in slices, and then shown at once:
 * nobody sees a row before it is shown, and nothing that costs much is left to do then.
 *
 * The shard's writer is the only one who changes it. Extents are given back when the owner and the
 * last reader have released it.
 */
import type { ByteWriter } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { RowBlocks, type SearchMemory } from "../vector/index.ts";
import {
  SPARSE_VALUE_BYTES,
  type Schema,
  type SparseColumn,
  type SparseVector,
} from "../model/index.ts";
import type { DeadRows } from "./dead-rows.ts";
import type { UpsertOperation } from "./frame-codec.ts";
import { SparseMemory } from "./sparse-memory.ts";

/** Bookkeeping of one row on the JavaScript heap, for the memory ledger. */
const ROW_OVERHEAD_BYTES = 96;

export class Memtable {
  /** Sequence number of the newest frame applied. */
  sequence = 0;
  /** Rows of segments that died by writes in here; they go into the next segment. */
  readonly deadElsewhere: DeadRows = new Map();
  readonly #vectors: ReadonlyMap<string, RowBlocks>;
  readonly #sparse: ReadonlyMap<string, SparseMemory>;
  readonly #keys: string[] = [];
  readonly #metadata: (Uint8Array | undefined)[] = [];
  readonly #rowOfKey = new Map<string, number>();
  /** Rows that are shown; staged ones lie behind them. */
  #rowCount = 0;
  #liveBits = new Uint8Array(16);
  #deadCount = 0;
  #payloadBytes = 0;
  #holders = 1;

  constructor({ vectors, sparseVectors = [] }: Schema, memory: SearchMemory) {
    this.#vectors = new Map(
      vectors.map((field) => [field.name, new RowBlocks(memory, field.dimension)]),
    );
    this.#sparse = new Map(sparseVectors.map(({ name }) => [name, new SparseMemory()]));
  }

  /** Rows shown, dead ones included. */
  get rowCount(): number {
    return this.#rowCount;
  }

  get liveCount(): number {
    return this.#rowCount - this.#deadCount;
  }

  /** True when nothing would be lost by dropping it without a flush. */
  get isEmpty(): boolean {
    return this.#rowCount === 0 && this.deadElsewhere.size === 0;
  }

  /** Memory held, heap and arena. */
  get bytes(): number {
    let bytes = this.#payloadBytes + this.#rowCount * ROW_OVERHEAD_BYTES;
    for (const blocks of this.#vectors.values()) bytes += blocks.bytes;
    for (const rows of this.#sparse.values()) bytes += rows.bytes;
    return bytes;
  }

  get hasDeadRows(): boolean {
    return this.#deadCount > 0;
  }

  /**
   * Takes the memory that `count` more rows need.
   *
   * @throws InsulaError `memory_exhausted`; nothing has changed then. Called before the log is
   *   written, so
   *         that applying cannot fail.
   */
  reserve(count: number): void {
    for (const blocks of this.#vectors.values()) blocks.reserve(count);
  }

  /** Copies the records `[first, end)` of an operation behind the rows there are; not shown yet. */
  stage(operation: UpsertOperation, first: number, end: number): void {
    for (const { field, dimension, values } of operation.vectors) {
      this.#vectors.get(field)?.append(values, first * dimension, end - first);
    }
    for (const [field, rows] of this.#sparse) {
      const column = operation.sparse?.find((candidate) => candidate.field === field);
      for (let at = first; at < end; at++) rows.append(column, at);
    }
    for (let at = first; at < end; at++) {
      const key = operation.keys[at];
      assert(key !== undefined, "a key for every row");
      this.#keys.push(key);
      this.#metadata.push(operation.metadata[at]);
    }
  }

  /** Shows the next staged row; an older row of the same key must have been killed. */
  show(): void {
    const row = this.#rowCount;
    const key = this.key(row);
    assert(!this.#rowOfKey.has(key), "a key lives in one row of a memtable");
    this.#rowCount++;
    this.#rowOfKey.set(key, row);
    this.#setLive(row);
    this.#payloadBytes += key.length + (this.#metadata[row]?.length ?? 0);
  }

  /** What is staged and not shown is gone. */
  unstage(): void {
    this.#keys.length = this.#rowCount;
    this.#metadata.length = this.#rowCount;
    for (const rows of this.#vectors.values()) rows.truncate(this.#rowCount);
    for (const rows of this.#sparse.values()) rows.truncate(this.#rowCount);
  }

  /** Row that holds the key now; undefined when it is not in here or dead. */
  rowOf(key: string): number | undefined {
    return this.#rowOfKey.get(key);
  }

  /** The row dies: overwritten or deleted by a newer write. */
  kill(row: number): void {
    assert(this.isLive(row), "a row dies once");
    this.#rowOfKey.delete(this.key(row));
    this.#liveBits[row >>> 3] = (this.#liveBits[row >>> 3] ?? 0) & ~(1 << (row & 7));
    this.#deadCount++;
  }

  isLive(row: number): boolean {
    return ((this.#liveBits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  key(row: number): string {
    const key = this.#keys[row];
    assert(key !== undefined, "a row of this memtable");
    return key;
  }

  metadata(row: number): Uint8Array | undefined {
    return this.#metadata[row];
  }

  /** Record size as counted in totals: key, metadata and vectors. */
  recordBytes(row: number): number {
    let bytes = Buffer.byteLength(this.key(row)) + (this.metadata(row)?.length ?? 0);
    for (const blocks of this.#vectors.values()) bytes += blocks.dimension * 4;
    for (const rows of this.#sparse.values()) bytes += rows.length(row) * SPARSE_VALUE_BYTES;
    return bytes;
  }

  /** A copy of one row, owned by the caller. */
  vector(field: string, row: number): Float32Array {
    return Float32Array.from(this.rows(field).row(row));
  }

  rows(field: string): RowBlocks {
    const blocks = this.#vectors.get(field);
    assert(blocks !== undefined, "a vector field of the schema");
    return blocks;
  }

  /** A copy of one row, owned by the caller; undefined when the record has none. */
  sparse(field: string, row: number): SparseVector | undefined {
    return this.sparseRows(field).row(row);
  }

  sparseRows(field: string): SparseMemory {
    const rows = this.#sparse.get(field);
    assert(rows !== undefined, "a sparse field of the schema");
    return rows;
  }

  /** Copies of all rows, for a segment build. */
  packSparse(): readonly SparseColumn[] {
    return Array.from(this.#sparse, ([field, rows]) => ({ field, ...rows.pack() }));
  }

  /** Copy of the live bits of the first `rowCount` rows: one bit a row, lowest first. */
  liveBits(rowCount: number): Uint8Array {
    return this.#liveBits.slice(0, (rowCount + 7) >>> 3);
  }

  /**
   * Appends row number, key and metadata of the live rows in `[first, end)` to `target`, for a
   * segment build. Returns how many.
   */
  packRecords(target: ByteWriter, first: number, end: number): number {
    let count = 0;
    for (let row = first; row < Math.min(end, this.rowCount); row++) {
      if (!this.isLive(row)) continue;
      target
        .varint(row)
        .string(this.key(row))
        .bytes(this.#metadata[row] ?? EMPTY);
      count++;
    }
    return count;
  }

  /** One more reader; pair with {@link Memtable.release}. */
  retain(): void {
    this.#holders++;
  }

  release(): void {
    assert(this.#holders > 0, "released as often as retained");
    this.#holders--;
    if (this.#holders > 0) return;
    for (const blocks of this.#vectors.values()) blocks.release();
  }

  #setLive(row: number): void {
    if (row >>> 3 >= this.#liveBits.length) {
      const grown = new Uint8Array(this.#liveBits.length * 2);
      grown.set(this.#liveBits);
      this.#liveBits = grown;
    }
    this.#liveBits[row >>> 3] = (this.#liveBits[row >>> 3] ?? 0) | (1 << (row & 7));
  }
}

const EMPTY = Buffer.alloc(0);
