/**
 * Distances and norms of float32 vectors in plain TypeScript, bit for bit as the kernels compute
 * them, and the layout of rows the kernels expect.
 *
 * Every distance that leaves the engine is computed in this one order of summation: component j
 * goes to accumulator j % 4, the four are added as (0 + 2) + (1 + 3), each step rounded to float32.
 * So a record has the same distance whichever path found it, and ties are ties everywhere.
 */
import { assert } from "../base/errors.ts";

/**
 * The numbers of the metrics in kernel calls. ON DISK: never renumbered.
 * `cosine` 1 - cos, `dot` -(a · b), `euclidean` |a - b|², `manhattan` the sum of |a - b|, `hamming`
 * the number of components that differ; smaller is nearer. Infinity minus
 * infinity, which only components near 1e19 and above lead to, counts as infinitely far.
 */
export const KERNEL_METRICS = {
  cosine: 0,
  dot: 1,
  euclidean: 2,
  manhattan: 3,
  hamming: 4,
} as const;

/** The metrics there are kernels for. */
export type KernelMetric = keyof typeof KERNEL_METRICS;

/** The metrics that int8 codes keep in order; searches by the others look at float32 rows. */
export type CodeMetric = Exclude<KernelMetric, "manhattan" | "hamming">;

/** Rows, codes, columns and bitmaps begin at multiples of this, bytes: one SIMD register. */
export const KERNEL_ALIGNMENT = 16;

/** The next multiple of {@link KERNEL_ALIGNMENT}. */
export function alignBytes(bytes: number): number {
  return Math.ceil(bytes / KERNEL_ALIGNMENT) * KERNEL_ALIGNMENT;
}

/** Bytes from one float32 row to the next. The components past `dimension` are zero. */
export function rowStrideBytes(dimension: number): number {
  return alignBytes(dimension * 4);
}

/**
 * Bytes of a set of rows, one bit each, lowest bit of byte 0 first; bits past the last row are 0.
 */
export function bitmapBytes(rowCount: number): number {
  return alignBytes(Math.ceil(rowCount / 8));
}

/** The largest finite float32. */
export const FLOAT32_MAX = 3.4028234663852886e38;
const fround = Math.fround;

/** Sum of squares in double precision: no float32 vector overflows it or vanishes in it. */
export function squaredNorm(vector: Float32Array): number {
  const sums = new Float64Array(4);
  for (let j = 0; j < vector.length; j++) {
    const value = vector[j] ?? 0;
    sums[j & 3] = (sums[j & 3] ?? 0) + value * value;
  }
  const [a = 0, b = 0, c = 0, d = 0] = sums;
  return a + c + (b + d);
}

/** 1 / |vector| as float32, 0 for a zero vector: its cosine with anything is then 0. */
export function inverseNorm(vector: Float32Array): number {
  const squared = squaredNorm(vector);
  return squared === 0 ? 0 : fround(Math.min(1 / Math.sqrt(squared), FLOAT32_MAX));
}

/** `vector` and its {@link inverseNorm}; the latter matters only for `cosine`. */
export interface NormedVector {
  readonly vector: Float32Array;
  readonly inverseNorm: number;
}

/**
 * The distance a kernel gives for a query and a row, to the last bit.
 *
 * Cosines are rounded to float32 and held inside [-1, 1] before they are subtracted, so the result
 * is 0 to 2, and 1 - 0.8 is 0.19999998807907104 as vendors print it.
 * Cost: 1.7 µs for 768 components (shared 2-core machine, Node 20), far above the kernel's; for
 * single rows and as the judge of the kernels.
 */
export function exactDistance(
  metric: KernelMetric,
  query: NormedVector,
  row: NormedVector,
): number {
  assert(query.vector.length === row.vector.length, "a query and a row have one dimension");
  const distance = unheldDistance(metric, query, row);
  return Number.isNaN(distance) ? Infinity : distance;
}

function unheldDistance(metric: KernelMetric, query: NormedVector, row: NormedVector): number {
  if (metric === "euclidean") return sumOfSquares(query.vector, row.vector);
  if (metric === "manhattan") return sumOfLengths(query.vector, row.vector);
  if (metric === "hamming") return query.vector.filter((x, j) => x !== row.vector[j]).length;
  const dot = sumOfProducts(query.vector, row.vector);
  if (metric === "dot") return 0 - dot;
  const cosine = fround(fround(dot * row.inverseNorm) * query.inverseNorm);
  return fround(1 - Math.max(-1, Math.min(1, cosine)));
}

function sumOfProducts(a: Float32Array, b: Float32Array): number {
  const sums = new Float32Array(4);
  for (let j = 0; j < a.length; j++) {
    sums[j & 3] = (sums[j & 3] ?? 0) + fround((a[j] ?? 0) * (b[j] ?? 0));
  }
  return sumOfFour(sums);
}

function sumOfSquares(a: Float32Array, b: Float32Array): number {
  const sums = new Float32Array(4);
  for (let j = 0; j < a.length; j++) {
    const difference = fround((a[j] ?? 0) - (b[j] ?? 0));
    sums[j & 3] = (sums[j & 3] ?? 0) + fround(difference * difference);
  }
  return sumOfFour(sums);
}

function sumOfLengths(a: Float32Array, b: Float32Array): number {
  const sums = new Float32Array(4);
  for (let j = 0; j < a.length; j++) {
    sums[j & 3] = (sums[j & 3] ?? 0) + Math.abs(fround((a[j] ?? 0) - (b[j] ?? 0)));
  }
  return sumOfFour(sums);
}

function sumOfFour(sums: Float32Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = sums;
  return fround(fround(a + c) + fround(b + d));
}
