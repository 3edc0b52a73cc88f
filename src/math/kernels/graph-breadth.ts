/** How broad a walk of a graph must be, or how far it must reach, to meet given neighbours. */
import {
  GraphPoint, GraphView, NONE, distanceOf, fourSteps, idOf, keyOf, listOf,
} from "./graph-view";
import { poolInsert } from "./graph-pool";
import { clearVisited, gatherFresh, laneOf, rowBelow, stepTo, touch, visit } from "./graph-walk";

/**
 * The breadths that `graphSearch` needs to meet one, two and more rows as near as `edge`, rising;
 * returns how many, at most `wanted`, which is at most `ef`.
 *
 * A walk goes on from the nearest row that it has not gone on from, and ends where that one's place
 * among all rows met is beyond its breadth. So two walks take the same steps for as long as the
 * narrower one lasts, and one walk of breadth `ef` tells all narrower ones: a row is met by those
 * as broad as the farthest place that was gone on from before.
 *
 * Behind `wanted` breadths stand as many reaches: a row is met by walks that reach as far beyond
 * the `wanted`th of the rows met as any that was gone on from before lay beyond it then.
 *
 * @param edge the upper half of a key: a distance as a number that sorts as it does.
 */
export function graphBreadths(
  viewAt: usize, pointAt: usize, entry: u32, entryLevel: u32, ef: u32,
  edge: u32, wanted: u32, breadthsOut: usize,
): u32 {
  const view = changetype<GraphView>(viewAt), point = changetype<GraphPoint>(pointAt);
  const code = point.code, factor = point.factor, base = point.base;
  const pool = view.pool, fresh = view.fresh;
  const from = rowBelow(view, code, factor, base, entry, entryLevel);
  clearVisited(view, view.rowCount);
  visit(view, from);
  const first = keyOf(stepTo(view, code, factor, base, from), from);
  store<u64>(pool, first);
  let count: u32 = 1, cursor: u32 = 0, met: u32 = 0, breadth: u32 = 1;
  const reachesOut = breadthsOut + ((<usize>wanted) << 2);
  let reach: f32 = 0;
  if (<u32>(first >>> 32) <= edge) {
    store<u32>(breadthsOut, breadth);
    store<f32>(reachesOut, reach);
    met = 1;
  }
  let worst: f32 = ef > 1 ? <f32>Infinity : distanceOf(first);
  while (cursor < count && met < wanted) {
    const place = pool + ((<usize>cursor) << 3);
    const key = load<u64>(place);
    cursor++;
    if ((key & 1) != 0) continue;
    store<u64>(place, key | 1);
    breadth = max<u32>(breadth, cursor);
    if (count >= wanted) {
      const last = distanceOf(load<u64>(pool + ((<usize>(wanted - 1)) << 3)));
      const beyond = distanceOf(key) - last;
      // Of two that are infinitely far.
      reach = max<f32>(reach, beyond == beyond ? beyond : <f32>Infinity);
    }
    const found = gatherFresh(view, listOf(view, idOf(key), 0), view.width);
    touch(view, 0, found, idOf(cursor < count ? load<u64>(place, 8) : key));
    for (let i: u32 = 0; i < found; i += 4) {
      const at = fresh + ((<usize>i) << 2);
      const distances = fourSteps(
        view, code, factor, base, load<u32>(at), load<u32>(at, 4), load<u32>(at, 8),
        load<u32>(at, 12));
      if (!v128.any_true(f32x4.le(distances, f32x4.splat(worst)))) continue;
      for (let lane: u32 = 0, lanes = min<u32>(4, found - i); lane < lanes; lane++) {
        const near = keyOf(laneOf(distances, lane), load<u32>(at + ((<usize>lane) << 2)));
        const position = poolInsert(pool, count, ef, near);
        if (position == NONE) continue;
        if (count < ef) count++;
        if (position < cursor) cursor = position;
        if (<u32>(near >>> 32) > edge || met == wanted) continue;
        store<u32>(breadthsOut + ((<usize>met) << 2), breadth);
        store<f32>(reachesOut + ((<usize>met) << 2), reach);
        met++;
      }
      if (count == ef) worst = distanceOf(load<u64>(pool + ((<usize>(ef - 1)) << 3)));
    }
  }
  return met;
}
