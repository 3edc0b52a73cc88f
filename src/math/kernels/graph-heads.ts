/**
 * A walk that reads the beginnings of codes first, and the rest only of those that may be near: of
 * long codes most of the time is memory, and most rows a walk meets are far.
 *
 * The idea is that of ADSampling (Gao and Long 2023), without its rotation: how much the beginning
 * of a code tells is measured for each graph, ../../vector/graph/code-head.ts.
 */
import { fourDots } from "./int8";
import { farIfUnordered, gather } from "./lanes";
import { poolInsert } from "./graph-pool";
import {
  GraphPoint, GraphView, NONE, codeOf, distanceOf, idOf, keyOf, listOf,
} from "./graph-view";
import {
  clearVisited, countWithin, gatherFresh, laneOf, limitOf, rowBelow, stepTo, visit,
} from "./graph-walk";

/** Distances of four rows from their dot products; as `fourSteps` of graph-view.ts. */
@inline
function stepsOf(
  view: GraphView, sums: v128, factor: f32, base: f32, r0: u32, r1: u32, r2: u32, r3: u32,
): v128 {
  const byRow = f32x4.mul(f32x4.convert_i32x4_s(sums), gather(view.weights, r0, r1, r2, r3));
  const near = f32x4.mul(byRow, f32x4.splat(factor));
  const bases = view.bases;
  if (bases == 0) return farIfUnordered(f32x4.sub(f32x4.splat(0), near));
  const far = f32x4.add(gather(bases, r0, r1, r2, r3), f32x4.splat(base));
  return farIfUnordered(f32x4.sub(far, near));
}

/** Loads a part of each code before the first is needed; as `touch` of graph-walk.ts. */
@inline
function touchPart(view: GraphView, count: u32, begin: usize, end: usize): void {
  const fresh = view.fresh;
  let sum = view.touched;
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(fresh + ((<usize>i) << 2));
    const code = codeOf(view, row);
    for (let at = begin; at < end; at += 64) sum ^= load<u32>(code + at);
    if (begin == 0) sum ^= load<u32>(view.weights + ((<usize>row) << 2));
  }
  view.touched = sum;
}

/**
 * Leaves the fresh rows that may be nearer than `limit`, with the dot products of their beginnings
 * at `chosen`; the last one again up to a group of four. Returns how many.
 *
 * Every row is written, and the place moves on behind those that stay: which they are cannot be
 * foreseen, and a wrong guess of a branch costs as much as a row.
 */
@inline
function keepNear(
  view: GraphView, code: usize, factor: f32, base: f32, head: usize, limit: f32, count: u32,
): u32 {
  const fresh = view.fresh, partial = view.chosen, limits = f32x4.splat(limit);
  let kept: usize = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const at = fresh + ((<usize>i) << 2);
    const a = load<u32>(at), b = load<u32>(at, 4), c = load<u32>(at, 8), d = load<u32>(at, 12);
    const sums = fourDots(
      code, head, codeOf(view, a), codeOf(view, b), codeOf(view, c), codeOf(view, d));
    const guess = stepsOf(view, sums, factor, base, a, b, c, d);
    const left = count - i, all: u32 = left < 4 ? (1 << left) - 1 : 15;
    const near = <u32>i32x4.bitmask(f32x4.le(guess, limits)) & all;
    store<u32>(fresh + kept, a);
    store<i32>(partial + kept, i32x4.extract_lane(sums, 0));
    kept += <usize>(near & 1) << 2;
    store<u32>(fresh + kept, b);
    store<i32>(partial + kept, i32x4.extract_lane(sums, 1));
    kept += <usize>(near & 2) << 1;
    store<u32>(fresh + kept, c);
    store<i32>(partial + kept, i32x4.extract_lane(sums, 2));
    kept += <usize>(near & 4);
    store<u32>(fresh + kept, d);
    store<i32>(partial + kept, i32x4.extract_lane(sums, 3));
    kept += <usize>(near & 8) >>> 1;
  }
  if (kept > 0) {
    const end = fresh + kept, last = load<u32>(end - 4);
    store<u32>(end, last);
    store<u32>(end, last, 4);
    store<u32>(end, last, 8);
  }
  return <u32>(kept >>> 2);
}

/**
 * As `graphSearch`, for codes longer than `head`, a multiple of 64: rows are left out whose first
 * `head` bytes say that they are farther than the walk goes by more than `margin`. A margin of
 * infinity leaves none out, and gives what `graphSearch` gives.
 *
 * @param ratio  of the whole dot product to that of the beginnings.
 */
export function graphSearchHeads(
  viewAt: usize, pointAt: usize, entry: u32, entryLevel: u32, ef: u32,
  near: u32, kept: u32, reach: f32, head: usize, ratio: f32, margin: f32,
): u32 {
  const view = changetype<GraphView>(viewAt), point = changetype<GraphPoint>(pointAt);
  const code = point.code, factor = point.factor, base = point.base;
  const pool = view.pool, fresh = view.fresh, partial = view.chosen, tail = view.stride - head;
  const from = rowBelow(view, code, factor, base, entry, entryLevel);
  clearVisited(view, view.rowCount);
  visit(view, from);
  store<u64>(pool, keyOf(stepTo(view, code, factor, base, from), from));
  let count: u32 = 1, cursor: u32 = 0, scored: u32 = 1;
  let worst = limitOf(pool, count, ef, near, kept, reach);
  while (cursor < count) {
    const place = pool + ((<usize>cursor) << 3);
    const key = load<u64>(place);
    if (distanceOf(key) > worst) break;
    cursor++;
    if ((key & 1) != 0) continue;
    store<u64>(place, key | 1);
    const found = gatherFresh(view, listOf(view, idOf(key), 0), view.width);
    scored += found;
    const next = listOf(view, idOf(cursor < count ? load<u64>(place, 8) : key), 0);
    view.touched ^= load<u32>(next) ^ load<u32>(next + ((<usize>view.width) << 2) - 4);
    touchPart(view, found, 0, head);
    const chosen = keepNear(view, code, factor * ratio, base, head, worst + margin, found);
    touchPart(view, chosen, head, view.stride);
    for (let i: u32 = 0; i < chosen; i += 4) {
      const at = fresh + ((<usize>i) << 2);
      const a = load<u32>(at), b = load<u32>(at, 4), c = load<u32>(at, 8), d = load<u32>(at, 12);
      const rest = fourDots(
        code + head, tail, codeOf(view, a) + head, codeOf(view, b) + head, codeOf(view, c) + head,
        codeOf(view, d) + head);
      const sums = i32x4.add(v128.load(partial + ((<usize>i) << 2)), rest);
      const distances = stepsOf(view, sums, factor, base, a, b, c, d);
      if (!v128.any_true(f32x4.le(distances, f32x4.splat(worst)))) continue;
      for (let lane: u32 = 0, lanes = min<u32>(4, chosen - i); lane < lanes; lane++) {
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
