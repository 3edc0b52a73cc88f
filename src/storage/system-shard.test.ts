import { describe, expect, test } from "vitest";
import { CountingFileSystem } from "../io/faulty/index.ts";
import { FaultyFileSystem, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import {
  FOLDER,
  applyChange,
  contentOf,
  expectModel,
  modelOf,
  openStore,
  position,
  randomChange,
  sorted,
  type Change,
} from "./system-shard-fixture.contract.ts";
import { tablePath } from "./sorted-table-format.ts";
import type { SystemShard } from "./system-shard.ts";

const keyNumbered = (n: number): string => `k${String(n).padStart(6, "0")}`;
const bytes = (text: string): Uint8Array => Buffer.from(text);

async function tableFiles(fileSystem: MemoryFileSystem): Promise<readonly string[]> {
  return (await fileSystem.listFolder(FOLDER)).filter((name) => name.endsWith(".tbl"));
}

describe("SystemShard against a map", () => {
  test("holds the same rows, whatever was put, deleted, flushed, merged and opened again", async () => {
    let merges = 0;
    for (let seed = 0; seed < 30; seed++) {
      const random = new SeededRandom(seed);
      const fileSystem = new MemoryFileSystem();
      let store = await openStore(fileSystem, { cacheBytes: random.below(2) * 20_000 });
      const changes: Change[] = [];
      let flushed = 0;
      for (let step = 0; step < 120; step++) {
        for (let i = random.below(30); i > 0; i--) {
          const change = randomChange(random, 400, String(changes.length));
          changes.push(change);
          applyChange(store, change);
        }
        const upkeep = [];
        const action = random.below(8);
        if (action < 3) {
          flushed = changes.length;
          upkeep.push(store.flush(position(flushed)));
          const late = randomChange(random, 400, "late");
          changes.push(late);
          applyChange(store, late);
        }
        const tablesBefore = store.tableCount;
        if (action === 2 || action === 3) upkeep.push(store.compactIfNeeded());
        const model = modelOf(changes);
        const all = sorted(model);
        const from = keyNumbered(random.below(400));
        const limit = random.below(30);
        const startIsExclusive = random.below(2) === 0;
        const wanted = all.filter(([key]) => (startIsExclusive ? key > from : key >= from));
        const note = `seed ${String(seed)}, step ${String(step)}`;
        const range = { start: from, limit, startIsExclusive };
        expect(await contentOf(store, range), note).toEqual(wanted.slice(0, limit));
        const value = await store.get(from);
        expect(value === undefined ? undefined : Buffer.from(value).toString(), note).toBe(
          model.get(from),
        );
        const keys = Array.from({ length: 20 }, () => keyNumbered(random.below(400)));
        const looked = keys.map((key) => store.look(key, (row) => Buffer.from(row).toString()));
        expect(await Promise.all(looked), note).toEqual(keys.map((key) => model.get(key)));
        await Promise.all(upkeep);
        if (store.tableCount < tablesBefore) merges++;
        if (action === 4) {
          await store.close();
          store = await openStore(fileSystem);
          expect(store.appliedPosition).toEqual(
            flushed === 0 ? new Uint8Array(0) : position(flushed),
          );
          changes.splice(flushed);
          await expectModel(store, modelOf(changes), note);
        }
      }
      await store.close();
    }
    expect(merges).toBeGreaterThan(20);
  }, 60_000);

  test("one who passes by all rows keeps none of them and pushes none out", async () => {
    const fileSystem = new MemoryFileSystem();
    const counting = new CountingFileSystem(fileSystem);
    const store = await openStore(counting, { cacheBytes: 20_000 });
    for (let i = 0; i < 2_000; i++) store.put(keyNumbered(i), bytes("v".repeat(100)));
    await store.flush(position(1));
    await store.get(keyNumbered(7));
    const all = Array.from({ length: 2_000 }, (_, i) =>
      store.look(keyNumbered(i), ({ length }) => length),
    );
    expect(new Set(await Promise.all(all))).toEqual(new Set([100]));
    counting.reset();
    await store.get(keyNumbered(7));
    expect(counting.readBytes()).toBe(0);
    await store.look(keyNumbered(1_500), () => true);
    expect(counting.readBytes()).toBeGreaterThan(0);
    expect(await store.look(keyNumbered(2_001), () => true)).toBeUndefined();
    await store.close();
  });

  test("a scan during a flush misses nothing that a newer deletion uncovers", async () => {
    const store = await openStore(new MemoryFileSystem());
    for (const key of ["a", "b", "c", "d"]) store.put(key, bytes(key));
    const flush = store.flush(position(1));
    store.delete("a");
    store.delete("b");
    expect(await contentOf(store, { limit: 1 })).toEqual([["c", "c"]]);
    await flush;
    expect(await contentOf(store, { limit: 1 })).toEqual([["c", "c"]]);
  });

  test("a scan ends well though the tables it reads are merged away and the store is closed", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openStore(fileSystem, { cacheBytes: 0 });
    const changes: Change[] = [];
    for (let table = 0; table < 4; table++) {
      for (let i = 0; i < 300; i++) changes.push([`k${String(i * 4 + table)}`, "v".repeat(100)]);
      for (const change of changes.slice(-300)) applyChange(store, change);
      await store.flush(position(table));
    }
    const scan = contentOf(store);
    await store.compactIfNeeded();
    expect(store.tableCount).toBe(1);
    await store.close();
    expect(await scan).toEqual(sorted(modelOf(changes)));
  });
});

describe("SystemShard and its manifest", () => {
  async function filled(): Promise<MemoryFileSystem> {
    const fileSystem = new MemoryFileSystem();
    const store = await openStore(fileSystem);
    store.put("a", bytes("1"));
    await store.flush(position(1));
    await store.close();
    return fileSystem;
  }

  test("tables without a manifest are damage, and stay", async () => {
    const fileSystem = await filled();
    await fileSystem.unlink(`${FOLDER}/MANIFEST`);
    await expect(openStore(fileSystem)).rejects.toMatchObject({ code: "data_damaged" });
    expect(await tableFiles(fileSystem)).toHaveLength(1);
  });

  test("a table beside an empty manifest is what an interrupted first flush left", async () => {
    const fileSystem = new MemoryFileSystem();
    await (await openStore(fileSystem)).close();
    await fileSystem.replaceWhole(tablePath(FOLDER, 1), bytes("half a table"));
    await fileSystem.replaceWhole(`${FOLDER}/notes.tbl.txt`, bytes("not ours"));
    const store = await openStore(fileSystem);
    expect(await contentOf(store)).toEqual([]);
    expect(await tableFiles(fileSystem)).toEqual([]);
    expect(await fileSystem.exists(`${FOLDER}/notes.tbl.txt`)).toBe(true);
  });

  test("a missing table is damage", async () => {
    const fileSystem = await filled();
    for (const name of await tableFiles(fileSystem)) await fileSystem.unlink(`${FOLDER}/${name}`);
    await expect(openStore(fileSystem)).rejects.toMatchObject({ code: "data_damaged" });
  });

  test("another store's table of the same number is not taken for ours", async () => {
    const fileSystem = await filled();
    const other = new MemoryFileSystem();
    const store = await openStore(other);
    store.put("b", bytes("2"));
    await store.flush(position(1));
    const [name = ""] = await tableFiles(other);
    expect(await tableFiles(fileSystem)).toEqual([name]);
    const foreign = await other.readWhole(`${FOLDER}/${name}`);
    await fileSystem.replaceWhole(`${FOLDER}/${name}`, foreign ?? new Uint8Array(0));
    await expect(openStore(fileSystem)).rejects.toMatchObject({ code: "data_damaged" });
  });

  test("no number names two files, also after a table was written and forgotten by a crash", async () => {
    const seen = new Set<string>();
    const inner = new MemoryFileSystem();
    for (let life = 0; life < 4; life++) {
      const files = new CountingFileSystem(inner);
      const store = await openStore(files);
      for (let i = 0; i < 70; i++) {
        store.put("a", bytes(String(i)));
        await store.flush(position(i));
        await store.compactIfNeeded();
      }
      const made = files.calls.filter(
        ({ kind, path }) => kind === "create" && path.endsWith(".tbl"),
      );
      for (const { path } of made) {
        expect(seen.has(path)).toBe(false);
        seen.add(path);
      }
      // A crash in the middle of the next flush: its file is made, the manifest does not name it.
      store.put("a", bytes("lost"));
      const faulty = new FaultyFileSystem(inner, [
        { kinds: ["sync"], path: ".tbl", nth: 1, count: Infinity, effect: "EIO" },
        { kinds: ["unlink"], nth: 1, count: Infinity, effect: "EIO" },
      ]);
      const crashing = await openStore(faulty);
      crashing.put("a", bytes("lost"));
      await expect(crashing.flush(position(99))).rejects.toMatchObject({ code: "io_failed" });
      const before = await tableFiles(inner);
      for (const name of before) seen.add(`${FOLDER}/${name}`);
    }
  });

  test("a flush and a merge at the same time both end up in the manifest", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const fileSystem = new MemoryFileSystem();
      const store = await openStore(fileSystem);
      const changes: Change[] = [];
      for (let table = 0; table < 5; table++) {
        const flush = table < 4 ? undefined : store.compactIfNeeded();
        for (let turn = 0; flush !== undefined && turn < seed; turn++) await Promise.resolve();
        for (let i = 0; i < 5; i++) {
          const change: Change = [`k${String(i)}`, `${String(table)}.${String(i)}`];
          changes.push(change);
          applyChange(store, change);
        }
        await Promise.all([flush, store.flush(position(table + 1))]);
      }
      const again = await openStore(fileSystem);
      expect(again.appliedPosition).toEqual(position(5));
      await expectModel(again, modelOf(changes), `seed ${String(seed)}`);
    }
  });
});

describe("SystemShard's flush after one that failed", () => {
  test("records its position for all rows, those of the failed one too", async () => {
    const plan = [{ kinds: ["sync" as const], path: ".tbl", nth: 1, effect: "ENOSPC" as const }];
    const inner = new MemoryFileSystem();
    const store = await openStore(new FaultyFileSystem(inner, plan));
    store.put("a", bytes("old"));
    store.put("b", bytes("kept"));
    await expect(store.flush(position(1))).rejects.toMatchObject({ code: "disk_full" });
    expect(store.memtableBytes).toBeGreaterThan(0);
    expect(await tableFiles(inner)).toEqual([]);
    store.put("a", bytes("new"));
    store.delete("c");
    const flush = store.flush(position(2));
    store.put("b", bytes("late"));
    await flush;
    expect(await contentOf(store)).toEqual([
      ["a", "new"],
      ["b", "late"],
    ]);
    const again = await openStore(inner);
    expect(again.appliedPosition).toEqual(position(2));
    expect(await contentOf(again)).toEqual([
      ["a", "new"],
      ["b", "kept"],
    ]);
  });

  test("does so also when it was the manifest that failed, and keeps no file of the first", async () => {
    const plan = [{ kinds: ["sync-folder" as const], nth: 5, effect: "EIO" as const }];
    const inner = new MemoryFileSystem();
    const store = await openStore(new FaultyFileSystem(inner, plan));
    store.put("a", bytes("1"));
    await expect(store.flush(position(1))).rejects.toMatchObject({ code: "io_failed" });
    // The rename was done: a start now finds the table, and the position that belongs to it.
    const meanwhile = await openStore(inner);
    expect(meanwhile.appliedPosition).toEqual(position(1));
    expect(await contentOf(meanwhile)).toEqual([["a", "1"]]);
    store.put("b", bytes("2"));
    await store.flush(position(2));
    expect(await tableFiles(inner)).toHaveLength(1);
    const again = await openStore(inner);
    expect(again.appliedPosition).toEqual(position(2));
    expect(await contentOf(again)).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
  });

  test("is refused while another one runs", async () => {
    const store = await openStore(new MemoryFileSystem());
    store.put("a", bytes("1"));
    const first = store.flush(position(1));
    await expect(store.flush(position(2))).rejects.toMatchObject({ code: "invariant_broken" });
    await first;
    expect(store.appliedPosition).toEqual(position(1));
  });
});

describe("SystemShard's bounds", () => {
  test("keys and values have lengths that are kept", async () => {
    const store = await openStore(new MemoryFileSystem());
    const broken = { code: "invariant_broken" };
    const attempt = (act: () => void): unknown => {
      try {
        act();
        return undefined;
      } catch (error) {
        return error;
      }
    };
    expect(attempt(() => store.put("k".repeat(8_193), bytes("")))).toMatchObject(broken);
    expect(attempt(() => store.delete("k".repeat(8_193)))).toMatchObject(broken);
    expect(attempt(() => store.put("k", new Uint8Array(16_777_217)))).toMatchObject(broken);
    store.put("k".repeat(8_192), new Uint8Array(16_777_216));
    await store.flush(position(1));
    expect((await store.get("k".repeat(8_192)))?.length).toBe(16_777_216);
  });

  test("tables are not merged beyond the size of one table", async () => {
    const merged = async (mergeBytesMax: number): Promise<SystemShard> => {
      const store = await openStore(new MemoryFileSystem(), { mergeBytesMax });
      for (let table = 0; table < 4; table++) {
        store.put(`k${String(table)}`, new Uint8Array(1_000));
        await store.flush(position(table));
      }
      await store.compactIfNeeded();
      return store;
    };
    expect((await merged(100_000)).tableCount).toBe(1);
    expect((await merged(4_000)).tableCount).toBe(4);
  });

  test("deleted rows are dropped by a merge of the oldest table, and kept by any other", async () => {
    const store = await openStore(new MemoryFileSystem());
    store.put("a", new Uint8Array(2_000_000));
    await store.flush(position(0));
    for (let table = 1; table <= 4; table++) {
      store.delete("a");
      store.put(`b${String(table)}`, new Uint8Array(10));
      await store.flush(position(table));
    }
    await store.compactIfNeeded();
    expect(store.tableCount).toBe(2);
    expect(await store.get("a")).toBeUndefined();
    expect((await contentOf(store)).map(([key]) => key)).toEqual(["b1", "b2", "b3", "b4"]);
  });
});

test("a long scan gives the thread back, and shows the rows of its beginning", async () => {
  let pauses = 0;
  const pause = async (): Promise<void> => {
    await new Promise(setImmediate);
    pauses++;
    store.put("k000000", bytes("late"));
    store.put("k999999", bytes("late"));
  };
  const store: SystemShard = await openStore(new MemoryFileSystem(), { pause });
  const key = (i: number): string => `k${String(i).padStart(6, "0")}`;
  for (let i = 0; i < 3_000; i++) store.put(key(i), bytes(String(i)));
  expect(await contentOf(store, { limit: 256 })).toHaveLength(256);
  expect(pauses).toBe(0);
  const rows = await contentOf(store);
  expect(rows).toEqual(Array.from({ length: 3_000 }, (_, i) => [key(i), String(i)]));
  expect(pauses).toBe(5);
  await store.close();
});

test("opening reads the ends of the tables, a lookup one block, an absent key nothing", async () => {
  const files = new CountingFileSystem(new MemoryFileSystem());
  const store = await openStore(files);
  for (let i = 0; i < 5_000; i++)
    store.put(`k${String(i * 2).padStart(6, "0")}`, new Uint8Array(150));
  await store.flush(position(1));
  await store.close();
  files.reset();
  const again = await openStore(files);
  expect(files.reads(".tbl")).toHaveLength(2);
  expect(files.readBytes(".tbl")).toBeLessThan(again.bytes / 40);
  files.reset();
  expect(await again.get("k004000")).toHaveLength(150);
  expect(files.reads()).toHaveLength(1);
  expect(files.readBytes()).toBeLessThan(5_000);
  await again.get("k004000");
  expect(files.reads()).toHaveLength(1);
  let read = 0;
  for (let i = 0; i < 1_000; i++) {
    files.reset();
    await again.get(`k${String(i * 2 + 1).padStart(6, "0")}`);
    read += files.reads().length;
  }
  expect(read).toBeLessThan(30);
});

test("keys of a block asked for together cost one read, again after a failure", async () => {
  const inner = new MemoryFileSystem();
  const store = await openStore(inner);
  const name = (i: number): string => `k${String(i).padStart(6, "0")}`;
  for (let i = 0; i < 1_000; i++) store.put(name(i), bytes(`v${String(i)}`));
  await store.flush(position(1));
  await store.close();
  const failing = [{ kinds: ["read"], path: ".tbl", nth: 3, count: 1, effect: "EIO" }] as const;
  const files = new CountingFileSystem(new FaultyFileSystem(inner, failing));
  const again = await openStore(files);
  const askFor20 = () =>
    Promise.allSettled(Array.from({ length: 20 }, (_, i) => again.get(name(i))));
  const before = files.reads().length;
  expect(new Set((await askFor20()).map(({ status }) => status))).toEqual(new Set(["rejected"]));
  const found = await askFor20();
  expect(files.reads().length - before).toBe(2);
  for (const [i, got] of found.entries()) {
    expect(got.status === "fulfilled" && Buffer.from(got.value ?? []).toString()).toBe(
      `v${String(i)}`,
    );
  }
});
