/** What searches cost: the same on the same data, whatever is cached, and more on more. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, Query } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 1_024;

let engine: Engine;

beforeEach(async () => {
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { residentRowsBytesMax: 0, residentRowsShare: 0 },
  });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: ["note"] };
  await engine.createCollection("db", "c", { schema });
});

afterEach(async () => {
  await engine.close();
});

async function write(first: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  await engine.upsert(PLACE, {
    keys: numbers.map((number) => `k${String(number).padStart(4, "0")}`),
    vectors: [
      { field: "", values: new Float32Array(count * DIMENSION).map((_, i) => Math.sin(i + first)) },
    ],
    metadata: numbers.map((number) => ({ half: number % 2, note: "n" })),
  });
}

async function costOf(query: Partial<Query> = {}): Promise<number> {
  const { plan } = await engine.query(PLACE, {
    field: "",
    vector: new Float32Array(DIMENSION).fill(0.1),
    topK: 1,
    include: { vectors: false, metadata: false },
    ...query,
  });
  return plan.workUnits;
}

it("costs a unit for 991 rows of 1,024 components and a hit, and a begun one for more", async () => {
  await write(0, 991);
  expect(await costOf()).toBe(1);
  await write(991, 1_000);
  expect(await costOf()).toBe(2);
});

it("costs the same when everything must be read from files and when nothing must", async () => {
  await write(0, 1_500);
  await engine.flush(PLACE);
  await engine.deactivate(PLACE);
  const cold = await costOf({ isExplained: true });
  const warm = await costOf();
  expect([cold, warm, await costOf()]).toEqual([2, 2, 2]);
});

it("costs less with a filter that leaves few rows, more when it must read rows", async () => {
  await write(0, 1_900);
  await engine.flush(PLACE);
  expect(await costOf()).toBe(2);
  expect(await costOf({ filter: { kind: "equal", property: "half", value: 1 } })).toBe(2);
  expect(await costOf({ filter: { kind: "equal", property: "half", value: 7 } })).toBe(1);
  // 1,900 rows are read at 128 a unit, all pass.
  expect(await costOf({ filter: { kind: "equal", property: "note", value: "n" } })).toBe(17);
});

it("costs a search without a tenant's data nothing, and tells the cost in an explanation", async () => {
  const schema = {
    vectors: [{ name: "", dimension: 2, metric: "dot" as const }],
    unfilterable: [],
  };
  await engine.createCollection("db", "t", {
    schema: { ...schema, identity: "key" },
    tenancy: "multi",
  });
  const place = { database: "db", collection: "t", tenant: "nobody" };
  const query: Query = {
    field: "",
    vector: new Float32Array(2),
    topK: 1,
    include: { vectors: false, metadata: false },
    isExplained: true,
  };
  const none = await engine.query(place, query);
  expect([none.plan.workUnits, none.explanation?.workUnits]).toEqual([0, 0]);
  await engine.createTenant(place);
  const some = await engine.query(place, query);
  expect([some.plan.workUnits, some.explanation?.workUnits]).toEqual([1, 1]);
});
