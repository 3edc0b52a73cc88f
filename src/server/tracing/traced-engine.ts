/** The engine, with a span around each call about records or the catalogue. */
import { wrapEngine, type EngineCall } from "../../access/index.ts";
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
  createTenants: "collection",
  getTenant: "place",
  listTenants: "collection",
  setTenantState: "place",
  setTenantStates: "collection",
  warmTenants: "collection",
  sweepTenants: "collection",
  deleteTenant: "place",
  upsert: "place",
  insert: "place",
  delete: "place",
  deleteWhere: "place",
  update: "place",
  updateWhere: "place",
  deleteAll: "place",
  get: "place",
  count: "place",
  list: "place",
  query: "place",
  queryAll: "place",
  measureRecall: "place",
  queryMany: "places",
};

/** What the table does not name is not recorded. */
export function watchEngine(engine: Engine, tracer: Tracer): Engine {
  const calls = Object.keys(CALLS) as EngineCall[];
  return wrapEngine(engine, calls, (call, body) => {
    const naming = CALLS[call] ?? "place";
    return (...parameters) =>
      tracer.span(`engine ${call}`, attributesOf(call, naming, parameters), () =>
        body(...parameters),
      );
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
