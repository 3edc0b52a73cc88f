/** What the engine tells of its work: steps as they end, sums since the start, tenants by state. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { WorkStep } from "../base/work-observer.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, WriteBatch } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const INCLUDE = { vectors: false, metadata: false };
const FILTER = { kind: "equal", property: "n", value: 1 } as const;

let clock: ManualClock;
let steps: WorkStep[];
let files: MemoryFileSystem;
let engine: Engine;

function open(seed: number): Promise<Engine> {
  return openEngine({
    files,
    clock,
    random: new SeededRandom(seed),
    workerCount: 0,
    idleMs: 1_000,
    observer: {
      endStep: (step, startMs, endMs) => {
        expect(endMs).toBeGreaterThanOrEqual(startMs);
        steps.push(step);
      },
    },
  });
}

beforeEach(async () => {
  clock = new ManualClock();
  steps = [];
  files = new MemoryFileSystem();
  engine = await open(1);
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
});
afterEach(async () => {
  await engine.close();
});

function place(tenant: string): Place {
  return { database: "db", collection: "c", tenant };
}

function batch(count: number): WriteBatch {
  const keys = Array.from({ length: count }, (_, i) => `k${String(i)}`);
  return {
    keys,
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap((_, i) => [i, 1])) }],
    metadata: keys.map((_, n) => ({ n })),
  };
}

it("tells each step once it is over", async () => {
  await engine.upsert(place("a"), batch(10));
  expect(steps).toContain("log_sync");
  expect(steps).toContain("activation");
  expect(steps).toContain("commit");
  await engine.flush(place("a"));
  expect(steps).toContain("build");
  await engine.deactivate(place("a"));
  steps.length = 0;
  const query = { field: "", vector: Float32Array.of(0, 0), topK: 3, include: INCLUDE };
  await engine.query(place("a"), query);
  expect(steps).toEqual(["activation", "scan", "fetch"]);
  steps.length = 0;
  await engine.query(place("a"), { ...query, filter: FILTER });
  expect(steps).toEqual(["plan", "scan", "fetch"]);
});

it("keeps sums of shards that sleep again, and counts who was put to sleep and why", async () => {
  await engine.upsert(place("a"), batch(10));
  await engine.flush(place("a"));
  await engine.upsert(place("a"), batch(20));
  await engine.compact(place("a"));
  const before = engine.stats();
  expect(before).toMatchObject({ flushes: 2, compactions: 1, builds: 0, shardsAwake: 1 });
  expect(before.evictions).toEqual({ idle: 0, surplus: 0, memory: 0, share: 0, sections: 0 });
  for (let i = 0; i < 8 && engine.stats().shardsAwake > 0; i++) {
    clock.advance(500);
    await new Promise(setImmediate);
  }
  const after = engine.stats();
  expect(after).toMatchObject({ flushes: 2, compactions: 1, shardsAwake: 0 });
  expect(after.evictions).toEqual({ idle: 1, surplus: 0, memory: 0, share: 0, sections: 0 });
});

it("counts tenants by state, exact at every moment and after a restart, and wakes nobody", async () => {
  const active = (): number => engine.tenantFigures().counts.ACTIVE;
  const names = Array.from({ length: 600 }, (_, i) => `t${String(i)}`);
  for (const tenant of names) await engine.createTenant({ ...place(tenant), tenant });
  expect(active()).toBe(600);
  await engine.deleteTenant({ database: "db", collection: "c", tenant: "t7" });
  expect(active()).toBe(599);
  expect(engine.stats().shardsAwake).toBe(0);
  expect(engine.tenantFigures().awakeRowCounts).toEqual([]);
  await engine.upsert(place("t1"), batch(3));
  expect(engine.tenantFigures().awakeRowCounts).toEqual([3]);
  await engine.close();
  engine = await open(2);
  expect(active()).toBe(599);
  await engine.deleteCollection("db", "c");
  for (let i = 0; i < 200 && active() > 0; i++) await new Promise(setImmediate);
  expect(active()).toBe(0);
});
