/** Vectors of one segment in the order of its rows, read in runs that get longer. */
import type { VectorField } from "../model/index.ts";
import { rowStrideBytes } from "../math/index.ts";
import type { SegmentHandle } from "./segment-handle.ts";

/** Bytes of the longest run: what a page of a listing needs, held once for each segment. */
const RUN_BYTES_MAX = 262_144;

export class RowsAhead {
  readonly #segment: SegmentHandle;
  readonly #field: VectorField;
  readonly #strideBytes: number;
  #first = 0;
  #rows: Float32Array = new Float32Array(0);
  /** Rows of the next run: one that is looked up alone costs one row. */
  #runRows = 1;

  constructor(segment: SegmentHandle, field: VectorField) {
    this.#segment = segment;
    this.#field = field;
    this.#strideBytes = rowStrideBytes(field.dimension);
  }

  /** The vector of a row, owned by the caller. Rows are asked for in ascending order. */
  async row(row: number): Promise<Float32Array> {
    const stride = this.#strideBytes / 4;
    if (row < this.#first || row >= this.#first + this.#rows.length / stride) await this.#read(row);
    const start = (row - this.#first) * stride;
    return this.#rows.slice(start, start + this.#field.dimension);
  }

  async #read(row: number): Promise<void> {
    const count = Math.min(this.#runRows, this.#segment.rowCount - row);
    const bytes = new Uint8Array(count * this.#strideBytes);
    await this.#segment.dense.readRows(this.#field, row, bytes);
    this.#rows = new Float32Array(bytes.buffer);
    this.#first = row;
    const longest = Math.max(1, Math.floor(RUN_BYTES_MAX / this.#strideBytes));
    this.#runRows = Math.min(longest, this.#runRows * 4);
  }
}
