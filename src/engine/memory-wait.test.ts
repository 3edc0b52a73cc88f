/** Searches of more tenants than there is memory for: they wait for one another. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, Query } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

/** Room for the vectors of four of them. */
const BUDGET = 6 * 1024 * 1024;

vi.mock("./memory-budget.ts", () => ({
  findMemoryBudget: () => ({ bytes: BUDGET, source: "given" }),
}));

const TENANTS = 8;
const DIMENSION = 96;
/** Less than a mebibyte of numbers, which are what is searched: all in arenas of small extents. */
const ROWS = 2_000;
const INCLUDE = { vectors: false, metadata: false };
const QUERY: Query = { field: "", vector: vectorOf(1), topK: 3, include: INCLUDE };

let clock: ManualClock;
let engine: Engine;

function vectorOf(value: number): Float32Array {
  return new Float32Array(DIMENSION).fill(value);
}

function placeOf(tenant: number): Place {
  return { database: "db", collection: "c", tenant: `t${String(tenant)}` };
}

/** Time goes on until it is done. */
async function during<Value>(work: Promise<Value>): Promise<Value> {
  let isDone = false;
  const end = (): void => {
    isDone = true;
  };
  work.then(end, end);
  while (!isDone) {
    clock.advance(1);
    expect(engine.stats().arenaBytesCapacity).toBeLessThanOrEqual(BUDGET);
    await new Promise(setImmediate);
  }
  return work;
}

beforeEach(async () => {
  clock = new ManualClock();
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
  });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "manhattan" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    for (let first = 0; first < ROWS; first += 500) {
      const keys = Array.from({ length: 500 }, (_, i) => `k${String(first + i)}`);
      const values = new Float32Array(500 * DIMENSION).map((_, i) => first + (i % 7));
      const batch = { keys, vectors: [{ field: "", values }], metadata: keys.map(() => undefined) };
      await during(engine.upsert(placeOf(tenant), batch));
    }
    await during(engine.flush(placeOf(tenant)));
    await during(engine.deactivate(placeOf(tenant)));
  }
});
afterEach(() => during(engine.close()));

describe("Searches of tenants that are more than memory has room for", () => {
  it("are all answered: those that do not fit wait for the others, within the budget", async () => {
    const places = Array.from({ length: TENANTS }, (_, tenant) => placeOf(tenant));
    const asked = [...places, ...places].map((place) => engine.query(place, QUERY));
    const results = await during(Promise.all(asked));
    for (const { hits } of results) expect(hits).toHaveLength(3);
    const { loads } = engine.stats();
    expect(loads).toMatchObject({ waiting: 0, reservedBytes: 0, refused: 0 });
    expect(loads.waited).toBeGreaterThan(0);
  });

  it("take what others searched before they put anybody to sleep, and all find the same again", async () => {
    const places = Array.from({ length: TENANTS }, (_, tenant) => placeOf(tenant));
    const found: unknown[] = [];
    for (const place of [...places, ...places]) {
      const { hits } = await during(engine.query(place, QUERY));
      found.push(hits.map(({ key, distance }) => [key, distance]));
    }
    expect(found.slice(TENANTS)).toEqual(found.slice(0, TENANTS));
    expect(engine.stats().shardsAwake).toBe(TENANTS);
    expect(engine.stats().evictions.sections).toBeGreaterThan(TENANTS);
  });
});
