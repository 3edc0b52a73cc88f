/**
 * Makes the codes of one bit a component while a segment is written, and measures how many of the
 * rows they rank first hold the true nearest.
 *
 * Two passes over the rows: a {@link RowSample} of the first tells the middle and which rows are
 * asked for, the second makes codes and finds their true neighbours on the way. Works in memory of
 * its own, as large as the section.
 */
import { assert } from "../base/errors.ts";
import {
  KernelSet,
  PAGE_BYTES,
  RowScanner,
  SCRATCH_BYTES,
  alignBytes,
  bitLayout,
  createSharedMemory,
  encodeBits,
  rotationOf,
  rowStrideBytes,
  type BitLayout,
  type CodeMetric,
  type Kernels,
  type RowHits,
  type SharedMemory,
  type WasmModule,
} from "../math/index.ts";
import { BIT_RESCORE_MIN, encodeBitHeader } from "./bit-section.ts";
import { mergeResults } from "./flat-scan.ts";
import { efForRecall } from "./graph/graph-layout.ts";
import { RESCORE_K, RESCORE_MAX, countsOf } from "./rescore-counts.ts";

/** Segments with fewer rows get none: their int8 codes are small too. */
export const BIT_ROWS_MIN = 256;
/** Rows asked for in the check: each costs a scan of all rows. */
const SAMPLE_ROWS_MAX = 64;
const SAMPLE_ROWS_MIN = 16;
/** Rows compared in a check, about. */
const COMPARED_ROWS = 4_194_304;
/** Below it codes are of no use. */
const USUAL_RECALL = 0.95;
/** Float32 rows worked on at once. */
const STAGING_BYTES = 262_144;
/** Kernels want their arrays behind the null page. */
const START = 64;

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
  readonly #sample: RowSample;
  readonly #layout: BitLayout;
  readonly #memory: SharedMemory;
  readonly #kernels: Kernels;
  readonly #scanner: RowScanner;
  readonly #stepRows: number;
  /** Byte offsets in the memory. */
  readonly #staging: number;
  readonly #norms: number;
  readonly #section: number;
  readonly #middle: Float32Array;
  readonly #rotated: Float32Array;
  readonly #truths: (RowHits | undefined)[] = [];
  #at = 0;

  /** @param sample  of all the rows that will be added. */
  constructor(module: WasmModule, metric: CodeMetric, sample: RowSample) {
    const { dimension, rowCount } = sample;
    this.#dimension = dimension;
    this.#rowCount = rowCount;
    this.#metric = metric;
    this.#sample = sample;
    this.#layout = bitLayout(dimension, rowCount);
    const stride = rowStrideBytes(dimension);
    this.#stepRows = Math.max(1, Math.floor(STAGING_BYTES / stride));
    this.#staging = alignBytes(START + SCRATCH_BYTES);
    this.#norms = this.#staging + this.#stepRows * stride;
    this.#section = alignBytes(this.#norms + this.#stepRows * 4);
    const pages = Math.ceil((this.#section + this.#layout.bytes) / PAGE_BYTES);
    this.#memory = createSharedMemory(pages, pages);
    this.#kernels = new KernelSet(module).kernelsFor(this.#memory);
    const scratch = { arena: 0, offset: START, bytes: SCRATCH_BYTES };
    this.#scanner = new RowScanner(this.#kernels, this.#memory, scratch);
    const { length, middle } = this.#layout;
    this.#middle = new Float32Array(this.#memory.buffer, this.#section + middle, length);
    this.#rotated = new Float32Array(length);
    rotationOf(dimension).apply(sample.middle(), this.#rotated);
    this.#middle.set(this.#rotated);
  }

  /** Adds rows without padding, the same in the same order as the sample had. */
  add(values: Float32Array): void {
    const count = values.length / this.#dimension;
    assert(this.#at + count <= this.#rowCount, "as many rows as announced");
    for (let start = 0; start < count; start += this.#stepRows) {
      this.#step(values, start, Math.min(this.#stepRows, count - start));
    }
  }

  /**
   * The section; call when all rows are added.
   *
   * @returns undefined when these codes do not find the usual recall: the rows are too much alike.
   */
  finish(): Uint8Array | undefined {
    assert(this.#at === this.#rowCount, "every announced row was added");
    const bytes = new Uint8Array(this.#memory.buffer, this.#section, this.#layout.bytes);
    const counts = countsOf(this.#ranks(), BIT_RESCORE_MIN);
    if (efForRecall(counts, USUAL_RECALL) === 0) return undefined;
    encodeBitHeader({ dimension: this.#dimension, rowCount: this.#rowCount, counts }, bytes);
    return bytes;
  }

  #step(values: Float32Array, start: number, count: number): void {
    const { buffer } = this.#memory;
    const stride = rowStrideBytes(this.#dimension);
    const floats = stride / 4;
    const rows = new Float32Array(buffer, this.#staging, count * floats);
    rows.fill(0);
    for (let i = 0; i < count; i++) {
      const from = (start + i) * this.#dimension;
      rows.set(values.subarray(from, from + this.#dimension), i * floats);
    }
    this.#kernels.normRows(this.#staging, stride, count, 0, this.#norms);
    const norms = new Float32Array(buffer, this.#norms, count);
    for (let i = 0; i < count; i++) {
      const row = rows.subarray(i * floats, i * floats + this.#dimension);
      this.#encode(this.#at + i, row, norms[i] ?? 0);
    }
    for (const [i, query] of this.#sample.rows.entries()) this.#compare(i, query, count);
    this.#at += count;
  }

  #encode(row: number, vector: Float32Array, inverseNorm: number): void {
    const { buffer } = this.#memory;
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

  /** The nearest of one row of the sample so far; it is its own nearest. */
  #compare(i: number, query: Float32Array, rowCount: number): void {
    const scanner = this.#scanner;
    scanner.prepare(query, this.#metric);
    scanner.begin(RESCORE_K + 1);
    const block = { rows: this.#staging, inverseNorms: this.#norms };
    scanner.scanFloat32(block, { rowFirst: 0, rowCount, bitmap: 0, idBase: this.#at });
    const known = this.#truths[i];
    const hits = scanner.hits();
    this.#truths[i] = known === undefined ? hits : mergeResults([known, hits], RESCORE_K + 1);
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
    for (const [i, query] of this.#sample.rows.entries()) {
      const own = this.#sample.numbers[i];
      this.#scanner.prepare(query, this.#metric);
      this.#scanner.begin(RESCORE_MAX + 1);
      const range = { rowFirst: 0, rowCount: this.#rowCount, bitmap: 0, idBase: 0 };
      this.#scanner.scanBits(block, range);
      const ranked = this.#scanner.hits().rows.filter((row) => row !== own);
      const places = new Map(Array.from(ranked, (row, place) => [row, place + 1]));
      const near = this.#truths[i]?.rows.filter((row) => row !== own) ?? [];
      for (const row of near.slice(0, RESCORE_K)) {
        ranks.push(places.get(row) ?? Number.POSITIVE_INFINITY);
      }
    }
    return ranks;
  }
}
