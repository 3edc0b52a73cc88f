/**
 * Scalar quantization to 8 bits (SQ8), one symmetric scale for each row: component ≈ code × scale.
 *
 * The integer part is exact; the distance made of it is approximate and only chooses candidates,
 * which are then scored by float32.ts. Its float32 steps are fixed too, so that a scan and a
 * listing agree.
 */
import {
  COSINE,
  EUCLIDEAN,
  cosineDistance,
  farIfUnordered,
  gather,
  nextRow,
  sumInt32,
} from "./lanes";
import { offerFour, worstOf } from "./heap";
import { inverseOf, squaredNorm } from "./norm";

/** Largest absolute component of a row. */
@inline
function largest(row: usize, stride: usize): f32 {
  let most = f32x4.splat(0);
  for (let j: usize = 0; j < stride; j += 16) {
    most = f32x4.max(most, f32x4.abs(v128.load(row + j)));
  }
  return max<f32>(
    max<f32>(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max<f32>(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
}

@inline
function quantizeRow(
  row: usize,
  stride: usize,
  factor: f32,
  codes: usize,
  codeStride: usize,
): void {
  const factors = f32x4.splat(factor);
  let j: usize = 0;
  for (; j < stride; j += 16) {
    const whole = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(row + j), factors)));
    const half = i16x8.narrow_i32x4_s(whole, whole);
    store<u32>(codes + (j >>> 2), <u32>i32x4.extract_lane(i8x16.narrow_i16x8_s(half, half), 0));
  }
  for (let at = stride >>> 2; at < codeStride; at += 4) store<u32>(codes + at, 0);
}

/** Sum of the squares of the codes of a row; exact. */
@inline
function codeSquares(codes: usize, stride: usize): i32 {
  let sums = i32x4.splat(0);
  for (let j: usize = 0; j < stride; j += 8) {
    const x = v128.load_ext<i8>(codes + j);
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(x, x));
  }
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1)
    + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
}

/**
 * Quantizes rows 0 … count - 1: code = nearest(x × (127 / largest)), ties to even, scale = largest
 * / 127. A row whose largest component is below about 3.7e-37 gets scale 0 and codes 0.
 *
 * Also writes norms; an output of 0 is left out. The squared norm is that of code × scale, so that
 * a euclidean distance of two codes is the distance of what they stand for, however far both lie
 * from the origin. The inverse norm is that of the row, which float32 scans need.
 */
export function quantizeRows(
  rows: usize, stride: usize, count: u32, codesOut: usize, codeStride: usize,
  scalesOut: usize, squaredNormsOut: usize, inverseNormsOut: usize,
): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = rows + <usize>i * stride;
    const most = largest(row, stride);
    let factor: f32 = <f32>127 / most;
    const isTiny = factor > f32.MAX_VALUE;
    if (isTiny) factor = 0;
    quantizeRow(row, stride, factor, codesOut + <usize>i * codeStride, codeStride);
    const at = (<usize>i) << 2;
    const scale: f32 = isTiny ? 0 : most / <f32>127;
    store<f32>(scalesOut + at, scale);
    if (squaredNormsOut != 0) {
      const squares = <f64>codeSquares(codesOut + <usize>i * codeStride, codeStride);
      store<f32>(squaredNormsOut + at, <f32>(<f64>scale * <f64>scale * squares));
    }
    if (inverseNormsOut == 0) continue;
    store<f32>(inverseNormsOut + at, inverseOf(squaredNorm(row, stride)));
  }
}

/** Load-extend and pairwise multiply-add: three instructions for eight codes of a row. */
@inline
export function fourDots(
  query: usize, stride: usize, a: usize, b: usize, c: usize, d: usize,
): v128 {
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0), s2 = i32x4.splat(0), s3 = i32x4.splat(0);
  for (let j: usize = 0; j < stride; j += 16) {
    const x = v128.load_ext<i8>(query + j), y = v128.load_ext<i8>(query + j, 8);
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(a + j)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(b + j)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(c + j)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(d + j)));
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(y, v128.load_ext<i8>(a + j, 8)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(y, v128.load_ext<i8>(b + j, 8)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(y, v128.load_ext<i8>(c + j, 8)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(y, v128.load_ext<i8>(d + j, 8)));
  }
  return sumInt32(s0, s1, s2, s3);
}

/**
 * `norms` and `queryNorm` are inverse norms for cosine, squared norms for euclidean, unused for
 * dot.
 */
@inline
function fourDistances(
  metric: u32, query: usize, queryScale: f32, queryNorm: f32,
  codes: usize, stride: usize, scales: usize, norms: usize, r0: u32, r1: u32, r2: u32, r3: u32,
): v128 {
  const sums = fourDots(
    query, stride, codes + <usize>r0 * stride, codes + <usize>r1 * stride,
    codes + <usize>r2 * stride, codes + <usize>r3 * stride);
  const byRow = f32x4.mul(f32x4.convert_i32x4_s(sums), gather(scales, r0, r1, r2, r3));
  const dots = f32x4.mul(byRow, f32x4.splat(queryScale));
  if (metric == COSINE) {
    const part = f32x4.mul(dots, gather(norms, r0, r1, r2, r3));
    return farIfUnordered(cosineDistance(f32x4.mul(part, f32x4.splat(queryNorm))));
  }
  if (metric == EUCLIDEAN) {
    const squares = f32x4.add(gather(norms, r0, r1, r2, r3), f32x4.splat(queryNorm));
    const difference = f32x4.sub(squares, f32x4.add(dots, dots));
    return farIfUnordered(f32x4.max(f32x4.splat(0), difference));
  }
  return farIfUnordered(f32x4.sub(f32x4.splat(0), dots));
}

/** Scans the codes of a range of rows into the heap; returns the number of its entries. */
export function scanInt8(
  metric: u32, query: usize, queryScale: f32, queryNorm: f32,
  codes: usize, stride: usize, scales: usize, norms: usize,
  rowFirst: u32, rowCount: u32, bitmap: usize, idBase: u32, heap: usize, heapCount: u32, k: u32,
): u32 {
  const end = rowFirst + rowCount;
  let count = heapCount;
  let worst = f32x4.splat(worstOf(heap, count, k));
  let r0 = nextRow(bitmap, rowFirst, end);
  while (r0 < end) {
    const r1 = nextRow(bitmap, r0 + 1, end), r2 = nextRow(bitmap, r1 + 1, end);
    const r3 = nextRow(bitmap, r2 + 1, end);
    const found = fourDistances(
      metric, query, queryScale, queryNorm, codes, stride, scales, norms,
      r0, r1 < end ? r1 : r0, r2 < end ? r2 : r0, r3 < end ? r3 : r0);
    if (v128.any_true(f32x4.le(found, worst))) {
      count = offerFour(heap, count, k, found, r0, r1, r2, r3, end, idBase);
      worst = f32x4.splat(worstOf(heap, count, k));
    }
    r0 = nextRow(bitmap, r3 + 1, end);
  }
  return count;
}

/**
 * Scores the codes of the listed rows (u32 each) into the heap; returns the number of its entries.
 */
export function scanInt8Rows(
  metric: u32, query: usize, queryScale: f32, queryNorm: f32,
  codes: usize, stride: usize, scales: usize, norms: usize,
  ids: usize, idCount: u32, idBase: u32, heap: usize, heapCount: u32, k: u32,
): u32 {
  const none: u32 = 0xffffffff;
  let count = heapCount;
  for (let i: u32 = 0; i < idCount; i += 4) {
    const at = ids + ((<usize>i) << 2);
    const r0 = load<u32>(at), r1 = i + 1 < idCount ? load<u32>(at, 4) : none;
    const r2 = i + 2 < idCount ? load<u32>(at, 8) : none;
    const r3 = i + 3 < idCount ? load<u32>(at, 12) : none;
    const found = fourDistances(
      metric, query, queryScale, queryNorm, codes, stride, scales, norms,
      r0, r1 == none ? r0 : r1, r2 == none ? r0 : r2, r3 == none ? r0 : r3);
    if (v128.any_true(f32x4.le(found, f32x4.splat(worstOf(heap, count, k))))) {
      count = offerFour(heap, count, k, found, r0, r1, r2, r3, none, idBase);
    }
  }
  return count;
}
