/**
 * How large a segment merges may make of a shard: as its fields and the memory allow. One graph is
 * walked in a fraction of the time of several over the same rows, each of which has only a part of
 * every neighbourhood; so a segment is as large as what is in memory of it can be.
 */
import { BLOCK_BYTES_MAX, codeStrideBytes, int8Layout, rowStrideBytes } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import { graphFields } from "./kernel-metric.ts";
import { graphBuildBytes } from "./segment-graph.ts";
import type { ShardPolicy } from "./shard-context.ts";

/** The policy of one shard; `segmentRowsMax` and `segmentVectorBytesMax` are its own. */
export interface MergePolicy extends ShardPolicy {
  /** Bytes of float32 rows and codes of a row, of all fields. */
  readonly vectorBytesPerRow: number;
}

/** What a shard's merges find on this node. */
export interface NodeRoom {
  /** Bytes the arenas may take. */
  readonly memoryBytesMax: number;
  /** Threads that help with a graph: they have scratch in its extent. */
  readonly helpers: number;
}

/** Of the share of the budget: what extents are rounded up by, memtables, scratch, and some. */
const SHARE_USED_MAX = 0.75;

/**
 * - Rows: as many as one graph may have, and as fit one extent with the codes of any field, and the
 *   graph while it is built.
 * - Vectors: so many bytes that a segment, codes, graph and float32 rows, is in memory whole with
 *   the share of the budget that float32 rows may have.
 *
 * Where no field has graphs nothing is walked: bytes bound it alone.
 */
export function mergePolicy(
  policy: ShardPolicy,
  fields: readonly VectorField[],
  { memoryBytesMax, helpers }: NodeRoom,
): MergePolicy {
  const walked = graphFields(fields);
  if (walked.length === 0) {
    const segmentRowsMax = Number.POSITIVE_INFINITY;
    return { ...policy, segmentRowsMax, segmentVectorBytesMax: 0, vectorBytesPerRow: 0 };
  }
  const share = memoryBytesMax * policy.residentRowsShare * SHARE_USED_MAX;
  const shared = share - policy.segmentBytesMax;
  return {
    ...policy,
    segmentRowsMax: Math.min(policy.segmentRowsMax, rowsOfAnExtent(fields, walked, helpers)),
    segmentVectorBytesMax: Math.min(policy.segmentVectorBytesMax, Math.max(0, shared)),
    vectorBytesPerRow: fields.reduce(
      (sum, { dimension }) => sum + rowStrideBytes(dimension) + codeStrideBytes(dimension),
      0,
    ),
  };
}

/** With no more vectors than make `bytesMax` of a segment. */
export function within(policy: MergePolicy, bytesMax: number): MergePolicy {
  const vectorBytes = Math.max(0, bytesMax - policy.segmentBytesMax);
  if (vectorBytes >= policy.segmentVectorBytesMax) return policy;
  return { ...policy, segmentVectorBytesMax: vectorBytes };
}

/** Whether so many bytes, of so many rows, are too many for one segment. */
export function isTooLong(policy: MergePolicy, bytes: number, rows: number): boolean {
  const vectors = Math.min(rows * policy.vectorBytesPerRow, policy.segmentVectorBytesMax);
  return bytes - vectors > policy.segmentBytesMax;
}

/** Rows from which the bytes of a row are measured: what does not grow with them is little then. */
const MEASURED_ROWS = 65_536;

function rowsOfAnExtent(
  fields: readonly VectorField[],
  walked: readonly VectorField[],
  helpers: number,
): number {
  const bytesOf = (rows: number): number =>
    Math.max(
      graphBuildBytes(walked, rows, helpers),
      ...fields.map(({ dimension }) => int8Layout(dimension, rows).bytes),
    );
  let rows = Math.floor(BLOCK_BYTES_MAX / (bytesOf(MEASURED_ROWS) / MEASURED_ROWS));
  while (bytesOf(rows) > BLOCK_BYTES_MAX) rows -= Math.ceil(rows / 256);
  return rows;
}
