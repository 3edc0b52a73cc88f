/** The engine, with a span around each call about records or the catalogue. */
import type { Engine } from "../../engine/api.ts";
import type { AttributeValue } from "./span.ts";
import type { Tracer } from "./tracer.ts";

/** Where the names of a call are: two words, or a place, or places, or one word. */
type Naming = "place" | "places" | "database" | "collection";

const CALLS: { readonly [Call in keyof Engine]?: Naming } = {
  createDatabase: "database",
  getDatabase: "database",
  updateDatabase: "database",
  deleteDatabase: "database",
  createCollection: "collection",
  getCollection: "collection",
  listCollections: "database",
  updateCollection: "collection",
  deleteCollection: "collection",
  createTenant: "place",
  getTenant: "place",
  listTenants: "collection",
  deleteTenant: "place",
  upsert: "place",
  insert: "place",
  delete: "place",
  deleteWhere: "place",
  deleteAll: "place",
  get: "place",
  count: "place",
  list: "place",
  query: "place",
  queryMany: "places",
};

/** @returns the same engine to whoever calls it; what the table does not name is not recorded. */
export function watchEngine(engine: Engine, tracer: Tracer): Engine {
  const wrapped = new Map<PropertyKey, unknown>();
  for (const [call, naming] of Object.entries(CALLS)) {
    const body: unknown = Reflect.get(engine, call, engine);
    if (typeof body !== "function") continue;
    wrapped.set(call, (...parameters: unknown[]) =>
      tracer.span(`engine ${call}`, attributesOf(call, naming, parameters), () =>
        Promise.resolve(Reflect.apply(body, engine, parameters) as unknown),
      ),
    );
  }
  return new Proxy(engine, {
    get: (target, name) => {
      const own = wrapped.get(name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      // Private members are found on the engine itself, not on what stands before it.
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Names of semantic conventions for databases; a tenant's name is nobody's business here. */
function attributesOf(
  call: string,
  naming: Naming,
  [first, second]: readonly unknown[],
): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {
    "db.system.name": "insula",
    "db.operation.name": call,
  };
  const place = naming === "place" ? (first as { database?: unknown; collection?: unknown }) : {};
  const database = naming === "place" ? place.database : first;
  const collection = naming === "place" ? place.collection : second;
  if (naming === "places") {
    attributes["insula.place_count"] = Array.isArray(first) ? first.length : 0;
    return attributes;
  }
  if (typeof database === "string") attributes["db.namespace"] = database;
  if (naming !== "database" && typeof collection === "string") {
    attributes["db.collection.name"] = collection;
  }
  return attributes;
}
