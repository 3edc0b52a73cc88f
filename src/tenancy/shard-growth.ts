/** Shards that are awake and used often take what makes their searches cheaper. */
import { shardHex } from "../base/brands.ts";
import type { Clock } from "../io/index.ts";
import type { Shard } from "../shard/index.ts";
import type { LoadQueue } from "./load-queue.ts";
import { LOW_SHARE, type MemoryUse } from "./memory-pressure.ts";
import type { Kept } from "./shard-use.ts";

/** Shards whose rows are on their way at once: each holds a buffer, and reads beside searches. */
const GROWN_AT_ONCE = 2;

/** A collection whose share is full is not summed up again before, ms: that looks at all awake. */
const FULL_MS = 500;

export interface GrowthDoors {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly loads: Pick<LoadQueue, "tryReserve">;
  readonly memoryUse: () => MemoryUse;
  /** What the tenants of a collection hold now. */
  readonly memoryOf: (group: number) => { readonly loadedBytes: number };
}

/** What is asked of a shard. */
export type Growing = Pick<Shard, "state" | "wantedBytes" | "bringRows">;

export class ShardGrowth {
  readonly #doors: GrowthDoors;
  #count = 0;
  /** Until when the shares of collections are taken to be full. */
  readonly #fullUntilMs = new Map<number, number>();

  constructor(doors: GrowthDoors) {
    this.#doors = doors;
  }

  /**
   * Has the shard bring float32 rows that its searches read again and again, where there is room
   * for them: nobody waits for that, and it takes nothing that would have to be made room for, of
   * others or of its collection's share.
   */
  grow(shard: Growing, standing: Kept["standing"], fields: readonly string[]): void {
    const bytes = shard.wantedBytes(fields);
    if (bytes === 0 || this.#count >= GROWN_AT_ONCE || !this.#hasRoom(bytes, standing)) return;
    const id = shardHex(shard.state.uid);
    const promised = this.#doors.loads.tryReserve({ id, bytes, kind: "background" });
    if (promised === undefined) return;
    this.#count++;
    const grown = shard.bringRows(fields);
    // The memory is taken by now.
    promised.release();
    const end = (): void => {
      this.#count--;
    };
    grown.then(end, end);
  }

  #hasRoom(bytes: number, standing: Kept["standing"]): boolean {
    const { clock, memoryUse, memoryOf } = this.#doors;
    const { usedBytes, budgetBytes } = memoryUse();
    if (usedBytes + bytes > budgetBytes * LOW_SHARE) return false;
    const share = standing?.rules.memoryShare;
    if (standing === undefined || share === undefined) return true;
    const { group } = standing;
    const nowMs = clock.monotonicMs();
    if (nowMs < (this.#fullUntilMs.get(group) ?? 0)) return false;
    const hasRoom = memoryOf(group).loadedBytes + bytes <= budgetBytes * share * LOW_SHARE;
    if (hasRoom) this.#fullUntilMs.delete(group);
    else this.#fullUntilMs.set(group, nowMs + FULL_MS);
    return hasRoom;
  }
}
