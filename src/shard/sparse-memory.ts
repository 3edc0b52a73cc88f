/**
 * Sparse rows of a memtable, appended one behind the other on the heap. Arrays are replaced when
 * they grow, never changed below the rows there are: who holds one may go on reading it.
 */
import type { SparseRows, SparseVector } from "../model/index.ts";

const ROWS_MIN = 16;
const VALUES_MIN = 256;

export class SparseMemory {
  #starts = new Uint32Array(ROWS_MIN);
  #indices = new Uint32Array(VALUES_MIN);
  #values = new Float32Array(VALUES_MIN);
  #rowCount = 0;

  /** Memory held. */
  get bytes(): number {
    return this.#starts.byteLength + this.#indices.byteLength + this.#values.byteLength;
  }

  /** Appends row `at` of the rows given, or a row without values. */
  append(rows: SparseRows | undefined, at: number): void {
    const from = rows?.starts[at] ?? 0;
    const end = rows?.starts[at + 1] ?? 0;
    const start = this.#starts[this.#rowCount] ?? 0;
    this.#reserve(this.#rowCount + 2, start + end - from);
    if (rows !== undefined && end > from) {
      this.#indices.set(rows.indices.subarray(from, end), start);
      this.#values.set(rows.values.subarray(from, end), start);
    }
    this.#rowCount++;
    this.#starts[this.#rowCount] = start + end - from;
  }

  /** The rows from `rowCount` on are gone. */
  truncate(rowCount: number): void {
    this.#rowCount = rowCount;
  }

  /** Values of a row. */
  length(row: number): number {
    return (this.#starts[row + 1] ?? 0) - (this.#starts[row] ?? 0);
  }

  /** A copy of one row, owned by the caller; undefined when it has no values. */
  row(row: number): SparseVector | undefined {
    const start = this.#starts[row] ?? 0;
    const end = this.#starts[row + 1] ?? start;
    if (end === start) return undefined;
    return { indices: this.#indices.slice(start, end), values: this.#values.slice(start, end) };
  }

  /** All rows so far where they lie, for reading only: later ones do not show. */
  view(): SparseRows {
    return { starts: this.#starts, indices: this.#indices, values: this.#values };
  }

  /** A copy of all rows, which can be sent to a worker. */
  pack(): SparseRows {
    const count = this.#starts[this.#rowCount] ?? 0;
    return {
      starts: this.#starts.slice(0, this.#rowCount + 1),
      indices: this.#indices.slice(0, count),
      values: this.#values.slice(0, count),
    };
  }

  #reserve(starts: number, values: number): void {
    if (starts > this.#starts.length) {
      const grown = new Uint32Array(Math.max(starts, this.#starts.length * 2));
      grown.set(this.#starts);
      this.#starts = grown;
    }
    if (values <= this.#values.length) return;
    const length = Math.max(values, this.#values.length * 2);
    const indices = new Uint32Array(length);
    indices.set(this.#indices);
    this.#indices = indices;
    const grown = new Float32Array(length);
    grown.set(this.#values);
    this.#values = grown;
  }
}
