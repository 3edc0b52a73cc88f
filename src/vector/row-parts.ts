/**
 * Float32 rows of a segment in the arenas, with their inverse norms. Where they are too long for
 * one extent they lie in several, with equally many rows in each but the last.
 */
import { assert } from "../base/errors.ts";
import { rowStrideBytes, type Extent } from "../math/index.ts";
import type { RowBlockTarget } from "./row-blocks.ts";
import type { SearchMemory } from "./search-memory.ts";

/** Rows of all parts but the last: what candidates are bits of begins at a byte in each. */
const ROWS_MULTIPLE = 8;

/** A section of bytes that can be read straight into an arena. */
export interface SectionBytes {
  readonly length: number;
  readInto(start: number, target: Uint8Array): Promise<void>;
}

/** What the rows are read from. */
export interface RowSource {
  readonly rows: SectionBytes;
  /** Fills the target with inverse norms of its rows, from row `first` on. */
  readonly readNorms: (first: number, target: Uint8Array) => Promise<void> | void;
}

export interface RowShape {
  readonly rowCount: number;
  readonly dimension: number;
  /** Bytes of an extent at most. */
  readonly partBytesMax: number;
}

interface RowPart {
  readonly extent: Extent;
  readonly rowFirst: number;
  readonly rowCount: number;
}

export class RowParts {
  readonly #memory: SearchMemory;
  readonly #dimension: number;
  readonly #strideBytes: number;
  readonly #parts: readonly RowPart[];
  /** As {@link RowParts.targets}; the same objects each time. */
  readonly #targets: readonly RowBlockTarget[];

  private constructor(memory: SearchMemory, dimension: number, parts: readonly RowPart[]) {
    this.#memory = memory;
    this.#dimension = dimension;
    this.#strideBytes = rowStrideBytes(dimension);
    this.#parts = parts;
    this.#targets = parts.map(({ extent, rowFirst, rowCount }) => ({
      arena: extent.arena,
      rowFirst,
      rowCount,
      target: {
        kind: "float32",
        rows: extent.offset,
        strideBytes: this.#strideBytes,
        inverseNorms: extent.offset + rowCount * this.#strideBytes,
      },
    }));
  }

  /**
   * Takes the memory; what is in it is to be {@link read} before it is used.
   *
   * @throws InsulaError `memory_exhausted`; nothing is held then.
   */
  static allocate(memory: SearchMemory, { rowCount, dimension, partBytesMax }: RowShape): RowParts {
    const rowBytes = rowStrideBytes(dimension) + 4;
    const rowsMax = Math.floor(partBytesMax / rowBytes / ROWS_MULTIPLE) * ROWS_MULTIPLE;
    const count = Math.ceil(rowCount / Math.max(ROWS_MULTIPLE, rowsMax));
    const step = Math.ceil(rowCount / count / ROWS_MULTIPLE) * ROWS_MULTIPLE;
    const parts: RowPart[] = [];
    try {
      for (let rowFirst = 0; rowFirst < rowCount; rowFirst += step) {
        const rows = Math.min(step, rowCount - rowFirst);
        const extent = memory.arenas.allocate(rows * rowBytes);
        parts.push({ extent, rowFirst, rowCount: rows });
      }
    } catch (error) {
      for (const { extent } of parts) memory.arenas.free(extent);
      throw error;
    }
    return new RowParts(memory, dimension, parts);
  }

  /** Bytes asked for of the arenas. */
  get bytes(): number {
    return this.#parts.reduce((sum, { extent }) => sum + extent.bytes, 0);
  }

  /** One part after the other. @throws what the source throws. */
  async read({ rows, readNorms }: RowSource): Promise<void> {
    for (const part of this.#parts) {
      const rowBytes = part.rowCount * this.#strideBytes;
      await rows.readInto(part.rowFirst * this.#strideBytes, this.#bytesOf(part, 0, rowBytes));
      await readNorms(part.rowFirst, this.#bytesOf(part, rowBytes, part.rowCount * 4));
    }
  }

  /** Copy of one row. */
  row(row: number): Float32Array {
    const [first] = this.#parts;
    const part = this.#parts[Math.floor(row / (first?.rowCount ?? 1))];
    assert(part !== undefined && row - part.rowFirst < part.rowCount, "a row of these parts");
    const start = part.extent.offset + (row - part.rowFirst) * this.#strideBytes;
    const { buffer } = this.#memory.memory(part.extent.arena);
    return new Float32Array(buffer, start, this.#dimension).slice();
  }

  /** What is scanned and scored, in the order of the rows. */
  get targets(): readonly RowBlockTarget[] {
    return this.#targets;
  }

  release(): void {
    for (const { extent } of this.#parts) this.#memory.arenas.free(extent);
  }

  #bytesOf({ extent }: RowPart, start: number, length: number): Uint8Array {
    const { buffer } = this.#memory.memory(extent.arena);
    return new Uint8Array(buffer, extent.offset + start, length);
  }
}
