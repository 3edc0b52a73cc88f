/** Limits of a key: over the real engine, whose calls it makes. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import { openEngine, type Engine } from "../engine/index.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { KeyLimits } from "../model/index.ts";
import type { Principal } from "./access-control.ts";
import { KeyLimiter } from "./key-limiter.ts";

const [A, B] = ["a", "b"].map((tenant) => ({ database: "d", collection: "c", tenant }));
const QUERY = {
  field: "",
  vector: Float32Array.of(1, 0),
  topK: 1,
  include: { vectors: false, metadata: false },
};
const BATCH = {
  keys: ["k"],
  vectors: [{ field: "", values: Float32Array.of(1, 2) }],
  metadata: [undefined],
};

let clock: ManualClock;
let engine: Engine;
let limiter: KeyLimiter;

beforeEach(async () => {
  clock = new ManualClock();
  engine = await openEngine({
    ...{ files: new MemoryFileSystem(), clock, random: new SeededRandom(1), workerCount: 0 },
  });
  limiter = new KeyLimiter(clock);
  await engine.createDatabase("d");
  const vectors = [{ name: "", dimension: 2, metric: "dot" as const }];
  const schema = { identity: "key" as const, vectors, unfilterable: [] };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
  for (const place of [A, B]) if (place !== undefined) await engine.upsert(place, BATCH);
});
afterEach(() => engine.close());

function as(limits: KeyLimits | undefined, keyId = "key"): Engine {
  const facts = { kind: "key", keyId, accountId: "1", grants: [] } as const;
  const principal: Principal = { ...facts, ...(limits === undefined ? {} : { limits }) };
  return limiter.engineFor(principal, engine);
}

function place(of: typeof A): { database: string; collection: string; tenant: string } {
  if (of === undefined) throw new TypeError("unreachable");
  return of;
}

/** Milliseconds to wait, or 0 when the call was answered. */
async function waitOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 0;
  } catch (error) {
    if (isInsulaError(error) && error.code === "limit_exceeded") return error.retryAfterMs ?? 0;
    throw error;
  }
}

describe("a key with limits", () => {
  it("is refused beyond its searches a second, whatever tenants they are in", async () => {
    const mine = as({ queriesPerSecond: 2 });
    expect(await waitOf(mine.query(place(A), QUERY))).toBe(0);
    expect(await waitOf(mine.query(place(B), QUERY))).toBe(0);
    expect(await waitOf(mine.query(place(B), QUERY))).toBe(500);
    expect(await waitOf(mine.count(place(A)))).toBe(0);
    expect(await waitOf(as({ queriesPerSecond: 2 }, "other").query(place(A), QUERY))).toBe(0);
    expect(await waitOf(engine.query(place(A), QUERY))).toBe(0);
    clock.advance(500);
    expect(await waitOf(mine.query(place(A), QUERY))).toBe(0);
  });

  it("is refused beyond its writes, bytes and work units a second", async () => {
    const writer = as({ writesPerSecond: 1 }, "writer");
    expect(await waitOf(writer.upsert(place(A), BATCH))).toBe(0);
    expect(await waitOf(writer.delete(place(B), ["k"]))).toBe(1_000);
    expect(await waitOf(writer.query(place(B), QUERY))).toBe(0);
    const sender = as({ bytesPerSecond: 1 }, "sender");
    expect(await waitOf(sender.upsert(place(A), BATCH))).toBe(0);
    expect(await waitOf(sender.get(place(A), ["k"], QUERY.include))).toBeGreaterThan(1_000);
    const worker = as({ workUnitsPerSecond: 0.1 }, "worker");
    expect(await waitOf(worker.query(place(A), QUERY))).toBe(0);
    expect(await waitOf(worker.query(place(A), QUERY))).toBeGreaterThan(1_000);
  });

  it("has so many calls at once, each until it has ended, also badly", async () => {
    const mine = as({ callsInFlight: 1 });
    const waits = await Promise.all(
      [A, B, A].map((each) => waitOf(mine.query(place(each), QUERY))),
    );
    expect(waits.toSorted((a, b) => a - b)).toEqual([0, 100, 100]);
    await engine.setTenantState(place(A), "INACTIVE");
    const failure = await mine.query(place(A), QUERY).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "tenant_not_active" });
    expect(await waitOf(mine.query(place(B), QUERY))).toBe(0);
    await engine.setTenantState(place(A), "ACTIVE");
    await engine.setLimits(place(B), { queriesPerSecond: 0.01 });
    expect(await waitOf(mine.query(place(B), QUERY))).toBe(0);
    expect(await waitOf(mine.query(place(B), QUERY))).toBeGreaterThan(10_000);
    expect(await waitOf(mine.query(place(A), QUERY))).toBe(0);
  });

  it("makes a search over many places as one call, counted for each, refused as a whole", async () => {
    const places = [place(A), place(B)];
    const mine = as({ queriesPerSecond: 1, callsInFlight: 1 });
    const found = await mine.queryMany(places, { ...QUERY, topK: 5 });
    expect(found.failures).toEqual([]);
    expect(found.hits.map((hit) => hit.place)).toEqual(places);
    expect(found.searched.map((each) => each.place)).toEqual(places);
    expect(await waitOf(mine.queryMany(places, QUERY))).toBe(2_000);
  });

  it("is told which limit of whose it was, and the tenant's books say what it waited", async () => {
    const mine = as({ queriesPerSecond: 0.01 });
    await mine.query(place(A), QUERY);
    await expect(mine.query(place(A), QUERY)).rejects.toMatchObject({
      code: "limit_exceeded",
      message: expect.stringContaining("queriesPerSecond is 0.01 for the key") as unknown,
      details: { limit: "queriesPerSecond", value: 0.01 },
    });
    const { items } = await engine.usage({ ...place(A), period: "hour", limit: 1 });
    expect(items[0]).toMatchObject({ queries: 1, refused: 1 });
    expect(items[0]?.throttledMs).toBeGreaterThan(90_000);
  });

  it("is the engine itself without limits, and the same one for the same key", () => {
    expect(as(undefined)).toBe(engine);
    const facts = { kind: "key", keyId: "key", accountId: "1", grants: [] } as const;
    const principal = { ...facts, limits: { callsInFlight: 2 } };
    const mine = limiter.engineFor(principal, engine);
    expect(limiter.engineFor(principal, engine)).toBe(mine);
    expect(mine).not.toBe(engine);
  });
});
