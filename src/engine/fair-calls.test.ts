/** Turns of tenants at the engine: counted in calls and slices, never in time. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FairTurns } from "../base/fair-turns.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Query, QueryResult } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const BUSY = { database: "db", collection: "c", tenant: "busy" };
const QUIET = { database: "db", collection: "c", tenant: "quiet" };
const ROWS = 200;

let engine: Engine;

beforeEach(async () => {
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new LoopClock(),
    random: new SeededRandom(1),
    workerCount: 0,
  });
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: 4, metric: "dot" }],
      identity: "key",
      unfilterable: [],
    },
    tenancy: "multi",
  });
  for (const place of [BUSY, QUIET]) {
    await engine.createTenant(place);
    await engine.upsert(place, batch("r", ROWS));
  }
});

afterEach(async () => {
  await engine.close();
});

it("has the turns it is given, which others of the process may share", async () => {
  const clock = new LoopClock();
  const turns = new FairTurns(() => clock.yield());
  const entered = vi.spyOn(turns, "enter");
  const doors = { files: new MemoryFileSystem(), clock, random: new SeededRandom(1) };
  const other = await openEngine({ ...doors, workerCount: 0, turns });
  await other.createDatabase("db");
  const vectors = [{ name: "", dimension: 4, metric: "dot" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await other.createCollection("db", "c", { schema });
  await other.upsert({ database: "db", collection: "c" }, batch("r", 1));
  expect(entered).toHaveBeenCalledTimes(1);
  await other.close();
});

/** Time stands; a turn of the event loop is one. */
class LoopClock extends ManualClock {
  override yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

function batch(prefix: string, count: number): Parameters<Engine["upsert"]>[1] {
  const keys = Array.from({ length: count }, (_, i) => `${prefix}${String(i)}`);
  const values = Float32Array.from({ length: count * 4 }, (_, i) => Math.sin(i));
  return { keys, vectors: [{ field: "", values }], metadata: keys.map(() => undefined) };
}

function query(i: number, signal?: AbortSignal): Query {
  return {
    field: "",
    vector: Float32Array.of(1, Math.cos(i), 0.5, -1),
    topK: 5,
    include: { vectors: false, metadata: false },
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Starts so many; what they have come to is counted. */
function crowd<Value>(count: number, start: (i: number) => Promise<Value>) {
  const counted = { done: 0, all: Promise.resolve([] as Value[]) };
  counted.all = Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const value = await start(i);
      counted.done++;
      return value;
    }),
  );
  return counted;
}

async function rounds(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

it("answers a tenant after a bounded number of calls of another that has many waiting", async () => {
  const alone = await engine.query(QUIET, query(1));
  const busy = crowd(2_000, (i) => engine.query(BUSY, query(i)));
  await rounds(20);
  const before = busy.done;
  expect(before).toBeLessThan(500);
  const result = await engine.query(QUIET, query(1));
  // Two rounds of eight small calls.
  expect(busy.done - before).toBeLessThanOrEqual(16);
  expect(result.hits).toEqual(alone.hits);
  await busy.all;
});

it("answers a tenant after a bounded number of slices of calls that are many searches", async () => {
  const batches = crowd(40, (i) =>
    engine.queryAll(
      BUSY,
      Array.from({ length: 50 }, (_, n) => query(i * 50 + n)),
    ),
  );
  await rounds(50);
  expect(batches.done).toBeLessThan(20);
  const before = batches.done;
  for (let i = 0; i < 10; i++) await engine.query(QUIET, query(i));
  // Of 2,000 slices that wait, a few go between two calls of another.
  expect(batches.done - before).toBeLessThanOrEqual(4);
  await batches.all;
});

it("lets searches through beside another's writes, and the writes go on", async () => {
  const writes = crowd(300, (i) => engine.upsert(BUSY, batch(`w${String(i)}-`, 5)));
  await rounds(5);
  const before = writes.done;
  const results: QueryResult[] = [];
  for (let i = 0; i < 20; i++) results.push(await engine.query(QUIET, query(i)));
  expect(results.every(({ hits }) => hits.length === 5)).toBe(true);
  expect(writes.done).toBeLessThan(300);
  expect(writes.done - before).toBeGreaterThan(0);
  await writes.all;
});

it("gives turns by weight, which holds from the next call on when it is changed", async () => {
  const counts = { busy: 0, quiet: 0 };
  let isOver = false;
  const client = async (place: typeof BUSY, name: keyof typeof counts): Promise<void> => {
    for (let i = 0; !isOver; i++) {
      await engine.query(place, query(i));
      counts[name]++;
    }
  };
  const ratioOver = async (calls: number): Promise<number> => {
    Object.assign(counts, { busy: 0, quiet: 0 });
    while (counts.busy + counts.quiet < calls) await rounds(1);
    return counts.busy / counts.quiet;
  };
  await engine.setLimits(BUSY, { weight: 3 });
  const clients = Array.from({ length: 40 }, () => [
    client(BUSY, "busy"),
    client(QUIET, "quiet"),
  ]).flat();
  expect(await ratioOver(2_000)).toBeCloseTo(3, 0);
  await engine.setLimits(BUSY, { weight: null });
  await ratioOver(200);
  expect(await ratioOver(2_000)).toBeCloseTo(1, 0);
  isOver = true;
  await Promise.all(clients);
});

it("drops a search that is given up while it waits, and the others go on", async () => {
  const stop = new AbortController();
  const busy = crowd(500, (i) => engine.query(BUSY, query(i)));
  const given = engine.query(BUSY, query(1, stop.signal));
  stop.abort(new Error("gone away"));
  await expect(given).rejects.toThrow("gone away");
  expect(await busy.all).toHaveLength(500);
});
