/** Looks after shards that are awake, twice a second: flush by idleness, merges, sleep, room. */
import type { ShardUid } from "../base/brands.ts";
import type { Clock, Timer } from "../io/index.ts";
import type { Shard } from "../shard/index.ts";
import type { Evictor } from "./evictor.ts";
import { Rounds } from "./rounds.ts";
import { isDamage, type Kept } from "./shard-use.ts";
import { isKeptWarm } from "./standing.ts";

const INTERVAL_MS = 500;
/** Shards tended at once: one that takes long does not keep the others waiting. */
const TENDED_AT_ONCE = 8;

export interface TenderDoors {
  readonly clock: Clock;
  /** An idle shard sleeps after this long. */
  readonly idleMs: number;
  readonly evictor: Pick<Evictor<Kept>, "spared" | "evictions">;
  readonly sleep: (uid: ShardUid) => Promise<void>;
  /** Does the work as a use of the shard: nobody puts it to sleep meanwhile. */
  readonly during: (kept: Kept, work: (shard: Shard) => Promise<void>) => Promise<void>;
  /** After each round: places, shares and memory are given back. */
  readonly makeRoom: () => Promise<void>;
  /** A shard's upkeep failed; the shard goes on. */
  readonly onFault: (error: unknown) => void;
  readonly onDamage: (uid: ShardUid, error: unknown, isCertain: boolean) => Promise<void>;
}

/** When a round began, and who is pinned. */
interface Look {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly spared: ReadonlySet<Kept>;
}

export class Tender {
  readonly #doors: TenderDoors;
  readonly #rounds = new Rounds<Kept>(INTERVAL_MS);
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  #isStopped = false;

  constructor(doors: TenderDoors) {
    this.#doors = doors;
    this.#schedule();
  }

  /** A use of it has ended: its upkeep may be due from now on. */
  used(kept: Kept): void {
    this.#rounds.soon(kept);
  }

  /** It sleeps. */
  forget(kept: Kept): void {
    this.#rounds.forget(kept);
  }

  /** No round begins any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** After {@link Tender.stop}: the round under way has ended. */
  async ended(): Promise<void> {
    await this.#round;
  }

  #schedule(): void {
    this.#timer = this.#doors.clock.after(INTERVAL_MS, () => {
      this.#round = this.#tend().finally(() => {
        this.#round = undefined;
        if (!this.#isStopped) this.#schedule();
      });
    });
  }

  async #tend(): Promise<void> {
    const { clock, evictor, makeRoom } = this.#doors;
    const nowMs = clock.monotonicMs();
    const look = { nowMs, wallMs: clock.wallMs(), spared: evictor.spared() };
    const due = this.#lookAtAll(look);
    const running = new Set<Promise<void>>();
    for (const kept of due) {
      if (this.#isStopped) break;
      while (running.size >= TENDED_AT_ONCE) await Promise.race(running);
      const work: Promise<void> = this.#tendOne(kept, look)
        .catch((error: unknown) => this.#tell(kept.uid, error))
        .finally(() => running.delete(work));
      running.add(work);
    }
    await Promise.all(running);
    if (!this.#isStopped) await makeRoom();
  }

  /** Nobody falls asleep meanwhile. @returns those with something to do. */
  #lookAtAll(look: Look): readonly Kept[] {
    const due: Kept[] = [];
    for (const kept of this.#rounds.take(look.nowMs)) {
      // Whatever comes of it, unless it falls asleep.
      this.#rounds.soon(kept);
      if (this.#needOf(kept, look) !== undefined) due.push(kept);
      else this.#leaveAlone(kept, look);
    }
    return due;
  }

  #needOf(kept: Kept, { nowMs, wallMs, spared }: Look): "sleep" | "upkeep" | undefined {
    const { shard, users, ending, standing } = kept;
    if (shard === undefined || ending !== undefined) return undefined;
    const isIdle = users === 0 && nowMs - shard.lastUsedMs >= this.#doors.idleMs;
    // A sleep ends a merge or the build of a graph, which then begins anew after the next waking.
    const isUnused = isIdle && !shard.isMerging;
    if (isUnused && !spared.has(kept) && !isKeptWarm(standing, wallMs)) return "sleep";
    return shard.isUpkeepDue(nowMs) ? "upkeep" : undefined;
  }

  /** Until it is used, or has been idle for long enough; not who is spared though it is. */
  #leaveAlone(kept: Kept, { nowMs }: Look): void {
    const { shard, users, ending } = kept;
    if (shard === undefined || ending !== undefined || users > 0) return;
    const idleAtMs = shard.lastUsedMs + this.#doors.idleMs;
    if (idleAtMs <= nowMs || !shard.isCalm(nowMs)) return;
    this.#rounds.forget(kept);
    this.#rounds.later(kept, idleAtMs);
  }

  /** As it is found now: while others were tended it may have been used, or put to sleep. */
  async #tendOne(kept: Kept, look: Look): Promise<void> {
    const { sleep, during, evictor } = this.#doors;
    const need = this.#needOf(kept, look);
    if (need === "sleep") {
      await sleep(kept.uid);
      evictor.evictions.idle++;
    } else if (need === "upkeep") await during(kept, (shard) => shard.maintain(look.nowMs));
  }

  /**
   * Nobody waits for upkeep: what damage it met is told to the node's log by whoever looks at it.
   */
  async #tell(uid: ShardUid, error: unknown): Promise<void> {
    const { onDamage, onFault } = this.#doors;
    if (isDamage(error)) await onDamage(uid, error, false).catch(() => undefined);
    else onFault(error);
  }
}
