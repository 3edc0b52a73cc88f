/** Sums across the lanes of four accumulators, and the four-row step all scans are made of. */

/** Metrics as numbers. ON DISK: never renumbered, `distance.ts` holds the same table. */
export const COSINE: u32 = 0;
export const DOT: u32 = 1;
export const EUCLIDEAN: u32 = 2;
export const MANHATTAN: u32 = 3;
export const HAMMING: u32 = 4;

/**
 * [sum a, sum b, sum c, sum d], each as (lane 0 + lane 2) + (lane 1 + lane 3).
 *
 * A transposition instead of four separate sums: the four distances stay in one register and are
 * compared with the worst of the heap in one step.
 */
@inline
export function sumFloat32(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** The same for integers, where the order does not matter. */
@inline
export function sumInt32(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** Four float32 of a column, one for each row. */
@inline
export function gather(column: usize, a: u32, b: u32, c: u32, d: u32): v128 {
  let lanes = v128.load_zero<f32>(column + ((<usize>a) << 2));
  lanes = v128.load_lane<f32>(column + ((<usize>b) << 2), lanes, 1);
  lanes = v128.load_lane<f32>(column + ((<usize>c) << 2), lanes, 2);
  return v128.load_lane<f32>(column + ((<usize>d) << 2), lanes, 3);
}

/** Not-a-number, which comes from infinity minus infinity, is as far away as can be. */
@inline
export function farIfUnordered(distances: v128): v128 {
  return v128.bitselect(distances, f32x4.splat(<f32>Infinity), f32x4.eq(distances, distances));
}

/** 1 - cos, the cosine already rounded to float32 and held inside [-1, 1]. */
@inline
export function cosineDistance(cosines: v128): v128 {
  const held = f32x4.max(f32x4.splat(-1), f32x4.min(f32x4.splat(1), cosines));
  return f32x4.sub(f32x4.splat(1), held);
}

/**
 * The next candidate at or after `row`; `end` or more when there is none. Without a bitmap, `row`.
 */
@inline
export function nextRow(bitmap: usize, row: u32, end: u32): u32 {
  return bitmap == 0 ? row : nextBit(bitmap, row, end);
}

function nextBit(bitmap: usize, start: u32, end: u32): u32 {
  let row = start;
  while (row < end) {
    const word = load<u32>(bitmap + ((<usize>(row >>> 5)) << 2)) >>> (row & 31);
    if (word != 0) return row + ctz(word);
    row = (row | 31) + 1;
  }
  return end;
}
