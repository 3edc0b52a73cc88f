/** What callers ask of shards as such: to write down what is in memory, to merge, to sleep. */
import { isInsulaError } from "../base/errors.ts";
import type { Place } from "../model/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { NodeContext } from "./node-context.ts";
import type { Records } from "./records.ts";

export interface ShardCallDoors {
  readonly node: Pick<NodeContext, "catalog" | "disk">;
  readonly keeper: ShardKeeper;
  readonly records: Records;
}

export class ShardCalls {
  readonly #doors: ShardCallDoors;

  constructor(doors: ShardCallDoors) {
    this.#doors = doors;
  }

  /** Of one place; without one, of all that are awake, and of the catalogue. */
  async flush(place?: Place): Promise<void> {
    const { node, keeper, records } = this.#doors;
    if (place !== undefined) {
      const { shard } = await records.resolve(place);
      if (shard !== undefined) await keeper.use(shard, (open) => open.flush());
      return;
    }
    for (const { state } of [...keeper.shards()]) {
      // A shard may be dropped while one goes through all of them.
      await keeper.use(state.uid, (open) => open.flush()).catch(ignoreDeleted);
    }
    await node.catalog.flush();
  }

  async compact(place: Place): Promise<void> {
    const { node, keeper, records } = this.#doors;
    const { shard } = await records.resolve(place);
    if (shard === undefined) return;
    await node.disk.run(() =>
      keeper.use(shard, async (open) => {
        await open.flush();
        await open.compact();
      }),
    );
  }

  async deactivate(place: Place): Promise<void> {
    const { shard } = await this.#doors.records.resolve(place);
    if (shard !== undefined) await this.#doors.keeper.sleep(shard);
  }
}

function ignoreDeleted(error: unknown): void {
  if (!isInsulaError(error) || error.code !== "tenant_not_found") throw error;
}
