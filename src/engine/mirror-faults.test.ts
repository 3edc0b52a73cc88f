/** A mirror whose store or disk fails, waits or answers late goes on, and gives back the truth. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FaultyFileSystem, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import {
  HookedStore,
  MirrorBench,
  keysOf,
  placeOf,
  put,
  storeFault,
  turns,
  type StoreHook,
} from "../../test/support/mirror-bench.ts";

let bench: MirrorBench;

beforeEach(() => {
  bench = new MirrorBench();
});

afterEach(async () => {
  await bench.end();
});

describe("points asked for at once", () => {
  it("are made one after the other, and the last holds everything", async () => {
    const slow = new HookedStore(bench.store, () => turns(3));
    const engine = await bench.begin(new MemoryFileSystem(), { store: slow, intervalMs: 10 });
    const syncs: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      await put(engine, "acme", 1, { start: i });
      syncs.push(engine.syncMirror());
      bench.clock.advance(6);
      await turns(i % 5);
    }
    await Promise.all(syncs);
    expect(bench.faults).toEqual([]);
    expect((await bench.readBack(["acme"]))["acme"]).toHaveLength(20);
  });
});

describe("a store that fails now and then", () => {
  it.each([4, 7, 15])(
    "at one call of %i: points go on, failures are counted and told, the newest is right",
    async (nth) => {
      for (const isAfter of [false, true]) {
        bench = new MirrorBench();
        const random = new SeededRandom(nth);
        let isBroken = true;
        const fail: StoreHook = ({ kind, key }) => {
          if (isBroken && random.below(nth) === 0) throw storeFault(`${kind} ${key}`);
        };
        const none = (): void => undefined;
        const store = isAfter
          ? new HookedStore(bench.store, none, fail)
          : new HookedStore(bench.store, fail);
        const settings = { store, intervalMs: 10, pointsPerBase: 5, retentionMs: 30 };
        const files = new MemoryFileSystem();
        const engine = await bench.begin(files, settings);
        for (let i = 0; i < 60; i++) {
          const tenant = `t${String(i % 3)}`;
          await put(engine, tenant, 2, { start: i * 2 });
          if (i % 6 === 0) await engine.flush(placeOf(tenant));
          if (i % 20 === 5) await engine.compact(placeOf(tenant));
          bench.clock.advance(5);
          await turns(10);
        }
        const { failures = 0, point = 0 } = engine.stats().mirror ?? {};
        expect(bench.faults.length).toBe(failures);
        expect(failures).toBeGreaterThan(0);
        for (const fault of bench.faults) expect(fault).toMatchObject({ code: "io_failed" });
        expect(point).toBeGreaterThan(5);
        isBroken = false;
        await engine.syncMirror();
        const { mirror = "" } = engine.stats().mirror ?? {};
        const found = await bench.readBack(["t0", "t1", "t2"], { mirror });
        for (const keys of Object.values(found)) expect(keys).toHaveLength(40);
        await bench.end();
      }
    },
  );

  it("and a machine that dies at any of its calls goes on with the mirror, or begins no second one", async () => {
    for (let nth = 8; nth < 60; nth += 7) {
      bench = new MirrorBench();
      const files = new MemoryFileSystem();
      let calls = 0;
      let isDead = false;
      const store = new HookedStore(
        bench.store,
        () => {
          if (isDead) throw storeFault();
        },
        () => {
          if (++calls === nth) isDead = true;
          if (isDead) throw storeFault();
        },
      );
      const engine = await bench.begin(files, { store });
      for (let i = 0; i < 8; i++) {
        await put(engine, "acme", 2, { start: i * 2 });
        await engine.flush(placeOf("acme"));
        await engine.syncMirror().catch(() => undefined);
      }
      await engine.close();
      const again = await bench.open(files, { mirror: { store: bench.store } });
      await put(again, "acme", 2, { start: 100 });
      await again.syncMirror();
      expect((await bench.readBack(["acme"]))["acme"]).toHaveLength(18);
      await bench.end();
    }
  });
});

describe("a disk that fails under a mirror", () => {
  it("at any call of the mirror's own files: the store stays true, and so does the folder", async () => {
    for (let nth = 1; nth < 8; nth++) {
      bench = new MirrorBench();
      const inner = new MemoryFileSystem();
      const files = new FaultyFileSystem(inner, [
        { kinds: ["create", "rename", "sync"], path: "mirror/", nth, count: 2, effect: "EIO" },
      ]);
      const engine = await bench.begin(files);
      for (let i = 0; i < 12; i++) {
        await put(engine, "acme", 2, { start: i * 2 });
        await engine.syncMirror().catch(() => undefined);
      }
      await engine.syncMirror();
      expect(engine.stats().mirror?.failures).toBeGreaterThan(0);
      expect((await bench.readBack(["acme"]))["acme"]).toHaveLength(24);
      await engine.close();
      const again = await bench.open(inner, { mirror: { store: bench.store } });
      await again.syncMirror();
      expect(await keysOf(again, "acme")).toHaveLength(24);
      await bench.end();
    }
  });
});
