/** Everything that a data folder answers, as JSON holds it: what expected.json of a folder says. */
import type { AccessControl } from "../../src/access/index.ts";
import type { Engine } from "../../src/engine/api.ts";
import type { Filter, Place, Schema } from "../../src/model/index.ts";

const LIMIT = 1_000;
const ALL = { vectors: true, metadata: true };
const FILTERS: readonly Filter[] = [
  { kind: "equal", property: "shelf", value: "north" },
  { kind: "range", property: "n", lower: { value: 5, isInclusive: false } },
  { kind: "equal", property: "huge", value: 2n ** 64n - 1n },
  { kind: "range", property: "large", lower: { value: 2n ** 60n + 3n, isInclusive: true } },
  { kind: "equal", property: "shelf", value: "x".repeat(600) },
  { kind: "exists", property: "at" },
  { kind: "not", filter: { kind: "equal", property: "sold", value: false } },
];

export type Json = string | number | boolean | null | readonly Json[] | { [name: string]: Json };

/** @param isWithKeys false: keys of access are left out. */
export async function askAll(engine: Engine, keys?: AccessControl): Promise<Json> {
  const databases: Json[] = [];
  for (const database of (await engine.listDatabases({ limit: LIMIT })).items) {
    const collections: Json[] = [];
    const listed = await engine.listCollections(database.name, { limit: LIMIT });
    for (const collection of listed.items) {
      const shards =
        collection.status === "disabled" ? [] : await askShards(engine, database.name, collection);
      // Said of collections since later; what older ones do is a test of its own.
      const { createsTenants: _, activatesTenants: __, ...info } = collection;
      collections.push({ ...object(toJson(info)), shards });
    }
    databases.push({ ...object(toJson(database)), collections });
  }
  const { items } = await engine.listSettings({ limit: LIMIT });
  const settings = items.filter(({ name }) => name.startsWith("golden/"));
  const { counts } = engine.tenantFigures();
  const answers = { databases, settings: toJson(settings), tenants: toJson(counts) };
  return keys === undefined ? answers : { ...answers, keys: await askKeys(keys) };
}

async function askShards(
  engine: Engine,
  database: string,
  { name: collection, tenancy, schema }: { name: string; tenancy: string; schema: Schema },
): Promise<Json> {
  if (tenancy !== "multi") return [await askPlace(engine, { database, collection }, schema)];
  const tenants: Json[] = [];
  for (const info of (await engine.listTenants(database, collection, { limit: LIMIT })).items) {
    const place = { database, collection, tenant: info.name };
    tenants.push({ ...object(toJson(info)), ...(await askPlace(engine, place, schema)) });
  }
  return tenants;
}

async function askPlace(
  engine: Engine,
  place: Place,
  schema: Schema,
): Promise<{ [name: string]: Json }> {
  const { items } = await engine.list(place, { limit: LIMIT, include: ALL });
  const keys = items.map(({ key }) => key);
  const byKey = keys.length === 0 ? [] : await engine.get(place, keys, ALL);
  const hits: Json[] = [];
  for (const { name: field, dimension } of schema.vectors) {
    const vector = Float32Array.from({ length: dimension }, (_, i) => 7 - 3 * i);
    for (const isExact of [true, false]) {
      for (const filter of [undefined, ...FILTERS.slice(0, 2)]) {
        const query = { field, vector, topK: 5, include: { vectors: false, metadata: false } };
        const found = await engine.query(place, {
          ...query,
          isExact,
          ...(filter === undefined ? {} : { filter }),
        });
        // Of a sum the last digits may change with its order.
        hits.push(found.hits.map(({ key, distance }) => [key, +distance.toPrecision(5)]));
      }
    }
  }
  const counts = await Promise.all(FILTERS.map((filter) => engine.count(place, filter)));
  const isSame = JSON.stringify(toJson(items)) === JSON.stringify(toJson(byKey));
  return { count: await engine.count(place), records: toJson(items), isSame, counts, hits };
}

async function askKeys(keys: AccessControl): Promise<Json> {
  const { items } = await keys.listKeys({ limit: LIMIT });
  const found = await Promise.all(items.map(({ id }) => keys.findKey(id)));
  return toJson(items.map((view, i) => ({ view, secrets: found[i] })));
}

function object(json: Json): { [name: string]: Json } {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json as { [name: string]: Json };
  }
  throw new Error("an object");
}

/** What JSON cannot hold becomes an object with one member that says its kind. */
export function toJson(value: unknown): Json {
  if (typeof value === "bigint") return { $integer: String(value) };
  if (Object.is(value, -0)) return { $number: "-0" };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Float32Array) return Array.from(value);
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("hex") };
  if (value instanceof Map) return toJson(Object.fromEntries(value as Map<string, unknown>));
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([name, member]) => [name, toJson(member)]));
  }
  return value as Json;
}
