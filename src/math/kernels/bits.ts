/**
 * One bit a component, taken after a rotation, against a query of four bits a component (RaBitQ,
 * Gao and Long 2024). Where the codes come from and what the weights mean: ../bit-codes.ts.
 *
 * The integer part is exact. The distance made of it is an estimate and only chooses candidates.
 */
import { nextRow } from "./lanes";
import { heapOffer, worstOf } from "./heap";

/** Bytes of a code after which sums of bits in 8-bit lanes are widened: 31 × 8 is below 256. */
const WIDEN_BYTES: usize = 31 * 16;

/**
 * The sum of the query's digits where the code has a 1. Digits are two's complement: plane p holds
 * bit p of each, of weight 1, 2, 4 and -8.
 */
@inline
function sumOfDigits(planes: usize, code: usize, stride: usize): i32 {
  let all = i32x4.splat(0);
  for (let start: usize = 0; start < stride; start += WIDEN_BYTES) {
    const end = min<usize>(start + WIDEN_BYTES, stride);
    let s0 = i8x16.splat(0), s1 = i8x16.splat(0), s2 = i8x16.splat(0), s3 = i8x16.splat(0);
    for (let j = start; j < end; j += 16) {
      const bits = v128.load(code + j);
      const plane = planes + j;
      s0 = i8x16.add(s0, i8x16.popcnt(v128.and(bits, v128.load(plane))));
      s1 = i8x16.add(s1, i8x16.popcnt(v128.and(bits, v128.load(plane + stride))));
      s2 = i8x16.add(s2, i8x16.popcnt(v128.and(bits, v128.load(plane + 2 * stride))));
      s3 = i8x16.add(s3, i8x16.popcnt(v128.and(bits, v128.load(plane + 3 * stride))));
    }
    const low = i16x8.add(
      i16x8.extadd_pairwise_i8x16_u(s0), i16x8.shl(i16x8.extadd_pairwise_i8x16_u(s1), 1));
    const high = i16x8.sub(
      i16x8.shl(i16x8.extadd_pairwise_i8x16_u(s2), 2),
      i16x8.shl(i16x8.extadd_pairwise_i8x16_u(s3), 3));
    all = i32x4.add(all, i32x4.extadd_pairwise_i16x8_s(i16x8.add(low, high)));
  }
  return i32x4.extract_lane(all, 0) + i32x4.extract_lane(all, 1)
    + i32x4.extract_lane(all, 2) + i32x4.extract_lane(all, 3);
}

/** Not-a-number is as far away as can be. `weights`: five float32, see ../bit-codes.ts. */
@inline
function distanceOf(
  planes: usize, weights: usize, codes: usize, stride: usize, columns: usize, columnBytes: usize,
  row: u32,
): f32 {
  const digits = sumOfDigits(planes, codes + <usize>row * stride, stride);
  const column = columns + ((<usize>row) << 2);
  const inner = <f32>(digits + digits) - load<f32>(weights, 16);
  const distance = load<f32>(weights)
    + load<f32>(weights, 4) * load<f32>(column) * inner
    + load<f32>(weights, 8) * load<f32>(column + columnBytes)
    + load<f32>(weights, 12) * load<f32>(column + 2 * columnBytes);
  return distance == distance ? distance : <f32>Infinity;
}

/**
 * Scans the codes of a range of rows into the heap; returns the number of its entries. `columns`
 * are three, `columnBytes` apart.
 */
export function scanBits(
  planes: usize, weights: usize, codes: usize, stride: usize, columns: usize, columnBytes: usize,
  rowFirst: u32, rowCount: u32, bitmap: usize, idBase: u32, heap: usize, heapCount: u32, k: u32,
): u32 {
  const end = rowFirst + rowCount;
  let count = heapCount;
  let worst = worstOf(heap, count, k);
  for (let row = nextRow(bitmap, rowFirst, end); row < end; row = nextRow(bitmap, row + 1, end)) {
    const distance = distanceOf(planes, weights, codes, stride, columns, columnBytes, row);
    if (distance > worst) continue;
    count = heapOffer(heap, count, k, distance, idBase + row);
    worst = worstOf(heap, count, k);
  }
  return count;
}

/** The same for listed rows (u32 each). */
export function scanBitRows(
  planes: usize, weights: usize, codes: usize, stride: usize, columns: usize, columnBytes: usize,
  ids: usize, idCount: u32, heap: usize, heapCount: u32, k: u32,
): u32 {
  let count = heapCount;
  for (let i: u32 = 0; i < idCount; i++) {
    const row = load<u32>(ids + ((<usize>i) << 2));
    const distance = distanceOf(planes, weights, codes, stride, columns, columnBytes, row);
    if (distance > worstOf(heap, count, k)) continue;
    count = heapOffer(heap, count, k, distance, row);
  }
  return count;
}
