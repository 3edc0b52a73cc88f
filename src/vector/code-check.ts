/**
 * Measures, while a segment is written, how many of the rows that int8 codes rank first hold the
 * true nearest: some rows are queries, their neighbours are found on the float32 rows as they pass,
 * and looked for among the codes at the end.
 *
 * Rows close together that differ by less than their codes tell need many; most need few. Works in
 * memory that it borrows, a few mebibytes.
 */
import { assert } from "../base/errors.ts";
import {
  alignBytes,
  codeStrideBytes,
  giveBackMemory,
  int8Layout,
  lendMemory,
  rowStrideBytes,
  takeCodeNorms,
  type CodeMetric,
  type LentMemory,
  type WasmModule,
} from "../math/index.ts";
import { countsOf } from "./rescore-counts.ts";
import type { QuantizedRows } from "./row-quantizer.ts";
import {
  openCheckMemory,
  TrueNeighbours,
  type CheckMemory,
  type SampledRow,
} from "./true-neighbours.ts";

/** Segments with fewer rows are not checked: nearly all their rows would be compared. */
export const CHECKED_ROWS_MIN = 256;
/** Rows asked for: each costs a scan of all rows and of all codes. */
const SAMPLE_ROWS_MAX = 16;
const SAMPLE_ROWS_MIN = 8;
/** Bytes scanned in a check, about: 50 ms. */
const COMPARED_BYTES = 268_435_456;

/** The rows that a check asks for, ascending: spread evenly over the segment. */
export function checkedRows(dimension: number, rowCount: number): readonly number[] {
  const bytes = rowCount * (rowStrideBytes(dimension) + codeStrideBytes(dimension));
  const affordable = Math.floor(COMPARED_BYTES / Math.max(1, bytes));
  const count = Math.max(SAMPLE_ROWS_MIN, Math.min(SAMPLE_ROWS_MAX, affordable));
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * rowCount) / count));
}

export class CodeCheck {
  readonly #dimension: number;
  readonly #rowCount: number;
  readonly #metric: CodeMetric;
  readonly #module: WasmModule;
  readonly #place: CheckMemory;
  readonly #neighbours: TrueNeighbours;
  #at = 0;

  /** @param sample  those of {@link checkedRows} with their vectors. */
  constructor(
    module: WasmModule,
    metric: CodeMetric,
    rows: { readonly dimension: number; readonly rowCount: number },
    sample: readonly SampledRow[],
  ) {
    this.#dimension = rows.dimension;
    this.#rowCount = rows.rowCount;
    this.#metric = metric;
    // Three columns behind the rows.
    const bytes = (stepRows: number): number => 3 * alignBytes(stepRows * 4);
    const lend = (byteCount: number): LentMemory => lendMemory(module, byteCount);
    this.#module = module;
    this.#place = openCheckMemory(lend, rows.dimension, bytes);
    this.#neighbours = new TrueNeighbours(this.#place.scanner, metric, sample);
  }

  /** Takes the next rows, padded to their stride; all of the segment, in their order. */
  compare(padded: Uint8Array): void {
    const { memory, kernels, stepRows, staging, rest } = this.#place;
    const stride = rowStrideBytes(this.#dimension);
    const count = padded.length / stride;
    assert(this.#at + count <= this.#rowCount, "as many rows as announced");
    for (let start = 0; start < count; start += stepRows) {
      const step = Math.min(stepRows, count - start);
      const bytes = padded.subarray(start * stride, (start + step) * stride);
      new Uint8Array(memory.buffer, staging, bytes.length).set(bytes);
      kernels.normRows(staging, stride, step, 0, rest);
      this.#neighbours.compare({ rows: staging, inverseNorms: rest }, step, this.#at);
      this.#at += step;
    }
  }

  /**
   * The counts ({@link countsOf}); call once, when all rows were compared.
   *
   * @param turn  called between the queries: each is a scan of all codes.
   */
  async finish(quantized: QuantizedRows, turn: () => Promise<void>): Promise<readonly number[]> {
    assert(this.#at === this.#rowCount, "every announced row was compared");
    const ranks: number[] = [];
    for (let i = 0; i < this.#neighbours.sampleCount; i++) {
      const scan = (): void => {
        this.#scanCodes(quantized);
      };
      ranks.push(...this.#neighbours.ranksOf(i, scan));
      await turn();
    }
    giveBackMemory(this.#module, this.#place.lent);
    return countsOf(ranks, 1);
  }

  #scanCodes(quantized: QuantizedRows): void {
    const { scanner, stepRows, staging, rest } = this.#place;
    const column = alignBytes(stepRows * 4);
    for (let first = 0; first < this.#rowCount; first += stepRows) {
      const count = Math.min(stepRows, this.#rowCount - first);
      this.#stageCodes(quantized, first, count);
      const block = {
        codes: staging,
        scales: rest,
        squaredNorms: rest + column,
        inverseNorms: rest + 2 * column,
      };
      scanner.scanInt8(block, { rowFirst: 0, rowCount: count, bitmap: 0, idBase: first });
    }
  }

  /** Copies codes with their columns, as they are when a search has loaded them. */
  #stageCodes({ codes, factors }: QuantizedRows, first: number, count: number): void {
    const { memory, stepRows, staging, rest } = this.#place;
    const { buffer } = memory;
    const stride = codeStrideBytes(this.#dimension);
    const bytes = codes.subarray(first * stride, (first + count) * stride);
    new Uint8Array(buffer, staging, bytes.length).set(bytes);
    const layout = int8Layout(this.#dimension, this.#rowCount);
    const column = alignBytes(stepRows * 4);
    const columns = [layout.scales, layout.squaredNorms, layout.inverseNorms];
    for (const [i, start] of columns.entries()) {
      const from = start - layout.scales + first * 4;
      const part = factors.subarray(from, from + count * 4);
      new Uint8Array(buffer, rest + i * column, part.length).set(part);
    }
    if (this.#metric !== "cosine") return;
    takeCodeNorms(
      new Float32Array(buffer, rest + column, count),
      new Float32Array(buffer, rest + 2 * column, count),
    );
  }
}
