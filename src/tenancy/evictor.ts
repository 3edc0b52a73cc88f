/** Makes room among the shards that are awake: of places, of memory, of a collection's share. */
import { shardHex, type ShardUid } from "../base/brands.ts";
import type { Clock } from "../io/index.ts";
import type { Shard } from "../shard/index.ts";
import { compareSleepers, type Probation, type Sleeper } from "./eviction-order.ts";
import { MemoryPressure, RESIDENCE_MS, type MemoryUse } from "./memory-pressure.ts";
import { chooseOverShare, sparedOf, type Held } from "./standing.ts";

/** Share of the awake shards let go when memory runs out under a use. */
const RELIEF_SHARE = 0.25;
/** Sections given back for one load make room for several: to look for them costs the same. */
const ROOM_SHARE = 1 / 64;

/** A shard that is awake, on its way, or about to sleep. */
export interface Evictable extends Held {
  readonly uid: ShardUid;
  readonly shard: Shard | undefined;
  readonly users: number;
  /** Monotonic; when it was opened. */
  readonly wokeAtMs: number;
  readonly probation: Probation;
  /** Set while the shard is put to sleep or dropped. */
  readonly ending: Promise<void> | undefined;
}

/**
 * Shards put to sleep by the keeper, by reason; a `surplus` is above the number of awake ones,
 * `share` above what their collection may hold. `sections`: they stayed awake, and gave back only
 * what the next search loads from their segments.
 */
export interface Evictions {
  idle: number;
  surplus: number;
  memory: number;
  share: number;
  sections: number;
}

export interface EvictorDoors<Each extends Evictable> {
  readonly clock: Clock;
  readonly kept: () => Iterable<Each>;
  readonly sleep: (uid: ShardUid) => Promise<void>;
  readonly memoryUse: () => MemoryUse;
  readonly awakeMax: number;
  readonly onExhausted: (() => void) | undefined;
  readonly onFault: (error: unknown) => void;
}

export class Evictor<Each extends Evictable> {
  /** Since the start. */
  readonly evictions: Evictions = { idle: 0, surplus: 0, memory: 0, share: 0, sections: 0 };
  readonly pressure: MemoryPressure = new MemoryPressure();
  readonly #doors: EvictorDoors<Each>;
  /**
   * Shards that held something when they were last used. Very many may be awake and wait for
   * memory: who looks for bytes does not look at them.
   */
  readonly #holders = new Set<Each>();
  /** Those whose collection has pins or a share of the memory. */
  readonly #ruled = new Set<Each>();

  constructor(doors: EvictorDoors<Each>) {
    this.#doors = doors;
  }

  /** Its last user has gone. */
  unused(kept: Each): void {
    if ((kept.shard?.loadedBytes ?? 0) > 0) this.#holders.add(kept);
    else this.#holders.delete(kept);
  }

  /** It is awake, and this is what its policy says of it from now on. */
  ruled(kept: Each): void {
    const { pins, memoryShare } = kept.standing?.rules ?? {};
    if (pins !== undefined || memoryShare !== undefined) this.#ruled.add(kept);
    else this.#ruled.delete(kept);
  }

  /** It sleeps. */
  forget(kept: Each): void {
    this.#ruled.delete(kept);
    this.#holders.delete(kept);
  }

  /** Pinned shards that no room is made of. */
  spared(): ReadonlySet<Each> {
    const { memoryUse, awakeMax } = this.#doors;
    return sparedOf(this.#ruled, { budgetBytes: memoryUse().budgetBytes, awakeMax });
  }

  /** As many places as are lacking. */
  async giveBackPlaces(surplus: number): Promise<void> {
    if (surplus <= 0) return;
    await this.#sleepFirst("surplus", this.#idleBy("places").slice(0, surplus));
  }

  /** Of collections whose tenants hold more than their share: no others pay for them. */
  async giveBackShares(): Promise<void> {
    if (this.#ruled.size === 0) return;
    const { budgetBytes } = this.#doors.memoryUse();
    const over = (): readonly Each[] =>
      chooseOverShare(this.#ruled, () => this.#idleBy("bytes"), budgetBytes);
    this.#shed(over(), Infinity);
    await this.#sleepFirst("share", over());
  }

  /** Down to the low mark, once the high one is passed. */
  async giveBackMemory(): Promise<void> {
    const { memoryUse, onExhausted, clock } = this.#doors;
    const use = memoryUse();
    const excess = this.pressure.excessOf(use);
    if (excess === 0) return;
    onExhausted?.();
    const nowMs = clock.monotonicMs();
    const residenceMs = this.pressure.residenceMs(use, nowMs);
    // Whoever is used repeatedly is not given up for those that have just come.
    const isMeant = ({ probation, shard, wokeAtMs }: Each): boolean => {
      if (!probation.isProven(nowMs)) return nowMs - wokeAtMs >= residenceMs;
      return nowMs - (shard?.lastUsedMs ?? 0) >= Math.max(residenceMs, RESIDENCE_MS);
    };
    await this.#giveBack("memory", excess, isMeant);
  }

  /**
   * So many bytes of what nobody uses, or all of it; whoever needs them waits.
   *
   * @param ofProven also of shards that are used repeatedly, when that of the others is not enough.
   */
  async makeRoom(bytes: number, ofProven = true): Promise<void> {
    this.#doors.onExhausted?.();
    const nowMs = this.#doors.clock.monotonicMs();
    const meant = (): readonly Each[] => {
      const idle = this.#idleBy("bytes");
      return ofProven ? idle : idle.filter(({ probation }) => !probation.isProven(nowMs));
    };
    const left = bytes - this.#shed(meant(), this.#roomFor(bytes, ofProven));
    if (left > 0) await this.#sleepFirst("memory", untilEnough(meant(), left));
  }

  /** Of those that have just woken some more than is lacking. */
  #roomFor(bytes: number, ofProven: boolean): number {
    return ofProven ? bytes : Math.max(bytes, this.#doors.memoryUse().budgetBytes * ROOM_SHARE);
  }

  /** The same among the tenants of one collection: it is about to hold more than its share. */
  async makeRoomInGroup(group: number, bytes: number): Promise<void> {
    await this.#giveBack("share", bytes, ({ standing }) => standing?.group === group);
  }

  /** Memory ran out under a use: who has just woken is not spared either. */
  async relieve(): Promise<void> {
    const { onExhausted, kept } = this.#doors;
    onExhausted?.();
    const count = Math.max(1, Math.ceil([...kept()].length * RELIEF_SHARE));
    const idle = this.#idleBy("bytes").slice(0, count);
    if (this.#shed(idle, Infinity) === 0) await this.#sleepFirst("memory", idle);
  }

  /** Those that nobody uses or has pinned, who is to sleep first in front. */
  #idleBy(scarce: "bytes" | "places"): readonly Each[] {
    const nowMs = this.#doors.clock.monotonicMs();
    const idle: (Sleeper & { readonly kept: Each })[] = [];
    const spared = this.spared();
    for (const kept of scarce === "bytes" ? this.#holders : this.#doors.kept()) {
      const { users, ending, shard, probation } = kept;
      if (users > 0 || ending !== undefined || shard === undefined) continue;
      if (spared.has(kept)) continue;
      const { loadedBytes, memtableBytes, isMerging } = shard;
      const idleMs = nowMs - shard.lastUsedMs;
      const isOnProbation = !probation.isProven(nowMs);
      idle.push({ kept, loadedBytes, memtableBytes, isMerging, isOnProbation, idleMs });
    }
    return idle.sort(compareSleepers(scarce)).map(({ kept }) => kept);
  }

  /** So many bytes of those that are meant: sections first, then whoever holds most. */
  async #giveBack(
    reason: "memory" | "share",
    bytes: number,
    isMeant: (kept: Each) => boolean,
  ): Promise<void> {
    const meant = (): readonly Each[] => this.#idleBy("bytes").filter(isMeant);
    const left = bytes - this.#shed(meant(), bytes);
    if (left > 0) await this.#sleepFirst(reason, untilEnough(meant(), left));
  }

  /**
   * Sections before shards: what segments give back comes again in few reads, a memtable frame by
   * frame. @returns bytes, `bytes` or a little more where there are so many.
   */
  #shed(idle: readonly Each[], bytes: number): number {
    let freed = 0;
    for (const { uid, shard } of idle) {
      if (freed >= bytes) break;
      const given = shard?.shed() ?? 0;
      if (given === 0) continue;
      freed += given;
      this.evictions.sections++;
      this.pressure.slept(shardHex(uid), this.#doors.clock.monotonicMs());
    }
    return freed;
  }

  async #sleepFirst(reason: keyof Evictions, chosen: readonly Each[]): Promise<void> {
    const { sleep, clock, onFault } = this.#doors;
    for (const { uid } of chosen) {
      try {
        await sleep(uid);
        this.evictions[reason]++;
        this.pressure.slept(shardHex(uid), clock.monotonicMs());
      } catch (error) {
        onFault(error);
      }
    }
  }
}

function untilEnough<Each extends Evictable>(all: readonly Each[], bytes: number): readonly Each[] {
  let left = bytes;
  return all.filter(({ shard }) => {
    if (left <= 0) return false;
    left -= shard?.loadedBytes ?? 0;
    return true;
  });
}
