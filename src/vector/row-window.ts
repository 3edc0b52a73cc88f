/**
 * A stretch of float32 rows of a segment, read into an arena for one exact scan after the other.
 */
import { alignBytes, rowStrideBytes, type Extent } from "../math/index.ts";
import type { RowTarget } from "./scan.ts";
import type { SearchMemory } from "./search-memory.ts";

/**
 * Rows read and scanned at once, with their norms: a small extent, a slice of a quarter
 * millisecond.
 */
const WINDOW_BYTES = 1_048_576;

export class RowWindow {
  /** Rows that fit; a multiple of 8. */
  readonly rowCapacity: number;
  readonly #memory: SearchMemory;
  readonly #strideBytes: number;
  readonly #extent: Extent;

  /** @throws InsulaError `memory_exhausted`. */
  constructor(memory: SearchMemory, dimension: number) {
    this.#memory = memory;
    this.#strideBytes = rowStrideBytes(dimension);
    this.rowCapacity = Math.max(8, Math.floor((WINDOW_BYTES - 16) / (this.#strideBytes + 4)) & ~7);
    const normBytes = alignBytes(this.rowCapacity * 4);
    this.#extent = memory.arenas.allocate(this.rowCapacity * this.#strideBytes + normBytes);
  }

  /** Where `count` rows are to be read to, padding included. */
  bytes(count: number): Uint8Array {
    const { buffer } = this.#memory.memory(this.#extent.arena);
    return new Uint8Array(buffer, this.#extent.offset, count * this.#strideBytes);
  }

  /** The rows read, with their norms. */
  target(count: number): { readonly arena: number; readonly target: RowTarget } {
    const { arena, offset } = this.#extent;
    const inverseNorms = offset + this.rowCapacity * this.#strideBytes;
    const kernels = this.#memory.kernels(arena);
    kernels.normRows(offset, this.#strideBytes, count, 0, inverseNorms);
    const strideBytes = this.#strideBytes;
    return { arena, target: { kind: "float32", rows: offset, strideBytes, inverseNorms } };
  }

  release(): void {
    this.#memory.arenas.free(this.#extent);
  }
}
