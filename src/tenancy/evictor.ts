/** Makes room among the shards that are awake: of places, of memory, of a collection's share. */
import { shardHex, type ShardUid } from "../base/brands.ts";
import type { Clock } from "../io/index.ts";
import type { Shard } from "../shard/index.ts";
import { compareSleepers, type Sleeper } from "./eviction-order.ts";
import { MemoryPressure, type MemoryUse } from "./memory-pressure.ts";
import { chooseOverShare, sparedOf, type Held } from "./standing.ts";

/** Share of the awake shards let go when memory runs out under a use. */
const RELIEF_SHARE = 0.25;

/** A shard that is awake, on its way, or about to sleep. */
export interface Evictable extends Held {
  readonly uid: ShardUid;
  readonly shard: Shard | undefined;
  readonly users: number;
  /** Monotonic; when it was opened. */
  readonly wokeAtMs: number;
  /** Set while the shard is put to sleep or dropped. */
  readonly ending: Promise<void> | undefined;
}

/**
 * Shards put to sleep by the keeper, by reason; a `surplus` is above the number of awake ones,
 * `share` above what their collection may hold.
 */
export interface Evictions {
  idle: number;
  surplus: number;
  memory: number;
  share: number;
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
  readonly evictions: Evictions = { idle: 0, surplus: 0, memory: 0, share: 0 };
  readonly pressure: MemoryPressure = new MemoryPressure();
  readonly #doors: EvictorDoors<Each>;

  constructor(doors: EvictorDoors<Each>) {
    this.#doors = doors;
  }

  /** Pinned shards that no room is made of. */
  spared(): ReadonlySet<Each> {
    const { kept, memoryUse, awakeMax } = this.#doors;
    return sparedOf(kept(), { budgetBytes: memoryUse().budgetBytes, awakeMax });
  }

  /** As many places as are lacking. */
  async giveBackPlaces(surplus: number): Promise<void> {
    if (surplus <= 0) return;
    await this.#sleepFirst("surplus", this.#idleBy("places").slice(0, surplus));
  }

  /** Of collections whose tenants hold more than their share: no others pay for them. */
  async giveBackShares(): Promise<void> {
    const { kept, memoryUse } = this.#doors;
    const idle = (): readonly Each[] => this.#idleBy("bytes");
    await this.#sleepFirst("share", chooseOverShare(kept(), idle, memoryUse().budgetBytes));
  }

  /** Down to the low mark, once the high one is passed. */
  async giveBackMemory(): Promise<void> {
    const { memoryUse, onExhausted, clock } = this.#doors;
    const use = memoryUse();
    let excess = this.pressure.excessOf(use);
    if (excess === 0) return;
    onExhausted?.();
    const nowMs = clock.monotonicMs();
    const residenceMs = this.pressure.residenceMs(use, nowMs);
    const chosen: Each[] = [];
    for (const kept of this.#idleBy("bytes")) {
      if (excess <= 0) break;
      if (nowMs - kept.wokeAtMs < residenceMs) continue;
      chosen.push(kept);
      excess -= kept.shard?.loadedBytes ?? 0;
    }
    await this.#sleepFirst("memory", chosen);
  }

  /** So many bytes of what nobody uses, or all of it; whoever needs them waits. */
  async makeRoom(bytes: number): Promise<void> {
    this.#doors.onExhausted?.();
    await this.#sleepFirst("memory", untilEnough(this.#idleBy("bytes"), bytes));
  }

  /** The same among the tenants of one collection: it is about to hold more than its share. */
  async makeRoomInGroup(group: number, bytes: number): Promise<void> {
    const own = this.#idleBy("bytes").filter(({ standing }) => standing?.group === group);
    await this.#sleepFirst("share", untilEnough(own, bytes));
  }

  /** Memory ran out under a use: who has just woken is not spared either. */
  async relieve(): Promise<void> {
    const { onExhausted, kept } = this.#doors;
    onExhausted?.();
    const count = Math.max(1, Math.ceil([...kept()].length * RELIEF_SHARE));
    await this.#sleepFirst("memory", this.#idleBy("bytes").slice(0, count));
  }

  /** Those that nobody uses or has pinned, who is to sleep first in front. */
  #idleBy(scarce: "bytes" | "places"): readonly Each[] {
    const nowMs = this.#doors.clock.monotonicMs();
    const idle: (Sleeper & { readonly kept: Each })[] = [];
    const spared = this.spared();
    for (const kept of this.#doors.kept()) {
      const { users, ending, shard } = kept;
      if (users > 0 || ending !== undefined || shard === undefined) continue;
      if (spared.has(kept)) continue;
      const { loadedBytes, memtableBytes, isMerging } = shard;
      const idleMs = nowMs - shard.lastUsedMs;
      idle.push({ kept, loadedBytes, memtableBytes, isMerging, idleMs });
    }
    return idle.sort(compareSleepers(scarce)).map(({ kept }) => kept);
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
