/**
 * The extent a graph is built in: codes and factors as a segment has them, weights, the lists, and
 * the working space of the kernels.
 */
import { assert } from "../../base/errors.ts";
import {
  CANDIDATES_MAX,
  alignBytes,
  bitmapBytes,
  codeStrideBytes,
  int8Layout,
  type KernelMetric,
} from "../../math/index.ts";
import { GRAPH_M_MAX, graphLayout } from "./graph-layout.ts";
import { upperRoom } from "./graph-levels.ts";
import { PARTY_BYTES } from "./graph-party.ts";
import { POINT_BYTES, VIEW_BYTES } from "./graph-view.ts";

/** What a graph is built over, and how. */
export interface GraphPlan {
  readonly dimension: number;
  readonly rowCount: number;
  readonly metric: KernelMetric;
  readonly m: number;
  readonly efConstruction: number;
  /** Decides the levels; the same seed, rows and order give the same bytes. */
  readonly seed: number;
  /**
   * Threads that may help the one that builds; then the bytes depend on luck. None if not given.
   */
  readonly helpers?: number;
}

/** Ids that neighbours are chosen from when rows around a node have gone. */
export const LINK_IDS_MAX = 2_048;
/** Keys of the widest walk of a build, its recall check included. */
export const BUILD_EF_MAX = 2_048;

/**
 * Rows put into a graph that was taken over are given neighbours of up to so many times as many:
 * as many as its searches of {@link COPY_RECALL} keep. A graph built from nothing is small while
 * its first rows are put in, so that narrow walks find their neighbours; here every row meets the
 * whole graph, and where walks must be broad its neighbours would be poor ones.
 */
const COPY_EF_FACTOR = 2;
export const COPY_RECALL = 0.95;

/** Broadest walk of a row that is put into a graph whose searches are as broad as `ef`. */
export function copyEf(efConstruction: number, ef: number): number {
  return Math.min(COPY_EF_FACTOR * efConstruction, Math.max(efConstruction, ef));
}

/** Working space of one thread, offsets from the beginning of the extent. */
interface WorkingSpace {
  readonly view: number;
  readonly visited: number;
  readonly fresh: number;
  readonly pool: number;
  readonly sorted: number;
  readonly chosen: number;
}

/**
 * Offsets from the beginning of the extent, where the words of a party are if there are helpers.
 */
export interface BuildLayout extends WorkingSpace {
  readonly codes: number;
  readonly factors: number;
  readonly weights: number;
  readonly graph: number;
  readonly point: number;
  readonly inserted: number;
  readonly ids: number;
  /** Rows in the order of insertion, for the helpers. */
  readonly order: number;
  /** One for each helper, equally far apart, each beginning with its view. */
  readonly helpers: readonly WorkingSpace[];
  readonly bytes: number;
}

export function buildLayout({
  dimension,
  rowCount,
  metric,
  m,
  efConstruction,
  helpers = 0,
}: GraphPlan): BuildLayout {
  const efMax = COPY_EF_FACTOR * efConstruction;
  assert(efMax <= BUILD_EF_MAX, "a build walks no broader than its pool");
  const room = upperRoom(rowCount, m);
  const { scales, bytes: codeBytes } = int8Layout(dimension, rowCount);
  const shape = { rowCount, m, upperCount: room, upperListCount: room };
  let at = 0;
  const next = (bytes: number): number => {
    at += alignBytes(bytes);
    return at - alignBytes(bytes);
  };
  if (helpers > 0) next(PARTY_BYTES);
  const codes = next(codeStrideBytes(dimension) * rowCount);
  const factors = next(codeBytes - scales);
  const layout = {
    codes,
    factors,
    weights: metric === "cosine" ? next(rowCount * 4) : factors,
    graph: next(graphLayout(shape).bytes),
    view: next(VIEW_BYTES),
    point: next(POINT_BYTES),
    visited: next(bitmapBytes(rowCount)),
    inserted: next(bitmapBytes(rowCount)),
    fresh: next((2 * GRAPH_M_MAX + 4) * 4),
    pool: next((BUILD_EF_MAX + 2) * 8),
    sorted: next((LINK_IDS_MAX + 2) * 8),
    chosen: next(2 * GRAPH_M_MAX * 4),
    ids: next(Math.max(LINK_IDS_MAX, CANDIDATES_MAX) * 4),
  };
  const order = helpers > 0 ? next(rowCount * 4) : at;
  const spaces = Array.from({ length: helpers }, () => ({
    view: next(VIEW_BYTES),
    visited: next(bitmapBytes(rowCount)),
    fresh: next((2 * GRAPH_M_MAX + 4) * 4),
    pool: next((efMax + 2) * 8),
    sorted: next((2 * GRAPH_M_MAX + 4) * 8),
    chosen: next(2 * GRAPH_M_MAX * 4),
  }));
  return { ...layout, order, helpers: spaces, bytes: at };
}

/** Weights of rows for cosine: scale × inverse norm of the code, as float32. */
export function cosineWeights(
  scales: Float32Array,
  inverseNorms: Float32Array,
  weights: Float32Array,
): void {
  for (let row = 0; row < weights.length; row++) {
    weights[row] = (scales[row] ?? 0) * (inverseNorms[row] ?? 0);
  }
}
