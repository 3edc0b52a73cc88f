/**
 * How broad a search of a graph must be: rows as queries, walks against the scan of all codes.
 *
 * The check is about the graph, so both sides measure with codes; scoring again on float32 rows
 * afterwards loses nothing (bench/graph.bench.ts).
 */
import type { Kernels, SharedMemory } from "../../math/index.ts";
import { GRAPH_RECALLS, type GraphHeader } from "./graph-layout.ts";
import { rowPoint, writePoint, type GraphTarget } from "./graph-view.ts";

/** Queries of the check. */
export const RECALL_SAMPLE_ROWS = 128;
/** Neighbours looked for. */
export const RECALL_K = 10;
/** Breadths tried first, each about a quarter to a half more than the one before. */
export const EF_LADDER = [
  10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1_280, 1_792,
] as const;

export interface MeasuredGraph {
  readonly kernels: Kernels;
  readonly memory: SharedMemory;
  readonly target: GraphTarget;
}

/** Byte offsets in the memory: a view that is written, room for a point, the pool. */
export interface MeasurePlaces {
  readonly view: number;
  readonly point: number;
  readonly pool: number;
  /** Bits of the rows that are in the graph. */
  readonly inserted: number;
}

/** Halvings of the gap between two of {@link EF_LADDER}: a breadth is right to a tenth or so. */
const EF_HALVINGS = 2;

/**
 * A breadth for each of {@link GRAPH_RECALLS}, as small as two halvings tell; 0 where none of the
 * ladder suffices.
 *
 * @param queries `isStrange`: they are not in the graph yet. Rows that are in it find themselves
 *   and are better connected than a stranger: then themselves do not count, and a step of the
 *   ladder is added.
 *
 * Pauses after each query: a scan of all codes, or a walk.
 */
export function* measureEfs(
  graph: MeasuredGraph,
  places: MeasurePlaces,
  { rows, isStrange }: { readonly rows: Uint32Array; readonly isStrange: boolean },
): Generator<undefined, GraphHeader["efs"]> {
  const { kernels, memory, target } = graph;
  const own = isStrange ? 0 : 1;
  const points = Array.from(rows, (row) => rowPoint(memory, target, row));
  // The 10th distance decides, not the rows: of equal ones any is right.
  const edges: Uint32Array[] = [];
  for (const point of points) {
    writePoint(memory, places.point, point);
    const { view, inserted } = places;
    const count = kernels.graphScan(view, places.point, inserted, RECALL_K + own);
    edges.push(distancesIn(memory, places.pool, count));
    yield;
  }
  const recallAt = function* (ef: number): Generator<undefined, number> {
    let found = 0;
    let wanted = 0;
    for (const [i, point] of points.entries()) {
      const exact = edges[i] ?? new Uint32Array(0);
      writePoint(memory, places.point, point);
      const { entry, entryLevel } = target;
      const count = kernels.graphSearch(places.view, places.point, entry, entryLevel, ef + own);
      const edge = exact.at(-1) ?? 0;
      const near = distancesIn(memory, places.pool, Math.min(count, exact.length));
      found += Math.max(0, near.filter((distance) => distance <= edge).length - own);
      wanted += exact.length - own;
      yield;
    }
    return wanted === 0 ? 1 : found / wanted;
  };
  const efs = yield* breadths(recallAt);
  return isStrange ? efs : efs.map((ef) => (ef === 0 ? 0 : nextStep(ef)));
}

/** Breadths by recall; each is measured once. */
function* breadths(
  recallAt: (ef: number) => Generator<undefined, number>,
): Generator<undefined, readonly number[]> {
  const known = new Map<number, number>();
  const recall = function* (ef: number): Generator<undefined, number> {
    const value = known.get(ef) ?? (yield* recallAt(ef));
    known.set(ef, value);
    return value;
  };
  let step = 0;
  const efs: number[] = [];
  for (const wanted of GRAPH_RECALLS) {
    while (step < EF_LADDER.length && (yield* recall(EF_LADDER[step] ?? 0)) < wanted) step++;
    let high = EF_LADDER[step] ?? 0;
    let low = EF_LADDER[step - 1] ?? high;
    for (let i = 0; i < EF_HALVINGS && high - low > 1; i++) {
      const middle = (low + high) >>> 1;
      if ((yield* recall(middle)) < wanted) low = middle;
      else high = middle;
    }
    efs.push(high);
  }
  return efs;
}

function nextStep(ef: number): number {
  return EF_LADDER.find((step) => step > ef) ?? EF_LADDER.at(-1) ?? ef;
}

/** The upper halves of keys: distances as numbers that sort as they do. */
function distancesIn(memory: SharedMemory, pool: number, count: number): Uint32Array {
  const words = new Uint32Array(memory.buffer, pool, count * 2);
  return Uint32Array.from({ length: count }, (_, i) => words[2 * i + 1] ?? 0);
}
