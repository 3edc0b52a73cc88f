/**
 * Merges segments of one shard into one.
 *
 * The job sees the live bits of its start; rows that die meanwhile are put into the manifest entry
 * of the new segment, by the map of rows that the job hands back: the writer's turn reads no file.
 * Dead rows that an input recorded of segments outside the merge are carried over, of segments
 * that are gone they are dropped: that is how tombstones end. Readers keep the inputs until they
 * are done with them.
 */
import { InsulaError } from "../base/errors.ts";
import { toSegmentUid, type SegmentUid } from "../base/brands.ts";
import { GRAPH_ROWS_MAX } from "../vector/index.ts";
import type { BuildInput } from "./build-input.ts";
import { encodeDeadRows, type DeadRows } from "./dead-rows.ts";
import { graphToCopy, planGraph } from "./graph-choice.ts";
import { graphFields } from "./kernel-metric.ts";
import { liveBytesOf } from "./merge-choice.ts";
import type { MergeBlock } from "./merge-control.ts";
import { NO_ROW } from "./merged-rows.ts";
import { runBuild } from "./segment-build.ts";
import type { PlannedGraph } from "./segment-graph.ts";
import { placeSegment } from "./segment-place.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import type { ShardStructure } from "./shard-structure.ts";
import type { ShardWriter } from "./shard-writer.ts";

export interface MergeRun {
  readonly inputs: readonly SegmentHandle[];
  /** The one segment is rewritten to get its graph. */
  readonly isForGraph?: boolean;
  /** Grants and stops the job. */
  readonly block: MergeBlock;
}

interface Captured {
  readonly handle: SegmentHandle;
  readonly liveBits: Uint8Array | undefined;
}

/**
 * Merges `inputs` into one segment, or into nothing when no row of them is live.
 *
 * @throws InsulaError `memory_exhausted` when a graph is wanted and there is no room to build it,
 *   or to take over one of very many rows: they would only be scanned until there is.
 */
export async function compactShard(
  structure: ShardStructure,
  writer: ShardWriter,
  { inputs, block, isForGraph = false }: MergeRun,
): Promise<void> {
  const { context, state } = structure;
  const captured = inputs.map((handle) => ({
    handle: handle.retain(),
    liveBits: handle.liveBits(),
  }));
  for (const handle of inputs) structure.held.add(handle);
  let graph: PlannedGraph | undefined;
  try {
    const segment = toSegmentUid(context.random.bytes(16));
    const sealed = structure.seal?.newSegmentKey(segment);
    graph = planMergedGraph(structure, captured, { segment, isForGraph });
    const parts = { segment, key: sealed?.key, block, graph };
    const input = await mergeInput(structure, captured, parts);
    const built = await runBuild(context, input);
    const placed = await placeSegment(context, input.plan, built.bytes);
    await writer.exclusive(async () => {
      if (!inputs.every((handle) => structure.segments.includes(handle))) {
        await placed.abandon();
        return;
      }
      const entry = {
        uid: segment,
        location: placed.location,
        rowCount: built.rowCount,
        sequenceMax: input.plan.sequenceMax,
        deadRows: diedMeanwhile(captured, built.outputRows),
        wrappedKey: sealed?.wrapped,
        ...(graph && { isIndexed: true }),
      };
      const isEmpty = built.rowCount === 0 && input.plan.deadRows === undefined;
      await context.catalog.commitManifest(state, {
        removed: inputs.map((candidate) => candidate.entry.uid),
        added: isEmpty ? [] : [entry],
        flushedSequence: 0,
      });
      const gone = new Set(inputs);
      structure.segments = [
        ...structure.segments.filter((candidate) => !gone.has(candidate)),
        ...(isEmpty ? [] : [structure.handleOf(entry)]),
      ];
      await (isEmpty ? placed.abandon() : placed.settle());
      for (const retired of inputs) retired.retire();
    });
  } finally {
    if (graph !== undefined) context.memory.arenas.free(graph.extent);
    for (const { handle } of captured) {
      structure.held.delete(handle);
      handle.release();
    }
  }
}

/** Counts what was live when the merge began: the job sees these rows and no others. */
function planMergedGraph(
  { context, schema }: ShardStructure,
  captured: readonly Captured[],
  { segment, isForGraph }: { readonly segment: SegmentUid; readonly isForGraph: boolean },
): PlannedGraph | undefined {
  const inputs = captured.map(({ handle }) => handle);
  const copyFrom = isForGraph ? 0 : graphToCopy(inputs);
  const rowCount = inputs.reduce((sum, { liveCount }) => sum + liveCount, 0);
  if (copyFrom === undefined) return undefined;
  if (!isForGraph && rowCount < context.policy.graphRowsMin) return undefined;
  if (rowCount > GRAPH_ROWS_MAX || rowCount === 0) return undefined;
  const fields = graphFields(schema.vectors);
  if (fields.length === 0) return undefined;
  const graph = planGraph(context, segment, fields, { rowCount, copyFrom });
  if (graph !== undefined) return graph;
  const isLong = liveBytesOf(inputs) > context.policy.segmentBytesMax;
  if (!isForGraph && !isLong) return undefined;
  throw new InsulaError("memory_exhausted", "Cannot build a graph: there is no room for it.");
}

async function mergeInput(
  structure: ShardStructure,
  captured: readonly Captured[],
  parts: {
    readonly segment: SegmentUid;
    readonly key: Uint8Array | undefined;
    readonly block: MergeBlock;
    readonly graph: PlannedGraph | undefined;
  },
): Promise<BuildInput> {
  const { state, seal } = structure;
  const inputs = captured.map(({ handle }) => handle);
  const deadRows = await carriedDeadRows(structure, inputs);
  return {
    plan: {
      segment: parts.segment,
      shard: state.uid,
      key: parts.key,
      fields: structure.schema.vectors,
      sparseFields: structure.schema.sparseVectors,
      unfilterable: structure.schema.unfilterable,
      sequenceMax: Math.max(0, ...inputs.map(({ entry }) => entry.sequenceMax)),
      deadRows: deadRows.size === 0 ? undefined : encodeDeadRows(deadRows),
      graph: parts.graph,
    },
    rows: {
      kind: "merge",
      block: parts.block,
      sources: captured.map(({ handle, liveBits }) => ({
        segment: handle.entry.uid,
        shard: state.uid,
        location: handle.entry.location,
        key: seal?.segmentKey(handle.entry),
        origin: handle.entry.origin,
        rowCount: handle.rowCount,
        liveBits,
      })),
    },
  };
}

/** What the inputs said of segments that stay. */
async function carriedDeadRows(
  structure: ShardStructure,
  inputs: readonly SegmentHandle[],
): Promise<DeadRows> {
  const gone = new Set(inputs.map(({ id }) => id));
  const staying = new Set(structure.segments.map(({ id }) => id).filter((id) => !gone.has(id)));
  const carried: DeadRows = new Map();
  for (const input of inputs) {
    for (const [id, rows] of (await input.deadElsewhere()) ?? []) {
      if (staying.has(id)) carried.set(id, [...(carried.get(id) ?? []), ...rows]);
    }
  }
  return carried;
}

/** Rows of the new segment that were live at the start of the merge and are dead now, ascending. */
function diedMeanwhile(
  captured: readonly Captured[],
  outputRows: readonly Uint32Array[],
): Uint32Array {
  const dead: number[] = [];
  for (const [source, { handle, liveBits: before }] of captured.entries()) {
    const now = handle.liveBits();
    if (now === undefined) continue;
    const rows = outputRows[source];
    for (let at = 0; at < now.length; at++) {
      const died = (before?.[at] ?? 0xff) & ~(now[at] ?? 0);
      for (let bit = 0; died >>> bit !== 0; bit++) {
        const row = (died >>> bit) & 1 ? rows?.[at * 8 + bit] : undefined;
        if (row !== undefined && row !== NO_ROW) dead.push(row);
      }
    }
  }
  return Uint32Array.from(dead).sort();
}
