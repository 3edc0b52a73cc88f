/** Limits over restarts, removals and groups of writes. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { TURN_WEIGHT_MAX, TURN_WEIGHT_MIN } from "../base/limits.ts";
import { LIMIT_NAMES, type PlaceLimits, type WriteBatch } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";
import { decodeLimits, encodeLimits } from "./limit-row.ts";

const ACME = { database: "db", collection: "c", tenant: "acme" };
const ALL = { database: "db", collection: "c" };

let files: MemoryFileSystem;
let engine: Engine;

async function open(): Promise<void> {
  engine = await openEngine({
    files,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
  });
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  await open();
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: 2, metric: "dot" }],
      identity: "key",
      unfilterable: [],
    },
    tenancy: "multi",
  });
  await engine.createTenant(ACME);
});

afterEach(async () => {
  await engine.close();
});

function batch(...keys: string[]): WriteBatch {
  return {
    keys,
    vectors: [{ field: "", values: new Float32Array(keys.length * 2) }],
    metadata: keys.map(() => undefined),
  };
}

it("are the same after a restart", async () => {
  await engine.setLimits(ALL, { queriesPerSecond: 5 });
  await engine.setLimits(ACME, { storedRecords: 1 });
  await engine.close();
  await open();
  expect(await engine.getLimits(ACME)).toEqual({
    own: { storedRecords: 1 },
    effective: { queriesPerSecond: 5, storedRecords: 1 },
  });
  await expect(engine.upsert(ACME, batch("a", "b"))).rejects.toMatchObject({
    code: "record_quota_exceeded",
    details: { limit: "storedRecords", value: 1 },
  });
});

it("hold a quota exactly, also for writes that become durable together", async () => {
  await engine.setLimits(ACME, { storedRecords: 5 });
  const keys = Array.from({ length: 20 }, (_, i) => `k${String(i)}`);
  const results = await Promise.allSettled(keys.map((key) => engine.upsert(ACME, batch(key))));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
  expect(await engine.count(ACME)).toBe(5);
  // The batch as a whole or not at all; what replaces is not refused.
  const kept = keys.filter((_, i) => results[i]?.status === "fulfilled");
  await engine.upsert(ACME, batch(...kept));
  await engine.delete(ACME, kept.slice(0, 1));
  await expect(engine.upsert(ACME, batch("x", "y"))).rejects.toMatchObject({
    code: "record_quota_exceeded",
  });
  await engine.upsert(ACME, batch("x"));
  expect(await engine.count(ACME)).toBe(5);
});

it("hold a quota of bytes at its edge", async () => {
  // A key of one byte and two numbers.
  await engine.setLimits(ACME, { storedBytes: 18 });
  await engine.upsert(ACME, batch("a", "b"));
  await expect(engine.upsert(ACME, batch("c"))).rejects.toMatchObject({
    code: "storage_quota_exceeded",
  });
  await engine.setLimits(ACME, { storedBytes: 27 });
  await engine.upsert(ACME, batch("c"));
});

it("leave nothing behind when the collection goes", async () => {
  await engine.setLimits(ALL, { queriesPerSecond: 5 });
  await engine.setLimits(ACME, { queriesPerSecond: 6 });
  await engine.deleteCollection("db", "c");
  await expect(engine.getLimits(ALL)).rejects.toMatchObject({ code: "collection_not_found" });
  await expect(engine.setLimits(ACME, {})).rejects.toMatchObject({ code: "collection_not_found" });
});

it("bound calls under way, and count who was refused", async () => {
  await engine.upsert(ACME, batch("a"));
  await engine.setLimits(ACME, { callsInFlight: 1 });
  const include = { vectors: false, metadata: false };
  const both = await Promise.allSettled([
    engine.get(ACME, ["a"], include),
    engine.get(ACME, ["a"], include),
  ]);
  expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  await engine.get(ACME, ["a"], include);
  expect(engine.stats().usage).toMatchObject({ reads: 2, refused: 1, throttledMs: 100 });
});

it("have a weight of 0.01 to 100", async () => {
  for (const weight of [TURN_WEIGHT_MIN, TURN_WEIGHT_MAX]) {
    expect((await engine.setLimits(ACME, { weight })).own).toEqual({ weight });
  }
  for (const weight of [0, TURN_WEIGHT_MIN / 2, TURN_WEIGHT_MAX + 1, Number.NaN]) {
    await expect(engine.setLimits(ACME, { weight })).rejects.toMatchObject({
      code: "argument_invalid",
    });
  }
});

it("are a row that is read as it was written", () => {
  const limits = Object.fromEntries(LIMIT_NAMES.map((name, i) => [name, i + 0.5])) as PlaceLimits;
  for (const hasTenants of [true, false]) {
    expect(decodeLimits(encodeLimits({ limits, hasTenants }))).toEqual({ limits, hasTenants });
  }
  expect(() => decodeLimits(Uint8Array.of(2, 0, 0))).toThrow(/version/i);
  expect(() => decodeLimits(Uint8Array.of(1, 0, 1, 9))).toThrow(/limit/);
});
