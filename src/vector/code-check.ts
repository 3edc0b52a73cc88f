/**
 * Measures, while a segment is written, how many of the rows that int8 codes rank first hold the
 * true nearest: some rows are queries, their neighbours are found on the float32 rows as they pass,
 * and looked for among the codes at the end.
 *
 * Rows close together that differ by less than their codes tell need many; most need few. Works in
 * memory of its own, a few mebibytes.
 */
import { assert } from "../base/errors.ts";
import {
  KernelSet,
  PAGE_BYTES,
  RowScanner,
  SCRATCH_BYTES,
  alignBytes,
  codeStrideBytes,
  createSharedMemory,
  int8Layout,
  rowStrideBytes,
  takeCodeNorms,
  type CodeMetric,
  type Kernels,
  type RowHits,
  type SharedMemory,
  type WasmModule,
} from "../math/index.ts";
import { mergeResults } from "./flat-scan.ts";
import { RESCORE_K, RESCORE_MAX, countsOf } from "./rescore-counts.ts";
import type { QuantizedRows } from "./row-quantizer.ts";

/** Segments with fewer rows are not checked: nearly all their rows would be compared. */
export const CHECKED_ROWS_MIN = 256;
/** Rows asked for: each costs a scan of all rows and of all codes. */
const SAMPLE_ROWS_MAX = 16;
const SAMPLE_ROWS_MIN = 8;
/** Bytes scanned in a check, about: 50 ms. */
const COMPARED_BYTES = 268_435_456;
/** Rows or codes worked on at once. */
const STAGING_BYTES = 262_144;
/** Kernels want their arrays behind the null page. */
const START = 64;

/** The rows that a check asks for, ascending: spread evenly over the segment. */
export function checkedRows(dimension: number, rowCount: number): readonly number[] {
  const bytes = rowCount * (rowStrideBytes(dimension) + codeStrideBytes(dimension));
  const affordable = Math.floor(COMPARED_BYTES / Math.max(1, bytes));
  const count = Math.max(SAMPLE_ROWS_MIN, Math.min(SAMPLE_ROWS_MAX, affordable));
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * rowCount) / count));
}

export interface CheckedRow {
  readonly row: number;
  readonly vector: Float32Array;
}

export class CodeCheck {
  readonly #dimension: number;
  readonly #rowCount: number;
  readonly #metric: CodeMetric;
  readonly #sample: readonly CheckedRow[];
  readonly #memory: SharedMemory;
  readonly #kernels: Kernels;
  readonly #scanner: RowScanner;
  readonly #stepRows: number;
  /** Byte offsets in the memory. */
  readonly #staging: number;
  readonly #columns: number;
  readonly #truths: (RowHits | undefined)[] = [];
  #at = 0;

  /** @param sample  those of {@link checkedRows} with their vectors. */
  constructor(
    module: WasmModule,
    metric: CodeMetric,
    rows: { readonly dimension: number; readonly rowCount: number },
    sample: readonly CheckedRow[],
  ) {
    this.#dimension = rows.dimension;
    this.#rowCount = rows.rowCount;
    this.#metric = metric;
    this.#sample = sample;
    const stride = rowStrideBytes(rows.dimension);
    this.#stepRows = Math.max(1, Math.floor(STAGING_BYTES / stride));
    this.#staging = alignBytes(START + SCRATCH_BYTES);
    this.#columns = alignBytes(this.#staging + this.#stepRows * stride);
    const bytes = this.#columns + 3 * alignBytes(this.#stepRows * 4);
    const pages = Math.ceil(bytes / PAGE_BYTES);
    this.#memory = createSharedMemory(pages, pages);
    this.#kernels = new KernelSet(module).kernelsFor(this.#memory);
    const scratch = { arena: 0, offset: START, bytes: SCRATCH_BYTES };
    this.#scanner = new RowScanner(this.#kernels, this.#memory, scratch);
  }

  /** Takes the next rows, padded to their stride; all of the segment, in their order. */
  compare(padded: Uint8Array): void {
    const stride = rowStrideBytes(this.#dimension);
    const count = padded.length / stride;
    assert(this.#at + count <= this.#rowCount, "as many rows as announced");
    for (let start = 0; start < count; start += this.#stepRows) {
      const step = Math.min(this.#stepRows, count - start);
      const bytes = padded.subarray(start * stride, (start + step) * stride);
      new Uint8Array(this.#memory.buffer, this.#staging, bytes.length).set(bytes);
      this.#kernels.normRows(this.#staging, stride, step, 0, this.#columns);
      for (const [i, { vector }] of this.#sample.entries()) this.#compareOne(i, vector, step);
      this.#at += step;
    }
  }

  /**
   * The counts ({@link countsOf}); call when all rows were compared.
   *
   * @param turn  called between the queries: each is a scan of all codes.
   */
  async finish(quantized: QuantizedRows, turn: () => Promise<void>): Promise<readonly number[]> {
    assert(this.#at === this.#rowCount, "every announced row was compared");
    const ranks: number[] = [];
    for (const [i, { row, vector }] of this.#sample.entries()) {
      const near = this.#truths[i]?.rows.filter((other) => other !== row) ?? [];
      const places = this.#placesOf(row, vector, quantized);
      for (const neighbour of near.slice(0, RESCORE_K)) {
        ranks.push(places.get(neighbour) ?? Number.POSITIVE_INFINITY);
      }
      await turn();
    }
    return countsOf(ranks, 1);
  }

  /** The nearest of one row of the sample so far; it is its own nearest. */
  #compareOne(i: number, vector: Float32Array, rowCount: number): void {
    const scanner = this.#scanner;
    scanner.prepare(vector, this.#metric);
    scanner.begin(RESCORE_K + 1);
    const block = { rows: this.#staging, inverseNorms: this.#columns };
    scanner.scanFloat32(block, { rowFirst: 0, rowCount, bitmap: 0, idBase: this.#at });
    const known = this.#truths[i];
    const hits = scanner.hits();
    this.#truths[i] = known === undefined ? hits : mergeResults([known, hits], RESCORE_K + 1);
  }

  /** The places of the rows that codes rank first, from 1, without the row itself. */
  #placesOf(
    own: number,
    vector: Float32Array,
    quantized: QuantizedRows,
  ): ReadonlyMap<number, number> {
    const scanner = this.#scanner;
    scanner.prepare(vector, this.#metric);
    scanner.begin(RESCORE_MAX + 1);
    for (let first = 0; first < this.#rowCount; first += this.#stepRows) {
      const count = Math.min(this.#stepRows, this.#rowCount - first);
      this.#stageCodes(quantized, first, count);
      const column = alignBytes(this.#stepRows * 4);
      const block = {
        codes: this.#staging,
        scales: this.#columns,
        squaredNorms: this.#columns + column,
        inverseNorms: this.#columns + 2 * column,
      };
      scanner.scanInt8(block, { rowFirst: 0, rowCount: count, bitmap: 0, idBase: first });
    }
    const ranked = scanner.hits().rows.filter((row) => row !== own);
    return new Map(Array.from(ranked, (row, place) => [row, place + 1]));
  }

  /** Copies codes with their columns, as they are when a search has loaded them. */
  #stageCodes({ codes, factors }: QuantizedRows, first: number, count: number): void {
    const { buffer } = this.#memory;
    const stride = codeStrideBytes(this.#dimension);
    const bytes = codes.subarray(first * stride, (first + count) * stride);
    new Uint8Array(buffer, this.#staging, bytes.length).set(bytes);
    const layout = int8Layout(this.#dimension, this.#rowCount);
    const column = alignBytes(this.#stepRows * 4);
    const columns = [layout.scales, layout.squaredNorms, layout.inverseNorms];
    for (const [i, start] of columns.entries()) {
      const from = start - layout.scales + first * 4;
      const part = factors.subarray(from, from + count * 4);
      new Uint8Array(buffer, this.#columns + i * column, part.length).set(part);
    }
    if (this.#metric !== "cosine") return;
    takeCodeNorms(
      new Float32Array(buffer, this.#columns + column, count),
      new Float32Array(buffer, this.#columns + 2 * column, count),
    );
  }
}
