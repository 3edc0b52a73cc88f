/**
 * Three hundred tenants that all sleep are asked at once, and memory has room for some fifteen: all
 * are answered, rightly, nobody is refused, and never more is taken than the budget. So are those
 * that were awake and are asked all the time.
 */
import { expect, it, vi } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../../src/io/index.ts";
import type { Place, Query } from "../../src/model/index.ts";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine } from "../../src/engine/index.ts";

/** Below what an engine takes on its own: one small and one large arena. */
const BUDGET = 6 * 1024 * 1024;

vi.mock("../../src/engine/memory-budget.ts", () => ({
  findMemoryBudget: () => ({ bytes: BUDGET, source: "given" }),
}));

const TENANTS = 300;
const AWAKE = 3;
const DIMENSION = 96;
/** About 240 KiB of numbers and codes a tenant. */
const ROWS = 500;

function placeOf(tenant: number): Place {
  return { database: "db", collection: "c", tenant: `t${String(tenant)}` };
}

/** Row 1 of a tenant is the nearest to its query, and tells whose it is. */
function valuesOf(tenant: number): Float32Array {
  return new Float32Array(ROWS * DIMENSION).map(
    (_, i) => tenant + Math.floor(i / DIMENSION) + (i % DIMENSION) / 1_000,
  );
}

function queryOf(tenant: number): Query {
  const vector = new Float32Array(DIMENSION).map((_, i) => tenant + 1 + i / 1_000);
  return { field: "", vector, topK: 1, include: { vectors: false, metadata: true } };
}

class Storm {
  readonly #clock = new ManualClock();
  #engine: Engine | undefined;
  peakBytes = 0;

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("Open the engine first.");
    return this.#engine;
  }

  async open(): Promise<void> {
    this.#engine = await openEngine({
      files: new MemoryFileSystem(),
      clock: this.#clock,
      random: new SeededRandom(1),
      workerCount: 0,
    });
    const vectors = [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await this.#engine.createDatabase("db");
    await this.#engine.createCollection("db", "c", { schema, tenancy: "multi" });
    for (let tenant = 0; tenant < TENANTS; tenant++) {
      const keys = Array.from({ length: ROWS }, (_, i) => `k${String(i)}`);
      const metadata = keys.map((_, i) => ({ tenant, i }));
      const batch = { keys, vectors: [{ field: "", values: valuesOf(tenant) }], metadata };
      await this.during(this.#engine.upsert(placeOf(tenant), batch));
      await this.during(this.#engine.flush(placeOf(tenant)));
      await this.during(this.#engine.deactivate(placeOf(tenant)));
    }
  }

  /** Time goes on until it is done. */
  async during<Value>(work: Promise<Value>): Promise<Value> {
    let isDone = false;
    const end = (): void => {
      isDone = true;
    };
    work.then(end, end);
    while (!isDone) {
      this.#clock.advance(1);
      this.peakBytes = Math.max(this.peakBytes, this.engine.stats().arenaBytesCapacity);
      await new Promise(setImmediate);
    }
    return work;
  }

  async ask(tenant: number): Promise<void> {
    const { hits } = await this.engine.query(placeOf(tenant), queryOf(tenant));
    expect(hits.map(({ key, metadata }) => [key, metadata])).toEqual([["k1", { tenant, i: 1 }]]);
  }
}

it("three hundred tenants woken at once in memory for fifteen are all answered", async () => {
  const storm = new Storm();
  await storm.open();
  for (let tenant = 0; tenant < AWAKE; tenant++) await storm.during(storm.ask(tenant));
  let woken = 0;
  const all = Array.from({ length: TENANTS - AWAKE }, async (_, i) => {
    await storm.ask(AWAKE + i);
    woken++;
  });
  const awake = Array.from({ length: AWAKE }, async (_, tenant) => {
    while (woken < all.length) await storm.ask(tenant);
  });
  await storm.during(Promise.all([...all, ...awake]));
  expect(storm.peakBytes).toBeLessThanOrEqual(BUDGET);
  for (let tenant = 0; tenant < TENANTS; tenant += 29) await storm.during(storm.ask(tenant));
  await storm.during(storm.engine.close());
});
