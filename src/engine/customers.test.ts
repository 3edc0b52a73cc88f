/** One customer over all collections of a database: told of, suspended, erased, copied, summed. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { openEngine, type Engine } from "./index.ts";

const ACME = { database: "db", tenant: "acme" };
const COLLECTIONS = ["docs", "notes"];
const HOUR_MS = 3_600_000;
const suspended = { code: "customer_suspended", kind: "failed_precondition" };
const nowhere = { code: "tenant_not_found" };

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
  for (const database of ["db", "other"]) {
    await engine.createDatabase(database);
    for (const name of COLLECTIONS) await createCollection(database, name, "multi");
    await createCollection(database, "plain", "single");
  }
  await createCollection("db", "without it", "multi");
  for (const collection of COLLECTIONS) {
    for (const tenant of ["acme", "rival"]) await write("db", collection, tenant, ["a", "b"]);
    await write("other", collection, "acme", ["a"]);
  }
});

afterEach(async () => {
  await engine.close();
});

async function createCollection(
  database: string,
  name: string,
  tenancy: "single" | "multi",
): Promise<void> {
  await engine.createCollection(database, name, {
    schema: {
      vectors: [{ name: "", dimension: 2, metric: "dot" }],
      identity: "key",
      unfilterable: [],
    },
    tenancy,
  });
}

function write(database: string, collection: string, tenant: string, keys: readonly string[]) {
  return engine.upsert({ database, collection, tenant }, batchOf(keys));
}

function batchOf(keys: readonly string[]) {
  return {
    keys,
    vectors: [{ field: "", values: new Float32Array(keys.length * 2) }],
    metadata: keys.map(() => undefined),
  };
}

it("is told of with what it has in every collection, and asks for no other database", async () => {
  expect(await engine.customers.get(ACME)).toMatchObject({
    ...ACME,
    state: "ACTIVE",
    tenants: [
      { collection: "docs", state: "ACTIVE", rowCount: 2 },
      { collection: "notes", rowCount: 2 },
    ],
    rowCount: 4,
  });
  await expect(engine.customers.get({ ...ACME, tenant: "x" })).rejects.toMatchObject(nowhere);
  await expect(engine.customers.get({ ...ACME, database: "x" })).rejects.toMatchObject({
    code: "database_not_found",
  });
  await expect(engine.customers.get({ ...ACME, tenant: "" })).rejects.toMatchObject({
    code: "name_invalid",
  });
});

it("a suspended one is refused every call about its records, everywhere, until resumed", async () => {
  const info = await engine.customers.suspend(ACME);
  expect(info).toMatchObject({ state: "SUSPENDED", sinceMs: clock.wallMs(), rowCount: 4 });
  // Again is nothing.
  clock.advance(5);
  expect((await engine.customers.suspend(ACME)).sinceMs).toBe(info.sinceMs);
  await createCollection("db", "made later", "multi");
  for (let life = 0; life < 2; life++) {
    for (const collection of [...COLLECTIONS, "without it", "made later"]) {
      const place = { database: "db", collection, tenant: "acme" };
      const include = { vectors: false, metadata: true };
      const query = { field: "", vector: new Float32Array(2), topK: 1, include };
      for (const call of [
        () => engine.upsert(place, batchOf(["c"])),
        () => engine.insert(place, batchOf(["c"])),
        () => engine.delete(place, ["a"]),
        () => engine.deleteAll(place),
        () => engine.get(place, ["a"], include),
        () => engine.count(place),
        () => engine.list(place, { limit: 1, include }),
        () => engine.query(place, query),
        () => engine.measure(place),
        () => engine.createTenants("db", "made later", ["fresh", "acme"]),
        () => engine.copyTenant({ ...place, tenant: "rival", collection: "docs" }, place),
      ]) {
        const isCopy = call.toString().includes("copyTenant");
        if (isCopy && COLLECTIONS.includes(collection)) continue;
        await expect(call(), `${collection}: ${String(call)}`).rejects.toMatchObject(suspended);
      }
    }
    const ofOthers = { database: "db", collection: "docs", tenant: "rival" };
    expect(await engine.count(ofOthers)).toBe(2);
    expect(await engine.count({ ...ofOthers, database: "other", tenant: "acme" })).toBe(1);
    expect(await engine.listTenants("db", "made later", { limit: 9 })).toMatchObject({ items: [] });
    // The second life finds it the same.
    await engine.close();
    await open();
  }
  expect(await engine.customers.resume(ACME)).toMatchObject({ state: "ACTIVE", rowCount: 4 });
  expect(await engine.customers.resume(ACME)).not.toHaveProperty("sinceMs");
  expect(await engine.count({ database: "db", collection: "docs", tenant: "acme" })).toBe(2);
  await write("db", "made later", "acme", ["c"]);
});

it("operators go on with a suspended one: states, limits, usage, removal of one tenant", async () => {
  await engine.customers.suspend(ACME);
  const place = { database: "db", collection: "docs", tenant: "acme" };
  expect((await engine.setTenantState(place, "INACTIVE")).state).toBe("INACTIVE");
  await engine.setLimits(place, { queriesPerSecond: 1 });
  expect((await engine.usage({ ...place, period: "hour", limit: 1 })).items).toHaveLength(1);
  await engine.deleteTenant(place);
  expect(await engine.customers.get(ACME)).toMatchObject({
    state: "SUSPENDED",
    tenants: [{ collection: "notes" }],
  });
});

it("an erasure gives one receipt of all collections, and the name is free", async () => {
  await engine.flush();
  await engine.customers.suspend(ACME);
  const receipt = await engine.customers.erase(ACME);
  expect(receipt).toMatchObject({
    ...ACME,
    tenants: [
      { ...ACME, collection: "docs", recordCount: 2, erasedAtMs: clock.wallMs() },
      { ...ACME, collection: "notes", recordCount: 2, isUnreadable: true },
    ],
    recordCount: 4,
    isUnreadable: true,
    wasInterrupted: false,
  });
  await expect(engine.customers.get(ACME)).rejects.toMatchObject(nowhere);
  await expect(engine.customers.erase(ACME)).rejects.toMatchObject(nowhere);
  expect(await engine.customers.get({ ...ACME, tenant: "rival" })).toMatchObject({ rowCount: 4 });
  expect(await engine.customers.get({ ...ACME, database: "other" })).toMatchObject({ rowCount: 2 });
  await write("db", "docs", "acme", ["new"]);
  expect(await engine.customers.get(ACME)).toMatchObject({ state: "ACTIVE", rowCount: 1 });
});

it("an erasure that is under way refuses calls, and a write cannot make the tenant again", async () => {
  const erasing = engine.customers.erase(ACME);
  const calls = COLLECTIONS.flatMap((collection) =>
    Array.from({ length: 10 }, () => write("db", collection, "acme", ["late"])),
  );
  const results = await Promise.allSettled(calls);
  const receipt = await erasing;
  const written = results.filter(({ status }) => status === "fulfilled").length;
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ name: "InsulaError" });
  }
  // What was written is in the receipt: nobody made it anew behind the erasure.
  await expect(engine.customers.get(ACME)).rejects.toMatchObject(nowhere);
  expect(receipt.recordCount).toBeGreaterThanOrEqual(4);
  expect(receipt.recordCount).toBeLessThanOrEqual(4 + written);
});

it("a copy appears in all collections with the records of now, or in none", async () => {
  await engine.customers.copy(ACME, "twin");
  await write("db", "docs", "acme", ["later"]);
  expect(await engine.customers.get({ ...ACME, tenant: "twin" })).toMatchObject({
    state: "ACTIVE",
    tenants: [{ collection: "docs" }, { collection: "notes" }],
    rowCount: 4,
  });
  // Taken in one of the two: nothing is made in the other.
  await engine.deleteTenant({ database: "db", collection: "docs", tenant: "twin" });
  await expect(engine.customers.copy(ACME, "twin")).rejects.toMatchObject({
    code: "tenant_exists",
  });
  expect((await engine.customers.get({ ...ACME, tenant: "twin" })).tenants).toHaveLength(1);
  await engine.customers.suspend({ ...ACME, tenant: "rival" });
  await expect(engine.customers.copy(ACME, "rival")).rejects.toMatchObject({
    code: "tenant_exists",
  });
  await expect(engine.customers.copy({ ...ACME, tenant: "x" }, "y")).rejects.toMatchObject(nowhere);
});

it("usage is told of each collection and summed over all", async () => {
  await write("db", "notes", "acme", ["c"]);
  clock.advance(HOUR_MS);
  await write("db", "notes", "acme", ["d"]);
  const { total, items } = await engine.customers.usage(ACME, { period: "hour" });
  expect(items.map(({ collection, writes }) => [collection, writes])).toEqual([
    ["docs", 1],
    ["notes", 2],
    ["notes", 1],
  ]);
  expect(total).toMatchObject([
    { period: "hour", writes: 3, storedRecords: 5 },
    { writes: 1, storedRecords: 4 },
  ]);
  expect(total[0]).not.toHaveProperty("collection");
  expect(await engine.customers.usage({ ...ACME, tenant: "x" }, { period: "day" })).toMatchObject({
    total: [],
    items: [],
  });
});

it("what is known of customers goes with their database", async () => {
  await engine.customers.suspend({ ...ACME, database: "other" });
  for (const name of [...COLLECTIONS, "plain"]) await engine.deleteCollection("other", name);
  await engine.deleteDatabase("other");
  await engine.createDatabase("other");
  await createCollection("other", "docs", "multi");
  await write("other", "docs", "acme", ["a"]);
  expect(await engine.customers.get({ ...ACME, database: "other" })).toMatchObject({
    state: "ACTIVE",
  });
});
