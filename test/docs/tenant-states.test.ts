/** Every cell of the table of docs/tenant-states.md is run: what the call says, and the state. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isInsulaError } from "../../src/base/errors.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../../src/io/index.ts";
import type { Filter, Place, Query, WriteBatch } from "../../src/model/index.ts";
import { rowsOf } from "./tables.ts";

const COLUMNS = {
  "`ACTIVE`": { state: "ACTIVE", rules: {} },
  "`INACTIVE`": { state: "INACTIVE", rules: {} },
  "`INACTIVE`, activates": { state: "INACTIVE", rules: { activatesTenants: true } },
  missing: { state: undefined, rules: {} },
  "missing, creates none": { state: undefined, rules: { createsTenants: false } },
} as const;

const INCLUDE = { vectors: false, metadata: false };
const FILTER: Filter = { kind: "equal", property: "year", value: 2020 };
const QUERY: Query = { field: "", vector: Float32Array.of(1), topK: 5, include: INCLUDE };

function batchOf(key: string): WriteBatch {
  const vectors = [{ field: "", values: Float32Array.of(1) }];
  return { keys: [key], vectors, metadata: [{ year: 2020 }] };
}

/** Each call answers how many records it found or changed: 1 of a tenant with the record "a". */
const CALLS: Readonly<Record<string, (engine: Engine, place: Place) => Promise<number>>> = {
  search: async (engine, place) => (await engine.query(place, QUERY)).hits.length,
  "search with filter": async (engine, place) =>
    (await engine.query(place, { ...QUERY, filter: FILTER })).hits.length,
  get: async (engine, place) =>
    (await engine.get(place, ["a"], INCLUDE)).filter((found) => found !== undefined).length,
  list: async (engine, place) =>
    (await engine.list(place, { include: INCLUDE, limit: 5 })).items.length,
  count: (engine, place) => engine.count(place),
  "count with filter": (engine, place) => engine.count(place, FILTER),
  upsert: async (engine, place) => (await engine.upsert(place, batchOf("b"))).rowsAdded,
  insert: async (engine, place) => (await engine.insert(place, batchOf("b"))).rowsAdded,
  delete: async (engine, place) => (await engine.delete(place, ["a"])).rowsReplaced,
  "delete by filter": async (engine, place) =>
    (await engine.deleteWhere(place, FILTER)).rowsReplaced,
};

const text = readFileSync(path.resolve(import.meta.dirname, "../../docs/tenant-states.md"), "utf8");
const section = text.slice(text.indexOf("## What every call does")).split(/^## /m)[1] ?? "";
const [head = [], ...rows] = rowsOf(section);

let engine: Engine;
beforeAll(async () => {
  const files = new MemoryFileSystem();
  const random = new SeededRandom(1);
  engine = await openEngine({ files, clock: new ManualClock(), random, workerCount: 0 });
  await engine.createDatabase("d");
});
afterAll(() => engine.close());

let made = 0;
async function placeIn({ state, rules }: (typeof COLUMNS)[keyof typeof COLUMNS]) {
  const place = { database: "d", collection: `c${String(++made)}`, tenant: "t" };
  const vectors = [{ name: "", dimension: 1, metric: "dot" as const }];
  await engine.createCollection("d", place.collection, {
    schema: { identity: "key", vectors, unfilterable: [] },
    tenancy: "multi",
    ...rules,
  });
  if (state === undefined) return place;
  if ("createsTenants" in rules) await engine.createTenant(place);
  await engine.upsert(place, batchOf("a"));
  if (state === "INACTIVE") await engine.setTenantState(place, state);
  return place;
}

it("the table has every call and every column", () => {
  expect(rows.map(([call]) => call)).toEqual(Object.keys(CALLS));
  expect(head.slice(1)).toEqual(Object.keys(COLUMNS));
});

describe.each(rows.map((row) => [row[0] ?? "", row] as const))("%s", (name, row) => {
  const call = CALLS[name] ?? (() => Promise.reject(new Error(`there is no call ${name}`)));
  it.each(
    Object.entries(COLUMNS).map(([column, of], i) => [column, row[i + 1] ?? "", of] as const),
  )("of a tenant that is %s: %s", async (_, cell, column) => {
    const place = await placeIn(column);
    const outcome = await call(engine, place).then(
      (found) => (found > 0 ? "answered" : "finds nothing"),
      (error: unknown) => (isInsulaError(error) ? `\`${error.code}\`` : String(error)),
    );
    const state = (await engine.getTenant(place))?.state;
    expect(`${outcome}, ${state === undefined ? "missing" : `\`${state}\``}`).toBe(cell);
  });
});
