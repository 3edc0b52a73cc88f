/** What callers ask of shards as such: to write down what is in memory, to merge, to sleep. */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { Place } from "../model/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { NodeContext } from "./node-context.ts";
import type { Records } from "./records.ts";
import { hasShard, type TenantGate } from "./tenant-gate.ts";

export interface ShardCallDoors {
  readonly node: Pick<NodeContext, "catalog" | "disk">;
  readonly keeper: ShardKeeper;
  readonly records: Records;
  readonly gate: TenantGate;
}

export class ShardCalls {
  readonly #doors: ShardCallDoors;

  constructor(doors: ShardCallDoors) {
    this.#doors = doors;
  }

  /** Of one place; without one, of all that are awake, and of the catalogue. */
  async flush(place?: Place): Promise<void> {
    const { node, keeper, records, gate } = this.#doors;
    if (place !== undefined) {
      const found = await records.resolve(place);
      if (hasShard(found)) await gate.use(found, (open) => open.flush());
      return;
    }
    for (const { state } of [...keeper.shards()]) {
      // A shard may be dropped or put to sleep while one goes through all of them.
      await keeper.use(state.uid, (open) => open.flush(), staysAsleep).catch(ignoreGone);
    }
    await node.catalog.flush();
  }

  async compact(place: Place): Promise<void> {
    const { node, records, gate } = this.#doors;
    const found = await records.resolve(place);
    if (!hasShard(found)) return;
    await node.disk.run(() =>
      gate.use(found, async (open) => {
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

function staysAsleep(): Promise<never> {
  return Promise.reject(new InsulaError("tenant_not_found", "Cannot flush: it sleeps."));
}

function ignoreGone(error: unknown): void {
  if (!isInsulaError(error) || error.code !== "tenant_not_found") throw error;
}
