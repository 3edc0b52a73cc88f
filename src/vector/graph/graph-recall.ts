/**
 * How broad a search of a graph must be: rows as queries, walks against the scan of all codes.
 *
 * The check is about the graph, so both sides measure with codes; scoring again on float32 rows
 * afterwards loses next to nothing (docs/decisions/0004).
 */
import type { Kernels, SharedMemory } from "../../math/index.ts";
import { BreadthSample, EF_MIN, chooseEfs } from "./breadth-sample.ts";
import { GRAPH_REACH_BREADTH, type WalkBreadths } from "./graph-layout.ts";
import { rowPoint, writePoint, type GraphTarget } from "./graph-view.ts";
import { ReachSample, type MetNeighbours } from "./reach-sample.ts";

/**
 * Queries of the check: an eighth of the rows within these bounds. The recall that 512 find is
 * right to 0.4 points at 0.95, one standard error; each costs a scan of all codes.
 */
const RECALL_SAMPLE_MIN = 128;
const RECALL_SAMPLE_MAX = 512;
const RECALL_SAMPLE_SHARE = 1 / 8;
/** Neighbours looked for. */
const RECALL_K = EF_MIN;
/** The broadest walk: recalls that it does not have are none of the graph. */
const EF_MAX = 1_792;

/** A graph of fewer rows is not checked: it has too few for it. */
const CHECKED_ROWS_MIN = 4 * RECALL_SAMPLE_MIN;

/** How many rows are the queries of the check of a graph of so many; 0 for none. */
export function recallSampleRows(rowCount: number): number {
  if (rowCount < CHECKED_ROWS_MIN) return 0;
  const share = Math.floor(rowCount * RECALL_SAMPLE_SHARE);
  return Math.min(RECALL_SAMPLE_MAX, Math.max(RECALL_SAMPLE_MIN, share));
}

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
  /** Room for two times {@link RECALL_K} words. */
  readonly breadths: number;
  /** Bits of the rows that are in the graph. */
  readonly inserted: number;
}

/** What a check has found. */
export interface MeasuredWalks {
  readonly byQuery: readonly MetNeighbours[];
  /** Neighbours of all queries together. */
  readonly wanted: number;
  /** How much broader walks of the whole graph must be. */
  readonly scale: number;
}

/**
 * How far walks go for each recall. Reaches are those that find as much as the breadths: so what a
 * check errs by with kept breadths it does not err by in the reaches.
 *
 * Pauses for each of them: a sort of some thousand numbers.
 *
 * @param how as {@link chooseEfs}.
 */
export function* chooseBreadths(
  { byQuery, wanted, scale }: MeasuredWalks,
  {
    keptEfs,
    isRaisedOnly,
  }: { readonly keptEfs: readonly number[] | undefined; readonly isRaisedOnly: boolean },
): Generator<undefined, WalkBreadths> {
  const sample = new BreadthSample(
    byQuery.map(({ breadths }) => breadths),
    { wanted, scale },
  );
  const efs = chooseEfs(sample, keptEfs, isRaisedOnly);
  const reaches: number[] = [];
  let farthest = 0;
  for (const ef of efs) {
    yield;
    const breadth = (ef * GRAPH_REACH_BREADTH) / scale;
    const met = new ReachSample(byQuery, { wanted, breadth });
    const reach = ef === 0 ? 0 : met.leastFor(sample.recallAt(ef).recall);
    farthest = Math.max(farthest, reach);
    reaches.push(reach === 0 ? 0 : farthest);
  }
  return { efs, reaches };
}

/**
 * How far walks must go to meet the neighbours of rows that are not in the graph yet, all
 * others being in it. With them there will be more to walk through: breadths rise with the root of
 * the rows, about (by 7 % from 3,500 to 4,000 of 24 and 128 numbers, clustered and uniform).
 *
 * Rows of the graph would be poor queries: at a breadth of 10 they found 0.98 of their neighbours
 * among 20,000 clustered rows of 128 numbers, strangers 0.88.
 *
 * Pauses after each query: a scan of all codes and a walk, which ends where all have been met.
 */
export function* measureBreadths(
  { kernels, memory, target }: MeasuredGraph,
  { view, point, pool, inserted, breadths }: MeasurePlaces,
  rows: Uint32Array,
): Generator<undefined, MeasuredWalks> {
  const { entry, entryLevel, rowCount } = target;
  const byQuery: MetNeighbours[] = [];
  let wanted = 0;
  for (const row of rows) {
    writePoint(memory, point, rowPoint(memory, target, row));
    const count = kernels.graphScan(view, point, inserted, RECALL_K);
    // The 10th distance decides, not the rows: of equal ones any is right.
    const edge = new Uint32Array(memory.buffer, pool, 2 * count).at(-1) ?? 0;
    const met = kernels.graphBreadths(
      view,
      point,
      entry,
      entryLevel,
      EF_MAX,
      edge,
      count,
      breadths,
    );
    byQuery.push({
      breadths: new Uint32Array(memory.buffer, breadths, met).slice(),
      reaches: reachesOf(memory, breadths + count * 4, met, lengthOf(memory, target, row)),
    });
    wanted += count;
    yield;
  }
  const scale = Math.sqrt(rowCount / (rowCount - rows.length));
  return { byQuery, wanted, scale };
}

/** Reaches as a point of length 1 would have them. */
function reachesOf(memory: SharedMemory, at: number, count: number, length: number): Float32Array {
  const reaches = new Float32Array(memory.buffer, at, count);
  // A rounded quotient may be too small by a half of its last digit.
  return reaches.map((reach) => (reach / length) * (1 + 2 ** -22));
}

/** What distances from a row grow with: 1 where they are those of space. */
function lengthOf(memory: SharedMemory, target: GraphTarget, row: number): number {
  if (target.bases !== 0) return 1;
  const { code, factor } = rowPoint(memory, target, row);
  let squares = 0;
  for (const value of new Int8Array(memory.buffer, code, target.strideBytes)) {
    squares += value * value;
  }
  return Math.sqrt(squares) * factor || 1;
}
