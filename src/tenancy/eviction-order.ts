/**
 * Who sleeps first when room is short: bytes times idle time over what it costs to wake again.
 *
 * Of equal shards that is the longest idle one, as in LRU. A large one goes before many small ones
 * that were used as long ago, since each of those costs a waking of its own and gives back little.
 *
 * Source: GreedyDual-Size (Cao and Irani, USENIX Symposium on Internet Technologies 1997), with
 * idle time in the place of its inflation value.
 */

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
  return (a, b) => Number(a.isMerging) - Number(b.isMerging) || scoreOf(b) - scoreOf(a);
}
