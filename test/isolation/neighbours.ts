/** Random work at other tenants and collections, under the keys that the observed ones use too. */
import { isInsulaError } from "../../src/base/errors.ts";
import type { Engine } from "../../src/engine/api.ts";
import type { Place, Schema } from "../../src/model/index.ts";
import type { Chance } from "../model/chance.ts";

/** Refusals that a call may meet because another call was there first. */
const RIVAL_CODES = new Set([
  "collection_not_found",
  "collection_exists",
  "collection_disabled",
  "tenant_not_found",
  "tenant_exists",
  "record_exists",
  "database_exists",
  "database_not_found",
  "database_not_empty",
]);

type Kind =
  | "upsert"
  | "insert"
  | "delete"
  | "deleteWhere"
  | "deleteAll"
  | "flush"
  | "compact"
  | "deactivate"
  | "tenants"
  | "collections";

/** Of twenty operations. */
const SHARES: Readonly<Record<Kind, number>> = {
  upsert: 7,
  insert: 2,
  delete: 2,
  deleteWhere: 1,
  deleteAll: 1,
  flush: 2,
  compact: 1,
  deactivate: 1,
  tenants: 1,
  collections: 2,
};
export const KINDS = Object.keys(SHARES) as readonly Kind[];
const DRAWN: readonly Kind[] = KINDS.flatMap((kind) => new Array<Kind>(SHARES[kind]).fill(kind));

export interface Neighbourhood {
  /** The database of the observed places. */
  readonly database: string;
  /** A collection with tenants, one of which is observed. */
  readonly shared: string;
  readonly schema: Schema;
  readonly keyCount: number;
}

const TENANTS = 6;
const COLLECTIONS = ["red", "green", "blue", "wide"];

export class Neighbours {
  readonly #engine: Engine;
  readonly #chance: Chance;
  readonly #around: Neighbourhood;
  /** Kinds done at least once, so that a test can see that none is missing. */
  readonly done: Set<Kind> = new Set<Kind>();

  constructor(engine: Engine, chance: Chance, around: Neighbourhood) {
    this.#engine = engine;
    this.#chance = chance;
    this.#around = around;
  }

  /** One random operation. @throws whatever is no refusal for a rival's sake. */
  async step(): Promise<void> {
    const name = this.#chance.pick(DRAWN);
    const place = this.#place();
    try {
      await this.#run(name, place);
      this.done.add(name);
    } catch (error) {
      if (isInsulaError(error) && RIVAL_CODES.has(error.code)) return;
      throw new Error(`${name} on ${JSON.stringify(place)}`, { cause: error });
    }
  }

  async #run(name: Kind, place: Place): Promise<void> {
    const engine = this.#engine;
    const chance = this.#chance;
    const { schema, keyCount } = this.#around;
    switch (name) {
      case "upsert":
        await engine.upsert(place, chance.batch(schema, chance.keys(4, keyCount)));
        return;
      case "insert":
        await engine.insert(place, chance.batch(schema, chance.keys(2, keyCount * 50)));
        return;
      case "delete":
        await engine.delete(place, chance.keys(6, keyCount));
        return;
      case "deleteWhere":
        await engine.deleteWhere(place, chance.filter());
        return;
      case "deleteAll":
        if (chance.once(4)) await engine.deleteAll(place);
        return;
      case "flush":
        await engine.flush(place);
        return;
      case "compact":
        await engine.compact(place);
        return;
      case "deactivate":
        await engine.deactivate(place);
        return;
      case "tenants":
        await this.#changeTenant();
        return;
      case "collections":
        await this.#changeCollection();
        return;
    }
  }

  /** A tenant of the shared collection more often than not. */
  #place(): Place {
    const { database, shared } = this.#around;
    const tenant = `t${String(this.#chance.below(TENANTS))}`;
    if (!this.#chance.once(3)) return { database, collection: shared, tenant };
    const collection = this.#chance.pick(COLLECTIONS);
    return { database, collection, ...(isMulti(collection) ? { tenant } : {}) };
  }

  async #changeTenant(): Promise<void> {
    const { database, shared } = this.#around;
    const tenant = `t${String(this.#chance.below(TENANTS))}`;
    const place = { database, collection: shared, tenant };
    if (this.#chance.once(2)) await this.#engine.createTenant(place);
    else await this.#engine.deleteTenant(place);
  }

  async #changeCollection(): Promise<void> {
    const { database, schema } = this.#around;
    const name = this.#chance.pick(COLLECTIONS);
    const tenancy = isMulti(name) ? "multi" : "single";
    switch (this.#chance.below(4)) {
      case 0:
        await this.#engine.deleteCollection(database, name);
        return;
      case 1:
        await this.#engine.updateCollection(database, name, { status: "disabled" });
        return;
      case 2:
        await this.#engine.updateCollection(database, name, { status: "enabled" });
        return;
      default:
        await this.#engine.createCollection(database, name, { schema, tenancy });
    }
  }
}

function isMulti(collection: string): boolean {
  return collection === "wide" || collection === "blue";
}
