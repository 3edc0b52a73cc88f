/**
 * Where a freshly built segment goes: small ones into a pack file, others stay in the file they
 * were written to and get their final name once the manifest is durable.
 */
import type { BuiltBytes } from "./segment-build.ts";
import type { SegmentPlan } from "./segment-write.ts";
import { temporaryPath, type ShardContext } from "./shard-context.ts";
import type { SegmentLocation } from "./shard-state.ts";

export interface PlacedSegment {
  readonly location: SegmentLocation;
  /** Call when the manifest that names the segment is durable. */
  settle(): Promise<void>;
  /** Call instead when no manifest will name it. */
  abandon(): Promise<void>;
}

/** The bytes are on the medium when the promise resolves. */
export async function placeSegment(
  context: ShardContext,
  plan: SegmentPlan,
  built: BuiltBytes,
): Promise<PlacedSegment> {
  if (built.kind === "file") {
    context.segmentFolders.place(plan.shard, plan.segment);
    return {
      location: { kind: "file", bytes: built.bytes },
      settle: () => rename(context, plan),
      abandon: () => context.segmentFolders.abandon(plan.shard, plan.segment),
    };
  }
  const { pack, offset, length } = await context.packs.append({
    segment: plan.segment,
    shard: plan.shard,
    bytes: built.content,
  });
  const settle = (): Promise<void> => {
    context.packs.settle(pack);
    return Promise.resolve();
  };
  return {
    location: { kind: "pack", pack, offset, bytes: length },
    settle,
    // The extent stays dead in its pack until the pack is cleaned.
    abandon: settle,
  };
}

async function rename(context: ShardContext, plan: SegmentPlan): Promise<void> {
  await context.segmentFolders.settle(plan.shard, plan.segment);
  // Opened meanwhile under its first name: the next reader finds it under the second.
  await context.files.forget(temporaryPath(plan.shard, plan.segment));
}
