/** Tenants that go from one data folder to another by way of the store that both use. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import type { Place, RecordView } from "../model/index.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const SCHEMA = {
  identity: "key" as const,
  vectors: [{ name: "", dimension: 4, metric: "euclidean" as const }],
  unfilterable: [],
};
const ALL = { vectors: true, metadata: true };
const MASTER_KEY = new Uint8Array(32).fill(5);

let store: MemoryObjectStore;
let here: Engine;
let there: Engine;

function open(seed: number, over: Partial<EngineOptions> = {}): Promise<Engine> {
  return openEngine({
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    workerCount: 0,
    masterKey: MASTER_KEY,
    offload: { open: () => Promise.resolve(store) },
    ...over,
  });
}

const placeOf = (tenant: string): Place & { readonly tenant: string } => ({
  database: "db",
  collection: "c",
  tenant,
});

async function make(engine: Engine, dimension = 4): Promise<void> {
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension, metric: "euclidean" as const }];
  await engine.createCollection("db", "c", { schema: { ...SCHEMA, vectors }, tenancy: "multi" });
}

async function put(engine: Engine, tenant: string, from: number, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `k${String(from + i).padStart(4, "0")}`);
  await engine.upsert(placeOf(tenant), {
    keys,
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap((_, i) => [i, from, 1, 2])) }],
    metadata: keys.map((key) => ({ key })),
  });
}

async function read(engine: Engine, tenant: string): Promise<readonly RecordView[]> {
  return (await engine.list(placeOf(tenant), { limit: 10_000, include: ALL })).items;
}

/** Offloads a tenant of `here`; the name of one of its objects. */
async function offload(tenant: string): Promise<string> {
  await here.setTenantState(placeOf(tenant), "OFFLOADED");
  const { extents } = await here.locate(placeOf(tenant));
  return extents.find(({ kind }) => kind === "object")?.file ?? "";
}

beforeEach(async () => {
  store = new MemoryObjectStore();
  [here, there] = await Promise.all([open(1), open(2)]);
  await make(here);
  await make(there);
  await put(here, "acme", 0, 300);
  await here.flush(placeOf("acme"));
  await put(here, "acme", 200, 200);
  await here.delete(placeOf("acme"), ["k0007"]);
});

afterEach(() => Promise.all([here.close(), there.close()]));

describe("a tenant that another folder has offloaded", () => {
  it("has all its records there, and outlives what is erased where it came from", async () => {
    const records = await read(here, "acme");
    const info = await there.adoptTenant(await offload("acme"), placeOf("moved"));
    expect(info).toMatchObject({ name: "moved", state: "ACTIVE", rowCount: 399 });
    expect(await read(there, "moved")).toEqual(records);
    const receipt = await here.eraseTenant(placeOf("acme"));
    expect(receipt).toMatchObject({ isKeyDestroyed: true, isCopyRemoved: true });
    expect(await store.list("", { limit: 10 })).toEqual([]);
    await put(there, "moved", 900, 1);
    await there.flush(placeOf("moved"));
    expect(await there.count(placeOf("moved"))).toBe(400);
    const query = { field: "", vector: Float32Array.of(0, 0, 1, 2), topK: 1, include: ALL };
    const { hits } = await there.query(placeOf("moved"), query);
    expect(hits[0]).toMatchObject({ key: "k0000", metadata: { key: "k0000" } });
  });

  it("goes on from there: is offloaded and adopted back under its old name", async () => {
    const records = await read(here, "acme");
    await there.adoptTenant(await offload("acme"), placeOf("acme"));
    await here.eraseTenant(placeOf("acme"));
    await there.setTenantState(placeOf("acme"), "OFFLOADED");
    const [object = ""] = await store.list("tenants/", { limit: 1 });
    await here.adoptTenant(object, placeOf("acme"));
    expect(await read(here, "acme")).toEqual(records);
  });

  it("is refused where it does not fit, and nothing is left of the attempt", async () => {
    const object = await offload("acme");
    const objects = await store.list("", { limit: 100 });
    const other = await open(3);
    await make(other, 5);
    await expect(other.adoptTenant(object, placeOf("acme"))).rejects.toMatchObject({
      code: "argument_invalid",
    });
    await there.createTenant(placeOf("taken"));
    await expect(there.adoptTenant(object, placeOf("taken"))).rejects.toMatchObject({
      code: "tenant_exists",
    });
    for (const name of ["", "tenants/", "../x/manifest", `${object}/../more`, "backups/1"]) {
      await expect(there.adoptTenant(name, placeOf("acme"))).rejects.toMatchObject({
        code: "argument_invalid",
      });
    }
    const lost = object.replace(/[0-9a-f]{16}\//, "0123456789abcdef/");
    await expect(there.adoptTenant(lost, placeOf("acme"))).rejects.toMatchObject({
      code: "data_damaged",
    });
    expect(await there.getTenant(placeOf("acme"))).toBeUndefined();
    expect(await other.getTenant(placeOf("acme"))).toBeUndefined();
    expect(await store.list("", { limit: 100 })).toEqual(objects);
    await other.close();
  });

  it("needs the master key of its folder, a store, and its bytes as they were", async () => {
    const object = await offload("acme");
    const stranger = await open(4, { masterKey: new Uint8Array(32).fill(9) });
    const alone = await openEngine({
      files: new MemoryFileSystem(),
      clock: new ManualClock(),
      random: new SeededRandom(5),
      workerCount: 0,
      masterKey: MASTER_KEY,
    });
    for (const engine of [stranger, alone]) await make(engine);
    const cases = [
      { engine: stranger, code: "master_key_wrong", says: /another master key/ },
      { engine: alone, code: "offload_not_configured", says: /without one/ },
    ];
    for (const { engine, code, says } of cases) {
      await expect(engine.adoptTenant(object, placeOf("acme"))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(says) as string,
      });
      await engine.close();
    }
    for (const key of await store.list("", { limit: 100 })) {
      const bytes = (await store.get(key)) ?? new Uint8Array(0);
      const damaged = bytes.slice();
      const at = damaged.length - 40;
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await store.put(key, damaged);
    }
    await expect(there.adoptTenant(object, placeOf("acme"))).rejects.toMatchObject({
      code: "data_damaged",
    });
    expect(await there.getTenant(placeOf("acme"))).toBeUndefined();
  });

  it("is given up when it is aborted", async () => {
    const object = await offload("acme");
    const signal = AbortSignal.abort(new Error("no more"));
    await expect(there.adoptTenant(object, placeOf("acme"), { signal })).rejects.toThrow("no more");
    expect(await there.getTenant(placeOf("acme"))).toBeUndefined();
  });
});
