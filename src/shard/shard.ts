/**
 * One tenant's data in one collection, awake: takes writes, answers reads, keeps itself in order.
 *
 * Opening decodes nothing but the tail in the log; segments open when first asked. Everything a
 * sleeping shard must know is in its {@link ShardState}.
 */
import { InsulaError } from "../base/errors.ts";
import type { Filter, Include, Query, QueryResult, RecordView, Schema } from "../model/index.ts";
import { decodeOperations } from "./frame-codec.ts";
import { GroupPlan, type ShardWrite } from "./group-plan.ts";
import { ReadView } from "./read-view.ts";
import { chooseMerge, compactShard } from "./shard-compaction.ts";
import type { ShardContext } from "./shard-context.ts";
import {
  collectKeys,
  countMatches,
  fetchRecords,
  scanRecords,
  type ScanPage,
  type ScanRequest,
} from "./shard-fetch.ts";
import { flushShard } from "./shard-flush.ts";
import { searchShard } from "./shard-search.ts";
import { tailBytes, type ShardState } from "./shard-state.ts";
import { ShardStructure } from "./shard-structure.ts";
import { ShardWriter } from "./shard-writer.ts";
import type { WriteResult } from "./write-result.ts";

/** Keys deleted by one write of a deletion by filter. */
const DELETE_STEP_KEYS = 10_000;
/** A memtable this many times its flush size makes writers wait for the flush under way. */
const BRAKE_FACTOR = 4;

export class Shard {
  readonly state: ShardState;
  /** Monotonic milliseconds of the last use; the keeper's order of eviction. */
  lastUsedMs = 0;
  /** Since the shard woke. */
  flushCount = 0;
  compactionCount = 0;
  readonly #context: ShardContext;
  readonly #structure: ShardStructure;
  readonly #writer: ShardWriter;
  #flushing: Promise<boolean> | undefined;
  #compacting: Promise<void> | undefined;
  #lastWriteMs = 0;
  /** Set when the shard lets go of its memory: work in the background ends. */
  #isClosed = false;

  private constructor(context: ShardContext, state: ShardState, schema: Schema) {
    this.#context = context;
    this.state = state;
    this.#structure = new ShardStructure(context, state, schema);
    this.#writer = new ShardWriter(this.#structure);
  }

  /**
   * Wakes a shard: marks dead rows that segments know of each other, replays the tail.
   *
   * @throws InsulaError `data_damaged` for a quarantined shard or damage met on the way.
   */
  static async open(context: ShardContext, state: ShardState, schema: Schema): Promise<Shard> {
    if (state.quarantine !== "") {
      throw new InsulaError(
        "data_damaged",
        `Cannot open the data: quarantined: ${state.quarantine}`,
      );
    }
    const shard = new Shard(context, state, schema);
    try {
      await shard.#markDeadRows();
      await shard.#replayTail();
    } catch (error) {
      shard.#structure.release();
      throw error;
    }
    return shard;
  }

  get schema(): Schema {
    return this.#structure.schema;
  }

  /** Heap and arena bytes of what only this shard holds. */
  get loadedBytes(): number {
    let bytes = 4_096;
    for (const memtable of this.#structure.memtables()) bytes += memtable.bytes;
    for (const segment of this.#structure.segments) bytes += segment.residentBytes;
    return bytes;
  }

  get memtableBytes(): number {
    return this.#structure.memtables().reduce((sum, memtable) => sum + memtable.bytes, 0);
  }

  get segmentCount(): number {
    return this.#structure.segments.length;
  }

  /** True when no write, flush or merge is queued or under way. */
  get isIdle(): boolean {
    return this.#writer.isIdle && this.#flushing === undefined && this.#compacting === undefined;
  }

  /** Segments being built from it, or waiting for a worker to build them. */
  get buildCount(): number {
    return (this.#flushing === undefined ? 0 : 1) + (this.#compacting === undefined ? 0 : 1);
  }

  async write(write: ShardWrite): Promise<WriteResult> {
    const { policy, clock } = this.#context;
    while (this.#structure.active.bytes > policy.memtableBytesMax * BRAKE_FACTOR)
      await this.flush();
    const startMs = clock.monotonicMs();
    const result = await this.#writer.write(write);
    this.#lastWriteMs = clock.monotonicMs();
    this.#context.observer.endStep("commit", startMs, this.#lastWriteMs);
    if (this.#structure.active.bytes >= policy.memtableBytesMax) this.#flushInBackground();
    return result;
  }

  async deleteWhere(filter: Filter): Promise<WriteResult> {
    const view = this.#view();
    let keys: readonly string[];
    try {
      keys = await collectKeys(this.#structure, view, filter);
    } finally {
      view.close();
    }
    let rowsReplaced = 0;
    for (let start = 0; start < keys.length; start += DELETE_STEP_KEYS) {
      const step = keys.slice(start, start + DELETE_STEP_KEYS);
      const result = await this.write({ kind: "delete", keys: step });
      rowsReplaced += result.rowsReplaced;
    }
    return { rowsAdded: 0 - rowsReplaced, rowsReplaced };
  }

  async get(
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]> {
    const view = this.#view();
    try {
      return await fetchRecords(this.#structure, view, keys, include);
    } finally {
      view.close();
    }
  }

  async scan(request: ScanRequest): Promise<ScanPage> {
    const view = this.#view();
    try {
      return await scanRecords(this.#structure, view, request);
    } finally {
      view.close();
    }
  }

  async count(filter: Filter): Promise<number> {
    const view = this.#view();
    try {
      return await countMatches(this.#structure, view, filter);
    } finally {
      view.close();
    }
  }

  async query(query: Query): Promise<QueryResult> {
    const field = this.schema.vectors.find(({ name }) => name === query.field);
    if (field === undefined) {
      throw new InsulaError(
        "argument_invalid",
        "Cannot search: the collection has no such vector field.",
      );
    }
    const view = this.#view();
    try {
      return await searchShard(
        this.#context,
        view,
        { field, unfilterable: this.schema.unfilterable },
        query,
      );
    } finally {
      view.close();
    }
  }

  /** Everything written so far is in segments when the promise resolves. */
  async flush(): Promise<void> {
    if (this.#flushing !== undefined) await this.#flushing;
    if (this.#isClosed) return;
    this.#flushing ??= flushShard(this.#structure, this.#writer).finally(() => {
      this.#flushing = undefined;
    });
    if (await this.#flushing) this.flushCount++;
  }

  /** Merges what the policy asks for; with `isFull` everything into one segment. */
  async compact(isFull: boolean): Promise<void> {
    await this.#merge((segments) =>
      isFull ? fullMerge(segments) : chooseMerge(segments, this.#context.policy),
    );
  }

  /** Writes the segments that lie in `pack` anew, so that its bytes there are nobody's. */
  async leavePack(pack: number): Promise<void> {
    await this.#merge((segments) =>
      segments.filter(
        ({ entry: { location } }) => location.kind === "pack" && location.pack === pack,
      ),
    );
  }

  async #merge(
    choose: (segments: ShardStructure["segments"]) => ShardStructure["segments"],
  ): Promise<void> {
    while (this.#compacting !== undefined) await this.#compacting;
    const inputs = this.#isClosed ? [] : choose(this.#structure.segments);
    if (inputs.length === 0) return;
    this.#compacting ??= compactShard(this.#structure, this.#writer, inputs).finally(() => {
      this.#compacting = undefined;
    });
    await this.#compacting;
    this.compactionCount++;
  }

  /** True when {@link Shard.maintain} has something to do. Cheap: asked often. */
  isUpkeepDue(nowMs: number): boolean {
    return this.#isFlushDue(nowMs) || this.#isMergeDue();
  }

  /** Flush by size or idleness, merges that are due. */
  async maintain(nowMs: number): Promise<void> {
    if (this.#isFlushDue(nowMs)) await this.flush();
    await this.compact(false);
  }

  /**
   * Lets go of everything loaded. A small tail stays in the log, a large one becomes a segment
   * first. The shard must not be used afterwards.
   */
  async close(): Promise<void> {
    if (tailBytes(this.state) >= this.#context.policy.quietFlushBytesMin) await this.flush();
    this.#isClosed = true;
    await this.#settle();
    await this.#writer.exclusive(() => {
      this.#structure.release();
      return Promise.resolve();
    });
  }

  /** The collection or tenant is gone: readers finish, segments are given up. */
  async drop(): Promise<void> {
    this.#isClosed = true;
    await this.#settle();
    await this.#writer.exclusive(() => {
      for (const memtable of this.#structure.memtables()) memtable.release();
      for (const segment of this.#structure.segments) segment.release();
      this.#structure.segments = [];
      return Promise.resolve();
    });
  }

  #isFlushDue(nowMs: number): boolean {
    const { policy } = this.#context;
    const { active, frozen } = this.#structure;
    if (active.bytes >= policy.memtableBytesMax || frozen !== undefined) return true;
    if (nowMs - this.#lastWriteMs < policy.quietFlushMs || active.isEmpty) return false;
    return tailBytes(this.state) >= policy.quietFlushBytesMin;
  }

  #isMergeDue(): boolean {
    const { segments } = this.#structure;
    if (this.#compacting !== undefined || segments.length === 0) return false;
    return chooseMerge(segments, this.#context.policy).length > 0;
  }

  #view(): ReadView {
    return new ReadView(this.#structure);
  }

  #flushInBackground(): void {
    if (this.#flushing !== undefined) return;
    // A failure shows at the next write that has to wait, and in the metrics; what is unflushed is
    // in the log.
    this.flush().then(
      () => this.compact(false).catch(() => undefined),
      () => undefined,
    );
  }

  async #settle(): Promise<void> {
    while (this.#flushing !== undefined || this.#compacting !== undefined) {
      await Promise.allSettled([this.#flushing, this.#compacting]);
    }
  }

  async #markDeadRows(): Promise<void> {
    const byId = new Map(this.#structure.segments.map((segment) => [segment.id, segment]));
    if (byId.size < 2) return;
    for (const segment of this.#structure.segments) {
      for (const [id, rows] of (await segment.deadElsewhere()) ?? []) {
        const target = byId.get(id);
        for (const row of rows) target?.kill(row);
      }
    }
  }

  async #replayTail(): Promise<void> {
    for (const extent of this.state.tail) {
      const payload = await this.#context.log.read(extent);
      const plan = new GroupPlan(this.#structure);
      for (const operation of decodeOperations(payload)) await plan.add(operation);
      this.#structure.active.reserve(plan.rowsAppended);
      plan.apply(extent.sequenceLast);
    }
  }
}

function fullMerge(segments: ShardStructure["segments"]): ShardStructure["segments"] {
  const [only] = segments;
  if (segments.length === 1 && only !== undefined && !only.hasDeadRows) return [];
  return segments;
}
