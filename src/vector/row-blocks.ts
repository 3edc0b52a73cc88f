/**
 * Growing float32 rows of one vector field in arena extents: the vectors of a memtable.
 *
 * Blocks double in size, so that a shard with one record costs one small extent. Each block holds
 * its rows with padded stride, then one inverse norm (float32) per row. Rows never move and never
 * change.
 */
import { assert } from "../base/errors.ts";
import { rowStrideBytes, type ArenaPool, type Extent } from "../math/index.ts";
import type { SearchMemory, MemoryViews } from "./search-memory.ts";
import type { RowTarget } from "./scan.ts";

/** Smallest block; the smallest extent an arena gives. */
const BLOCK_BYTES_MIN = 4_096;
/** Largest block: growth in steps that waste little of a full memtable. */
const BLOCK_BYTES_MAX = 4_194_304;

/** A block as plain numbers, for a worker. */
export interface RowBlockPlace {
  readonly arena: number;
  readonly offset: number;
  readonly rowFirst: number;
  readonly rowCapacity: number;
}

interface RowBlock extends RowBlockPlace {
  readonly extent: Extent;
}

export class RowBlocks {
  readonly dimension: number;
  readonly #memory: SearchMemory;
  readonly #arenas: ArenaPool;
  readonly #strideBytes: number;
  readonly #blocks: RowBlock[] = [];
  #rowCount = 0;
  #capacity = 0;
  #bytes = 0;

  constructor(memory: SearchMemory, dimension: number) {
    this.#memory = memory;
    this.#arenas = memory.arenas;
    this.dimension = dimension;
    this.#strideBytes = rowStrideBytes(dimension);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Arena bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws InsulaError `memory_exhausted`; what was there stays as it was. */
  reserve(count: number): void {
    while (this.#capacity < this.#rowCount + count)
      this.#addBlock(this.#rowCount + count - this.#capacity);
  }

  /**
   * Copies `count` rows that lie one behind the other in `values`, the first at element `at`. Room
   * must have been reserved.
   */
  append(values: Float32Array, at: number, count: number): void {
    let from = at;
    for (let left = count; left > 0;) {
      if (this.#rowCount === this.#capacity) this.#addBlock(left);
      const block = this.#blockOf(this.#rowCount);
      const rows = Math.min(left, block.rowFirst + block.rowCapacity - this.#rowCount);
      this.#copy(block, values.subarray(from, from + rows * this.dimension), rows);
      from += rows * this.dimension;
      left -= rows;
    }
  }

  /** The rows from `rowCount` on are gone; their room stays. */
  truncate(rowCount: number): void {
    assert(rowCount <= this.#rowCount, "rows that are there");
    this.#rowCount = rowCount;
  }

  /** A view without padding; valid while the blocks are held. */
  row(row: number): Float32Array {
    assert(row < this.#rowCount, "a row of this memtable");
    return rowView(this.#memory, this.#blocks, this.dimension, row);
  }

  describe(): readonly RowBlockPlace[] {
    return this.#blocks.map(({ arena, offset, rowFirst, rowCapacity }) => ({
      arena,
      offset,
      rowFirst,
      rowCapacity,
    }));
  }

  /** The parts to scan for the first `rowCount` rows, one per block. */
  targets(rowCount: number): readonly RowBlockTarget[] {
    return this.#blocks
      .filter((block) => block.rowFirst < rowCount)
      .map((block) => ({
        arena: block.arena,
        rowFirst: block.rowFirst,
        rowCount: Math.min(block.rowCapacity, rowCount - block.rowFirst),
        target: {
          kind: "float32",
          rows: block.offset,
          strideBytes: this.#strideBytes,
          inverseNorms: this.#normOffset(block, block.rowFirst),
        },
      }));
  }

  release(): void {
    for (const { extent } of this.#blocks.splice(0)) this.#arenas.free(extent);
    this.#rowCount = 0;
    this.#capacity = 0;
    this.#bytes = 0;
  }

  #addBlock(rowsWanted: number): void {
    const rowBytes = this.#strideBytes + 4;
    // Twice what is there, or what is wanted if that is more, within the block bounds; one row
    // always fits.
    const wanted = Math.max(this.#bytes, rowsWanted * rowBytes + 16, BLOCK_BYTES_MIN);
    const bytes = Math.max(Math.min(wanted, BLOCK_BYTES_MAX), rowBytes + 16);
    const extent = this.#arenas.allocate(bytes);
    const rowCapacity = Math.floor((extent.bytes - 16) / rowBytes);
    const { arena, offset } = extent;
    this.#blocks.push({ extent, arena, offset, rowFirst: this.#capacity, rowCapacity });
    this.#capacity += rowCapacity;
    this.#bytes += extent.bytes;
  }

  /** The next rows, all of one block. */
  #copy(block: RowBlock, values: Float32Array, rows: number): void {
    const start = block.offset + (this.#rowCount - block.rowFirst) * this.#strideBytes;
    const stride = this.#strideBytes / 4;
    const { buffer } = this.#memory.memory(block.arena);
    const target = new Float32Array(buffer, start, rows * stride);
    if (stride === this.dimension) target.set(values);
    else {
      for (let row = 0; row < rows; row++) {
        const first = row * this.dimension;
        target.set(values.subarray(first, first + this.dimension), row * stride);
        target.fill(0, row * stride + this.dimension, (row + 1) * stride);
      }
    }
    const kernels = this.#memory.kernels(block.arena);
    const norms = this.#normOffset(block, this.#rowCount);
    kernels.normRows(start, this.#strideBytes, rows, 0, norms);
    this.#rowCount += rows;
  }

  #blockOf(row: number): RowBlock {
    for (let i = this.#blocks.length - 1; i >= 0; i--) {
      const block = this.#blocks[i];
      if (block !== undefined && block.rowFirst <= row) return block;
    }
    throw new RangeError("a row that is reserved");
  }

  #normOffset(block: RowBlockPlace, row: number): number {
    return (
      ((block.offset + block.rowCapacity * this.#strideBytes + 15) & ~15) +
      (row - block.rowFirst) * 4
    );
  }
}

export interface RowBlockTarget {
  readonly arena: number;
  readonly rowFirst: number;
  readonly rowCount: number;
  readonly target: RowTarget;
}

/** One row as it lies, without padding. */
export function rowView(
  memory: MemoryViews,
  blocks: readonly RowBlockPlace[],
  dimension: number,
  row: number,
): Float32Array {
  let low = 0;
  let high = blocks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((blocks[middle]?.rowFirst ?? 0) <= row) low = middle;
    else high = middle - 1;
  }
  const block = blocks[low];
  assert(block !== undefined && row - block.rowFirst < block.rowCapacity, "a row of these blocks");
  const start = block.offset + (row - block.rowFirst) * rowStrideBytes(dimension);
  return new Float32Array(memory.memory(block.arena).buffer, start, dimension);
}
