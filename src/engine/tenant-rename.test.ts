/** Another name for a tenant: in every state, in one moment, with what belongs to it. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import { openEngine, type Engine } from "./index.ts";

let files: MemoryFileSystem;
let store: MemoryObjectStore;
let faults: unknown[];
let engine: Engine;

async function open(): Promise<void> {
  engine = await openEngine({
    files,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    masterKey: new Uint8Array(32).fill(5),
    offload: { open: () => Promise.resolve(store) },
    onFault: (error) => {
      faults.push(error);
    },
  });
}

beforeEach(async () => {
  [files, store, faults] = [new MemoryFileSystem(), new MemoryObjectStore(), []];
  await open();
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: 1, metric: "dot" }],
      identity: "key",
      unfilterable: [],
    },
    tenancy: "multi",
    activatesTenants: true,
  });
  await write("old", ["a", "b"]);
});

afterEach(async () => {
  await engine.close();
  expect(faults).toEqual([]);
});

const placeOf = (tenant: string) => ({ database: "db", collection: "c", tenant });

function write(tenant: string, keys: readonly string[]) {
  return engine.upsert(placeOf(tenant), {
    keys,
    vectors: [{ field: "", values: new Float32Array(keys.length) }],
    metadata: keys.map(() => undefined),
  });
}

async function names(): Promise<readonly string[]> {
  const { items } = await engine.listTenants("db", "c", { limit: 9 });
  return items.map(({ name }) => name);
}

it.each(["ACTIVE", "INACTIVE", "OFFLOADED"] as const)(
  "an %s tenant has the new name, its records and limits, and the old one is free",
  async (state) => {
    await engine.setLimits(placeOf("old"), { storedRecords: 9 });
    await engine.setTenantState(placeOf("old"), state);
    const before = await engine.getTenant(placeOf("old"));
    expect(await engine.renameTenant(placeOf("old"), "new")).toEqual({ ...before, name: "new" });
    expect(await names()).toEqual(["new"]);
    expect(await engine.getTenant(placeOf("old"))).toBeUndefined();
    await write("old", ["z"]);
    for (let life = 0; life < 2; life++) {
      expect(await names()).toEqual(["new", "old"]);
      expect(await engine.count(placeOf("old"))).toBe(1);
      expect((await engine.getLimits(placeOf("new"))).own).toEqual({ storedRecords: 9 });
      expect((await engine.getLimits(placeOf("old"))).own).toEqual({});
      expect((await engine.getCollection("db", "c"))?.tenantCount).toBe(2);
      await engine.close();
      await open();
    }
    const include = { vectors: false, metadata: false };
    const { items } = await engine.list(placeOf("new"), { limit: 9, include });
    expect(items.map(({ key }) => key)).toEqual(["a", "b"]);
  },
);

it("one that is on its way back arrives first", async () => {
  await engine.setTenantState(placeOf("old"), "OFFLOADED");
  // Answered from the store; the way back goes on in the background.
  expect((await engine.get(placeOf("old"), ["a"], { vectors: true, metadata: true }))[0]?.key).toBe(
    "a",
  );
  expect(await engine.renameTenant(placeOf("old"), "new")).toMatchObject({ state: "ACTIVE" });
  expect(await engine.count(placeOf("new"))).toBe(2);
});

it("each look finds it by one of the names, and calls under way go on", async () => {
  await engine.renameTenant(placeOf("old"), "t0");
  const isThere = async (name: string): Promise<boolean> =>
    (await engine.getTenant(placeOf(name))) !== undefined;
  for (let i = 0; i < 40; i++) {
    const [from, to] = i % 2 === 0 ? ["t0", "t1"] : ["t1", "t0"];
    let isRunning = true;
    const look = async (): Promise<void> => {
      for (; isRunning;) {
        expect(await names()).toHaveLength(1);
        const isNew = await isThere(to);
        if (isNew) expect(await isThere(from)).toBe(false);
        const isOld = await isThere(from);
        if (!isOld) expect(await isThere(to)).toBe(true);
        await Promise.resolve();
      }
    };
    const looking = Array.from({ length: 5 }, look);
    const call = write(from, [`k${String(i)}`]);
    await isThere(from);
    await engine.renameTenant(placeOf(from), to);
    isRunning = false;
    await Promise.all(looking);
    await call;
    // A write that came too late has made another one: the old name was free.
    await engine.deleteTenant(placeOf(from)).catch(() => undefined);
  }
});

it("is refused for names that are taken, missing, impossible, or suspended", async () => {
  await write("other", ["a"]);
  for (const [from, to, code] of [
    ["old", "other", "tenant_exists"],
    ["old", "old", "tenant_exists"],
    ["nobody", "new", "tenant_not_found"],
    ["old", "", "name_invalid"],
  ] as const) {
    await expect(engine.renameTenant(placeOf(from), to)).rejects.toMatchObject({ code });
  }
  await engine.customers.suspend({ database: "db", tenant: "other" });
  await expect(engine.renameTenant(placeOf("other"), "free")).rejects.toMatchObject({
    code: "customer_suspended",
  });
  expect(await names()).toEqual(["old", "other"]);
});
