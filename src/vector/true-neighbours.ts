/**
 * What the checks of codes have in common: memory to work in, rows of a segment that are asked
 * for, their true neighbours found as all rows pass, and the places of these in an order by codes.
 */
import {
  RowScanner,
  SCRATCH_BYTES,
  alignBytes,
  rowStrideBytes,
  type CodeMetric,
  type Float32Rows,
  type LentMemory,
  type RowHits,
} from "../math/index.ts";
import { mergeResults } from "./flat-scan.ts";
import { RESCORE_K, RESCORE_MAX } from "./rescore-counts.ts";

/** Rows or codes worked on at once. */
const STAGING_BYTES = 262_144;
/** Kernels want their arrays behind the null page. */
const START = 64;

/** Memory of one check, with a scanner and room for rows that pass. */
export interface CheckMemory extends LentMemory {
  /** What was taken for it. */
  readonly lent: LentMemory;
  readonly scanner: RowScanner;
  /** Rows that are worked on at once, padded to their stride. */
  readonly stepRows: number;
  /** Byte offset of their room, and of what is behind it. */
  readonly staging: number;
  readonly rest: number;
}

/**
 * @param take      gives the memory: for as many bytes as it is told.
 * @param restBytes of what is behind the rows, by how many they are.
 */
export function openCheckMemory(
  take: (bytes: number) => LentMemory,
  dimension: number,
  restBytes: (stepRows: number) => number,
): CheckMemory {
  const stride = rowStrideBytes(dimension);
  const stepRows = Math.max(1, Math.floor(STAGING_BYTES / stride));
  const staging = alignBytes(START + SCRATCH_BYTES);
  const rest = alignBytes(staging + stepRows * stride);
  const lent = take(rest + restBytes(stepRows));
  const { memory, kernels } = lent;
  const scratch = { arena: 0, offset: START, bytes: SCRATCH_BYTES };
  const scanner = new RowScanner(kernels, memory, scratch);
  return { lent, memory, kernels, scanner, stepRows, staging, rest };
}

/** A row that is asked for. */
export interface SampledRow {
  readonly row: number;
  readonly vector: Float32Array;
}

export class TrueNeighbours {
  readonly #scanner: RowScanner;
  readonly #metric: CodeMetric;
  readonly #sample: readonly SampledRow[];
  readonly #found: (RowHits | undefined)[] = [];

  constructor(scanner: RowScanner, metric: CodeMetric, sample: readonly SampledRow[]) {
    this.#scanner = scanner;
    this.#metric = metric;
    this.#sample = sample;
  }

  get sampleCount(): number {
    return this.#sample.length;
  }

  /** Looks at the next rows; each of the sample is its own nearest. */
  compare(block: Float32Rows, rowCount: number, idBase: number): void {
    for (const [i, { vector }] of this.#sample.entries()) {
      this.#begin(vector, RESCORE_K + 1);
      this.#scanner.scanFloat32(block, { rowFirst: 0, rowCount, bitmap: 0, idBase });
      const known = this.#found[i];
      const hits = this.#scanner.hits();
      this.#found[i] = known === undefined ? hits : mergeResults([known, hits], RESCORE_K + 1);
    }
  }

  /**
   * The places, from 1, of the true neighbours of one row in the order by codes, without the row
   * itself; infinite where codes rank them behind what is ever compared.
   *
   * @param scan scans the codes of all rows, with the scanner as it is.
   */
  ranksOf(position: number, scan: () => void): readonly number[] {
    const sampled = this.#sample[position];
    if (sampled === undefined) return [];
    const isOther = (row: number): boolean => row !== sampled.row;
    this.#begin(sampled.vector, RESCORE_MAX + 1);
    scan();
    const ranked = this.#scanner.hits().rows.filter(isOther);
    const places = new Map(Array.from(ranked, (row, place) => [row, place + 1]));
    const near = this.#found[position]?.rows.filter(isOther) ?? [];
    return Array.from(
      near.slice(0, RESCORE_K),
      (row) => places.get(row) ?? Number.POSITIVE_INFINITY,
    );
  }

  #begin(vector: Float32Array, k: number): void {
    this.#scanner.prepare(vector, this.#metric);
    this.#scanner.begin(k);
  }
}
