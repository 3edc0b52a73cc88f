/**
 * Layout of the codes and what they cost. The codes themselves are made by the kernels
 * `quantizeRows` and `signRows`.
 *
 * int8 (SQ8): code = nearest(x × 127 / largest component of the row); component ≈ code × scale. One
 * scale a row: rows of different length do not spoil each other's resolution.
 *
 * Signs: one bit a component, set above the mean, compared by plain Hamming distance. Much coarser
 * than 1-bit codes with a rotation and a finer query (RaBitQ), whose recall must not be read into
 * these.
 *
 * Recall@10 after exact rescoring, 100 queries, 250 normal clusters with noise of the same size,
 * lowest to highest of cosine, dot and euclidean (mean 0). The data are synthetic, real embeddings
 * not tried:
 *
 *   rows × dimension   int8, 20   signs, 100     signs, 200     signs, 400
 *   1,000 × 128        1.000      0.771-0.829    0.867-0.918    0.961-0.984
 *   1,000 × 384        1.000      0.745-0.837    0.858-0.936    0.948-0.986
 *   1,000 × 768        1.000      0.759-0.846    0.872-0.924    0.948-0.983
 *   10,000 × 768       1.000      1.000          1.000          1.000
 *
 * The last line is an easy case: 40 rows a cluster, so the ten nearest stand far off the rest. How
 * many signs to pass on must come from a recall check at segment build, never from the constant
 * alone.
 */
import { FLOAT32_MAX, alignBytes } from "./distance.ts";

/** Rows scored exactly after a scan of int8 codes, at least. Source: the table above. */
export const INT8_RESCORE_COUNT = 20;
/**
 * Rows passed on after a scan of signs, where to begin a recall check. NOT lossless: the table
 * above.
 */
export const SIGN_RESCORE_COUNT = 100;

/** Bytes from one int8 code to the next; codes past `dimension` are zero. */
export function codeStrideBytes(dimension: number): number {
  return alignBytes(dimension);
}

/** Words of 64 bits of one sign code; bits past `dimension` are zero. */
export function signWords(dimension: number): number {
  return Math.ceil(dimension / 64);
}

/** Bytes of one sign code. Codes follow each other without a gap. */
export function signBytes(dimension: number): number {
  return signWords(dimension) * 8;
}

/** The smallest float32 that has all its digits. */
const FLOAT32_NORMAL_MIN = 1.1754943508222875e-38;

/**
 * Replaces the inverse norms of rows by those of their codes, which a cosine of codes must be
 * divided by: with the norm of the row it is off by the length the code lost or won, more than what
 * parts close neighbours. A row whose squared norm float32 cannot hold keeps the norm it has.
 */
export function takeCodeNorms(squaredNorms: Float32Array, inverseNorms: Float32Array): void {
  for (let row = 0; row < inverseNorms.length; row++) {
    const squared = squaredNorms[row] ?? 0;
    const isWhole = squared >= FLOAT32_NORMAL_MIN && squared <= FLOAT32_MAX;
    if (isWhole) inverseNorms[row] = 1 / Math.sqrt(squared);
  }
}

/** Where the parts of one block of int8 codes lie, relative to its beginning, and its length. */
export interface Int8Layout {
  readonly codes: number;
  readonly scales: number;
  readonly squaredNorms: number;
  readonly inverseNorms: number;
  readonly bytes: number;
}

/** One extent for the int8 codes of `rowCount` rows and their columns. */
export function int8Layout(dimension: number, rowCount: number): Int8Layout {
  const codes = 0;
  const scales = codes + codeStrideBytes(dimension) * rowCount;
  const column = alignBytes(rowCount * 4);
  return {
    codes,
    scales,
    squaredNorms: scales + column,
    inverseNorms: scales + 2 * column,
    bytes: scales + 3 * column,
  };
}
