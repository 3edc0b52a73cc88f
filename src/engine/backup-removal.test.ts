/** Backups are removed from a store: what others name stays, and nothing else does. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HookedStore, storeFault } from "../../test/support/mirror-bench.ts";
import { removeBackup } from "../backup/index.ts";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import { openEngine, type Engine } from "./index.ts";

const ALL = { vectors: true, metadata: true };
/** Wide enough that the segment of {@link BIG} records is an object of its own. */
const DIMENSION = 64;
const BIG = 1_200;
const PLACE = { database: "db", collection: "c" };

let clock: ManualClock;
let engine: Engine;
let store: MemoryObjectStore;

beforeEach(async () => {
  clock = new ManualClock();
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    masterKey: new Uint8Array(32).fill(5),
  });
  store = new MemoryObjectStore();
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }];
  const schema = { identity: "key" as const, vectors, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
});
afterEach(() => engine.close());

async function put(tenant: string, count: number, mark: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `${String(mark)}-${String(i)}`);
  const values = Float32Array.from({ length: count * DIMENSION }, (_, i) => (i % 97) + mark);
  const vectors = [{ field: "", values }];
  await engine.upsert({ ...PLACE, tenant }, { keys, vectors, metadata: keys.map(() => ({})) });
}

const allOf = (from: MemoryObjectStore): Promise<readonly string[]> =>
  from.list("", { limit: 10_000 });

/** What the backup holds, as a restore of it reads it. */
async function contentsOf(from: MemoryObjectStore, backup: string): Promise<string> {
  await engine.restore(from, { backup, database: "db", as: { database: "back" } });
  const found: unknown[] = [];
  const { items } = await engine.listTenants("back", "c", { limit: 100 });
  for (const { name } of items) {
    const place = { database: "back", collection: "c", tenant: name };
    const records = await engine.list(place, { limit: 10_000, include: ALL });
    found.push(name, records.items);
  }
  await engine.deleteCollection("back", "c");
  await engine.deleteDatabase("back");
  return JSON.stringify(found, (_, value: unknown) =>
    value instanceof Float32Array ? Buffer.from(value.buffer).toString("hex") : value,
  );
}

/** Three backups that share segments, bundles and tails with one another. */
async function makeThree(): Promise<readonly string[]> {
  const ids: string[] = [];
  const backUp = async (): Promise<void> => {
    ids.push((await engine.backup(store)).id);
    clock.jumpWall(1);
  };
  await put("big", BIG, 0);
  await put("small", 20, 0);
  await put("log", 5, 0);
  for (const tenant of ["big", "small"]) await engine.flush({ ...PLACE, tenant });
  await backUp();
  await put("big", BIG, 1);
  await put("log", 5, 1);
  await engine.flush({ ...PLACE, tenant: "big" });
  await backUp();
  await put("small", 20, 2);
  await engine.flush({ ...PLACE, tenant: "small" });
  await engine.compact({ ...PLACE, tenant: "big" });
  await backUp();
  return ids;
}

const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

describe("removed backups", () => {
  it.each(ORDERS)("%i, %i, %i leave the others whole, and at last nothing", async (...order) => {
    const ids = await makeThree();
    const before = new Map<string, string>();
    for (const id of ids) before.set(id, await contentsOf(store, id));
    let count = (await allOf(store)).length;
    for (const i of order) {
      await removeBackup(store, ids[i] ?? "");
      before.delete(ids[i] ?? "");
      const left = (await allOf(store)).length;
      expect(left).toBeLessThan(count);
      count = left;
      for (const [id, contents] of before) expect(await contentsOf(store, id)).toBe(contents);
    }
    expect(await allOf(store)).toEqual([]);
  });

  it("are removed as a whole by a later removal when a call fails in the middle", async () => {
    const [first = "", second = "", third = ""] = await makeThree();
    const contents = await contentsOf(store, second);
    let calls = 0;
    for (let failing = 1; calls < failing + 1; failing++) {
      const cut = store.copy();
      calls = 0;
      const faulty = new HookedStore(cut, () => {
        calls++;
        if (calls >= failing) throw storeFault();
      });
      await removeBackup(faulty, first).catch(() => undefined);
      expect(await contentsOf(cut, second)).toBe(contents);
      await removeBackup(cut, third);
      expect(await contentsOf(cut, second)).toBe(contents);
      // Either it was not removed at all, or the removal after it has done the rest.
      const isThere = (await cut.head(`manifests/${first}`)) !== undefined;
      if (isThere) await contentsOf(cut, first);
      if (isThere) await removeBackup(cut, first);
      await removeBackup(cut, second);
      expect(await allOf(cut)).toEqual([]);
      if (calls < failing) break;
    }
    expect(calls).toBeGreaterThan(8);
  });

  it("fail the backup of another process that may name what they had, which is then not there", async () => {
    const [first = "", , last = ""] = await makeThree();
    let isRemoved = false;
    const other = new HookedStore(store, async ({ kind, key }) => {
      const isLast = kind === "put-if-absent" && key.startsWith("manifests/");
      if (!isLast || isRemoved) return;
      isRemoved = true;
      await removeBackup(store, last);
    });
    await expect(engine.backup(other)).rejects.toThrow("removed meanwhile");
    expect(await store.list("manifests/", { limit: 9 })).toHaveLength(2);
    await contentsOf(store, first);
    expect((await engine.backup(store)).tenants).toBe(3);
  });

  it("leave all bytes while a backup is kept that has no list of its own", async () => {
    const [first = "", second = "", third = ""] = await makeThree();
    const contents = await contentsOf(store, second);
    await store.delete(`backups/${second}/objects`);
    const bytesOf = async (): Promise<readonly string[]> =>
      (await allOf(store)).filter((key) => /^(segments|bundles)/.test(key));
    const before = await bytesOf();
    await removeBackup(store, first);
    expect(await bytesOf()).toEqual(before);
    expect(await contentsOf(store, second)).toBe(contents);
    await removeBackup(store, second);
    // What only the one without a list has named stays, and nothing that another names goes.
    expect((await bytesOf()).length).toBeLessThan(before.length);
    await contentsOf(store, third);
  });
});
