/**
 * One tenant's data in one collection, awake: takes writes, answers reads, keeps itself in order.
 *
 * Opening decodes nothing but the tail in the log; segments open when first asked. Everything a
 * sleeping shard must know is in its {@link ShardState}.
 */
import { assert } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import type { UntilBegun } from "../base/until-begun.ts";
import { SCRATCH_BYTES } from "../math/index.ts";
import type {
  Filter,
  Include,
  Query,
  QueryResult,
  RecallReport,
  RecallRequest,
  RecordPatch,
  RecordView,
  Schema,
  VectorField,
} from "../model/index.ts";
import { quarantineError } from "./quarantine-error.ts";
import { decodeOperations } from "./frame-codec.ts";
import { GroupPlan, type ShardWrite } from "./group-plan.ts";
import { ReadView } from "./read-view.ts";
import type { SegmentDense } from "./segment-dense.ts";
import type { ShardContext } from "./shard-context.ts";
import {
  countMatches,
  fetchRecords,
  scanRecords,
  type ScanPage,
  type ScanRequest,
} from "./shard-fetch.ts";
import { flushShard } from "./shard-flush.ts";
import type { KeptSearch } from "./kept-search.ts";
import { keepSearch, queryShard } from "./shard-query.ts";
import { measureRecall } from "./shard-recall.ts";
import { isRemote, tailBytes, type ShardState, type TailExtent } from "./shard-state.ts";
import { ShardGraphs } from "./shard-graphs.ts";
import type { Rest } from "./merge-choice.ts";
import { ShardMerges } from "./shard-merges.ts";
import { ShardSeal } from "./shard-seal.ts";
import { ShardStructure } from "./shard-structure.ts";
import {
  keysOf,
  keysToChange,
  stepOf,
  type FoundChange,
  updateOfAllMatches,
  updateOfKeys,
  updateOfMatches,
} from "./shard-update.ts";
import { foundDeletion, type FoundWrite, ShardWriter } from "./shard-writer.ts";
import type { WriteResult } from "./write-result.ts";
import { WorkTally } from "./work-tally.ts";

/** A memtable this many times its flush size makes writers wait for the flush under way. */
const BRAKE_FACTOR = 4;

export class Shard {
  readonly state: ShardState;
  /** Monotonic milliseconds of the last use; the keeper's order of eviction. */
  lastUsedMs = 0;
  /** Since the shard woke. */
  flushCount = 0;
  /** Bytes of the segments written by flushes. */
  flushedBytes = 0;
  readonly #context: ShardContext;
  readonly #structure: ShardStructure;
  readonly #writer: ShardWriter;
  readonly #merges: ShardMerges;
  readonly #graphs: ShardGraphs;
  #flushing: Promise<number> | undefined;
  #lastWriteMs = 0;
  /** Set when the shard lets go of its memory: work in the background ends. */
  #isClosed = false;

  private constructor(parts: Pick<ShardStructure, "context" | "state" | "schema" | "seal">) {
    this.#context = parts.context;
    this.state = parts.state;
    this.#structure = new ShardStructure(parts);
    this.#writer = new ShardWriter(this.#structure);
    this.#merges = new ShardMerges(this.#structure, this.#writer);
    this.#graphs = new ShardGraphs(this.#structure, this.#writer);
  }

  /**
   * Wakes a shard: marks dead rows that segments know of each other, replays the tail.
   *
   * @throws InsulaError `data_damaged` for a quarantined shard or damage met on the way.
   */
  static async open(context: ShardContext, state: ShardState, schema: Schema): Promise<Shard> {
    if (state.quarantine !== "") throw quarantineError(state.quarantine);
    const key = await context.keys.keyOf(state);
    const seal = key && new ShardSeal(state.uid, key, context.random);
    const shard = new Shard({ context, state, schema, seal });
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

  /** Arena bytes that a search of these dense fields would take, a little too many at most. */
  unloadedBytes(fields: readonly string[]): number {
    let bytes = 0;
    this.#eachDense(fields, (dense, field) => (bytes += dense.unloadedBytes(field)));
    return bytes === 0 ? 0 : bytes + SCRATCH_BYTES;
  }

  /** Something that a search loads is in the store, not on this disk. */
  get isFar(): boolean {
    return this.#structure.segments.some(({ entry }) => isRemote(entry));
  }

  /** Arena bytes of float32 rows that had better be in memory, so often are they read. */
  wantedBytes(fields: readonly string[]): number {
    let bytes = 0;
    this.#eachDense(fields, (dense, field) => (bytes += dense.wantedBytes(field)));
    return bytes;
  }

  /**
   * Begins to load them; takes {@link Shard.wantedBytes} of the arenas before it returns. Resolves
   * when nothing is on its way any more.
   */
  async bringRows(fields: readonly string[]): Promise<void> {
    this.#eachDense(fields, (dense, field) => {
      if (dense.wantedBytes(field) > 0) void dense.bringRows(field);
    });
    await Promise.all(this.#structure.coming);
  }

  /**
   * Gives back what comes again from segments with the next search, and keeps what comes out of the
   * log frame by frame. @returns bytes; 0 while anything runs that may need them.
   */
  shed(): number {
    if (this.isMerging || this.#flushing !== undefined) return 0;
    return this.#structure.segments.reduce((sum, segment) => sum + segment.shed(), 0);
  }

  get memtableBytes(): number {
    return this.#structure.memtables().reduce((sum, memtable) => sum + memtable.bytes, 0);
  }

  get segmentCount(): number {
    return this.#structure.segments.length;
  }

  get compactionCount(): number {
    return this.#merges.count;
  }

  /** Graphs built since the shard woke. */
  get graphCount(): number {
    return this.#graphs.count;
  }

  /** True while segments are merged or given graphs, or wait for their turn. */
  get isMerging(): boolean {
    return this.#merges.isBusy || this.#graphs.isBusy;
  }

  /** True when all that was written is in segments. */
  get isFlushed(): boolean {
    return this.#structure.active.isEmpty && this.#structure.frozen === undefined;
  }

  /** Segments being built from it, or waiting for a worker to build them. */
  get buildCount(): number {
    return [this.#flushing !== undefined, this.#merges.isBusy, this.#graphs.isBusy].filter(Boolean)
      .length;
  }

  /**
   * @param signal looked at until the writer has taken the write: then its end is what is told.
   * @throws InsulaError `rate_exceeded` when merges are so far behind that a wait did not help, and
   *   what the write itself throws.
   */
  async write(write: ShardWrite | FoundWrite, signal?: AbortSignal): Promise<WriteResult> {
    const { policy, clock } = this.#context;
    while (this.#structure.active.bytes > policy.memtableBytesMax * BRAKE_FACTOR)
      await unlessAborted(signal, this.flush());
    await unlessAborted(signal, this.#merges.brake());
    const startMs = clock.monotonicMs();
    const result = await this.#writer.write(write, signal);
    this.#lastWriteMs = clock.monotonicMs();
    this.#context.observer.endStep("commit", startMs, this.#lastWriteMs);
    if (this.#structure.active.bytes >= policy.memtableBytesMax) this.#flushInBackground();
    return result;
  }

  /** At most 10,000 records go at once, for readers and in a crash; more go in steps. */
  deleteWhere(
    filter: Filter,
    work: WorkTally = new WorkTally(),
    until?: UntilBegun,
  ): Promise<WriteResult> {
    const find = keysToChange(this.#structure, { filter, work, until });
    return this.write(foundDeletion(find), until?.signal);
  }

  /** All go at once, for readers and in a crash; keys that are not there are passed over. */
  update(
    patches: readonly RecordPatch[],
    work: WorkTally = new WorkTally(),
    signal?: AbortSignal,
  ): Promise<WriteResult> {
    return this.write(updateOfKeys(this.#structure, patches, work), signal);
  }

  /**
   * Few records go at once, for readers and in a crash; more go in steps, other writes between
   * them, each record as long as it still passes the filter.
   */
  async updateWhere(change: FoundChange): Promise<WriteResult> {
    const { until } = change;
    const keys = await keysOf(this.#structure, change);
    const step = stepOf(this.state);
    if (keys.length <= step) {
      return this.write(updateOfAllMatches(this.#structure, change), until?.signal);
    }
    let rowsReplaced = 0;
    for (let start = 0; start < keys.length; start += step) {
      const some = keys.slice(start, start + step);
      const signal = start === 0 ? until?.signal : undefined;
      const result = await this.write(updateOfMatches(this.#structure, some, change), signal);
      until?.begin();
      rowsReplaced += result.rowsReplaced;
    }
    return { rowsAdded: 0, rowsReplaced };
  }

  async get(
    keys: readonly string[],
    include: Include,
    work?: WorkTally,
    signal?: AbortSignal,
  ): Promise<readonly (RecordView | undefined)[]> {
    const view = this.#view(work);
    try {
      return await fetchRecords(this.#structure, view, keys, { ...include, signal });
    } finally {
      view.close();
    }
  }

  async scan(request: ScanRequest, work?: WorkTally, signal?: AbortSignal): Promise<ScanPage> {
    const view = this.#view(work);
    try {
      return await scanRecords(this.#structure, view, request, signal);
    } finally {
      view.close();
    }
  }

  async count(filter: Filter, work?: WorkTally, signal?: AbortSignal): Promise<number> {
    const view = this.#view(work);
    try {
      return await countMatches(this.#structure, view, filter, signal);
    } finally {
      view.close();
    }
  }

  /** The searches see one state of the shard; results in their order. */
  async query(queries: readonly Query[], work?: WorkTally): Promise<readonly QueryResult[]> {
    const view = this.#view(work);
    try {
      return await queryShard(this.#structure, view, queries);
    } finally {
      view.close();
    }
  }

  /**
   * A search that can be gone on with; the first `pageSize` hits are answered.
   *
   * @returns the search is to be closed: it holds a view of the shard.
   */
  async keepSearch(
    query: Query,
    pageSize: number,
    work?: WorkTally,
  ): Promise<{ readonly result: QueryResult; readonly search: KeptSearch }> {
    const view = this.#view(work);
    try {
      return await keepSearch(this.#structure, view, query, pageSize);
    } catch (error) {
      view.close();
      throw error;
    }
  }

  /** Searches as planned beside exact ones, of one state. Cost: what the exact ones take. */
  async measureRecall(request: RecallRequest, work?: WorkTally): Promise<RecallReport> {
    const view = this.#view(work);
    try {
      return await measureRecall(this.#structure, view, request);
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
    const bytes = await this.#flushing;
    if (bytes > 0) this.flushCount++;
    this.flushedBytes += bytes;
  }

  /** Merges into as few segments as their largest size allows, without dead rows. */
  async compact(): Promise<void> {
    await this.#graphs.yield();
    await this.#merges.mergeFully();
  }

  /** Writes the segments that lie in `pack` anew, so that its bytes there are nobody's. */
  async leavePack(pack: number): Promise<void> {
    await this.#graphs.yield();
    await this.#merges.merge((segments) =>
      segments.filter(
        ({ entry: { location } }) => location.kind === "pack" && location.pack === pack,
      ),
    );
  }

  /** True when {@link Shard.maintain} has something to do. Cheap: asked often. */
  isUpkeepDue(nowMs: number): boolean {
    return (
      this.#isFlushDue(nowMs) ||
      this.#merges.isOverfull ||
      this.#graphs.isOverfull ||
      this.#merges.isDue(nowMs, this.#rest(nowMs)) ||
      this.#graphs.isDue(nowMs, this.#rest(nowMs) !== "busy")
    );
  }

  /**
   * True when no upkeep comes due until the shard is used again, however long that takes. Ask while
   * none is due.
   */
  isCalm(nowMs: number): boolean {
    const { active, segments, freeSegments } = this.#structure;
    const { policy, hasRoom } = this.#context;
    if (this.#flushing !== undefined || this.isMerging) return false;
    if (!active.isEmpty && tailBytes(this.state) >= policy.quietFlushBytesMin) return false;
    if (segments.length === 0) return true;
    // Merges and graphs choose by what uses alone change, once all they wait for besides is there.
    const isAtRest = this.#rest(nowMs) === "quiet" && freeSegments.length === segments.length;
    const hasAll = hasRoom() && this.#merges.hasAllRoom;
    return isAtRest && hasAll && this.#merges.isAtRest(nowMs) && this.#graphs.isAtRest(nowMs);
  }

  /** Flush by size or idleness; merges and graphs that are due begin, nobody waits for them. */
  async maintain(nowMs: number): Promise<void> {
    if (this.#merges.isOverfull) await this.#merges.cutLong();
    if (this.#graphs.isOverfull) await this.#graphs.yield();
    if (this.#isFlushDue(nowMs)) await this.flush();
    this.#merges.startInBackground(nowMs, this.#rest(nowMs));
    if (!this.#merges.isBusy) this.#graphs.startInBackground(nowMs, this.#rest(nowMs) !== "busy");
  }

  /** Before a sleep that is not urgent: a small shard becomes one segment. */
  async settle(): Promise<void> {
    if (tailBytes(this.state) >= this.#context.policy.quietFlushBytesMin) await this.flush();
    await this.#merges.mergeSmall();
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

  #rest(nowMs: number): Rest {
    const idleMs = nowMs - this.#lastWriteMs;
    if (idleMs >= this.#context.policy.quietMergeMs) return "quiet";
    return idleMs >= this.#context.policy.quietFlushMs ? "settled" : "busy";
  }

  /** @param work told what is done with the view; nobody asks when absent. */
  #view(work: WorkTally = new WorkTally()): ReadView {
    return new ReadView(this.#structure, work);
  }

  #flushInBackground(): void {
    if (this.#flushing !== undefined) return;
    // A failure shows at the next write that has to wait, and in the metrics; what is unflushed is
    // in the log.
    this.flush().then(
      () => {
        this.#merges.startInBackground(this.#context.clock.monotonicMs(), "busy");
      },
      () => undefined,
    );
  }

  #eachDense(
    fields: readonly string[],
    call: (dense: SegmentDense, field: VectorField) => void,
  ): void {
    const { segments, schema } = this.#structure;
    for (const field of schema.vectors) {
      if (!fields.includes(field.name)) continue;
      for (const { dense } of segments) call(dense, field);
    }
  }

  async #settle(): Promise<void> {
    for (const { dense } of this.#structure.segments) dense.abandon();
    await Promise.all(this.#structure.coming);
    await Promise.all([this.#merges.stop(), this.#graphs.stop()]);
    while (this.#flushing !== undefined) await Promise.allSettled([this.#flushing]);
  }

  async #markDeadRows(): Promise<void> {
    const byId = new Map(this.#structure.segments.map((segment) => [segment.id, segment]));
    if (byId.size < 2) return;
    // What is far away is asked for at once, not one behind the other.
    const away = this.#structure.segments.filter(({ entry }) => isRemote(entry));
    await Promise.all(away.map((segment) => segment.prepare()));
    for (const segment of this.#structure.segments) {
      for (const [id, rows] of (await segment.deadElsewhere()) ?? []) {
        const target = byId.get(id);
        for (const row of rows) target?.kill(row);
      }
    }
  }

  async #replayTail(): Promise<void> {
    const pace = new Pace(() => this.#context.turn("query"));
    for (let i = 0; i < this.state.tail.length; i++) {
      const { extent, stored } = await this.#readTail(i);
      const { seal } = this.#structure;
      const payload = seal === undefined ? stored : seal.openFrame(extent.sequenceLast, stored);
      const plan = new GroupPlan(this.#structure, pace);
      for (const operation of decodeOperations(payload)) await plan.add(operation);
      this.#structure.active.reserve(plan.rowsAppended);
      await plan.stage();
      plan.apply(extent.sequenceLast);
    }
  }

  /** The cleaner of the log may move a frame and remove its old file while this reads. */
  async #readTail(i: number): Promise<{ extent: TailExtent; stored: Uint8Array }> {
    for (;;) {
      const extent = this.state.tail[i];
      assert(extent !== undefined, "nothing leaves the tail of a shard that is not open yet");
      try {
        return { extent, stored: await this.#context.log.read(extent) };
      } catch (error) {
        if (this.state.tail[i] === extent) throw error;
      }
    }
  }
}
