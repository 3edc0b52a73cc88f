/**
 * One bit a component: whether it lies above the mean. The Hamming distance of such codes orders
 * rows roughly by angle; it only chooses candidates for the int8 codes to sift.
 *
 * Codes are words of 64 bits, component j is bit j % 64 of word j / 64; bits past the last
 * component are 0. Population counts are scalar; i8x16.popcnt was equally fast in a
 * prototype compiled from C and was not tried here.
 */
import { nextRow } from "./lanes";
import { heapOffer, worstOf } from "./heap";

/**
 * Signs of rows 0 … count - 1. `mean` is one float32 row with the stride of the others, 0 for none.
 */
export function signRows(
  rows: usize, stride: usize, mean: usize, count: u32, words: u32, out: usize,
): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = rows + <usize>i * stride;
    const code = out + ((<usize>i * words) << 3);
    for (let word: usize = 0; word < words; word++) {
      const start = word << 8;
      let bits: u64 = 0;
      for (let j: usize = 0; j < 256 && start + j < stride; j += 16) {
        const middle = mean == 0 ? f32x4.splat(0) : v128.load(mean + start + j);
        const four = i32x4.bitmask(f32x4.gt(v128.load(row + start + j), middle));
        bits |= (<u64>four) << (<u64>(j >>> 2));
      }
      store<u64>(code + (word << 3), bits);
    }
  }
}

@inline
function differing(query: usize, code: usize, codeBytes: usize): u32 {
  let sum: u64 = 0;
  for (let j: usize = 0; j < codeBytes; j += 8) {
    sum += popcnt<u64>(load<u64>(query + j) ^ load<u64>(code + j));
  }
  return <u32>sum;
}

/** Scans the codes of a range of rows into the heap; returns the number of its entries. */
export function scanHamming(
  query: usize, codes: usize, words: u32, rowFirst: u32, rowCount: u32,
  bitmap: usize, idBase: u32, heap: usize, heapCount: u32, k: u32,
): u32 {
  const end = rowFirst + rowCount;
  const codeBytes = (<usize>words) << 3;
  let count = heapCount;
  let worst = worstOf(heap, count, k);
  for (let row = nextRow(bitmap, rowFirst, end); row < end; row = nextRow(bitmap, row + 1, end)) {
    const distance = <f32>differing(query, codes + <usize>row * codeBytes, codeBytes);
    if (distance > worst) continue;
    count = heapOffer(heap, count, k, distance, idBase + row);
    worst = worstOf(heap, count, k);
  }
  return count;
}

/**
 * Writes the `limit` rows (or fewer) of a range with the smallest distances, in rising order of row
 * number; of equal distances at the edge the smaller rows. Returns how many.
 *
 * Counting instead of a heap: distances are small integers, so a histogram gives the threshold and
 * a second pass collects. Scratch: `distances` u16 for each row of the range, rounded up to 8 rows;
 * `histogram` u32 for each distance 0 … 64 × words.
 */
export function selectHamming(
  query: usize, codes: usize, words: u32, rowFirst: u32, rowCount: u32,
  bitmap: usize, distances: usize, histogram: usize, limit: u32, idsOut: usize,
): u32 {
  const end = rowFirst + rowCount;
  const codeBytes = (<usize>words) << 3;
  memory.fill(histogram, 0, ((<usize>words << 6) + 1) << 2);
  memory.fill(distances, 0xff, ((<usize>rowCount + 7) & ~7) << 1);
  for (let row = nextRow(bitmap, rowFirst, end); row < end; row = nextRow(bitmap, row + 1, end)) {
    const distance = differing(query, codes + <usize>row * codeBytes, codeBytes);
    store<u16>(distances + ((<usize>(row - rowFirst)) << 1), <u16>distance);
    const place = histogram + ((<usize>distance) << 2);
    store<u32>(place, load<u32>(place) + 1);
  }
  let threshold: u32 = 0, nearer: u32 = 0;
  for (; threshold <= words << 6; threshold++) {
    const next = nearer + load<u32>(histogram + ((<usize>threshold) << 2));
    if (next >= limit) break;
    nearer = next;
  }
  return collect(distances, rowFirst, rowCount, threshold, limit - nearer, idsOut);
}

/** Rows below the threshold, and the first `atThreshold` of those that reach it exactly. */
function collect(
  distances: usize, rowFirst: u32, rowCount: u32, threshold: u32, atThreshold: u32, idsOut: usize,
): u32 {
  const edges = i16x8.splat(<i16>threshold);
  let count: u32 = 0, left = atThreshold;
  for (let i: u32 = 0; i < rowCount; i += 8) {
    const eight = v128.load(distances + ((<usize>i) << 1));
    let near: u32 = i16x8.bitmask(i16x8.le_u(eight, edges));
    for (; near != 0; near &= near - 1) {
      const row = i + ctz(near);
      if (<u32>load<u16>(distances + ((<usize>row) << 1)) == threshold) {
        if (left == 0) continue;
        left--;
      }
      store<u32>(idsOut + ((<usize>count) << 2), rowFirst + row);
      count++;
    }
  }
  return count;
}
