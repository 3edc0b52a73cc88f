/**
 * When a shard builds graphs: in the background, for segments that are large and rest, one at a
 * time. A segment is written anew to be given its graph, so a crash leaves either none or a whole
 * one. Merges leave the segment alone meanwhile, and come first where both want it.
 */
import { isInsulaError } from "../base/errors.ts";
import { chooseGraph } from "./graph-choice.ts";
import { graphFields } from "./kernel-metric.ts";
import type { QueuedMerge } from "./merge-queue.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import { compactShard } from "./shard-compaction.ts";
import type { ShardStructure } from "./shard-structure.ts";
import type { ShardWriter } from "./shard-writer.ts";

/** Wait after a build that failed, for want of memory or otherwise. */
const RETRY_MS = 60_000;

export class ShardGraphs {
  /** Builds that ended well, since the shard woke. */
  count = 0;
  readonly #structure: ShardStructure;
  readonly #writer: ShardWriter;
  #current: QueuedMerge | undefined;
  #background: Promise<void> | undefined;
  #retryAtMs = 0;
  #isStopped = false;

  constructor(structure: ShardStructure, writer: ShardWriter) {
    this.#structure = structure;
    this.#writer = writer;
  }

  /** True while a graph is built or waits for its turn. */
  get isBusy(): boolean {
    return this.#background !== undefined;
  }

  /** None is under way, and none waits for its next try after a failure. */
  isAtRest(nowMs: number): boolean {
    return !this.isBusy && nowMs >= this.#retryAtMs;
  }

  isDue(nowMs: number, isQuiet: boolean): boolean {
    if (this.#isStopped || !this.isAtRest(nowMs)) return false;
    return this.#choice(isQuiet) !== undefined;
  }

  /** Builds one; nobody waits. Call when no merge is due. */
  startInBackground(nowMs: number, isQuiet: boolean): void {
    if (!this.isDue(nowMs, isQuiet)) return;
    const { context, state } = this.#structure;
    this.#background = this.#build(isQuiet)
      .catch((error: unknown) => {
        this.#retryAtMs = context.clock.monotonicMs() + RETRY_MS;
        const isExpected =
          isInsulaError(error) && ["memory_exhausted", "engine_closed"].includes(error.code);
        if (!isExpected) context.onFault(error, state.uid);
      })
      .finally(() => {
        this.#background = undefined;
      });
  }

  /** A segment is written anew into what is to be kept free of the disk. */
  get isOverfull(): boolean {
    return this.isBusy && !this.#structure.context.hasRoom();
  }

  /**
   * Ends the build under way, if there is one, so that its segment is free; it begins anew later.
   */
  async yield(): Promise<void> {
    this.#current?.stop();
    await this.#background;
  }

  /** No build begins any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.yield();
  }

  async #build(isQuiet: boolean): Promise<void> {
    const { context } = this.#structure;
    const bytes = (this.#choice(isQuiet)?.entry.location.bytes ?? 0) * 2;
    this.#current = context.graphs.add(bytes, async (block) => {
      // In the queue merges may have changed what there is.
      const segment = this.#isStopped ? undefined : this.#choice(isQuiet);
      if (segment === undefined) return;
      const run = { inputs: [segment], block, isForGraph: true };
      await compactShard(this.#structure, this.#writer, run);
      this.count++;
    });
    try {
      await this.#current.done;
    } finally {
      this.#current = undefined;
    }
  }

  #choice(isQuiet: boolean): SegmentHandle | undefined {
    const { context, freeSegments, schema } = this.#structure;
    if (graphFields(schema.vectors).length === 0 || !context.hasRoom()) return undefined;
    const bytesMax = Math.max(context.policy.segmentBytesMax, context.spareDiskBytes());
    return chooseGraph(freeSegments, context.policy, isQuiet).find(
      ({ entry }) => entry.location.bytes <= bytesMax,
    );
  }
}
