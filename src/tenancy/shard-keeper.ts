/**
 * Keeps shards awake while they are used and lets idle ones sleep again.
 *
 * A use is a lease: the shard is opened if it sleeps (once, whoever asks), and cannot be put to
 * sleep until the use ends. What a sleeping shard costs is its row in the catalogue; nothing here
 * grows with their number.
 */
import { shardHex, type ShardUid } from "../base/brands.ts";
import { closeAll } from "../base/close-all.ts";
import { InsulaError } from "../base/errors.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import { UNOBSERVED, type WorkObserver } from "../base/work-observer.ts";
import type { Clock } from "../io/index.ts";
import type { PolicyRules } from "../model/index.ts";
import type { Shard } from "../shard/index.ts";
import { Evictor, type Evictions } from "./evictor.ts";
import { LoadQueue, type LoadFigures } from "./load-queue.ts";
import { LOW_SHARE, type MemoryUse } from "./memory-pressure.ts";
import { ShardGrowth } from "./shard-growth.ts";
import type { Standing } from "./standing.ts";
import {
  NO_MANNER,
  Lack,
  barrier,
  bytesLacking,
  held,
  isDamage,
  placeFor,
  wakingOf,
  type Admission,
  type AskedLoad,
  type Kept,
  type Manner,
  type Promised,
  type Use,
  type Waking,
} from "./shard-use.ts";
import { Tender } from "./tender.ts";

export interface ShardKeeperOptions {
  readonly clock: Clock;
  /** Wakes a shard; undefined when there is no such shard any more. */
  readonly open: (uid: ShardUid) => Promise<Shard | undefined>;
  /** The shard has been let go: its catalogue row is no longer held. */
  readonly closed: (shard: Shard) => void;
  /** Awake shards at most, those in use not counted. */
  readonly awakeMax: number;
  /** An idle shard sleeps after this long. */
  readonly idleMs: number;
  /** What the awake shards share. */
  readonly memoryUse: () => MemoryUse;
  /** Memory has run out: whatever is kept for later goes. */
  readonly onExhausted?: () => void;
  /** A shard's upkeep failed; the shard goes on. */
  readonly onFault: (error: unknown) => void;
  /**
   * A use met damaged data. Resolves when the shard turns out to be sound, and the use may be tried
   * once more; rejects with what its caller is told. `isCertain` after the second time.
   */
  readonly onDamage: (uid: ShardUid, error: unknown, isCertain: boolean) => Promise<void>;
  /** Told of each `activation`. */
  readonly observer?: WorkObserver;
}

/** A use that runs out of memory though it was promised some is tried so often. */
const ATTEMPTS_MAX = 4;

export class ShardKeeper {
  readonly #options: ShardKeeperOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #evictor: Evictor<Kept>;
  readonly #loads: LoadQueue;
  readonly #tender: Tender;
  readonly #growth: ShardGrowth;
  #isClosed = false;
  /** Calls of {@link use} under way, for a graceful stop. */
  #users = 0;
  #whenUnused: (() => void) | undefined;

  constructor(options: ShardKeeperOptions) {
    this.#options = options;
    this.#evictor = new Evictor({
      ...options,
      onExhausted: options.onExhausted,
      kept: () => this.#kept.values(),
      sleep: (uid) => this.#sleepNow(uid),
    });
    this.#loads = new LoadQueue({
      ...options,
      makeRoom: (bytes, ofProven) => this.#evictor.makeRoom(bytes, ofProven),
      isBusy: () => this.#isBusy(),
    });
    this.#growth = new ShardGrowth({
      ...options,
      loads: this.#loads,
      memoryOf: (group) => this.memoryOf(group),
    });
    this.#tender = new Tender({
      ...options,
      evictor: this.#evictor,
      sleep: (uid) => this.sleep(uid),
      during: (kept, work) => this.#during(kept, work),
      makeRoom: () => this.#makeRoom(),
    });
  }

  get awakeCount(): number {
    return this.#kept.size;
  }

  /** Since the start. */
  get evictions(): Readonly<Evictions> {
    return { ...this.#evictor.evictions };
  }

  /** Shards that had better stayed awake: see {@link MemoryPressure.returnCount}. */
  get returnCount(): number {
    return this.#evictor.pressure.returnCount;
  }

  /** What waits for memory, and what is promised. */
  get loads(): LoadFigures {
    return this.#loads.figures;
  }

  /** Awake shards now. */
  *shards(): Iterable<Shard> {
    for (const { shard } of this.#kept.values()) if (shard !== undefined) yield shard;
  }

  /** The policy of a collection has changed. */
  setRules(group: number, rules: PolicyRules): void {
    for (const kept of this.#kept.values()) {
      if (kept.standing?.group === group) this.#stand(kept, { ...kept.standing, rules });
    }
  }

  /** What the tenants of a collection hold now, and what there is for all. */
  memoryOf(group: number): { readonly loadedBytes: number; readonly budgetBytes: number } {
    let loadedBytes = 0;
    for (const { standing, shard } of this.#kept.values()) {
      if (standing?.group === group) loadedBytes += shard?.loadedBytes ?? 0;
    }
    return { loadedBytes, budgetBytes: this.#options.memoryUse().budgetBytes };
  }

  /** True while a tenant of the collection can be woken without room being made for it. */
  hasRoom(group: number, { memoryShare }: PolicyRules): boolean {
    const { usedBytes, budgetBytes } = this.#options.memoryUse();
    if (this.#kept.size >= this.#options.awakeMax || usedBytes >= budgetBytes * LOW_SHARE) {
      return false;
    }
    if (memoryShare === undefined) return true;
    return this.memoryOf(group).loadedBytes < budgetBytes * memoryShare * LOW_SHARE;
  }

  /** The shard if it is awake; not leased. */
  peek(uid: ShardUid): Shard | undefined {
    return this.#kept.get(shardHex(uid))?.shard;
  }

  /**
   * Runs `task` with the shard awake. What it will load is promised first, and the call waits when
   * there is no room. When memory runs out all the same, the idle are put to sleep and the task is
   * tried again: tasks take their memory before they change anything. A task that meets
   * damage is tried once more, too, when what is on disk is sound after all: a read can go astray.
   *
   * @param admit asked before a shard that sleeps is opened; not for one that is awake: who
   *   changes the answer does so by {@link ShardKeeper.suspend}, which puts it to sleep.
   * @throws InsulaError `tenant_not_found` when the shard is gone, `engine_closed`, and what
   *   `admit` and the task throw; the reason of the signal, as long as the task has not begun: a
   *   shard that is being opened is opened all the same, for others or for the next one.
   */
  async use<Value>(
    uid: ShardUid,
    task: (shard: Shard, waking: Waking) => Promise<Value>,
    admit?: Admission,
    manner: Manner = NO_MANNER,
  ): Promise<Value> {
    if (this.#isClosed) throw closedError();
    this.#users++;
    const use: Use<Value> = { uid, task, admit, manner };
    this.#kept.get(shardHex(uid))?.probation.used(this.#options.clock.monotonicMs());
    try {
      return await this.#useWithRoom(use);
    } catch (error) {
      if (isDamage(error)) return await this.#useDamaged(use, error);
      throw error;
    } finally {
      this.#users--;
      this.#loads.poke();
      if (this.#users === 0) this.#whenUnused?.();
    }
  }

  /** As {@link ShardKeeper.use}: a shard that was woken for it and nobody else sleeps again. */
  async usePassing(uid: ShardUid, task: (shard: Shard) => Promise<void>): Promise<void> {
    const wokenAtMs = await this.use(uid, async (shard, { hasWoken }) => {
      const { lastUsedMs } = shard;
      await task(shard);
      return hasWoken ? lastUsedMs : undefined;
    });
    const kept = wokenAtMs === undefined ? undefined : this.#kept.get(shardHex(uid));
    if (kept?.users === 0 && kept.shard?.lastUsedMs === wokenAtMs) await this.#sleepNow(uid);
  }

  /** Runs `work` if the shard is awake, and does not keep it awake any longer than that. */
  async visit(uid: ShardUid, work: (shard: Shard) => Promise<void>): Promise<void> {
    const kept = this.#isClosed ? undefined : this.#kept.get(shardHex(uid));
    if (kept !== undefined) await this.#during(kept, work);
  }

  /** Settles the shard and puts it to sleep, if it is awake, when its last user is done. */
  async sleep(uid: ShardUid): Promise<void> {
    const kept = this.#kept.get(shardHex(uid));
    if (kept?.ending === undefined && kept?.shard !== undefined) {
      // Before newcomers are kept waiting. A shard that cannot settle can sleep.
      await this.#during(kept, (shard) => shard.settle()).catch(this.#options.onFault);
    }
    await this.#sleepNow(uid);
  }

  /**
   * Lets go of shards whose data are to be removed, each when its last user is done, then runs
   * `commit`, which removes them. Newcomers wait until that is over: a shard that were opened in
   * between would lose its files under its user.
   *
   * @throws what `commit` throws; the shards are usable again then.
   */
  async drop(uids: readonly ShardUid[], commit: () => Promise<void>): Promise<void> {
    const { settled, settle } = barrier();
    const barred: Kept[] = [];
    try {
      for (const uid of uids) barred.push(await this.#bar(uid, settled));
      for (const kept of barred) await this.#letGo(kept, (shard) => shard.drop());
      await commit();
    } finally {
      for (const kept of barred) {
        kept.ending = undefined;
        this.#kept.delete(shardHex(kept.uid));
        this.#evictor.forget(kept);
        this.#tender.forget(kept);
      }
      settle();
    }
  }

  /**
   * Puts the shard to sleep when its last user is done, then runs `commit`, which says that it
   * must stay asleep. Newcomers wait until that is over, and are admitted or refused after it.
   *
   * @throws what the shard throws when it cannot sleep: it stays awake; and what `commit` throws.
   */
  async suspend(uid: ShardUid, commit: () => Promise<void>): Promise<void> {
    const { settled, settle } = barrier();
    const kept = await this.#bar(uid, settled);
    let isAsleep = false;
    try {
      await this.#letGo(kept, (shard) => shard.close());
      isAsleep = true;
      await commit();
    } finally {
      kept.ending = undefined;
      if (isAsleep) this.#kept.delete(shardHex(uid));
      settle();
    }
  }

  /** Waits for the uses under way, then puts every shard to sleep. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tender.stop();
    this.#loads.close();
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#whenUnused = resolve;
      });
    }
    await this.#tender.ended();
    await closeAll(
      [...this.#kept.values()].map((kept) => () => this.#end(kept, (shard) => shard.close())),
    );
  }

  /** @throws InsulaError `memory_exhausted` when there was no room for it in time. */
  async #useWithRoom<Value>(use: Use<Value>): Promise<Value> {
    const { load: { kind } = { kind: "write" as const }, signal } = use.manner;
    const id = shardHex(use.uid);
    let promised: Promised | undefined;
    let asked: AskedLoad = { bytes: 0 };
    // What a search works in is nobody's until it lacks, and what is free lies in pieces: whoever
    // was refused in spite of a promise is promised more, and so waits for others.
    let workBytes = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = await this.#useOnce(use, promised);
        if (!(outcome instanceof Lack)) return outcome;
        ({ asked } = outcome);
      } catch (error) {
        const bytes = bytesLacking(error);
        if (bytes === undefined || attempt === ATTEMPTS_MAX) throw error;
        workBytes = 2 * workBytes + bytes;
        await unlessAborted(signal, this.#evictor.relieve());
      } finally {
        promised?.reservation.release();
      }
      // Meanwhile the shard is not held: what it has loaded may make room for others.
      const request = { ...asked, id, bytes: asked.bytes + workBytes, kind, signal };
      promised = { reservation: await this.#loads.reserve(request), workBytes };
    }
  }

  async #useDamaged<Value>(use: Use<Value>, found: unknown): Promise<Value> {
    const { onDamage } = this.#options;
    await unlessAborted(use.manner.signal, onDamage(use.uid, found, false));
    try {
      return await this.#useWithRoom(use);
    } catch (error) {
      if (isDamage(error)) await onDamage(use.uid, error, true);
      throw error;
    }
  }

  async #useOnce<Value>(use: Use<Value>, promised: Promised | undefined): Promise<Value | Lack> {
    const { uid, task, manner } = use;
    const { standing, load, signal } = manner;
    const { clock } = this.#options;
    const known = this.#kept.get(shardHex(uid));
    const isAwake = known?.shard !== undefined && known.ending === undefined;
    const cameAtMs = isAwake ? known.wokeAtMs : clock.monotonicMs();
    const kept = known !== undefined && isAwake ? held(known) : await this.#acquire(use);
    if (standing !== undefined) this.#stand(kept, standing);
    let mine = promised?.reservation;
    try {
      const shard = kept.shard ?? (await unlessAborted(signal, kept.opening));
      if (shard === undefined) {
        throw new InsulaError("tenant_not_found", "Cannot use the data: they were just deleted.");
      }
      shard.lastUsedMs = clock.monotonicMs();
      const bytes = load === undefined ? 0 : shard.unloadedBytes(load.fields);
      if (load !== undefined && bytes > 0) {
        if (!kept.isNew) this.#evictor.pressure.returned(shardHex(uid), shard.lastUsedMs);
        await unlessAborted(signal, this.#keepShare(kept, bytes));
        const isProven = kept.probation.isProven(shard.lastUsedMs);
        const asked = { bytes, isProven, isFar: shard.isFar };
        mine ??= this.#loads.tryReserve({ ...asked, id: shardHex(uid), kind: load.kind });
        if (mine === undefined) return new Lack(asked);
        mine.follow(() => shard.unloadedBytes(load.fields) + (promised?.workBytes ?? 0));
      } else if (load !== undefined) this.#growth.grow(shard, kept.standing, load.fields);
      // Of those that waited for it, the first that is still here.
      const hasWoken = kept.isNew;
      kept.isNew = false;
      // Whoever had it opened may have gone: it is this one's waking, for which it did not wait.
      const hasWaited = !isAwake || (hasWoken && promised !== undefined);
      const wakeMs = hasWaited ? shard.lastUsedMs - cameAtMs : undefined;
      return await task(shard, wakingOf(wakeMs, hasWoken));
    } finally {
      mine?.release();
      this.#leave(kept);
    }
  }

  /** Its own collection pays first for what would be above the share. */
  async #keepShare({ standing }: Kept, bytes: number): Promise<void> {
    const share = standing?.rules.memoryShare;
    if (standing === undefined || share === undefined) return;
    const { loadedBytes, budgetBytes } = this.memoryOf(standing.group);
    const excess = loadedBytes + bytes - share * budgetBytes;
    if (excess > 0) await this.#evictor.makeRoomInGroup(standing.group, excess);
  }

  /** Something is under way that will give memory back, or wakes who waits for it. */
  #isBusy(): boolean {
    if (this.#users > this.#loads.waitingCount) return true;
    for (const { shard } of this.#kept.values()) if (shard?.isMerging === true) return true;
    return false;
  }

  /** Holds a place for the caller: `users` is raised. */
  async #acquire<Value>({ uid, admit, manner: { signal } }: Use<Value>): Promise<Kept> {
    const id = shardHex(uid);
    for (let known = this.#kept.get(id); known !== undefined; known = this.#kept.get(id)) {
      if (known.ending === undefined) return held(known);
      await unlessAborted(signal, known.ending);
    }
    const { clock, open } = this.#options;
    const startMs = clock.monotonicMs();
    const opening = admit === undefined ? open(uid) : admit().then(() => open(uid));
    const kept = placeFor(uid, opening);
    kept.isNew = true;
    kept.wokeAtMs = startMs;
    kept.probation.used(startMs);
    this.#kept.set(id, kept);
    void this.#opened(held(kept));
    return held(kept);
  }

  /** A use of its own: whoever asked for the shard may have gone, and others wait for it. */
  async #opened(kept: Kept): Promise<void> {
    const { clock, observer = UNOBSERVED } = this.#options;
    try {
      kept.shard = await kept.opening;
      const startMs = kept.wokeAtMs;
      kept.wokeAtMs = clock.monotonicMs();
      observer.endStep("activation", startMs, kept.wokeAtMs);
      this.#evictor.pressure.woke(shardHex(kept.uid), kept.wokeAtMs);
      if (kept.shard === undefined) {
        this.#forget(kept);
        return;
      }
      kept.shard.lastUsedMs = kept.wokeAtMs;
      this.#evictor.ruled(kept);
    } catch {
      // Told to each of those who wait for it.
      this.#forget(kept);
    } finally {
      this.#leave(kept);
    }
  }

  #stand(kept: Kept, standing: Standing): void {
    kept.standing = standing;
    // Until it is open it has nothing to give back, and nobody puts it to sleep if it is not.
    if (kept.shard !== undefined) this.#evictor.ruled(kept);
  }

  /** Of a shard that did not open: whoever ends it right now forgets it himself. */
  #forget(kept: Kept): void {
    if (kept.ending === undefined) this.#kept.delete(shardHex(kept.uid));
  }

  #leave(kept: Kept): void {
    kept.users--;
    if (kept.shard !== undefined) this.#tender.used(kept);
    if (kept.users > 0) return;
    this.#evictor.unused(kept);
    kept.whenUnused?.();
    this.#loads.poke();
  }

  async #end(kept: Kept, how: (shard: Shard) => Promise<void>): Promise<void> {
    while (kept.ending !== undefined) await kept.ending;
    if (this.#kept.get(shardHex(kept.uid)) !== kept) return;
    kept.ending = this.#endNow(kept, how);
    await kept.ending;
  }

  async #endNow(kept: Kept, how: (shard: Shard) => Promise<void>): Promise<void> {
    try {
      await this.#letGo(kept, how);
      this.#kept.delete(shardHex(kept.uid));
    } finally {
      kept.ending = undefined;
    }
  }

  /** Nobody new is let in until `settled`; a shard that sleeps gets a place of its own for that. */
  async #bar(uid: ShardUid, settled: Promise<void>): Promise<Kept> {
    const id = shardHex(uid);
    let kept = this.#kept.get(id);
    for (; kept?.ending !== undefined; kept = this.#kept.get(id)) await kept.ending;
    kept ??= placeFor(uid, Promise.resolve(undefined));
    kept.ending = settled;
    this.#kept.set(id, kept);
    return kept;
  }

  /** Waits for the last user; does nothing more when the shard did not open. */
  async #letGo(kept: Kept, how: (shard: Shard) => Promise<void>): Promise<void> {
    const shard = await kept.opening.catch(() => undefined);
    if (kept.users > 0) {
      await new Promise<void>((resolve) => {
        kept.whenUnused = resolve;
      });
    }
    if (shard === undefined) return;
    await how(shard);
    // Whoever looks at it from now on finds it asleep.
    kept.shard = undefined;
    this.#evictor.forget(kept);
    this.#tender.forget(kept);
    this.#options.closed(shard);
  }

  async #makeRoom(): Promise<void> {
    await this.#evictor.giveBackPlaces(this.#kept.size - this.#options.awakeMax);
    await this.#evictor.giveBackShares();
    await this.#evictor.giveBackMemory();
    this.#loads.poke();
  }

  /** Work on a shard that is awake is a use: nobody puts it to sleep meanwhile. */
  async #during(kept: Kept, work: (shard: Shard) => Promise<void>): Promise<void> {
    if (kept.shard === undefined || kept.ending !== undefined) return;
    kept.users++;
    try {
      await work(kept.shard);
    } finally {
      this.#leave(kept);
    }
  }

  async #sleepNow(uid: ShardUid): Promise<void> {
    const kept = this.#kept.get(shardHex(uid));
    if (kept !== undefined) await this.#end(kept, (shard) => shard.close());
  }
}

function closedError(): InsulaError {
  return new InsulaError("engine_closed", "Cannot use the data: the engine is closed.");
}
