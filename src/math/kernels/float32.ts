/**
 * Distances of float32 rows.
 *
 * INVARIANT: the distance of a row has the same bits whatever its position, slice, neighbours and
 * way
 * of being reached. Every export goes through `fourDistances`: one accumulator of four lanes a row,
 * components in rising order, lanes summed as (0 + 2) + (1 + 3), no fused multiply-add.
 * `distance.ts` repeats it in TypeScript and a test compares the bits.
 *
 * Four rows at a time share each load of the query and give the four independent chains of
 * additions that hide the latency of one. A row that is missing at the end is the first one again.
 */
import {
  COSINE,
  EUCLIDEAN,
  HAMMING,
  MANHATTAN,
  cosineDistance,
  farIfUnordered,
  gather,
  nextRow,
  sumFloat32,
  sumInt32,
} from "./lanes";
import { offerFour, worstOf } from "./heap";

@inline
function fourDots(query: usize, stride: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (let j: usize = 0; j < stride; j += 16) {
    const x = v128.load(query + j);
    s0 = f32x4.add(s0, f32x4.mul(x, v128.load(a + j)));
    s1 = f32x4.add(s1, f32x4.mul(x, v128.load(b + j)));
    s2 = f32x4.add(s2, f32x4.mul(x, v128.load(c + j)));
    s3 = f32x4.add(s3, f32x4.mul(x, v128.load(d + j)));
  }
  return sumFloat32(s0, s1, s2, s3);
}

@inline
function fourSquares(query: usize, stride: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (let j: usize = 0; j < stride; j += 16) {
    const x = v128.load(query + j);
    const e0 = f32x4.sub(x, v128.load(a + j)), e1 = f32x4.sub(x, v128.load(b + j));
    const e2 = f32x4.sub(x, v128.load(c + j)), e3 = f32x4.sub(x, v128.load(d + j));
    s0 = f32x4.add(s0, f32x4.mul(e0, e0));
    s1 = f32x4.add(s1, f32x4.mul(e1, e1));
    s2 = f32x4.add(s2, f32x4.mul(e2, e2));
    s3 = f32x4.add(s3, f32x4.mul(e3, e3));
  }
  return sumFloat32(s0, s1, s2, s3);
}

@inline
function fourLengths(query: usize, stride: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (let j: usize = 0; j < stride; j += 16) {
    const x = v128.load(query + j);
    s0 = f32x4.add(s0, f32x4.abs(f32x4.sub(x, v128.load(a + j))));
    s1 = f32x4.add(s1, f32x4.abs(f32x4.sub(x, v128.load(b + j))));
    s2 = f32x4.add(s2, f32x4.abs(f32x4.sub(x, v128.load(c + j))));
    s3 = f32x4.add(s3, f32x4.abs(f32x4.sub(x, v128.load(d + j))));
  }
  return sumFloat32(s0, s1, s2, s3);
}

/** Components that differ. The mask of a lane is -1 as an integer: it is subtracted. */
@inline
function fourCounts(query: usize, stride: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0), s2 = i32x4.splat(0), s3 = i32x4.splat(0);
  for (let j: usize = 0; j < stride; j += 16) {
    const x = v128.load(query + j);
    s0 = i32x4.sub(s0, f32x4.ne(x, v128.load(a + j)));
    s1 = i32x4.sub(s1, f32x4.ne(x, v128.load(b + j)));
    s2 = i32x4.sub(s2, f32x4.ne(x, v128.load(c + j)));
    s3 = i32x4.sub(s3, f32x4.ne(x, v128.load(d + j)));
  }
  return f32x4.convert_i32x4_s(sumInt32(s0, s1, s2, s3));
}

@inline
function fourDistances(
  metric: u32, query: usize, queryInverseNorm: f32, rows: usize, stride: usize, inverseNorms: usize,
  r0: u32, r1: u32, r2: u32, r3: u32,
): v128 {
  const a = rows + <usize>r0 * stride, b = rows + <usize>r1 * stride;
  const c = rows + <usize>r2 * stride, d = rows + <usize>r3 * stride;
  if (metric == EUCLIDEAN) return farIfUnordered(fourSquares(query, stride, a, b, c, d));
  if (metric == MANHATTAN) return fourLengths(query, stride, a, b, c, d);
  if (metric == HAMMING) return fourCounts(query, stride, a, b, c, d);
  const dots = fourDots(query, stride, a, b, c, d);
  if (metric == COSINE) {
    const byRow = f32x4.mul(dots, gather(inverseNorms, r0, r1, r2, r3));
    return farIfUnordered(cosineDistance(f32x4.mul(byRow, f32x4.splat(queryInverseNorm))));
  }
  return farIfUnordered(f32x4.sub(f32x4.splat(0), dots));
}

/**
 * Distances of rows `rowFirst` … `rowFirst + rowCount - 1`, written as float32 one after the other.
 */
export function scoreRange(
  metric: u32, query: usize, queryInverseNorm: f32, rows: usize, stride: usize, inverseNorms: usize,
  rowFirst: u32, rowCount: u32, out: usize,
): void {
  const end = rowFirst + rowCount;
  for (let r0 = rowFirst; r0 < end; r0 += 4) {
    const r1 = r0 + 1 < end ? r0 + 1 : r0, r2 = r0 + 2 < end ? r0 + 2 : r0;
    const r3 = r0 + 3 < end ? r0 + 3 : r0;
    const found = fourDistances(
      metric, query, queryInverseNorm, rows, stride, inverseNorms, r0, r1, r2, r3);
    storeFour(out + ((<usize>(r0 - rowFirst)) << 2), found, end - r0);
  }
}

/** Distances of the listed rows (u32 each), written in the order of the list. */
export function scoreRows(
  metric: u32, query: usize, queryInverseNorm: f32, rows: usize, stride: usize, inverseNorms: usize,
  ids: usize, count: u32, out: usize,
): void {
  for (let i: u32 = 0; i < count; i += 4) {
    const at = ids + ((<usize>i) << 2);
    const r0 = load<u32>(at), r1 = i + 1 < count ? load<u32>(at, 4) : r0;
    const r2 = i + 2 < count ? load<u32>(at, 8) : r0, r3 = i + 3 < count ? load<u32>(at, 12) : r0;
    const found = fourDistances(
      metric, query, queryInverseNorm, rows, stride, inverseNorms, r0, r1, r2, r3);
    storeFour(out + ((<usize>i) << 2), found, count - i);
  }
}

@inline
function storeFour(out: usize, distances: v128, left: u32): void {
  if (left >= 4) {
    v128.store(out, distances);
    return;
  }
  store<f32>(out, f32x4.extract_lane(distances, 0));
  if (left > 1) store<f32>(out, f32x4.extract_lane(distances, 1), 4);
  if (left > 2) store<f32>(out, f32x4.extract_lane(distances, 2), 8);
}

/** Scans a range of rows into the heap; returns the number of its entries. */
export function scanFloat32(
  metric: u32, query: usize, queryInverseNorm: f32, rows: usize, stride: usize, inverseNorms: usize,
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
      metric, query, queryInverseNorm, rows, stride, inverseNorms,
      r0, r1 < end ? r1 : r0, r2 < end ? r2 : r0, r3 < end ? r3 : r0);
    if (v128.any_true(f32x4.le(found, worst))) {
      count = offerFour(heap, count, k, found, r0, r1, r2, r3, end, idBase);
      worst = f32x4.splat(worstOf(heap, count, k));
    }
    r0 = nextRow(bitmap, r3 + 1, end);
  }
  return count;
}
