/**
 * Who sleeps first when room is short: whoever has just woken and was used once, then bytes times
 * idle time over what it costs to wake again.
 *
 * Very many that are woken for one call each, by a listing or a job over all customers, would else
 * push out those that are used all the time, since a moment after its call each of them is the one
 * that was used last. So a shard is on probation until it is used again, a while after its first
 * use; and again when nobody used it for long. Uses that follow at once are part of the first.
 *
 * Of equal shards that is the longest idle one, as in LRU. A large one goes before many small ones
 * that were used as long ago, since each of those costs a waking of its own and gives back little.
 *
 * Source: GreedyDual-Size (Cao and Irani, USENIX Symposium on Internet Technologies 1997), with
 * idle time in the place of its inflation value; probation and the time in which uses are one:
 * LRU-K (O'Neil, O'Neil and Weikum, SIGMOD 1993).
 */

/** A use so soon after the first one is part of it. */
const FIRST_USE_MS = 1_000;
/** Who was used repeatedly is on probation again after so long without a use. */
const PROVEN_MS = 60_000;

/** Waking, whatever the size: the row of the catalogue, the manifest, a turn or two. */
const WAKING_MS = 1;
/** Of segments, as they are read, verified and decrypted. */
const SEGMENT_BYTES_PER_MS = 400_000;
/** Of a tail, as its frames are read and applied one by one. */
const TAIL_BYTES_PER_MS = 50_000;

export interface Sleeper {
  /** All that its sleep gives back. */
  readonly loadedBytes: number;
  /** The part of it that comes back out of the log. */
  readonly memtableBytes: number;
  readonly idleMs: number;
  /** Used once, or not for long. */
  readonly isOnProbation: boolean;
  /** A merge under way is lost with the sleep of its shard: those come last. */
  readonly isMerging: boolean;
}

/** Milliseconds, roughly: only the order counts. */
export function reloadCost({ loadedBytes, memtableBytes }: Sleeper): number {
  const segmentBytes = Math.max(0, loadedBytes - memtableBytes);
  return WAKING_MS + segmentBytes / SEGMENT_BYTES_PER_MS + memtableBytes / TAIL_BYTES_PER_MS;
}

/**
 * @param scarce what is short: `bytes`, or places for shards that are awake, of which each gives
 *   back one.
 */
export function compareSleepers(scarce: "bytes" | "places"): (a: Sleeper, b: Sleeper) => number {
  const scoreOf = (sleeper: Sleeper): number => {
    const gain = scarce === "bytes" ? sleeper.loadedBytes : 1;
    return (gain * sleeper.idleMs) / reloadCost(sleeper);
  };
  return (a, b) =>
    Number(a.isMerging) - Number(b.isMerging) ||
    Number(b.isOnProbation) - Number(a.isOnProbation) ||
    scoreOf(b) - scoreOf(a);
}

/** The uses of a shard that is awake, as far as they tell whether there will be more. */
export class Probation {
  #firstUsedMs: number | undefined;
  #lastUsedMs = 0;
  #isProven = false;

  /** Monotonic; when the use comes, not when it is served. */
  used(nowMs: number): void {
    this.#firstUsedMs ??= nowMs;
    const isRepeated = nowMs - this.#firstUsedMs >= FIRST_USE_MS;
    if (this.#isOver(nowMs)) {
      this.#firstUsedMs = nowMs;
      this.#isProven = false;
    } else if (isRepeated) this.#isProven = true;
    this.#lastUsedMs = nowMs;
  }

  isProven(nowMs: number): boolean {
    return this.#isProven && !this.#isOver(nowMs);
  }

  #isOver(nowMs: number): boolean {
    return this.#firstUsedMs !== undefined && nowMs - this.#lastUsedMs >= PROVEN_MS;
  }
}
