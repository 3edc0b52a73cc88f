/**
 * How broad a search of a graph must be: rows as queries, walks against the scan of all codes.
 *
 * The check is about the graph, so both sides measure with codes; scoring again on float32 rows
 * afterwards loses next to nothing (docs/decisions/0004).
 */
import type { Kernels, SharedMemory } from "../../math/index.ts";
import { BreadthSample, EF_MIN } from "./breadth-sample.ts";
import { rowPoint, writePoint, type GraphTarget } from "./graph-view.ts";

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
  /** Room for {@link RECALL_K} words. */
  readonly breadths: number;
  /** Bits of the rows that are in the graph. */
  readonly inserted: number;
}

/**
 * The breadths with which walks meet the neighbours of rows that are not in the graph yet, all
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
): Generator<undefined, BreadthSample> {
  const { entry, entryLevel, rowCount } = target;
  const byQuery: Uint32Array[] = [];
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
    byQuery.push(new Uint32Array(memory.buffer, breadths, met).slice());
    wanted += count;
    yield;
  }
  const scale = Math.sqrt(rowCount / (rowCount - rows.length));
  return new BreadthSample(byQuery, { wanted, scale });
}
