/**
 * Operations of an engine one after the other, each with what the data must be after it. While one
 * is under way the data may be as before or as after, never between.
 */
import type { Engine } from "../../src/engine/api.ts";
import type { Place } from "../../src/model/index.ts";
import type { Chance } from "../model/chance.ts";
import { applyWrite, type PlainWrite } from "../model/plain-model.ts";
import { COLLECTIONS, DATABASE, PlainWorld, placeOf, send } from "../model/world.ts";

export interface Step {
  readonly name: string;
  /** What holds when the step is acknowledged. */
  readonly after: PlainWorld;
  run(engine: Engine): Promise<unknown>;
}

const KEYS = 40;
const TENANTS = 3;

export class Trace {
  readonly #chance: Chance;
  world: PlainWorld = new PlainWorld();

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** The next step; the caller says by {@link Trace.world} how it ended. */
  next(): Step {
    const chance = this.#chance;
    const missing = Object.keys(COLLECTIONS).filter((name) => !this.world.collections.has(name));
    if (this.world.collections.size === 0 || (missing.length > 0 && chance.once(25))) {
      return this.#create(chance.pick(missing));
    }
    const name = chance.pick([...this.world.collections.keys()]);
    const isMulti = this.world.collection(name).options.tenancy === "multi";
    const tenant = isMulti ? `t${String(chance.below(TENANTS))}` : undefined;
    const place = placeOf(name, tenant);
    const kind = chance.below(40);
    if (kind < 24) return this.#write(place, this.#randomWrite(place, kind));
    if (kind < 32) return this.#keep(`flush ${name}`, (engine) => engine.flush(place));
    if (kind < 34) return this.#keep("flush", (engine) => engine.flush());
    if (kind < 37) return this.#keep(`compact ${name}`, (engine) => engine.compact(place));
    if (kind < 38) return this.#keep(`deactivate ${name}`, (engine) => engine.deactivate(place));
    if (kind < 39) return this.#removeTenant(place) ?? this.#write(place, { kind: "deleteAll" });
    return this.#remove(name);
  }

  #randomWrite(place: Place, kind: number): PlainWrite {
    const chance = this.#chance;
    if (kind < 17) {
      const keys = chance.keys(chance.once(6) ? KEYS : 6, KEYS);
      return { kind: "upsert", batch: chance.batch(this.world.schema(place), keys) };
    }
    if (kind < 21) return { kind: "delete", keys: chance.keys(6, KEYS) };
    if (kind < 22) return { kind: "deleteWhere", filter: chance.filter() };
    if (kind < 23) {
      const keys = chance.keys(6, KEYS);
      return { kind: "update", patches: chance.patches(this.world.schema(place), keys) };
    }
    return { kind: "deleteAll" };
  }

  #keep(name: string, run: Step["run"]): Step {
    return { name, after: this.world, run };
  }

  #create(name: string): Step {
    const options = COLLECTIONS[name];
    if (options === undefined) throw new Error("a collection the test knows");
    const after = this.world.copy();
    after.add(name);
    const run = (engine: Engine): Promise<unknown> =>
      engine.createCollection(DATABASE, name, options);
    return { name: `create ${name}`, after, run };
  }

  #remove(name: string): Step {
    const after = this.world.copy();
    after.collections.delete(name);
    const run = (engine: Engine): Promise<unknown> => engine.deleteCollection(DATABASE, name);
    return { name: `remove ${name}`, after, run };
  }

  #removeTenant({ database, collection, tenant }: Place): Step | undefined {
    const after = this.world.copy();
    if (tenant === undefined || !after.collection(collection).shards.delete(tenant)) return;
    const run = (engine: Engine): Promise<unknown> =>
      engine.deleteTenant({ database, collection, tenant });
    return { name: `remove tenant ${collection}/${tenant}`, after, run };
  }

  #write(place: Place, write: PlainWrite): Step {
    const after = this.world.copy();
    const shard = applyWrite(this.world.shard(place), this.world.schema(place), write);
    if (shard === undefined) throw new Error("a write that is not refused");
    const { shards } = this.world.collection(place.collection);
    if (write.kind === "upsert" || shards.has(place.tenant ?? "")) after.set(place, shard);
    const name = `${write.kind} ${place.collection}/${place.tenant ?? ""}`;
    return { name, after, run: (engine) => send(engine, place, write) };
  }
}

/** An upsert into a new tenant makes the tenant first: a crash between leaves it, empty. */
export function withEmptyTenants(before: PlainWorld, after: PlainWorld): PlainWorld {
  const between = before.copy();
  for (const [name, { shards }] of after.collections) {
    const known = between.collections.get(name);
    if (known === undefined) continue;
    for (const tenant of shards.keys()) {
      if (!known.shards.has(tenant)) known.shards.set(tenant, new Map());
    }
  }
  return between;
}
