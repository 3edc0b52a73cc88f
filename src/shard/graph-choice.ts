/**
 * Which segments are given a graph, how broad a walk is, and when a scan is the better search.
 *
 * Figures: bench/graph.bench.ts.
 */
import { toHex } from "../base/brands.ts";
import { isInsulaError } from "../base/errors.ts";
import { BLOCK_BYTES_MAX, type Extent } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import {
  GRAPH_ROWS_MAX,
  WALK_EF_MAX,
  WALK_SCORED_MAX,
  graphHelpers,
  stepFor,
  type WalkBreadths,
  type WalkLimits,
} from "../vector/index.ts";
import { graphBuildBytes, type PlannedGraph } from "./segment-graph.ts";
import { graphRowsFrom, liveBytesOf, type MergeCandidate } from "./merge-choice.ts";
import type { ShardContext, ShardPolicy } from "./shard-context.ts";

/** Neighbours that graphs were tuned for. */
const TUNED_K = 10;
/** More breadth for each further neighbour. */
const EF_PER_NEIGHBOUR = 2;
/**
 * Rows that a walk among allowed rows may score for each row of its breadth: about 16 are usual,
 * every other neighbour was met before. More means that the allowed rows lie elsewhere.
 */
const SCORED_PER_EF = 30;
/** While a shard is written to, only segments of this share of the largest are worth a graph. */
const SETTLED_SHARE = 1 / 16;
/** A graph of which less than this share of rows is alive is built anew. */
const COPIED_SHARE_MIN = 0.5;

/** The segments that are to be given graphs, largest first. */
export function chooseGraph<Segment extends MergeCandidate>(
  segments: readonly Segment[],
  policy: Pick<ShardPolicy, "graphRowsMin" | "segmentBytesMax" | "segmentRowsMax">,
  isQuiet: boolean,
): readonly Segment[] {
  const rowsMin = isQuiet ? graphRowsFrom(segments, policy) : policy.graphRowsMin;
  const bytesMin = isQuiet ? 0 : policy.segmentBytesMax * SETTLED_SHARE;
  const settledRows = policy.segmentRowsMax * SETTLED_SHARE;
  return segments
    .filter(
      ({ entry, liveCount }) =>
        entry.isIndexed !== true &&
        liveCount >= rowsMin &&
        liveCount <= GRAPH_ROWS_MAX &&
        (entry.location.bytes >= bytesMin || liveCount >= settledRows),
    )
    .sort((a, b) => b.liveCount - a.liveCount);
}

/**
 * The input whose graph a merge takes over: one that holds half of all rows or more, so that a
 * merge never puts in more rows than it copies. Undefined: the merged segment gets its graph later.
 */
export function graphToCopy(inputs: readonly MergeCandidate[]): number | undefined {
  const rows = inputs.reduce((sum, { liveCount }) => sum + liveCount, 0);
  const position = inputs.findIndex(
    ({ entry, liveCount, rowCount }) =>
      entry.isIndexed === true && liveCount * 2 >= rows && liveCount >= rowCount * COPIED_SHARE_MIN,
  );
  return position < 0 ? undefined : position;
}

/**
 * Of segments that are to become one beyond `bytesMax`, all; or two, where most rows have graphs
 * now and no graph would be taken over: what is walked would only be scanned for the many minutes
 * that a new graph takes. The larger of the two has half of their rows and hands its graph on.
 */
export function keepingGraph<Segment extends MergeCandidate>(
  chosen: readonly Segment[],
  bytesMax: number,
): readonly Segment[] {
  if (liveBytesOf(chosen) <= bytesMax || graphToCopy(chosen) !== undefined) return chosen;
  const walked = chosen
    .filter(({ entry }) => entry.isIndexed === true)
    .sort((a, b) => a.liveCount - b.liveCount);
  const rowsOf = (segments: readonly Segment[]): number =>
    segments.reduce((sum, { liveCount }) => sum + liveCount, 0);
  const pair = walked.slice(0, 2);
  const isMost = rowsOf(walked) * 2 > rowsOf(chosen);
  return isMost && pair.length === 2 && graphToCopy(pair) !== undefined ? pair : chosen;
}

/**
 * Sets room aside for the graphs of a segment; the caller frees the extent.
 *
 * @returns undefined when there is no memory for it.
 */
export function planGraph(
  { memory, workers }: ShardContext,
  segment: Uint8Array,
  fields: readonly VectorField[],
  { rowCount, copyFrom }: { readonly rowCount: number; readonly copyFrom: number | undefined },
): PlannedGraph | undefined {
  const helpers = graphHelpers(workers);
  const bytes = graphBuildBytes(fields, rowCount, helpers);
  // Of rows that were brought together where there were fewer helpers.
  if (bytes > BLOCK_BYTES_MAX) return undefined;
  let extent: Extent;
  try {
    extent = memory.arenas.allocate(bytes);
  } catch (error) {
    if (isInsulaError(error) && error.code === "memory_exhausted") return undefined;
    throw error;
  }
  const memoryBytes = memory.memory(extent.arena).buffer.byteLength;
  const seed = Number.parseInt(toHex(segment).slice(0, 8), 16);
  return { extent, memoryBytes, seed, helpers, copyFrom };
}

export interface WalkCase {
  readonly rowCount: number;
  /** Rows that may be found. */
  readonly matchCount: number;
  readonly k: number;
  /** Share of the nearest that a walk is to find. */
  readonly recall: number;
  /** Rows that it must find for that, because codes put them in another order; 0 for no more. */
  readonly needed: number;
  /** Rows that are compared exactly, of as many as the breadth gives. */
  readonly wanted: number;
}

/**
 * How a graph is walked for `k` of `matchCount` allowed rows; undefined when a scan is cheaper, or
 * nothing is known of the graph.
 */
export function walkLimits(
  { efs, reaches }: WalkBreadths,
  { rowCount, matchCount, k, recall, needed, wanted }: WalkCase,
  { scannedPerEf }: Pick<ShardPolicy, "scannedPerEf">,
): WalkLimits | undefined {
  const step = stepFor(efs, recall);
  const tuned = efs[step] ?? 0;
  const ef = Math.max(needed, tuned + EF_PER_NEIGHBOUR * Math.max(0, k - TUNED_K));
  if (tuned === 0 || matchCount === 0 || ef > WALK_EF_MAX) return undefined;
  // Among allowed rows a walk goes on until it has met `ef` of them.
  if ((ef * scannedPerEf * rowCount) / matchCount > matchCount) return undefined;
  const scoredMax = Math.ceil((matchCount * SCORED_PER_EF) / scannedPerEf);
  const distance = k > TUNED_K ? 0 : (reaches[step] ?? 0);
  const kept = Math.max(needed, TUNED_K, Math.min(ef, wanted));
  const reach = distance === 0 ? undefined : { near: TUNED_K, kept, distance };
  return { ef, reach, scoredMax: Math.min(WALK_SCORED_MAX, scoredMax) };
}
