/** The ledger of usage: exact over restarts, bounded in memory, by names that outlive the data. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, UsageRequest } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";
import { USAGE_FLUSH_MS } from "./limits.ts";

const ACME = { database: "db", collection: "c", tenant: "acme" };
const HOUR_MS = 3_600_000;

let files: MemoryFileSystem;
let clock: ManualClock;
let engine: Engine;

async function open(): Promise<void> {
  engine = await openEngine({ files, clock, random: new SeededRandom(1), workerCount: 0 });
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  clock = new ManualClock();
  await open();
  await engine.createDatabase("db");
  for (const name of ["c", "d"]) await createCollection(name);
});

afterEach(async () => {
  await engine.close();
});

async function createCollection(name: string): Promise<void> {
  await engine.createCollection("db", name, {
    schema: {
      vectors: [{ name: "", dimension: 2, metric: "dot" }],
      identity: "key",
      unfilterable: [],
    },
    tenancy: "multi",
  });
}

async function write(place: Place, keys: readonly string[]): Promise<void> {
  await engine.upsert(place, {
    keys,
    vectors: [{ field: "", values: new Float32Array(keys.length * 2) }],
    metadata: keys.map(() => undefined),
  });
}

async function search(place: Place): Promise<void> {
  await engine.query(place, {
    field: "",
    vector: new Float32Array(2),
    topK: 2,
    include: { vectors: false, metadata: false },
  });
}

async function read(request: Partial<UsageRequest> = {}) {
  const page = await engine.usage({ period: "hour", limit: 100, ...request });
  return page.items;
}

it("counts calls, work, bytes and what is stored, by place and hour", async () => {
  await write(ACME, ["a", "bb"]);
  await search(ACME);
  await engine.queryAll(ACME, [
    { field: "", vector: new Float32Array(2), topK: 1, include: { vectors: true, metadata: true } },
    { field: "", vector: new Float32Array(2), topK: 1, include: { vectors: true, metadata: true } },
  ]);
  await engine.get(ACME, ["a"], { vectors: true, metadata: true });
  await engine.count(ACME);
  await engine.delete(ACME, ["bb"]);
  const startMs = Math.floor(clock.wallMs() / HOUR_MS) * HOUR_MS;
  expect(await read()).toEqual([
    {
      ...ACME,
      ...{ period: "hour", startMs, endMs: startMs + HOUR_MS },
      ...{ queries: 3, queryUnits: 3, reads: 2, readUnits: 2, writes: 2, writeUnits: 2 },
      // 3 + 16 and 2 written, 3 vectors searched for; keys 3 + 2 × (1 + 8) found, 1 + 8 read.
      ...{ bytesIn: 21 + 24, bytesOut: 30, activations: 1, refused: 0, throttledMs: 0 },
      ...{ storedRecords: 1, storedBytes: 9 },
    },
  ]);
});

it("after a rename is told of by both names, each with the other, and stored at one", async () => {
  const bolt = { ...ACME, tenant: "bolt" };
  await write(ACME, ["a"]);
  clock.advance(HOUR_MS);
  await search(ACME);
  const late = search(ACME);
  await engine.renameTenant(ACME, "bolt");
  await late;
  // Durable with the answer: nothing else is written before the folder is opened again.
  const asked = await read();
  await engine.close();
  await open();
  expect(await read()).toEqual(asked);
  const none = { renamedFrom: undefined, renamedTo: undefined };
  expect(asked.map((item) => ({ ...none, ...item }))).toMatchObject([
    { ...ACME, ...none, writes: 1, storedRecords: 1 },
    { ...ACME, ...none, queries: 2, renamedTo: "bolt", storedRecords: 0, storedBytes: 0 },
    { ...bolt, ...none, queries: 0, renamedFrom: "acme", storedRecords: 1 },
  ]);
  await write(bolt, ["b"]);
  await write(ACME, ["x", "y", "z"]); // another tenant, which the old name is free for
  const [old, now] = await read({ period: "month" });
  expect(old).toMatchObject({ tenant: "acme", writes: 2, renamedTo: "bolt", storedRecords: 3 });
  expect(now).toMatchObject({ tenant: "bolt", writes: 1, renamedFrom: "acme", storedRecords: 2 });
  await engine.deleteTenant(ACME);
  await engine.renameTenant(bolt, "acme");
  expect(await read({ period: "month" })).toMatchObject([
    { tenant: "acme", renamedFrom: "bolt", renamedTo: "bolt", storedRecords: 2 },
    { tenant: "bolt", renamedFrom: "acme", renamedTo: "acme", storedRecords: 0 },
  ]);
});

it("is the same after a restart, and goes on", async () => {
  await write(ACME, ["a"]);
  await search(ACME);
  await engine.close();
  await open();
  await search(ACME);
  const [item, ...more] = await read();
  expect(item).toMatchObject({ writes: 1, queries: 2, activations: 2, storedRecords: 1 });
  expect(more).toEqual([]);
});

it("is in the log after the time it may be lost for, without being asked", async () => {
  await search({ ...ACME, tenant: "nobody" });
  await write(ACME, ["a"]);
  const { frames } = engine.stats().log;
  clock.advance(USAGE_FLUSH_MS);
  for (let i = 0; i < 20; i++) await clock.yield();
  expect(engine.stats().log.frames).toBe(frames + 1);
  // Nothing happens, nothing is written.
  clock.advance(10 * USAGE_FLUSH_MS);
  for (let i = 0; i < 20; i++) await clock.yield();
  expect(engine.stats().log.frames).toBe(frames + 1);
  expect(await read()).toMatchObject([{ tenant: "acme", writes: 1 }]);
});

it("counts a call in the hour in which it ended", async () => {
  await write(ACME, ["a"]);
  clock.advance(HOUR_MS);
  await write(ACME, ["b"]);
  await write(ACME, ["c"]);
  expect(await read()).toMatchObject([{ writes: 1 }, { writes: 2, storedRecords: 3 }]);
  expect(await read({ period: "month" })).toMatchObject([{ writes: 3, period: "month" }]);
  const startMs = Math.floor(clock.wallMs() / HOUR_MS) * HOUR_MS;
  expect(await read({ fromMs: startMs })).toMatchObject([{ writes: 2 }]);
  expect(await read({ toMs: startMs })).toMatchObject([{ writes: 1 }]);
});

it("tells days where hours are no longer kept, and sums them to months", async () => {
  for (let day = 0; day < 100; day++) {
    await write(ACME, ["a"]);
    clock.advance(24 * HOUR_MS);
  }
  const items = await read();
  expect(new Set(items.map(({ period }) => period))).toEqual(new Set(["hour", "day", "month"]));
  expect(items.reduce((sum, { writes }) => sum + writes, 0)).toBe(100);
  const months = await read({ period: "month" });
  expect(months.every(({ period }) => period === "month")).toBe(true);
  expect(months.reduce((sum, { writes }) => sum + writes, 0)).toBe(100);
});

it("finds one tenant in all collections, page by page too", async () => {
  for (const collection of ["c", "d"]) {
    for (const tenant of ["acme", "bolt", "crow"]) {
      await write({ database: "db", collection, tenant }, ["a"]);
    }
  }
  const names = (items: readonly Place[]) =>
    items.map((item) => `${item.collection}/${item.tenant ?? ""}`);
  expect(names(await read())).toEqual(["c/acme", "c/bolt", "c/crow", "d/acme", "d/bolt", "d/crow"]);
  expect(names(await read({ tenant: "bolt" }))).toEqual(["c/bolt", "d/bolt"]);
  expect(names(await read({ database: "db", collection: "d" }))).toEqual([
    "d/acme",
    "d/bolt",
    "d/crow",
  ]);
  const first = await engine.usage({ period: "day", tenant: "bolt", limit: 1 });
  expect([names(first.items), first.hasMore]).toEqual([["c/bolt"], true]);
  const after = { database: "db", collection: "c", tenant: "bolt" };
  const second = await engine.usage({ period: "day", tenant: "bolt", limit: 1, after });
  expect([names(second.items), second.hasMore]).toEqual([["d/bolt"], false]);
  const rest = await engine.usage({ period: "day", limit: 4, after });
  expect([names(rest.items), rest.hasMore]).toEqual([
    ["c/crow", "d/acme", "d/bolt", "d/crow"],
    false,
  ]);
});

it("outlives the tenant and its collection: who left has still to pay", async () => {
  await write(ACME, ["a"]);
  await engine.deleteTenant(ACME);
  await engine.deleteCollection("db", "c");
  expect(await read()).toMatchObject([{ ...ACME, writes: 1, storedRecords: 0, storedBytes: 0 }]);
});

it("counts what a failed call has done, and not what was refused before it began", async () => {
  await write(ACME, ["a"]);
  const batch = {
    keys: ["a"],
    vectors: [{ field: "", values: new Float32Array(2) }],
    metadata: [undefined],
  };
  await expect(engine.insert(ACME, batch)).rejects.toMatchObject({ code: "record_exists" });
  const bad = { ...batch, vectors: [{ field: "", values: new Float32Array(3) }] };
  await expect(engine.upsert(ACME, bad)).rejects.toMatchObject({ code: "dimension_mismatch" });
  expect(await read()).toMatchObject([{ writes: 2 }]);
  expect(engine.stats().usage).toMatchObject({ writes: 2, queries: 0, lostCalls: 0 });
});

it.each([
  [{ limit: 0 }],
  [{ limit: 1_001 }],
  [{ collection: "c" }],
  [{ period: "week" as "day" }],
  [{ fromMs: 5, toMs: 5 }],
])("refuses %o", async (request) => {
  await expect(read(request)).rejects.toMatchObject({ code: "argument_invalid" });
});
