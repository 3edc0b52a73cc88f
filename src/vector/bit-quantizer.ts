/**
 * Makes the codes of one bit a component while a segment is written, and measures how many of the
 * rows they rank first hold the true nearest.
 *
 * Two passes over the rows: a {@link RowSample} of the first tells the middle and which rows are
 * asked for, the second makes codes and finds their true neighbours on the way. Works in memory of
 * its own, as large as the section: bits are added to zeros, and the section is a view on it.
 */
import { assert } from "../base/errors.ts";
import {
  bitLayout,
  encodeBits,
  rotationOf,
  rowStrideBytes,
  alignBytes,
  freshMemory,
  type BitLayout,
  type CodeMetric,
  type LentMemory,
  type WasmModule,
} from "../math/index.ts";
import { BIT_RESCORE_MIN, encodeBitHeader } from "./bit-section.ts";
import { efForRecall } from "./graph/graph-layout.ts";
import { countsOf } from "./rescore-counts.ts";
import { openCheckMemory, TrueNeighbours, type CheckMemory } from "./true-neighbours.ts";

/** Segments with fewer rows get none: their int8 codes are small too. */
export const BIT_ROWS_MIN = 256;
/** Rows asked for in the check: each costs a scan of all rows. */
const SAMPLE_ROWS_MAX = 64;
const SAMPLE_ROWS_MIN = 16;
/** Rows compared in a check, about. */
const COMPARED_ROWS = 4_194_304;
/** Below it codes are of no use. */
const USUAL_RECALL = 0.95;

/** Middle and sample of the rows; add all of them, in their order. */
export class RowSample {
  readonly dimension: number;
  readonly rowCount: number;
  /** Row numbers of the sample, ascending, and their vectors. */
  readonly numbers: readonly number[];
  readonly rows: Float32Array[] = [];
  readonly #sums: Float64Array;
  #at = 0;

  constructor(dimension: number, rowCount: number) {
    this.dimension = dimension;
    this.rowCount = rowCount;
    this.#sums = new Float64Array(dimension);
    const affordable = Math.floor(COMPARED_ROWS / Math.max(1, rowCount));
    const count = Math.max(SAMPLE_ROWS_MIN, Math.min(SAMPLE_ROWS_MAX, affordable));
    this.numbers = Array.from({ length: count }, (_, i) => Math.floor((i * rowCount) / count));
  }

  add(values: Float32Array): void {
    const { dimension } = this;
    for (let start = 0; start < values.length; start += dimension, this.#at++) {
      for (let j = 0; j < dimension; j++) {
        this.#sums[j] = (this.#sums[j] ?? 0) + (values[start + j] ?? 0);
      }
      while (this.numbers[this.rows.length] === this.#at) {
        this.rows.push(values.slice(start, start + dimension));
      }
    }
  }

  /** The middle of all rows. */
  middle(): Float32Array {
    return Float32Array.from(this.#sums, (sum) => sum / Math.max(1, this.#at));
  }
}

export class BitQuantizer {
  readonly #dimension: number;
  readonly #rowCount: number;
  readonly #metric: CodeMetric;
  readonly #layout: BitLayout;
  readonly #place: CheckMemory;
  readonly #neighbours: TrueNeighbours;
  /** Byte offset in the memory, behind the norms of the rows that pass. */
  readonly #section: number;
  readonly #middle: Float32Array;
  readonly #rotated: Float32Array;
  #at = 0;

  /** @param sample  of all the rows that will be added. */
  constructor(module: WasmModule, metric: CodeMetric, sample: RowSample) {
    const { dimension, rowCount } = sample;
    this.#dimension = dimension;
    this.#rowCount = rowCount;
    this.#metric = metric;
    this.#layout = bitLayout(dimension, rowCount);
    const { bytes } = this.#layout;
    const make = (byteCount: number): LentMemory => freshMemory(module, byteCount);
    this.#place = openCheckMemory(make, dimension, (stepRows) => alignBytes(stepRows * 4) + bytes);
    const { memory, scanner, stepRows, rest } = this.#place;
    this.#section = rest + alignBytes(stepRows * 4);
    const asked = sample.rows.map((vector, i) => ({ row: sample.numbers[i] ?? 0, vector }));
    this.#neighbours = new TrueNeighbours(scanner, metric, asked);
    const { length, middle } = this.#layout;
    this.#middle = new Float32Array(memory.buffer, this.#section + middle, length);
    this.#rotated = new Float32Array(length);
    rotationOf(dimension).apply(sample.middle(), this.#rotated);
    this.#middle.set(this.#rotated);
  }

  /** Adds rows without padding, the same in the same order as the sample had. */
  add(values: Float32Array): void {
    const count = values.length / this.#dimension;
    assert(this.#at + count <= this.#rowCount, "as many rows as announced");
    const { stepRows } = this.#place;
    for (let start = 0; start < count; start += stepRows) {
      this.#step(values, start, Math.min(stepRows, count - start));
    }
  }

  /**
   * The section; call when all rows are added.
   *
   * @returns undefined when these codes do not find the usual recall: the rows are too much alike.
   */
  finish(): Uint8Array | undefined {
    assert(this.#at === this.#rowCount, "every announced row was added");
    const bytes = new Uint8Array(this.#place.memory.buffer, this.#section, this.#layout.bytes);
    const counts = countsOf(this.#ranks(), BIT_RESCORE_MIN);
    if (efForRecall(counts, USUAL_RECALL) === 0) return undefined;
    encodeBitHeader({ dimension: this.#dimension, rowCount: this.#rowCount, counts }, bytes);
    return bytes;
  }

  #step(values: Float32Array, start: number, count: number): void {
    const { memory, kernels, staging, rest: inverseNorms } = this.#place;
    const { buffer } = memory;
    const stride = rowStrideBytes(this.#dimension);
    const floats = stride / 4;
    const rows = new Float32Array(buffer, staging, count * floats);
    rows.fill(0);
    for (let i = 0; i < count; i++) {
      const from = (start + i) * this.#dimension;
      rows.set(values.subarray(from, from + this.#dimension), i * floats);
    }
    kernels.normRows(staging, stride, count, 0, inverseNorms);
    const norms = new Float32Array(buffer, inverseNorms, count);
    for (let i = 0; i < count; i++) {
      const row = rows.subarray(i * floats, i * floats + this.#dimension);
      this.#encode(this.#at + i, row, norms[i] ?? 0);
    }
    this.#neighbours.compare({ rows: staging, inverseNorms }, count, this.#at);
    this.#at += count;
  }

  #encode(row: number, vector: Float32Array, inverseNorm: number): void {
    const { buffer } = this.#place.memory;
    const { codes, strideBytes, columns, columnBytes } = this.#layout;
    rotationOf(this.#dimension).apply(vector, this.#rotated);
    const code = new Uint8Array(buffer, this.#section + codes + row * strideBytes, strideBytes);
    const target = { metric: this.#metric, inverseNorm, code };
    const written = encodeBits(this.#rotated, this.#middle, target);
    const first = this.#section + columns;
    for (const [column, value] of written.entries()) {
      new Float32Array(buffer, first + column * columnBytes, this.#rowCount)[row] = value;
    }
  }

  /** The place of each true neighbour of the sample among all rows by their codes, from 1. */
  #ranks(): number[] {
    const ranks: number[] = [];
    const { columns, columnBytes, codes, middle } = this.#layout;
    const block = {
      codes: this.#section + codes,
      columns: this.#section + columns,
      columnBytes,
      middle: this.#section + middle,
    };
    const { scanner } = this.#place;
    const range = { rowFirst: 0, rowCount: this.#rowCount, bitmap: 0, idBase: 0 };
    const scan = (): void => {
      scanner.scanBits(block, range);
    };
    for (let i = 0; i < this.#neighbours.sampleCount; i++) {
      ranks.push(...this.#neighbours.ranksOf(i, scan));
    }
    return ranks;
  }
}
