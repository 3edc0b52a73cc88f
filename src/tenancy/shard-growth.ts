/** Shards that are awake and used often take what makes their searches cheaper. */
import { shardHex } from "../base/brands.ts";
import type { Shard } from "../shard/index.ts";
import type { LoadQueue } from "./load-queue.ts";
import { LOW_SHARE, type MemoryUse } from "./memory-pressure.ts";
import type { Kept } from "./shard-use.ts";

/** Shards whose rows are on their way at once: each holds a buffer, and reads beside searches. */
const GROWN_AT_ONCE = 2;

export interface GrowthDoors {
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
    const { memoryUse, memoryOf } = this.#doors;
    const { usedBytes, budgetBytes } = memoryUse();
    if (usedBytes + bytes > budgetBytes * LOW_SHARE) return false;
    const share = standing?.rules.memoryShare;
    if (standing === undefined || share === undefined) return true;
    return memoryOf(standing.group).loadedBytes + bytes <= budgetBytes * share * LOW_SHARE;
  }
}
