/**
 * Codes of one bit a component, and the numbers that make distances of them (RaBitQ, Gao and Long,
 * SIGMOD 2024).
 *
 * A row x is rotated (rotation.ts), the middle c of all rows taken off: r = Rx - c. Its code is the
 * signs of r; with s = 1 where r is above 0, else -1, and u = Rq - c for a query q,
 *
 *     r · u  is about  factor × (s · u),   factor = |r|² / (the sum of |r's components|),
 *
 * without a bias over the rotations, its error falling with the root of the dimension. The query's
 * u is rounded to digits of -7 to 7 times a step, so s · u is sums of bits: kernels/bits.ts.
 * Three columns of float32, a value a row, do the rest:
 *
 *     metric      first          second        third
 *     euclidean   factor         |r|²          0
 *     dot         factor         r · c         0
 *     cosine      factor / |x|   r · c / |x|   1 / |x|
 *
 * distance = w0 + w1 × first × (s · digits) + w2 × second + w3 × third; the weights are the
 * query's, {@link bitWeights}.
 *
 * ON DISK, and in memory the same bytes: docs/formats/segment.md, section 7.
 */
import { alignBytes } from "./distance.ts";
import type { CodeMetric } from "./distance.ts";

/** Codes are padded to so many components: a kernel reads 16 bytes at a time. */
export const BIT_COMPONENT_STEP = 128;
/** ON DISK. */
export const BIT_HEADER_BYTES = 64;
/** Digits of a query's component: -7 to 7, in four planes of bits. */
const DIGIT_MAX = 7;
export const BIT_PLANES = 4;
/** w0 to w3 and the sum of the digits, float32 each. */
export const BIT_WEIGHTS = 5;

/** Offsets from the beginning of the section. */
export interface BitLayout {
  /** Components of a code. */
  readonly length: number;
  readonly strideBytes: number;
  /** The middle of the rotated rows, `length` float32. */
  readonly middle: number;
  readonly columns: number;
  readonly columnBytes: number;
  readonly codes: number;
  readonly bytes: number;
}

export function bitLayout(dimension: number, rowCount: number): BitLayout {
  const length = Math.ceil(dimension / BIT_COMPONENT_STEP) * BIT_COMPONENT_STEP;
  const strideBytes = length / 8;
  const middle = BIT_HEADER_BYTES;
  const columns = middle + length * 4;
  const columnBytes = alignBytes(rowCount * 4);
  const codes = columns + 3 * columnBytes;
  return {
    length,
    strideBytes,
    middle,
    columns,
    columnBytes,
    codes,
    bytes: codes + rowCount * strideBytes,
  };
}

/** What is written for one row, besides its bits. */
export type BitColumns = readonly [number, number, number];

/**
 * Writes the bits of one row to `code`, whose bytes are 0.
 *
 * @param rotated the rotated row; the middle is taken off in place.
 * @param inverseNorm of the row; for cosine.
 */
export function encodeBits(
  rotated: Float32Array,
  middle: Float32Array,
  {
    metric,
    inverseNorm,
    code,
  }: {
    readonly metric: CodeMetric;
    readonly inverseNorm: number;
    readonly code: Uint8Array;
  },
): BitColumns {
  let sum = 0;
  let squares = 0;
  let inner = 0;
  for (let j = 0; j < rotated.length; j++) {
    const center = middle[j] ?? 0;
    const value = (rotated[j] ?? 0) - center;
    if (value > 0) code[j >>> 3] = (code[j >>> 3] ?? 0) | (1 << (j & 7));
    sum += Math.abs(value);
    squares += value * value;
    inner += value * center;
  }
  const factor = sum === 0 ? 0 : squares / sum;
  switch (metric) {
    case "euclidean":
      return [factor, squares, 0];
    case "dot":
      return [factor, inner, 0];
    case "cosine":
      return [factor * inverseNorm, inner * inverseNorm, inverseNorm];
  }
}

/**
 * A query made ready: its digits as planes of bits, and its weights.
 *
 * @param rotated the rotated query.
 * @param planes  BIT_PLANES × length / 8 bytes, written whole.
 * @param weights BIT_WEIGHTS, written whole.
 */
export function prepareBitQuery(
  rotated: Float32Array,
  middle: Float32Array,
  {
    metric,
    planes,
    weights,
  }: {
    readonly metric: CodeMetric;
    readonly planes: Uint8Array;
    readonly weights: Float32Array;
  },
): void {
  let largest = 0;
  let fromMiddle = 0;
  let squares = 0;
  let inner = 0;
  for (let j = 0; j < rotated.length; j++) {
    const value = rotated[j] ?? 0;
    const center = middle[j] ?? 0;
    const difference = value - center;
    largest = Math.max(largest, Math.abs(difference));
    fromMiddle += difference * difference;
    squares += value * value;
    inner += value * center;
  }
  const step = largest / DIGIT_MAX;
  planes.fill(0);
  const stride = rotated.length / 8;
  let total = 0;
  for (let j = 0; j < rotated.length && step > 0; j++) {
    const digit = Math.round(((rotated[j] ?? 0) - (middle[j] ?? 0)) / step);
    total += digit;
    for (let plane = 0; plane < BIT_PLANES; plane++) {
      const bit = (digit >> plane) & 1;
      const at = plane * stride + (j >>> 3);
      planes[at] = (planes[at] ?? 0) | (bit << (j & 7));
    }
  }
  const norm = Math.sqrt(squares);
  const inverse = norm === 0 ? 0 : 1 / norm;
  weights.set(
    metric === "euclidean"
      ? [fromMiddle, -2 * step, 1, 0, total]
      : metric === "dot"
        ? [-inner, -step, -1, 0, total]
        : [1, -step * inverse, -inverse, -inner * inverse, total],
  );
}
