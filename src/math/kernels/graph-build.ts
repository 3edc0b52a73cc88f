/**
 * Builds a navigable graph row by row (Malkov and Yashunin 2018, algorithms 1 and 4): neighbours
 * are chosen by the heuristic, neither extended nor filled up with what it discards.
 */
import {
  GraphView, NONE, baseOf, codeOf, distanceOf, factorOf, fourSteps, idOf, keyOf, listOf, rowOf,
  widthOf,
} from "./graph-view";
import { poolInsert } from "./graph-pool";
import { descend, walkLevel } from "./graph-walk";

/**
 * Chooses up to `limit` of the candidates at `pool`, nearest first: one that is nearer to a chosen
 * one than to the point they were measured from is left out, the chosen one leads to it. Writes ids
 * to `out`, and NONE up to `width`.
 */
export function choose(
  view: GraphView, level: u32, pool: usize, count: u32, limit: u32, out: usize, width: u32,
): u32 {
  let chosen: u32 = 0;
  for (let i: u32 = 0; i < count && chosen < limit; i++) {
    const key = load<u64>(pool + ((<usize>i) << 3));
    const id = idOf(key), row = rowOf(view, id, level);
    if (isNearOne(view, level, row, distanceOf(key), out, chosen)) continue;
    store<u32>(out + ((<usize>chosen) << 2), id);
    chosen++;
  }
  for (let i = chosen; i < width; i++) store<u32>(out + ((<usize>i) << 2), NONE);
  return chosen;
}

@inline
function isNearOne(
  view: GraphView, level: u32, row: u32, distance: f32, ids: usize, count: u32,
): bool {
  const code = codeOf(view, row), factor = factorOf(view, row), base = baseOf(view, row);
  const limit = f32x4.splat(distance);
  for (let i: u32 = 0; i < count; i += 4) {
    const at = ids + ((<usize>i) << 2);
    const a = rowOf(view, load<u32>(at), level);
    const b = i + 1 < count ? rowOf(view, load<u32>(at, 4), level) : a;
    const c = i + 2 < count ? rowOf(view, load<u32>(at, 8), level) : a;
    const d = i + 3 < count ? rowOf(view, load<u32>(at, 12), level) : a;
    const found = fourSteps(view, code, factor, base, a, b, c, d);
    if (v128.any_true(f32x4.lt(found, limit))) return true;
  }
  return false;
}

/** Sorts ids by their distance from a node into `sorted`; returns how many. */
function measure(view: GraphView, id: u32, level: u32, ids: usize, idCount: u32): u32 {
  const row = rowOf(view, id, level);
  const code = codeOf(view, row), factor = factorOf(view, row), base = baseOf(view, row);
  const sorted = view.sorted;
  let count: u32 = 0;
  for (let i: u32 = 0; i < idCount; i += 4) {
    const at = ids + ((<usize>i) << 2);
    const a = load<u32>(at), left = idCount - i;
    const b = left > 1 ? load<u32>(at, 4) : a, c = left > 2 ? load<u32>(at, 8) : a;
    const d = left > 3 ? load<u32>(at, 12) : a;
    const found = fourSteps(
      view, code, factor, base, rowOf(view, a, level), rowOf(view, b, level),
      rowOf(view, c, level), rowOf(view, d, level));
    count = put(sorted, count, idCount, f32x4.extract_lane(found, 0), a);
    if (left > 1) count = put(sorted, count, idCount, f32x4.extract_lane(found, 1), b);
    if (left > 2) count = put(sorted, count, idCount, f32x4.extract_lane(found, 2), c);
    if (left > 3) count = put(sorted, count, idCount, f32x4.extract_lane(found, 3), d);
  }
  return count;
}

/** There is room. */
@inline
function put(pool: usize, count: u32, limit: u32, distance: f32, id: u32): u32 {
  poolInsert(pool, count, limit, keyOf(distance, id));
  return count + 1;
}

/** Makes `id` a neighbour of `target`, which may lose another one for it. */
export function linkBack(view: GraphView, level: u32, target: u32, id: u32): void {
  const list = listOf(view, target, level), width = widthOf(view, level);
  for (let i: u32 = 0; i < width; i++) {
    const at = list + ((<usize>i) << 2);
    if (load<u32>(at) != NONE) continue;
    store<u32>(at, id);
    return;
  }
  // The list is full: its ids and the new one, in a place where they lie one behind the other.
  const ids = view.fresh;
  memory.copy(ids, list, (<usize>width) << 2);
  store<u32>(ids + ((<usize>width) << 2), id);
  const count = measure(view, target, level, ids, width + 1);
  choose(view, level, view.sorted, count, width, list, width);
}

/** Finds neighbours of a node on one level and links both ways; returns the nearest of them. */
function join(view: GraphView, id: u32, level: u32, from: u32, efConstruction: u32): u32 {
  const row = rowOf(view, id, level);
  const code = codeOf(view, row), factor = factorOf(view, row), base = baseOf(view, row);
  const count = walkLevel(
    view, code, factor, base, from, level, efConstruction, 1, efConstruction, <f32>Infinity);
  const nearest = idOf(load<u64>(view.pool));
  // New nodes get no more than the upper width on level 0 too: the rest of a list is for others.
  const chosen = choose(
    view, level, view.pool, count, view.upperWidth, view.chosen, view.upperWidth);
  const list = listOf(view, id, level), width = widthOf(view, level);
  for (let i: u32 = 0; i < width; i++) {
    const neighbour = i < chosen ? load<u32>(view.chosen + ((<usize>i) << 2)) : NONE;
    store<u32>(list + ((<usize>i) << 2), neighbour);
  }
  for (let i: u32 = 0; i < chosen; i++) {
    linkBack(view, level, load<u32>(view.chosen + ((<usize>i) << 2)), id);
  }
  return nearest;
}

/**
 * Puts a row into the graph. Its lists must be empty (NONE).
 *
 * @param ordinal    of the row, when `level` is above 0.
 * @param entry      an ordinal of `entryLevel`, a row when that is 0: not of this row.
 */
export function graphInsert(
  viewAt: usize, row: u32, ordinal: u32, level: u32, entry: u32, entryLevel: u32,
  efConstruction: u32,
): void {
  const view = changetype<GraphView>(viewAt);
  const code = codeOf(view, row), factor = factorOf(view, row), base = baseOf(view, row);
  let from = entry;
  for (let above = entryLevel; above > level; above--) {
    from = descend(view, code, factor, base, from, above);
  }
  for (let joined = min<u32>(level, entryLevel); joined > 0; joined--) {
    from = join(view, ordinal, joined, from, efConstruction);
  }
  join(view, row, 0, entryLevel == 0 ? from : rowOf(view, from, 1), efConstruction);
}

/**
 * Gives a node the neighbours that the heuristic chooses of `idCount` ids, of which none is the
 * node itself and none is there twice. Links one way.
 *
 * @param countMin at most the width: when the heuristic chooses fewer, the nearest others fill up.
 */
export function graphLink(
  viewAt: usize, id: u32, level: u32, ids: usize, idCount: u32, countMin: u32,
): void {
  const view = changetype<GraphView>(viewAt);
  const count = measure(view, id, level, ids, idCount);
  const width = widthOf(view, level), list = listOf(view, id, level);
  let chosen = choose(view, level, view.sorted, count, width, list, width);
  for (let i: u32 = 0; i < count && chosen < countMin; i++) {
    const other = idOf(load<u64>(view.sorted + ((<usize>i) << 3)));
    if (isListed(list, chosen, other)) continue;
    store<u32>(list + ((<usize>chosen) << 2), other);
    chosen++;
  }
}

function isListed(list: usize, count: u32, id: u32): bool {
  for (let i: u32 = 0; i < count; i++) if (load<u32>(list + ((<usize>i) << 2)) == id) return true;
  return false;
}

/** True when each of `count` ids, a multiple of 4, is below `limit` or NONE. */
export function graphLinksBelow(ids: usize, count: u32, limit: u32): bool {
  const end = ids + ((<usize>count) << 2), limits = i32x4.splat(<i32>limit);
  let beyond = i32x4.splat(0);
  for (let at = ids; at < end; at += 16) {
    const found = v128.load(at);
    // A comparison without a sign, and NONE allowed.
    const isBelow = v128.or(i32x4.lt_u(found, limits), i32x4.eq(found, i32x4.splat(-1)));
    beyond = v128.or(beyond, v128.not(isBelow));
  }
  return !v128.any_true(beyond);
}
