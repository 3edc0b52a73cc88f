/** Keys of (distance, id) in order: a sorted pool for a beam, and a binary heap. */
import { NONE } from "./graph-view";

/**
 * Puts a key in its place among `count` sorted keys, of which the `limit` smallest stay. Returns
 * its position, NONE when it is no better than what a full pool has. `count` is the caller's to
 * raise.
 *
 * A sorted array and no heap: a beam reads its nearest unmarked key at each step, and moving some
 * hundred bytes costs less than two heaps.
 */
@inline
export function poolInsert(pool: usize, count: u32, limit: u32, key: u64): u32 {
  if (count == limit && key >= load<u64>(pool + ((<usize>(count - 1)) << 3))) return NONE;
  let low: u32 = 0, high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u64>(pool + ((<usize>middle) << 3)) < key) low = middle + 1;
    else high = middle;
  }
  const place = pool + ((<usize>low) << 3);
  let end = pool + ((<usize>(count < limit ? count : limit - 1)) << 3);
  while (end >= place + 16) {
    v128.store(end - 8, v128.load(end - 16));
    end -= 16;
  }
  if (end > place) store<u64>(end, load<u64>(end - 8));
  store<u64>(place, key);
  return low;
}

/** Adds a key to a heap whose smallest is first. */
export function heapPush(heap: usize, count: u32, key: u64): void {
  let place = count;
  while (place > 0) {
    const parent = (place - 1) >>> 1;
    const other = load<u64>(heap + ((<usize>parent) << 3));
    if (other <= key) break;
    store<u64>(heap + ((<usize>place) << 3), other);
    place = parent;
  }
  store<u64>(heap + ((<usize>place) << 3), key);
}

/** Puts a key into the hole at the root of a heap of `count` keys. */
export function heapReplace(heap: usize, count: u32, key: u64): void {
  let place: u32 = 0;
  for (;;) {
    let child = (place << 1) + 1;
    if (child >= count) break;
    let other = load<u64>(heap + ((<usize>child) << 3));
    if (child + 1 < count) {
      const right = load<u64>(heap + ((<usize>child) << 3), 8);
      if (right < other) {
        other = right;
        child++;
      }
    }
    if (key <= other) break;
    store<u64>(heap + ((<usize>place) << 3), other);
    place = child;
  }
  store<u64>(heap + ((<usize>place) << 3), key);
}
