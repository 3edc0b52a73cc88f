/**
 * When a shard merges: in the background after flushes and at rest, when somebody asks, and what
 * writers wait for when merges fall behind.
 *
 * One merge of a shard at a time. Which segments it takes is chosen when its turn has come, not
 * when it was asked for. A merge that fails is tried again later and later.
 */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { sleep } from "../io/index.ts";
import { keepingGraph } from "./graph-choice.ts";
import { chooseFullMerge, chooseMerge, isSmall, mergeBacklog, type Rest } from "./merge-choice.ts";
import type { QueuedMerge } from "./merge-queue.ts";
import { MergeRoom } from "./merge-room.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import { compactShard } from "./shard-compaction.ts";
import type { ShardStructure } from "./shard-structure.ts";
import type { ShardWriter } from "./shard-writer.ts";

/** First wait after a merge that failed; each further one doubles it. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;
/** A write waits at most this long for merges before it is refused. */
const MERGE_WAIT_MS_MAX = 10_000;
/** A full merge that writers end begins anew, so often in all. */
const FULL_TRIES_MAX = 4;
/** Between the slow and the full backlog a write waits this long for each segment above. */
const WAIT_MS_PER_SEGMENT = 2;

type Choose = (segments: readonly SegmentHandle[]) => readonly SegmentHandle[];

export class ShardMerges {
  /** Merges that ended well, since the shard woke. */
  count = 0;
  readonly #structure: ShardStructure;
  readonly #writer: ShardWriter;
  readonly #room: MergeRoom;
  #current: QueuedMerge | undefined;
  /** The one under way, or the last, takes long: it may be ended for one that does not. */
  #isLong = false;
  /** It was. */
  #isCutShort = false;
  #cuts = 0;
  #background: Promise<void> | undefined;
  #failures = 0;
  #retryAtMs = 0;
  #isStopped = false;

  constructor(structure: ShardStructure, writer: ShardWriter) {
    this.#structure = structure;
    this.#writer = writer;
    this.#room = new MergeRoom(structure);
  }

  /** True while a merge runs or waits for its turn. */
  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** None is under way, and none waits for its next try after a failure. */
  isAtRest(nowMs: number): boolean {
    const isMerging = this.#current !== undefined || this.#background !== undefined;
    return !isMerging && nowMs >= this.#retryAtMs;
  }

  /** Neither memory nor disk keep a merge from its turn. */
  get hasAllRoom(): boolean {
    return this.#room.isAmple;
  }

  isDue(nowMs: number, rest: Rest): boolean {
    if (this.#isStopped || !this.isAtRest(nowMs)) return false;
    return this.#policyChoice(rest)(this.#structure.freeSegments).length > 0;
  }

  /** Merges what the policy asks for until it asks for nothing; nobody waits. */
  startInBackground(nowMs: number, rest: Rest): void {
    if (!this.isDue(nowMs, rest)) return;
    this.#background = this.#mergeAll(this.#policyChoice(rest), true)
      .catch((error: unknown) => {
        this.#structure.context.onFault(error, this.#structure.state.uid);
      })
      .finally(() => {
        this.#background = undefined;
      });
  }

  /**
   * As few segments as their largest size allows, without dead rows.
   *
   * @throws InsulaError `rate_exceeded` when writers ended its long merges again and again.
   */
  async mergeFully(): Promise<void> {
    for (let tries = 0; tries < FULL_TRIES_MAX; tries++) {
      const cuts = this.#cuts;
      await this.#mergeAll((segments) => {
        const chosen = chooseFullMerge(this.#room.among(segments), this.#room.policy);
        return keepingGraph(chosen, this.#structure.context.policy.segmentBytesMax);
      });
      if (this.#cuts === cuts || this.#isStopped) return;
      await this.#background;
    }
    throw new InsulaError(
      "rate_exceeded",
      "Cannot merge all segments: writers wait for short merges: try again when fewer write.",
      { retryAfterMs: RETRY_MS_MAX },
    );
  }

  /** One segment for a small shard; a large one stays as it is. */
  async mergeSmall(): Promise<void> {
    const { policy } = this.#structure.context;
    if (isSmall(this.#structure.segments, policy))
      await this.#mergeAll(this.#policyChoice("quiet"));
  }

  /** Merges what `choose` chooses; false when that is nothing, or the shard is put to sleep. */
  async merge(choose: Choose): Promise<boolean> {
    while (this.#current !== undefined) await Promise.allSettled([this.#current.done]);
    const { context } = this.#structure;
    const inputs = this.#isStopped ? [] : choose(this.#structure.freeSegments);
    if (inputs.length === 0) return false;
    const outcome = { isMerged: false };
    const bytes = inputs.reduce((sum, { entry }) => sum + entry.location.bytes, 0);
    this.#noteTaken(inputs);
    this.#current = context.merges.add(bytes * 2, async (block) => {
      // In the queue others may have changed what is best.
      const chosen = this.#isStopped ? [] : choose(this.#structure.freeSegments);
      this.#noteTaken(chosen);
      if (chosen.length === 0) return;
      await compactShard(this.#structure, this.#writer, { inputs: chosen, block });
      outcome.isMerged = true;
    });
    try {
      await this.#current.done;
    } catch (error) {
      const code = isInsulaError(error) ? error.code : undefined;
      if (code === "engine_closed" && (this.#isStopped || this.#isCutShort)) return false;
      if (code === "memory_exhausted" && this.#isLong && this.#room.noteShort()) return true;
      this.#retryAtMs =
        context.clock.monotonicMs() + Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** this.#failures++);
      throw error;
    } finally {
      this.#current = undefined;
      this.#isCutShort = false;
    }
    this.#failures = 0;
    if (outcome.isMerged) this.count++;
    return outcome.isMerged;
  }

  /**
   * Holds a write back while merges are behind: a little at first, at the full backlog until there
   * is room.
   *
   * @throws InsulaError `rate_exceeded` after {@link MERGE_WAIT_MS_MAX} at the full backlog.
   */
  async brake(): Promise<void> {
    const { clock, policy } = this.#structure.context;
    if (this.#backlog() < policy.segmentsSlow) return;
    await this.cutLong();
    const startMs = clock.monotonicMs();
    this.startInBackground(startMs, "busy");
    const slowMs = (this.#backlog() - policy.segmentsSlow + 1) * WAIT_MS_PER_SEGMENT;
    if (this.#backlog() < policy.segmentsMax) return this.#awaitMerge(slowMs);
    const endMs = startMs + MERGE_WAIT_MS_MAX;
    while (this.#backlog() >= policy.segmentsMax && !this.#isStopped) {
      await this.cutLong();
      const nowMs = clock.monotonicMs();
      this.startInBackground(nowMs, "busy");
      // Merges cannot make it less: then it is no backlog of theirs.
      if (!this.#isMerging() && this.#failures === 0) return;
      if (nowMs >= endMs || !this.#isMerging()) throw this.#tooManySegments();
      await this.#awaitMerge(endMs - nowMs);
    }
  }

  /** A long merge runs into what is to be kept free of the disk. */
  get isOverfull(): boolean {
    return this.#hasLong && !this.#structure.context.hasRoom();
  }

  /**
   * Ends a long merge, under way or waiting, for those that wait for a short one, or for its room.
   * It begins anew later.
   */
  async cutLong(): Promise<void> {
    if (!this.#hasLong) return;
    this.#cuts++;
    this.#isCutShort = true;
    this.#current?.stop();
    await this.#awaitMerge(MERGE_WAIT_MS_MAX);
    // Whoever waited for it goes on first.
    await this.#structure.context.clock.yield();
  }

  /** No merge begins any more; one that runs is stopped. Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#current?.stop();
    await Promise.allSettled([this.#current?.done, this.#background]);
  }

  /** Nothing on a disk that is short of room: a merge needs some before it gives any back. */
  #policyChoice(rest: Rest): Choose {
    const { hasRoom, policy } = this.#structure.context;
    return (segments) => {
      if (!hasRoom()) return [];
      const chosen = chooseMerge(this.#room.among(segments), this.#room.policy, rest);
      return keepingGraph(chosen, policy.segmentBytesMax);
    };
  }

  /** @param isBackground ends behind a long one: the shard may be at rest no more. */
  async #mergeAll(choose: Choose, isBackground = false): Promise<void> {
    // Each merge makes fewer segments or rewrites one: more rounds than that are new writes'.
    const roundsMax = this.#structure.segments.length * 2 + 1;
    for (let round = 0; round < roundsMax; round++) {
      if (!(await this.merge(choose))) return;
      if (isBackground && this.#isLong) return;
    }
  }

  get #hasLong(): boolean {
    return this.#current !== undefined && this.#isLong;
  }

  #noteTaken(segments: readonly SegmentHandle[]): void {
    this.#isLong = this.#room.isLong(segments);
  }

  /** Asked anew after each wait. */
  #isMerging(): boolean {
    return this.#background !== undefined || this.#current !== undefined;
  }

  #backlog(): number {
    return mergeBacklog(this.#structure.segments, this.#room.policy);
  }

  /** Until the merge under way has ended, at most `waitMs`. */
  async #awaitMerge(waitMs: number): Promise<void> {
    const current = this.#current;
    // Between two merges of the background: its next one is about to begin.
    if (current === undefined) return this.#structure.context.clock.yield();
    const timeout = new AbortController();
    const waited = sleep(this.#structure.context.clock, waitMs, timeout.signal);
    await Promise.race([current.done.catch(() => undefined), waited]);
    timeout.abort();
    await waited.catch(() => undefined);
  }

  #tooManySegments(): InsulaError {
    const { segmentsMax } = this.#structure.context.policy;
    return new InsulaError(
      "rate_exceeded",
      `Cannot write: merges are behind: expected fewer than ${String(segmentsMax)} segments ` +
        `that wait for one, received ${String(this.#backlog())}.`,
      { details: { segments: this.#backlog(), segmentsMax }, retryAfterMs: RETRY_MS },
    );
  }
}
