/**
 * Which segments are worth merging: size-tiered while a shard is written to, one segment for a
 * small shard at rest, and those that are mostly dead.
 */
import { isTooLong, type MergePolicy } from "./merge-policy.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import type { ShardPolicy } from "./shard-context.ts";

/** Sizes of one class differ by less than this factor. */
const SIZE_CLASS_FACTOR = 4;
/** Segments up to this many bytes are of one class. */
const CLASS_FLOOR_BYTES = 65_536;
/** Share by which the largest input of a merge at rest grows at least. */
const GROWTH_MIN = 1 / 4;
/** Of the rows that are worth a graph: so many are, where every search walks one anyway. */
const BESIDE_GRAPH_SHARE = 1 / 8;
/** Segments of one merge; more wait for the next. */
export const MERGE_INPUTS_MAX = 32;

/** What a choice looks at. */
export type MergeCandidate = Pick<
  SegmentHandle,
  "entry" | "rowCount" | "liveCount" | "hasDeadRows"
>;

/**
 * How a shard rests: `busy` while it is written to, `settled` when its writers pause, `quiet` when
 * nothing was written for a while.
 */
export type Rest = "busy" | "settled" | "quiet";

/**
 * The segments worth merging now; empty when the shard is in good order.
 *
 * A quiet shard's small segments become one: done after each flush it would write a small shard
 * anew each time. A settled shard's segments become one when they are worth a graph: a walk
 * through one graph costs a fraction of walks through several of the same rows. Segments of very
 * many vectors wait for that too: who writes has no use for merges that take minutes.
 */
export function chooseMerge<Segment extends MergeCandidate>(
  segments: readonly Segment[],
  policy: MergePolicy,
  rest: Rest,
): readonly Segment[] {
  const bySize = sorted(segments);
  if (rest === "quiet" && isSmall(bySize, policy)) return bySize.slice(0, MERGE_INPUTS_MAX);
  const bounds = rest === "busy" ? { ...policy, segmentVectorBytesMax: 0 } : policy;
  const tier = fullTier(bySize, bounds);
  if (tier.length > 0) return tier;
  const gathered = rest === "busy" ? [] : worthOneGraph(bySize, bounds);
  if (gathered.length > 0) return gathered;
  // One that holds no rows, only dead ones of others, is as it should be.
  const wasteful = bySize.filter(
    (segment) =>
      segment.rowCount > 0 &&
      segment.liveCount < segment.rowCount * (1 - policy.deadShareMax) &&
      (rest !== "busy" || !isTooLong(bounds, liveBytes(segment), segment.liveCount)),
  );
  return fitting(wasteful, bounds);
}

/**
 * One step towards as few segments as their largest size allows, none with dead rows; empty at the
 * end.
 */
export function chooseFullMerge<Segment extends MergeCandidate>(
  segments: readonly Segment[],
  policy: MergePolicy,
): readonly Segment[] {
  const bySize = sorted(segments);
  for (let start = 0; start < bySize.length; start++) {
    const group = fitting(bySize.slice(start), policy);
    if (group.length > 1) return group;
  }
  return bySize.filter((segment) => segment.hasDeadRows).slice(0, 1);
}

/**
 * Live rows from which on a segment is worth a graph. Fewer where another has one: the rows of the
 * last flushes, scanned, would cost each search more than the walk of all others.
 */
export function graphRowsFrom(
  segments: readonly MergeCandidate[],
  { graphRowsMin }: Pick<ShardPolicy, "graphRowsMin">,
): number {
  const isBesideGraph = segments.some(({ entry }) => entry.isIndexed === true);
  return isBesideGraph ? Math.ceil(graphRowsMin * BESIDE_GRAPH_SHARE) : graphRowsMin;
}

/** True for several segments that are to become one when the shard rests. */
export function isSmall(segments: readonly MergeCandidate[], policy: ShardPolicy): boolean {
  const bytes = segments.reduce((sum, segment) => sum + segment.entry.location.bytes, 0);
  return segments.length > 1 && bytes <= policy.smallShardBytes;
}

/** Segments that merges have still to make fewer: large ones are at home. */
export function mergeBacklog(segments: readonly MergeCandidate[], policy: ShardPolicy): number {
  const bytesMax = policy.segmentBytesMax / policy.mergeFanIn;
  const rowsMax = policy.segmentRowsMax / policy.mergeFanIn;
  return segments.filter(
    ({ entry, liveCount }) => entry.location.bytes <= bytesMax && liveCount <= rowsMax,
  ).length;
}

function sorted<Segment extends MergeCandidate>(segments: readonly Segment[]): readonly Segment[] {
  return [...segments].sort((a, b) => a.entry.location.bytes - b.entry.location.bytes);
}

/** Without those that have so many rows that hardly another one fits beside them. */
function withoutFull<Segment extends MergeCandidate>(
  segments: readonly Segment[],
  { segmentRowsMax }: ShardPolicy,
): readonly Segment[] {
  return segments.filter(({ liveCount }) => liveCount < segmentRowsMax * (1 - GROWTH_MIN));
}

/**
 * From the front as many as one merge may take, without those of too many rows; at least one, if
 * there is one. By size rows do not rise as bytes do: one that has too many is passed over.
 */
function fitting<Segment extends MergeCandidate>(
  segments: readonly Segment[],
  policy: MergePolicy,
): readonly Segment[] {
  let [bytes, rows] = [0, 0];
  const taken: Segment[] = [];
  for (const segment of segments) {
    const own = liveBytes(segment);
    const rowsThen = rows + segment.liveCount;
    if (isTooLong(policy, bytes + own, rowsThen) || taken.length === MERGE_INPUTS_MAX) break;
    if (rowsThen > policy.segmentRowsMax) continue;
    bytes += own;
    rows = rowsThen;
    taken.push(segment);
  }
  return taken.length > 0 ? taken : segments.slice(0, 1);
}

/** What is left of a segment after a merge, about. */
export function liveBytes({ entry, liveCount, rowCount }: MergeCandidate): number {
  return rowCount === 0 ? 0 : entry.location.bytes * (liveCount / rowCount);
}

/** Of a merge of all of them, about. */
export function liveBytesOf(segments: readonly MergeCandidate[]): number {
  return segments.reduce((sum, segment) => sum + liveBytes(segment), 0);
}

/**
 * The smallest segments up to the largest that grows by {@link GROWTH_MIN} or more when they are
 * put into it: so much growth for each time that its bytes are written again.
 */
function worthOneGraph<Segment extends MergeCandidate>(
  bySize: readonly Segment[],
  policy: MergePolicy,
): readonly Segment[] {
  const rowsMin = graphRowsFrom(bySize, policy);
  let smaller = 0;
  let rows = 0;
  let count = 0;
  const taken: Segment[] = [];
  for (const segment of withoutFull(bySize, policy)) {
    const bytes = liveBytes(segment);
    const rowsThen = rows + segment.liveCount;
    if (isTooLong(policy, smaller + bytes, rowsThen) || taken.length === MERGE_INPUTS_MAX) break;
    if (rowsThen > policy.segmentRowsMax) continue;
    rows = rowsThen;
    taken.push(segment);
    if (rows >= rowsMin && smaller > 0 && smaller >= bytes * GROWTH_MIN) count = taken.length;
    smaller += bytes;
  }
  return taken.slice(0, count);
}

function fullTier<Segment extends MergeCandidate>(
  bySize: readonly Segment[],
  policy: MergePolicy,
): readonly Segment[] {
  for (let start = 0; start + policy.mergeFanIn <= bySize.length; start++) {
    const smallest = bySize[start]?.entry.location.bytes ?? 0;
    const bound = Math.max(smallest, CLASS_FLOOR_BYTES) * SIZE_CLASS_FACTOR;
    let [bytes, rows] = [0, 0];
    const tier: Segment[] = [];
    for (const segment of bySize.slice(start)) {
      const own = segment.entry.location.bytes;
      const rowsThen = rows + segment.liveCount;
      if (own > bound || isTooLong(policy, bytes + own, rowsThen)) break;
      if (rowsThen > policy.segmentRowsMax) continue;
      bytes += own;
      rows = rowsThen;
      tier.push(segment);
      if (tier.length === MERGE_INPUTS_MAX) break;
    }
    if (tier.length >= policy.mergeFanIn) return tier;
  }
  return [];
}
