/**
 * What merges of one shard may take now, of memory and disk. Where either is short, long merges
 * wait and short ones go on as ever.
 */
import { graphHelpers } from "../vector/index.ts";
import { liveBytes, liveBytesOf } from "./merge-choice.ts";
import { mergePolicy, within, type MergePolicy } from "./merge-policy.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import type { ShardStructure } from "./shard-structure.ts";

/** A long merge that found no memory for the graph it takes over is tried again after so long. */
const SHORT_MS = 60_000;

export class MergeRoom {
  readonly #structure: ShardStructure;
  #policy: MergePolicy | undefined;
  #shortUntilMs = 0;

  constructor(structure: ShardStructure) {
    this.#structure = structure;
  }

  get policy(): MergePolicy {
    const { context, schema } = this.#structure;
    const { policy, memory, workers } = context;
    this.#policy ??= mergePolicy(policy, schema.vectors, {
      memoryBytesMax: memory.arenas.bytesMax,
      helpers: graphHelpers(workers),
    });
    return within(this.#policy, this.#bytesMax);
  }

  /** Those that could be written anew. */
  among(segments: readonly SegmentHandle[]): readonly SegmentHandle[] {
    const bytesMax = this.#bytesMax;
    return segments.filter((segment) => liveBytes(segment) <= bytesMax);
  }

  /** True where merges are longer than they ever are while a shard is written to. */
  isLong(segments: readonly SegmentHandle[]): boolean {
    return liveBytesOf(segments) > this.#structure.context.policy.segmentBytesMax;
  }

  /** A long merge found no memory. @returns false when that was known: it was no long one then. */
  noteShort(): boolean {
    const nowMs = this.#structure.context.clock.monotonicMs();
    if (nowMs < this.#shortUntilMs) return false;
    this.#shortUntilMs = nowMs + SHORT_MS;
    return true;
  }

  /** Nothing keeps any merge of the shard from its turn. */
  get isAmple(): boolean {
    const bytes = this.#structure.segments.reduce(
      (sum, { entry }) => sum + entry.location.bytes,
      0,
    );
    return bytes <= this.#bytesMax;
  }

  get #bytesMax(): number {
    const { clock, policy, spareDiskBytes } = this.#structure.context;
    const isShort = clock.monotonicMs() < this.#shortUntilMs;
    return Math.max(policy.segmentBytesMax, isShort ? 0 : spareDiskBytes());
  }
}
