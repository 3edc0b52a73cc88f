/**
 * The k nearest so far, as a binary max-heap in memory: entries of 8 bytes {f32 distance, u32 row},
 * worst first. Order is (distance, row), so of equal distances the smaller row stays. The number of
 * entries is the caller's: a scan is given it and gives it back, which lets a scan be cut into
 * slices and run on over other blocks of rows.
 */

@inline
function isAfter(distance: f32, row: u32, other: usize): bool {
  const otherDistance = load<f32>(other);
  return distance > otherDistance || (distance == otherDistance && row > load<u32>(other, 4));
}

@inline
function put(entry: usize, distance: f32, row: u32): void {
  store<f32>(entry, distance);
  store<u32>(entry, row, 4);
}

/** Nothing beyond this distance can enter; infinity while there is room. */
@inline
export function worstOf(heap: usize, count: u32, k: u32): f32 {
  return count < k ? <f32>Infinity : load<f32>(heap);
}

/** Offers one candidate; returns the number of entries after it. k is at least 1. */
export function heapOffer(heap: usize, count: u32, k: u32, distance: f32, row: u32): u32 {
  if (count < k) {
    siftUp(heap, count, distance, row);
    return count + 1;
  }
  if (!isAfter(distance, row, heap)) siftDown(heap, count, distance, row);
  return count;
}

function siftUp(heap: usize, start: u32, distance: f32, row: u32): void {
  let place = start;
  while (place > 0) {
    const parent = (place - 1) >>> 1;
    const entry = heap + ((<usize>parent) << 3);
    if (!isAfter(distance, row, entry)) break;
    store<u64>(heap + ((<usize>place) << 3), load<u64>(entry));
    place = parent;
  }
  put(heap + ((<usize>place) << 3), distance, row);
}

/** Puts an entry into the hole at the root of a heap of `count` entries. */
function siftDown(heap: usize, count: u32, distance: f32, row: u32): void {
  let place: u32 = 0;
  for (;;) {
    let child = (place << 1) + 1;
    if (child >= count) break;
    let entry = heap + ((<usize>child) << 3);
    if (child + 1 < count && isAfter(load<f32>(entry, 8), load<u32>(entry, 12), entry)) {
      child++;
      entry += 8;
    }
    if (isAfter(distance, row, entry)) break;
    store<u64>(heap + ((<usize>place) << 3), load<u64>(entry));
    place = child;
  }
  put(heap + ((<usize>place) << 3), distance, row);
}

/** Sorts the entries, nearest first. They are no heap any more afterwards. */
export function heapSort(heap: usize, count: u32): void {
  for (let last = count; last > 1; ) {
    last--;
    const entry = heap + ((<usize>last) << 3);
    const distance = load<f32>(entry);
    const row = load<u32>(entry, 4);
    store<u64>(entry, load<u64>(heap));
    siftDown(heap, last, distance, row);
  }
}

/** Copies the rows of the entries, in their order, as the list for the next stage. */
export function heapRows(heap: usize, count: u32, rowsOut: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(rowsOut + ((<usize>i) << 2), load<u32>(heap + ((<usize>i) << 3), 4));
  }
}

/** Offers a list of rows with their distances; returns the number of entries. */
export function offerRows(
  ids: usize, distances: usize, listCount: u32, idBase: u32, heap: usize, heapCount: u32, k: u32,
): u32 {
  let count = heapCount;
  for (let i: u32 = 0; i < listCount; i++) {
    const at = (<usize>i) << 2;
    count = heapOffer(heap, count, k, load<f32>(distances + at), idBase + load<u32>(ids + at));
  }
  return count;
}

/** Offers up to four rows at once, those whose number lies below `end`. */
@inline
export function offerFour(
  heap: usize, heapCount: u32, k: u32, distances: v128,
  a: u32, b: u32, c: u32, d: u32, end: u32, idBase: u32,
): u32 {
  let count = heapOffer(heap, heapCount, k, f32x4.extract_lane(distances, 0), idBase + a);
  if (b < end) count = heapOffer(heap, count, k, f32x4.extract_lane(distances, 1), idBase + b);
  if (c < end) count = heapOffer(heap, count, k, f32x4.extract_lane(distances, 2), idBase + c);
  if (d < end) count = heapOffer(heap, count, k, f32x4.extract_lane(distances, 3), idBase + d);
  return count;
}
