/**
 * Merges segments of one shard: size-tiered, and at once when a segment is mostly dead.
 *
 * The job sees the live bits of its start; rows that die meanwhile are put into the manifest entry
 * of the new segment. Dead rows that an input recorded of segments outside the merge are carried
 * over. Readers keep the inputs until they are done with them.
 */
import { compareBytes } from "../base/bytes.ts";
import { toSegmentUid, type SegmentUid } from "../base/brands.ts";
import type { BuildInput } from "./build-input.ts";
import { encodeDeadRows, type DeadRows } from "./dead-rows.ts";
import { runBuild } from "./segment-build.ts";
import { placeSegment } from "./segment-place.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import type { ShardPolicy } from "./shard-context.ts";
import type { ShardStructure } from "./shard-structure.ts";
import type { ShardWriter } from "./shard-writer.ts";

/** Sizes of one class differ by less than this factor. */
const SIZE_CLASS_FACTOR = 4;
/** Segments of one merge; more wait for the next. */
const MERGE_INPUTS_MAX = 32;

/** The segments worth merging now; empty when the shard is in good order. */
export function chooseMerge(
  segments: readonly SegmentHandle[],
  policy: ShardPolicy,
): readonly SegmentHandle[] {
  const bySize = [...segments].sort((a, b) => a.entry.location.bytes - b.entry.location.bytes);
  const total = bySize.reduce((sum, segment) => sum + segment.entry.location.bytes, 0);
  if (bySize.length > 1 && total <= policy.smallShardBytes)
    return bySize.slice(0, MERGE_INPUTS_MAX);
  const wasteful = bySize.filter(
    (segment) =>
      segment.rowCount === 0 || segment.liveCount < segment.rowCount * (1 - policy.deadShareMax),
  );
  const tier = fullTier(bySize, policy);
  return tier.length > 0 ? tier : wasteful.slice(0, MERGE_INPUTS_MAX);
}

/** Merges `inputs` into one segment, or into nothing when no row of them is live. */
export async function compactShard(
  structure: ShardStructure,
  writer: ShardWriter,
  inputs: readonly SegmentHandle[],
): Promise<void> {
  const { context, state } = structure;
  const captured = inputs.map((handle) => ({
    handle: handle.retain(),
    liveBits: handle.liveBits(),
  }));
  try {
    const segment = toSegmentUid(context.random.bytes(16));
    const sealed = structure.seal?.newSegmentKey(segment);
    const input = await mergeInput(structure, captured, { segment, key: sealed?.key });
    const built = await runBuild(context, input);
    const placed = await placeSegment(context, input.plan, built.bytes);
    await writer.exclusive(async () => {
      if (!inputs.every((handle) => structure.segments.includes(handle))) {
        await placed.abandon();
        return;
      }
      const died = await diedMeanwhile(captured);
      const handle = structure.handleOf({
        uid: segment,
        location: placed.location,
        rowCount: built.rowCount,
        sequenceMax: input.plan.sequenceMax,
        deadRows: new Uint32Array(0),
        wrappedKey: sealed?.wrapped,
      });
      const dead: number[] = [];
      for (const key of died) {
        const found = await handle.find(key);
        if (found !== undefined && handle.kill(found.row)) dead.push(found.row);
      }
      const entry = { ...handle.entry, deadRows: Uint32Array.from(dead).sort() };
      await context.catalog.commitManifest(state, {
        removed: inputs.map((candidate) => candidate.entry.uid),
        added: [entry],
        flushedSequence: 0,
      });
      handle.release();
      const gone = new Set(inputs);
      structure.segments = [
        ...structure.segments.filter((candidate) => !gone.has(candidate)),
        structure.handleOf(entry),
      ];
      await placed.settle();
      for (const retired of inputs) retired.retire();
    });
  } finally {
    for (const { handle } of captured) handle.release();
  }
}

interface Captured {
  readonly handle: SegmentHandle;
  readonly liveBits: Uint8Array | undefined;
}

async function mergeInput(
  structure: ShardStructure,
  captured: readonly Captured[],
  { segment, key }: { readonly segment: SegmentUid; readonly key: Uint8Array | undefined },
): Promise<BuildInput> {
  const { state, seal } = structure;
  const inputs = captured.map(({ handle }) => handle);
  const deadRows = await carriedDeadRows(structure, inputs);
  return {
    plan: {
      segment,
      shard: state.uid,
      key,
      fields: structure.schema.vectors,
      unfilterable: structure.schema.unfilterable,
      sequenceMax: Math.max(0, ...inputs.map(({ entry }) => entry.sequenceMax)),
      deadRows: deadRows.size === 0 ? undefined : encodeDeadRows(deadRows),
    },
    rows: {
      kind: "merge",
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

function fullTier(bySize: readonly SegmentHandle[], policy: ShardPolicy): readonly SegmentHandle[] {
  for (let start = 0; start + policy.mergeFanIn <= bySize.length; start++) {
    const smallest = bySize[start]?.entry.location.bytes ?? 0;
    const bound = Math.max(smallest, 65_536) * SIZE_CLASS_FACTOR;
    let bytes = 0;
    const tier: SegmentHandle[] = [];
    for (const segment of bySize.slice(start, start + MERGE_INPUTS_MAX)) {
      bytes += segment.entry.location.bytes;
      if (segment.entry.location.bytes > bound || bytes > policy.segmentBytesMax) break;
      tier.push(segment);
    }
    if (tier.length >= policy.mergeFanIn) return tier;
  }
  return [];
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

/** Keys of rows that were live at the start of the merge and are dead now. */
async function diedMeanwhile(captured: readonly Captured[]): Promise<readonly Uint8Array[]> {
  const keys: Uint8Array[] = [];
  for (const { handle, liveBits } of captured) {
    if (!handle.hasDeadRows) continue;
    for (let row = 0; row < handle.rowCount; row++) {
      const wasLive =
        liveBits === undefined || ((liveBits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
      if (wasLive && !handle.isLive(row))
        keys.push(Uint8Array.from((await handle.record(row)).key));
    }
  }
  return keys.sort(compareBytes);
}
