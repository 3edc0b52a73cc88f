/**
 * How much is to be given back when memory is short, and how soon: between two watermarks, so that
 * it is not begun anew with every call; later when those put to sleep come back at once.
 */
import { LruMap } from "../base/lru-map.ts";

/** Shares of the budget: giving back begins above the one and ends below the other. */
const HIGH_SHARE = 0.9;
export const LOW_SHARE = 0.85;
/** Above it nobody is spared. */
const CRITICAL_SHARE = 0.98;
/** A shard stays awake for so long, or longer while those that were put to sleep come back. */
export const RESIDENCE_MS = 30_000;
const THRASHING_RESIDENCE_MS = 120_000;
/** Awake again so soon, it had better not been put to sleep. */
const RETURN_MS = 60_000;
/** Thrashing: so many of the wakings of a minute are returns. */
const RETURNS_SHARE = 0.1;
/** Fewer wakings than that tell nothing. */
const WAKINGS_MIN = 20;
/** Those put to sleep that are remembered; the oldest are forgotten first. */
const SLEEPERS_MAX = 10_000;

export interface MemoryUse {
  readonly usedBytes: number;
  readonly budgetBytes: number;
}

interface Minute {
  readonly startMs: number;
  wakings: number;
  returns: number;
}

export class MemoryPressure {
  readonly #asleepSince = new LruMap<string, number>(SLEEPERS_MAX);
  #minute: Minute = { startMs: 0, wakings: 0, returns: 0 };
  #before: Minute = { startMs: 0, wakings: 0, returns: 0 };
  #isGivingBack = false;
  #returnCount = 0;

  /** Shards awake again within a minute of being put to sleep for room, since the start. */
  get returnCount(): number {
    return this.#returnCount;
  }

  /** Bytes to give back; 0 until the high mark is passed, and again below the low one. */
  excessOf({ usedBytes, budgetBytes }: MemoryUse): number {
    if (usedBytes > budgetBytes * HIGH_SHARE) this.#isGivingBack = true;
    const excess = Math.max(0, usedBytes - budgetBytes * LOW_SHARE);
    if (excess === 0) this.#isGivingBack = false;
    return this.#isGivingBack ? excess : 0;
  }

  /** A shard that was woken more recently is spared. */
  residenceMs({ usedBytes, budgetBytes }: MemoryUse, nowMs: number): number {
    if (usedBytes > budgetBytes * CRITICAL_SHARE) return 0;
    return this.isThrashing(nowMs) ? THRASHING_RESIDENCE_MS : RESIDENCE_MS;
  }

  isThrashing(nowMs: number): boolean {
    this.#turn(nowMs);
    const wakings = this.#minute.wakings + this.#before.wakings;
    const returns = this.#minute.returns + this.#before.returns;
    return wakings >= WAKINGS_MIN && returns > wakings * RETURNS_SHARE;
  }

  /** Put to sleep for room. */
  slept(id: string, nowMs: number): void {
    this.#asleepSince.set(id, nowMs);
  }

  woke(id: string, nowMs: number): void {
    this.#turn(nowMs);
    this.#minute.wakings++;
    this.returned(id, nowMs);
  }

  /** What it gave back is wanted again. */
  returned(id: string, nowMs: number): void {
    this.#turn(nowMs);
    const sinceMs = this.#asleepSince.get(id);
    if (sinceMs === undefined) return;
    this.#asleepSince.delete(id);
    if (nowMs - sinceMs >= RETURN_MS) return;
    this.#minute.returns++;
    this.#returnCount++;
  }

  /** The minute before counts until the next one is over. */
  #turn(nowMs: number): void {
    const { startMs } = this.#minute;
    if (nowMs - startMs < RETURN_MS) return;
    const isRecent = nowMs - startMs < 2 * RETURN_MS;
    this.#before = isRecent ? this.#minute : { startMs: nowMs, wakings: 0, returns: 0 };
    this.#minute = { startMs: nowMs, wakings: 0, returns: 0 };
  }
}
