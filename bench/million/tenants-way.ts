/** All of them tenants of one collection, made by the bulk call. */
import type { Insula } from "../../src/client/index.ts";
import type { Engine } from "../../src/engine/index.ts";
import type { Place } from "../../src/model/index.ts";
import { timeMs } from "../support/samples.ts";
import { DIMENSION, LARGE_DIMENSION } from "./sizes.ts";
import {
  countPages,
  DATABASE,
  LARGE_DATABASE,
  PAGE_LIMIT,
  schemaOf,
  type ErasureTarget,
  type Way,
} from "./way.ts";

const COLLECTION = "tenants";

export class TenantsWay implements Way {
  readonly name = "tenants";

  async prepare(engine: Engine): Promise<void> {
    for (const [database, dimension] of [
      [DATABASE, DIMENSION],
      [LARGE_DATABASE, LARGE_DIMENSION],
    ] as const) {
      await engine.createDatabase(database);
      await engine.createCollection(database, COLLECTION, {
        schema: schemaOf(dimension),
        tenancy: "multi",
        // Nobody is due for a year: what is measured is the look.
        policy: { inactiveAfter: "365d" },
      });
    }
  }

  async create(engine: Engine, names: readonly string[]): Promise<void> {
    await engine.createTenants(DATABASE, COLLECTION, names);
  }

  async createLarge(engine: Engine, name: string): Promise<void> {
    await engine.createTenants(LARGE_DATABASE, COLLECTION, [name]);
  }

  placeOf(database: string, name: string): Place {
    return { database, collection: COLLECTION, tenant: name };
  }

  list(client: Insula): Promise<number> {
    return countPages((page) => client.collection(DATABASE, COLLECTION).listTenants(page));
  }

  async sweep(client: Insula): Promise<number> {
    const collection = client.collection(DATABASE, COLLECTION);
    let count = 0;
    for (let after: string | undefined; ;) {
      const { looked, due, failed, next } = await collection.sweepTenants({
        limit: PAGE_LIMIT,
        ...(after === undefined ? {} : { after }),
      });
      if (due.length + failed > 0) throw new Error("The policy found somebody due.");
      count += looked;
      if (next === undefined) return count;
      after = next;
    }
  }

  async erase({ client }: ErasureTarget, name: string): Promise<number> {
    let isUnreadable = false;
    const ms = await timeMs(async () => {
      const receipt = await client.collection(DATABASE, COLLECTION).eraseTenant(name);
      isUnreadable = receipt.isKeyDestroyed && receipt.isUnreadable;
    });
    if (!isUnreadable) throw new Error(`Tenant ${name} is still readable.`);
    return ms;
  }
}
