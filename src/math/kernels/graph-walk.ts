/**
 * Walks of a navigable graph (Malkov and Yashunin 2018, algorithms 2 and 5) over int8 codes.
 *
 * Everything is decided by (distance, id), so a walk gives the same rows on every machine and
 * thread. Distances are those of codes: what is found is to be scored again on float32 rows.
 */
import {
  GraphPoint, GraphView, NONE, codeOf, distanceOf, fourSteps, idOf, keyOf, listOf, rowOf, widthOf,
} from "./graph-view";
import { heapPush, heapReplace, poolInsert } from "./graph-pool";
import { nextRow } from "./lanes";

@inline
export function clearVisited(view: GraphView, count: u32): void {
  memory.fill(view.visited, 0, ((<usize>count + 127) >>> 7) << 4);
}

@inline
export function visit(view: GraphView, id: u32): void {
  const byte = view.visited + <usize>(id >>> 3);
  store<u8>(byte, load<u8>(byte) | <u8>((<u32>1) << (id & 7)));
}

/** Distance of one node. */
@inline
export function stepTo(view: GraphView, code: usize, factor: f32, base: f32, row: u32): f32 {
  return f32x4.extract_lane(fourSteps(view, code, factor, base, row, row, row, row), 0);
}

/** Writes the ids of a list that were not visited yet, the last one again up to a group of four. */
@inline
export function gatherFresh(view: GraphView, list: usize, width: u32): u32 {
  const fresh = view.fresh, visited = view.visited;
  let count: u32 = 0;
  for (let i: u32 = 0; i < width; i++) {
    const id = load<u32>(list + ((<usize>i) << 2));
    if (id == NONE) break;
    const byte = visited + <usize>(id >>> 3);
    const bits = <u32>load<u8>(byte), bit = (<u32>1) << (id & 7);
    store<u32>(fresh + ((<usize>count) << 2), id);
    store<u8>(byte, <u8>(bits | bit));
    count += <u32>((bits & bit) == 0);
  }
  if (count > 0) {
    const end = fresh + ((<usize>count) << 2);
    const last = load<u32>(end - 4);
    store<u32>(end, last);
    store<u32>(end, last, 4);
    store<u32>(end, last, 8);
  }
  return count;
}

/**
 * Loads the beginning of each code before the first is needed, its weight, and the list of the node
 * that comes `next` most often: the loads do not wait for each other, so the memory answers several
 * at once. There is no other way to prefetch here.
 */
@inline
export function touch(view: GraphView, level: u32, count: u32, next: u32): void {
  const fresh = view.fresh, second: usize = view.stride > 64 ? 64 : 0;
  const list = listOf(view, next, level), end = list + ((<usize>widthOf(view, level)) << 2);
  let sum = view.touched ^ load<u32>(list) ^ load<u32>(end - 4);
  for (let i: u32 = 0; i < count; i++) {
    const row = rowOf(view, load<u32>(fresh + ((<usize>i) << 2)), level);
    const code = codeOf(view, row);
    sum ^= load<u32>(code) ^ load<u32>(code + second);
    sum ^= load<u32>(view.weights + ((<usize>row) << 2));
  }
  view.touched = sum;
}

/** Loads the beginning of the codes of a list; as `touch`. */
@inline
function touchUpper(view: GraphView, list: usize, level: u32): void {
  const end = list + ((<usize>view.upperWidth) << 2);
  let sum = view.touched;
  for (let at = list; at < end; at += 4) {
    const id = load<u32>(at);
    if (id == NONE) break;
    const row = rowOf(view, id, level), code = codeOf(view, row);
    sum ^= load<u32>(code) ^ load<u32>(view.weights + ((<usize>row) << 2));
  }
  view.touched = sum;
}

/** Goes to the nearest neighbour until none is nearer; gives the ordinal. Level 1 and above. */
export function descend(
  view: GraphView, code: usize, factor: f32, base: f32, from: u32, level: u32,
): u32 {
  const width = view.upperWidth;
  let best = keyOf(stepTo(view, code, factor, base, rowOf(view, from, level)), from);
  for (;;) {
    const list = listOf(view, idOf(best), level);
    touchUpper(view, list, level);
    let nearest = best;
    for (let i: u32 = 0; i < width; i += 4) {
      const at = list + ((<usize>i) << 2);
      const a = load<u32>(at);
      if (a == NONE) break;
      const second = load<u32>(at, 4), third = load<u32>(at, 8), fourth = load<u32>(at, 12);
      const b = second == NONE ? a : second, c = third == NONE ? a : third;
      const d = fourth == NONE ? a : fourth;
      const found = fourSteps(
        view, code, factor, base, rowOf(view, a, level), rowOf(view, b, level),
        rowOf(view, c, level), rowOf(view, d, level));
      nearest = min<u64>(nearest, keyOf(f32x4.extract_lane(found, 0), a));
      nearest = min<u64>(nearest, keyOf(f32x4.extract_lane(found, 1), b));
      nearest = min<u64>(nearest, keyOf(f32x4.extract_lane(found, 2), c));
      nearest = min<u64>(nearest, keyOf(f32x4.extract_lane(found, 3), d));
    }
    if (nearest == best) break;
    best = nearest;
  }
  return idOf(best);
}

/**
 * How far a beam goes: as far as the worst of its pool, unless `kept` rows have been met and the
 * next lies farther than they do and farther than `reach` beyond the `near`th. Infinity for a reach
 * leaves the pool alone. Source: distance-adaptive beams, Al-Jazzazi and others 2025, whose factor
 * is a summand here, so that it is one for every metric.
 */
@inline
export function limitOf(pool: usize, count: u32, ef: u32, near: u32, kept: u32, reach: f32): f32 {
  const worst: f32 =
    count == ef ? distanceOf(load<u64>(pool + ((<usize>(ef - 1)) << 3))) : <f32>Infinity;
  if (count < kept || reach == <f32>Infinity) return worst;
  const last = distanceOf(load<u64>(pool + ((<usize>(kept - 1)) << 3)));
  const edge = distanceOf(load<u64>(pool + ((<usize>(near - 1)) << 3))) + reach;
  return min<f32>(worst, max<f32>(last, edge));
}

/**
 * The nearest of one level that a beam from `from` finds, `ef` at most and within its end, as keys
 * in the pool, nearest first, all marked. Returns how many.
 *
 * @param near, kept, reach  as `limitOf`; `near` is 1 to `kept`.
 */
export function walkLevel(
  view: GraphView, code: usize, factor: f32, base: f32, from: u32, level: u32, ef: u32,
  near: u32, kept: u32, reach: f32,
): u32 {
  const pool = view.pool, fresh = view.fresh, width = widthOf(view, level);
  clearVisited(view, level == 0 ? view.rowCount : view.upperCount);
  visit(view, from);
  store<u64>(pool, keyOf(stepTo(view, code, factor, base, rowOf(view, from, level)), from));
  let count: u32 = 1, cursor: u32 = 0, scored: u32 = 1;
  let worst = limitOf(pool, count, ef, near, kept, reach);
  while (cursor < count) {
    const place = pool + ((<usize>cursor) << 3);
    const key = load<u64>(place);
    if (distanceOf(key) > worst) break;
    cursor++;
    if ((key & 1) != 0) continue;
    store<u64>(place, key | 1);
    const found = gatherFresh(view, listOf(view, idOf(key), level), width);
    scored += found;
    const next = cursor < count ? load<u64>(pool + ((<usize>cursor) << 3)) : key;
    touch(view, level, found, idOf(next));
    for (let i: u32 = 0; i < found; i += 4) {
      const at = fresh + ((<usize>i) << 2);
      const a = load<u32>(at), b = load<u32>(at, 4), c = load<u32>(at, 8), d = load<u32>(at, 12);
      const distances = fourSteps(
        view, code, factor, base, rowOf(view, a, level), rowOf(view, b, level),
        rowOf(view, c, level), rowOf(view, d, level));
      if (!v128.any_true(f32x4.le(distances, f32x4.splat(worst)))) continue;
      for (let lane: u32 = 0, lanes = min<u32>(4, found - i); lane < lanes; lane++) {
        const id = load<u32>(at + ((<usize>lane) << 2));
        const position = poolInsert(pool, count, ef, keyOf(laneOf(distances, lane), id));
        if (position == NONE) continue;
        if (count < ef) count++;
        if (position < cursor) cursor = position;
      }
      worst = limitOf(pool, count, ef, near, kept, reach);
    }
  }
  view.scored = scored;
  return countWithin(pool, count, worst);
}

/** What was put in the pool beside a nearer row, and is beyond the end of the walk, is left out. */
@inline
export function countWithin(pool: usize, count: u32, worst: f32): u32 {
  while (count > 1 && distanceOf(load<u64>(pool + ((<usize>(count - 1)) << 3))) > worst) count--;
  return count;
}

@inline
export function laneOf(distances: v128, lane: u32): f32 {
  if (lane == 0) return f32x4.extract_lane(distances, 0);
  if (lane == 1) return f32x4.extract_lane(distances, 1);
  return lane == 2 ? f32x4.extract_lane(distances, 2) : f32x4.extract_lane(distances, 3);
}

/** The row nearest to the point among those that a descent from `entry` meets. */
@inline
export function rowBelow(
  view: GraphView, code: usize, factor: f32, base: f32, entry: u32, entryLevel: u32,
): u32 {
  if (entryLevel == 0) return entry;
  let ordinal = entry;
  for (let level = entryLevel; level > 0; level--) {
    ordinal = descend(view, code, factor, base, ordinal, level);
  }
  return rowOf(view, ordinal, 1);
}

/**
 * The nearest rows that a walk finds, `ef` at most, as keys in the pool, nearest first. Returns how
 * many.
 *
 * @param entry              an ordinal of `entryLevel`, a row when that is 0.
 * @param near, kept, reach  how far it goes, as `limitOf`.
 */
export function graphSearch(
  viewAt: usize, pointAt: usize, entry: u32, entryLevel: u32, ef: u32,
  near: u32, kept: u32, reach: f32,
): u32 {
  const view = changetype<GraphView>(viewAt), point = changetype<GraphPoint>(pointAt);
  const code = point.code, factor = point.factor, base = point.base;
  const from = rowBelow(view, code, factor, base, entry, entryLevel);
  return walkLevel(view, code, factor, base, from, 0, ef, near, kept, reach);
}

/**
 * The `ef` nearest allowed rows, as keys in the pool, nearest first. Returns how many.
 *
 * Walks through rejected rows and collects allowed ones, so the walk goes on as far as it must
 * until `ef` are found. It ends early when it has scored more than `scoredMax` rows: `scored` of
 * the view then says so, and what was found is not to be trusted.
 */
export function graphSearchAllowed(
  viewAt: usize, pointAt: usize, entry: u32, entryLevel: u32, ef: u32,
  allowed: usize, scoredMax: u32,
): u32 {
  const view = changetype<GraphView>(viewAt), point = changetype<GraphPoint>(pointAt);
  const code = point.code, factor = point.factor, base = point.base;
  const from = rowBelow(view, code, factor, base, entry, entryLevel);
  const heap = view.sorted, pool = view.pool, fresh = view.fresh, width = view.width;
  clearVisited(view, view.rowCount);
  visit(view, from);
  const first = keyOf(stepTo(view, code, factor, base, from), from);
  store<u64>(heap, first);
  let waiting: u32 = 1, count: u32 = 0, scored: u32 = 1;
  // Among the results the farthest is first: the complement turns the order round.
  if (isIn(allowed, from)) {
    store<u64>(pool, ~first);
    count = 1;
  }
  while (waiting > 0 && scored <= scoredMax) {
    const key = load<u64>(heap);
    if (count == ef && key > ~load<u64>(pool)) break;
    waiting--;
    if (waiting > 0) heapReplace(heap, waiting, load<u64>(heap + ((<usize>waiting) << 3)));
    const found = gatherFresh(view, listOf(view, idOf(key), 0), width);
    scored += found;
    touch(view, 0, found, idOf(waiting > 0 ? load<u64>(heap) : key));
    for (let i: u32 = 0; i < found; i += 4) {
      const at = fresh + ((<usize>i) << 2);
      const distances = fourSteps(
        view, code, factor, base, load<u32>(at), load<u32>(at, 4), load<u32>(at, 8),
        load<u32>(at, 12));
      for (let lane: u32 = 0, lanes = min<u32>(4, found - i); lane < lanes; lane++) {
        const id = load<u32>(at + ((<usize>lane) << 2));
        const next = keyOf(laneOf(distances, lane), id);
        if (count == ef && next > ~load<u64>(pool)) continue;
        heapPush(heap, waiting, next);
        waiting++;
        if (!isIn(allowed, id)) continue;
        if (count < ef) heapPush(pool, count++, ~next);
        else heapReplace(pool, count, ~next);
      }
    }
  }
  view.scored = scored;
  sortFarthestFirst(pool, count);
  return count;
}

@inline
function isIn(bitmap: usize, row: u32): bool {
  return (load<u8>(bitmap + <usize>(row >>> 3)) & <u8>((<u32>1) << (row & 7))) != 0;
}

/** Turns a heap of complements into keys, smallest key first. */
function sortFarthestFirst(pool: usize, count: u32): void {
  for (let last = count; last > 0; ) {
    last--;
    const end = pool + ((<usize>last) << 3);
    const farthest = load<u64>(pool), moved = load<u64>(end);
    if (last > 0) heapReplace(pool, last, moved);
    store<u64>(end, ~farthest);
  }
}

/**
 * The `k` nearest rows without the graph, in its own distances: what a walk is compared with.
 * `bitmap` 0 for all rows.
 */
export function graphScan(viewAt: usize, pointAt: usize, bitmap: usize, k: u32): u32 {
  const view = changetype<GraphView>(viewAt), point = changetype<GraphPoint>(pointAt);
  const code = point.code, factor = point.factor, base = point.base;
  const pool = view.pool, end = view.rowCount;
  let count: u32 = 0;
  let r0 = nextRow(bitmap, 0, end);
  while (r0 < end) {
    const r1 = nextRow(bitmap, r0 + 1, end), r2 = nextRow(bitmap, r1 + 1, end);
    const r3 = nextRow(bitmap, r2 + 1, end);
    const distances = fourSteps(
      view, code, factor, base, r0, r1 < end ? r1 : r0, r2 < end ? r2 : r0, r3 < end ? r3 : r0);
    const worst: f32 =
      count < k ? <f32>Infinity : distanceOf(load<u64>(pool + ((<usize>(k - 1)) << 3)));
    if (v128.any_true(f32x4.le(distances, f32x4.splat(worst)))) {
      count = offer(pool, count, k, keyOf(f32x4.extract_lane(distances, 0), r0));
      if (r1 < end) count = offer(pool, count, k, keyOf(f32x4.extract_lane(distances, 1), r1));
      if (r2 < end) count = offer(pool, count, k, keyOf(f32x4.extract_lane(distances, 2), r2));
      if (r3 < end) count = offer(pool, count, k, keyOf(f32x4.extract_lane(distances, 3), r3));
    }
    r0 = nextRow(bitmap, r3 + 1, end);
  }
  return count;
}

function offer(pool: usize, count: u32, limit: u32, key: u64): u32 {
  return poolInsert(pool, count, limit, key) == NONE || count == limit ? count : count + 1;
}

/** Copies the ids of sorted keys. */
export function poolRows(pool: usize, count: u32, rowsOut: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(rowsOut + ((<usize>i) << 2), idOf(load<u64>(pool + ((<usize>i) << 3))));
  }
}
