/** Backups, restores and copies by the engine's own calls: every state a tenant can be in. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import type { Place, RecordView } from "../model/index.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const ALL = { vectors: true, metadata: true };
const MASTER_KEY = new Uint8Array(32).fill(5);
const SCHEMA = {
  identity: "key" as const,
  vectors: [{ name: "", dimension: 4, metric: "euclidean" as const }],
  unfilterable: [],
};

function options(files: MemoryFileSystem, seed = 1): EngineOptions {
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    workerCount: 0,
    masterKey: MASTER_KEY,
  };
}

function placeOf(tenant: string): Place {
  return { database: "db", collection: "c", tenant };
}

async function put(engine: Engine, place: Place, keys: readonly string[], n = 0): Promise<void> {
  await engine.upsert(place, {
    keys,
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap((_, i) => [i, n, 1, 2])) }],
    metadata: keys.map((key) => ({ key, n })),
  });
}

async function read(engine: Engine, place: Place): Promise<readonly RecordView[]> {
  const { items } = await engine.list(place, { limit: 10_000, include: ALL });
  return items;
}

const keysFrom = (start: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `k${String(start + i).padStart(4, "0")}`);

let files: MemoryFileSystem;
let engine: Engine;
let store: MemoryObjectStore;

/** Tenants in every state: empty, in the log only, flushed, with dead rows, merged, asleep. */
async function fill(): Promise<void> {
  await engine.createDatabase("db", { attributes: { owner: "me" } });
  await engine.createCollection("db", "c", { schema: SCHEMA, tenancy: "multi" });
  await engine.createCollection("db", "single", { schema: SCHEMA, attributes: { a: "1" } });
  await engine.createTenant({ database: "db", collection: "c", tenant: "empty" });
  await put(engine, placeOf("log"), keysFrom(0, 20));
  await put(engine, placeOf("flushed"), keysFrom(0, 50));
  await engine.flush(placeOf("flushed"));
  for (const tenant of ["mixed", "asleep", "merged"]) {
    await put(engine, placeOf(tenant), keysFrom(0, 50));
    await engine.flush(placeOf(tenant));
    await put(engine, placeOf(tenant), keysFrom(40, 20), 1);
    await engine.flush(placeOf(tenant));
    await engine.delete(placeOf(tenant), keysFrom(5, 10));
    await put(engine, placeOf(tenant), keysFrom(8, 3), 2);
  }
  await engine.compact(placeOf("merged"));
  await engine.deactivate(placeOf("asleep"));
  await put(engine, { database: "db", collection: "single" }, keysFrom(0, 5));
}

const TENANTS = ["asleep", "empty", "flushed", "log", "merged", "mixed"];

async function dump(from: Engine, database = "db"): Promise<unknown> {
  const found: Record<string, unknown> = {};
  for (const tenant of TENANTS) {
    found[tenant] = await read(from, { database, collection: "c", tenant });
  }
  found["single"] = await read(from, { database, collection: "single" });
  const { items } = await from.listCollections(database, { limit: 100 });
  found["info"] = items.map((info) => ({ ...info, database: "" }));
  found["tenants"] = (await from.listTenants(database, "c", { limit: 100 })).items;
  return found;
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  engine = await openEngine(options(files));
  store = new MemoryObjectStore();
});

afterEach(async () => {
  await engine.close();
});

describe.each([
  ["in packs", {}],
  ["in files", { packedBytesMax: 0 }],
])("a backup of segments %s", (_, policy) => {
  beforeEach(async () => {
    await engine.close();
    files = new MemoryFileSystem();
    engine = await openEngine({ ...options(files), policy });
  });

  it("of everything is read on another machine with the same master key, and wakes nobody", async () => {
    await fill();
    const { shardsAwake } = engine.stats();
    const made = await engine.backup(store);
    expect(made).toMatchObject({ databases: 1, collections: 2, tenants: 6, damaged: 0 });
    expect(engine.stats().shardsAwake).toBe(shardsAwake);
    const expected = await dump(engine);
    const other = await openEngine({ ...options(new MemoryFileSystem(), 2), policy });
    const summary = await other.restore(store);
    expect(summary).toMatchObject({ backup: made.id, tenants: 6, records: made.records });
    expect(other.stats().shardsAwake).toBe(0);
    expect(await dump(other)).toEqual(expected);
    expect(await other.getDatabase("db")).toEqual(await engine.getDatabase("db"));
    // The copy lives on: it is written to, flushed, merged and started again.
    await put(other, placeOf("mixed"), keysFrom(10, 5), 7);
    await other.compact(placeOf("mixed"));
    await put(engine, placeOf("mixed"), keysFrom(10, 5), 7);
    expect(await dump(other)).toEqual(await dump(engine));
    await other.close();
  });

  it("survives the end of the process that restored it", async () => {
    await fill();
    await engine.backup(store);
    const expected = await dump(engine);
    const second = new MemoryFileSystem();
    const other = await openEngine({ ...options(second, 2), policy });
    await other.restore(store);
    await other.close();
    const again = await openEngine({ ...options(second, 3), policy });
    expect(await dump(again)).toEqual(expected);
    await again.compact(placeOf("mixed"));
    expect(await dump(again)).toEqual(expected);
    await again.close();
  });

  it("sends only what has changed since the one before", async () => {
    await fill();
    const first = await engine.backup(store);
    const second = await engine.backup(store);
    expect(second.bytes).toBe(first.bytes);
    // Nothing but the lines themselves.
    expect(second.bytesSent).toBeLessThan(first.bytesSent / 2);
    await put(engine, placeOf("log"), keysFrom(100, 1));
    const third = await engine.backup(store);
    const other = await openEngine({ ...options(new MemoryFileSystem(), 2), policy });
    await other.restore(store, { backup: third.id });
    expect(await dump(other)).toEqual(await dump(engine));
    await other.close();
  });

  it("of one tenant comes back under another name, into the running engine", async () => {
    await fill();
    await engine.backup(store);
    for (const tenant of TENANTS) {
      const before = await read(engine, placeOf(tenant));
      if (before.length > 0) await engine.deleteAll(placeOf(tenant));
      await engine.restore(store, {
        database: "db",
        collection: "c",
        tenant,
        as: { tenant: `${tenant}2` },
      });
      expect(await read(engine, placeOf(`${tenant}2`))).toEqual(before);
      expect(await engine.count(placeOf(`${tenant}2`))).toBe(before.length);
    }
    const { items } = await engine.listCollections("db", { limit: 10 });
    expect(items[0]).toMatchObject({ tenantCount: 12 });
    await expect(
      engine.restore(store, { database: "db", collection: "c", tenant: "log" }),
    ).rejects.toMatchObject({ code: "tenant_exists" });
  });

  it("of a tenant is a copy at once when both are here", async () => {
    await fill();
    for (const tenant of TENANTS) {
      const [source, target] = [placeOf(tenant), placeOf(`${tenant} copy`)];
      await engine.copyTenant({ ...source, tenant }, { ...target, tenant: `${tenant} copy` });
      const expected = await read(engine, source);
      await put(engine, source, ["later"]);
      expect(await read(engine, target)).toEqual(expected);
      await engine.compact(target);
      expect(await read(engine, target)).toEqual(expected);
    }
    // A copy of a copy, and the end of the first.
    await engine.deleteTenant({ database: "db", collection: "c", tenant: "mixed" });
    const [from, to] = [placeOf("mixed copy"), placeOf("mixed copy 2")];
    await engine.copyTenant({ ...from, tenant: "mixed copy" }, { ...to, tenant: "mixed copy 2" });
    expect(await read(engine, to)).toEqual(await read(engine, from));
  });
});

describe("a restore", () => {
  beforeEach(fill);

  it("of a collection or a database appears under a free name only", async () => {
    await engine.backup(store, { database: "db" });
    await expect(engine.restore(store, { database: "db" })).rejects.toMatchObject({
      code: "database_exists",
    });
    await expect(engine.restore(store)).rejects.toMatchObject({ code: "database_exists" });
    await engine.restore(store, { database: "db", as: { database: "db2" } });
    expect(await dump(engine, "db2")).toEqual(await dump(engine));
    await expect(engine.restore(store, { database: "db", collection: "c" })).rejects.toMatchObject({
      code: "collection_exists",
    });
    await engine.restore(store, { database: "db", collection: "c", as: { collection: "c2" } });
    expect((await engine.getCollection("db", "c2"))?.tenantCount).toBe(6);
    await engine.restore(store, {
      database: "db",
      collection: "single",
      as: { database: "new", collection: "s" },
    });
    expect(await read(engine, { database: "new", collection: "s" })).toHaveLength(5);
    expect(engine.stats()).toMatchObject({ databaseCount: 3, collectionCount: 6 });
  });

  it("takes the newest backup begun by a moment", async () => {
    const first = await engine.backup(store);
    const clock = new ManualClock();
    clock.advance(5_000);
    await engine.close();
    engine = await openEngine({ ...options(files, 9), clock });
    await put(engine, placeOf("log"), ["later"]);
    const second = await engine.backup(store);
    expect(second.createdAtMs).toBeGreaterThan(first.createdAtMs);
    const scope = { database: "db", collection: "c", tenant: "log" };
    const before = second.createdAtMs - 1;
    await engine.restore(store, { ...scope, atMs: before, as: { tenant: "then" } });
    await engine.restore(store, { ...scope, as: { tenant: "now" } });
    expect(await engine.count(placeOf("then"))).toBe(20);
    expect(await engine.count(placeOf("now"))).toBe(21);
    await expect(
      engine.restore(store, { ...scope, atMs: first.createdAtMs - 1 }),
    ).rejects.toMatchObject({ code: "backup_not_found" });
  });

  it("refuses names that the backup has not, and names nothing asked for", async () => {
    await expect(engine.restore(store)).rejects.toMatchObject({ code: "backup_not_found" });
    await engine.backup(store);
    const missing = { database: "db", collection: "c", tenant: "nobody" };
    await expect(engine.restore(store, missing)).rejects.toMatchObject({
      code: "tenant_not_found",
    });
    await expect(engine.restore(store, { collection: "c" })).rejects.toMatchObject({
      code: "argument_invalid",
    });
    await expect(
      engine.restore(store, { database: "db", as: { tenant: "x" } }),
    ).rejects.toMatchObject({ code: "argument_invalid" });
    await expect(engine.backup(store, missing)).rejects.toMatchObject({ code: "tenant_not_found" });
    await expect(
      engine.restore(store, {
        database: "db",
        as: { database: "d2" },
        masterKey: new Uint8Array(32),
      }),
    ).rejects.toMatchObject({ code: "master_key_wrong" });
    expect(engine.stats().databaseCount).toBe(1);
  });

  it("names each damaged or missing object and changes nothing", async () => {
    await engine.backup(store);
    const all = await store.list("", { limit: 1_000 });
    // Of the list of its objects a restore knows nothing.
    const keys = all.filter((key) => !key.endsWith("/objects"));
    expect(keys.length).toBeGreaterThanOrEqual(4);
    const other = await openEngine(options(new MemoryFileSystem(), 2));
    for (const key of keys) {
      const sound = (await store.get(key)) ?? new Uint8Array(0);
      const bad = sound.slice();
      const at = Math.floor(bad.length / 2);
      bad[at] = (bad[at] ?? 0) ^ 1;
      await store.put(key, bad);
      await expect(other.restore(store)).rejects.toMatchObject({ code: "data_damaged" });
      await store.delete(key);
      await expect(other.restore(store)).rejects.toMatchObject({
        code: expect.stringMatching(/^(data_damaged|backup_not_found)$/) as unknown,
      });
      await store.put(key, sound);
      expect(other.stats()).toMatchObject({ databaseCount: 0, collectionCount: 0 });
      expect(other.tenantFigures().counts.ACTIVE).toBe(0);
    }
    await other.restore(store);
    expect(await dump(other)).toEqual(await dump(engine));
    await other.close();
  });
});

/** Lets everything else go on before it answers. */
class SlowStore extends MemoryObjectStore {
  override async putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    await this.#turns();
    return super.putIfAbsent(key, body);
  }

  override async list(...asked: Parameters<MemoryObjectStore["list"]>): Promise<readonly string[]> {
    await this.#turns();
    return super.list(...asked);
  }

  async #turns(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  }
}

describe("a backup under load", () => {
  beforeEach(() => {
    store = new SlowStore();
  });

  const KEYS = keysFrom(0, 30);
  const PLACE = placeOf("busy");

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "is of one moment: each batch whole, whatever is flushed and merged meanwhile (seed %i)",
    async (seed) => {
      await engine.close();
      engine = await openEngine({
        ...options(new MemoryFileSystem(), seed),
        policy: {
          packedBytesMax: seed % 2 === 0 ? 0 : 1_000_000,
          mergeFanIn: 2,
          smallShardBytes: 0,
        },
      });
      await engine.createDatabase("db");
      await engine.createCollection("db", "c", { schema: SCHEMA, tenancy: "multi" });
      let acknowledged = 0;
      let isOver = false;
      const write = async (): Promise<void> => {
        while (!isOver) {
          await put(engine, PLACE, KEYS, acknowledged + 1);
          acknowledged++;
          await new Promise(setImmediate);
        }
      };
      const tidy = async (): Promise<void> => {
        while (!isOver) {
          await engine.flush(PLACE);
          if (seed % 3 === 0) await engine.compact(PLACE);
          if (seed % 4 === 0) await engine.deactivate(PLACE);
          await new Promise(setImmediate);
        }
      };
      await put(engine, PLACE, KEYS, 0);
      const work = [write(), tidy()];
      for (let round = 0; round < 4; round++) {
        const before = acknowledged;
        const { id } = await engine.backup(store);
        const after = acknowledged;
        const tenant = `back ${String(round)}`;
        await engine.restore(store, {
          backup: id,
          database: "db",
          collection: "c",
          tenant: "busy",
          as: { tenant },
        });
        const records = await read(engine, placeOf(tenant));
        expect(records.map(({ key }) => key)).toEqual(KEYS);
        const versions = new Set(records.map(({ metadata }) => metadata?.["n"]));
        expect(versions.size).toBe(1);
        const [version] = versions;
        expect(version).toBeGreaterThanOrEqual(before);
        // One write may be durable and not yet acknowledged.
        expect(version).toBeLessThanOrEqual(after + 1);
      }
      isOver = true;
      await Promise.all(work);
      expect(acknowledged).toBeGreaterThan(4);
    },
  );

  it("keeps the files it reads when the tenant is deleted meanwhile, and lets go of them after", async () => {
    await engine.close();
    engine = await openEngine({ ...options(files), policy: { packedBytesMax: 0 } });
    await fill();
    const backup = engine.backup(store);
    await engine.deleteTenant({ database: "db", collection: "c", tenant: "mixed" });
    await engine.deleteTenant({ database: "db", collection: "c", tenant: "flushed" });
    await backup;
    await engine.close();
    engine = await openEngine({ ...options(files), policy: { packedBytesMax: 0 } });
    const other = await openEngine(options(new MemoryFileSystem(), 2));
    await other.restore(store);
    for (const { name } of (await other.listTenants("db", "c", { limit: 10 })).items) {
      await read(other, placeOf(name));
    }
    await other.close();
  });

  it("ends with the engine, and is no backup then", async () => {
    await fill();
    const backup = engine.backup(store).catch((error: unknown) => error);
    await engine.close();
    expect(await backup).toMatchObject({ code: "engine_closed" });
    expect(await store.list("manifests/", { limit: 10 })).toEqual([]);
  });
});

describe("a copy", () => {
  it("is refused where it does not fit, and changes nothing", async () => {
    await fill();
    await engine.createCollection("db", "other", {
      schema: { ...SCHEMA, vectors: [{ name: "", dimension: 3, metric: "euclidean" }] },
      tenancy: "multi",
    });
    const at = (collection: string, tenant: string) => ({ database: "db", collection, tenant });
    const refusals = [
      [at("c", "log"), at("c", "mixed"), "tenant_exists"],
      [at("c", "nobody"), at("c", "x"), "tenant_not_found"],
      [at("c", "log"), at("other", "x"), "argument_invalid"],
      [at("c", "log"), at("single", "x"), "argument_invalid"],
      [at("c", "log"), at("none", "x"), "collection_not_found"],
      [at("c", "log"), at("c", ""), "name_invalid"],
    ] as const;
    for (const [from, to, code] of refusals) {
      await expect(engine.copyTenant(from, to)).rejects.toMatchObject({ code });
    }
    expect(engine.tenantFigures().counts.ACTIVE).toBe(6);
  });

  it("goes with an unsealed folder as well, and a sealed tenant is refused by one without keys", async () => {
    await fill();
    await engine.backup(store);
    const plain = await openEngine({ ...options(new MemoryFileSystem(), 2), isSealing: false });
    await expect(plain.restore(store, { masterKey: MASTER_KEY })).rejects.toMatchObject({
      code: "operation_unsupported",
    });
    expect(plain.stats().databaseCount).toBe(0);
    await plain.createDatabase("db");
    await plain.createCollection("db", "c", { schema: SCHEMA, tenancy: "multi" });
    await put(plain, placeOf("p"), keysFrom(0, 9));
    await plain.flush(placeOf("p"));
    const second = new MemoryObjectStore();
    await plain.backup(second);
    const scope = { database: "db", collection: "c", tenant: "p" };
    await engine.restore(second, scope);
    expect(await read(engine, placeOf("p"))).toEqual(await read(plain, placeOf("p")));
    await put(engine, placeOf("p"), keysFrom(3, 9), 4);
    await engine.compact(placeOf("p"));
    expect(await engine.count(placeOf("p"))).toBe(12);
    await plain.close();
  });
});
