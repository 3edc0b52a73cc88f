/** Norms of rows, summed in double precision so that no float32 row overflows or vanishes. */

/**
 * Sum of squares: four double accumulators, one for each lane, summed as (0 + 2) + (1 + 3).
 * `distance.ts` repeats it bit for bit.
 */
@inline
export function squaredNorm(row: usize, stride: usize): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  for (let j: usize = 0; j < stride; j += 16) {
    const x = v128.load(row + j);
    const a = f64x2.promote_low_f32x4(x);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f64>(x, x, 1, 1));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** 1 / norm as float32, at most the largest one; 0 for a zero row, whose cosine is then 0. */
@inline
export function inverseOf(squared: f64): f32 {
  if (squared == 0) return 0;
  return <f32>min<f64>(1 / sqrt<f64>(squared), <f64>f32.MAX_VALUE);
}

/**
 * Writes squared and inverse norms of rows 0 … count - 1 as float32; an output of 0 is left out.
 */
export function normRows(
  rows: usize, stride: usize, count: u32, squaredNormsOut: usize, inverseNormsOut: usize,
): void {
  for (let i: u32 = 0; i < count; i++) {
    const squared = squaredNorm(rows + <usize>i * stride, stride);
    const at = (<usize>i) << 2;
    if (squaredNormsOut != 0) store<f32>(squaredNormsOut + at, <f32>squared);
    if (inverseNormsOut != 0) store<f32>(inverseNormsOut + at, inverseOf(squared));
  }
}
