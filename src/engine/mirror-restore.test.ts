/** Machines that come back from a mirror: half restores, damaged objects, files that come later. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import { MemoryFileSystem, MemoryObjectStore, SeededRandom, type FileSystem } from "../io/index.ts";
import {
  BENCH_KEY,
  HookedStore,
  MirrorBench,
  keysOf,
  objectsOf,
  placeOf,
  put,
  storeFault,
  turns,
} from "../../test/support/mirror-bench.ts";
import type { Engine } from "./api.ts";
import { verifyFolder } from "./verify-folder.ts";

const TENANTS = ["acme", "beta", "zeta"];

let bench: MirrorBench;
let files: MemoryFileSystem;

beforeEach(() => {
  bench = new MirrorBench();
  files = new MemoryFileSystem();
});

afterEach(async () => {
  for (const open of gates.splice(0)) open();
  await bench.end();
});

const gates: (() => void)[] = [];

/** Tenants with segments and frames in the log, mirrored; the machine is lost then. */
async function lose(): Promise<void> {
  const engine = await bench.begin(files);
  for (const tenant of TENANTS) {
    // Large enough for pieces of their own, as files are that are not packed.
    await put(engine, tenant, 30, { paddingBytes: 10_000 });
    await engine.flush(placeOf(tenant));
    await put(engine, tenant, 10, { start: 30, paddingBytes: 30_000 });
    await engine.flush(placeOf(tenant));
    await put(engine, tenant, 2, { start: 100 });
  }
  await engine.syncMirror();
  await engine.close();
}

async function segmentsOf(folder: FileSystem): Promise<readonly string[]> {
  const found: string[] = [...(await folder.listFolder("pack"))];
  for (const name of await folder.listFolder("seg")) {
    found.push(...(await folder.listFolder(`seg/${name}`)));
  }
  return found;
}

/** Lets the background fetch until nothing is missing. */
async function waitUntilHere(folder: FileSystem): Promise<void> {
  for (let turn = 0; turn < 400; turn++) {
    if (!(await folder.exists("mirror/remote")) && !(await folder.exists("mirror/gone"))) return;
    await turns(5);
    bench.clock.advance(1_000);
  }
  throw new Error("files are still in the mirror");
}

/** A store in which nothing of the kind arrives until `open` is called. */
function gate(): { readonly store: HookedStore; readonly open: () => void; asked: string[] } {
  let open: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  gates.push(open);
  const asked: string[] = [];
  const store = new HookedStore(bench.store, ({ kind, key }) => {
    if (kind !== "get") return undefined;
    asked.push(key);
    return isOpen;
  });
  return { store, open, asked };
}

describe("a folder to restore into", () => {
  it("is refused when it holds data, and stays as it is", async () => {
    await lose();
    const before = await segmentsOf(files);
    await expect(bench.restoreInto(files)).rejects.toMatchObject({
      code: "argument_invalid",
      message: expect.stringContaining("holds data already") as string,
    });
    expect(await segmentsOf(files)).toEqual(before);
  });

  it("of a restore that was cut off opens nothing, and the same restore again makes it whole", async () => {
    await lose();
    const refused = { code: "data_damaged", message: expect.stringContaining("cut off") as string };
    let cuts = 0;
    for (let nth = 1; ; nth++) {
      const target = new MemoryFileSystem();
      let calls = 0;
      const failing = new HookedStore(bench.store, ({ kind }) => {
        if (kind === "get" && ++calls === nth) throw storeFault();
      });
      const isWhole = nth % 2 === 0;
      try {
        await bench.restoreInto(target, { store: failing, isWhole });
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "io_failed" });
      }
      if (await target.exists("mirror/restoring")) {
        cuts++;
        await expect(bench.openRestored(target)).rejects.toMatchObject(refused);
      }
      await bench.restoreInto(target);
      const engine = await bench.openRestored(target);
      for (const tenant of TENANTS) expect(await keysOf(engine, tenant)).toHaveLength(42);
      await engine.close();
    }
    expect(cuts).toBeGreaterThan(3);
  });

  it("is filled by several fetches at once, of keys, too: each is the way to the store and back", async () => {
    await lose();
    const [mirror = ""] = (await bench.store.list("mirrors/", { limit: 1 })).map((key) =>
      key.slice(8),
    );
    // As a folder of many tenants has them.
    const prefix = `mirror/${mirror}/secrets/keys/`;
    const slots = (await bench.store.get(`${prefix}0000000001.slots`)) ?? new Uint8Array();
    for (let i = 2; i < 40; i++) {
      await bench.store.put(`${prefix}${String(i).padStart(10, "0")}.slots`, slots);
    }
    let now = 0;
    const most = { secrets: 0, pieces: 0 };
    const store = new HookedStore(
      bench.store,
      async ({ kind, key }) => {
        if (kind === "get") now++;
        if (key.includes("/secrets/")) most.secrets = Math.max(most.secrets, now);
        if (key.includes("/pieces/")) most.pieces = Math.max(most.pieces, now);
        await turns(2);
      },
      ({ kind }) => {
        if (kind === "get") now--;
      },
    );
    const target = await bench.restore({ store, isWhole: true });
    expect(await target.listFolder("keys")).toHaveLength(40);
    expect(most.secrets).toBe(16);
    expect(most.pieces).toBeGreaterThan(5);
  });

  it("is told to stop by a signal, and nobody writes into it afterwards", async () => {
    await lose();
    const target = new MemoryFileSystem();
    const stop = new AbortController();
    let calls = 0;
    const stopping = new HookedStore(bench.store, ({ key }) => {
      if (key.includes("/pieces/") && ++calls === 2) stop.abort(storeFault("by a signal"));
      return turns(calls);
    });
    const restoring = bench.restoreInto(target, {
      store: stopping,
      isWhole: true,
      signal: stop.signal,
    });
    await expect(restoring).rejects.toThrow("by a signal");
    const asked = calls;
    await turns(100);
    expect(calls).toBe(asked);
    await expect(bench.openRestored(target)).rejects.toMatchObject({ code: "data_damaged" });
    await bench.restoreInto(target);
    expect(await keysOf(await bench.openRestored(target), "acme")).toHaveLength(42);
  });

  it("holds nothing of a former try that was of another moment", async () => {
    const engine = await bench.begin(files, {}, { logFileBytesMax: 16 * 1024 });
    await put(engine, "acme", 5);
    await engine.syncMirror();
    const atMs = bench.clock.wallMs();
    bench.clock.jumpWall(1_000);
    for (let i = 1; i < 60; i++) {
      await put(engine, "acme", 50, { start: i * 50 });
      await engine.syncMirror();
    }
    await engine.close();
    const target = new MemoryFileSystem();
    let pieces = 0;
    const failing = new HookedStore(bench.store, ({ key }) => {
      if (key.includes("/pieces/") && ++pieces === 40) throw storeFault();
    });
    await expect(bench.restoreInto(target, { store: failing })).rejects.toThrow("as the test asks");
    expect((await target.listFolder("log")).length).toBeGreaterThan(10);
    await bench.restoreInto(target, { atMs });
    expect(await keysOf(await bench.openRestored(target), "acme")).toHaveLength(5);
  });
});

describe("an object of the newest point", () => {
  async function everyRead(target: MemoryFileSystem, store: MemoryObjectStore): Promise<string[]> {
    const faults: string[] = [];
    const note = (error: unknown): void => {
      if (!isInsulaError(error)) throw error;
      faults.push(`${error.code} ${error.message}`);
    };
    try {
      await bench.restoreInto(target, { store });
    } catch (error) {
      note(error);
      return faults;
    }
    const engine = await bench.openRestored(target, {}, store);
    for (const tenant of TENANTS) {
      const keys = await keysOf(engine, tenant).catch(note);
      // Right, or refused.
      if (keys !== undefined) expect(keys).toHaveLength(42);
    }
    await engine.close();
    return faults;
  }

  it.each(["missing", "changed"])("that is %s is named, and no answer is wrong", async (how) => {
    await lose();
    const objects = await objectsOf(bench.store);
    // What a restore of everything reads.
    const needed = new Set<string>();
    const watched = new HookedStore(bench.store, ({ kind, key }) => {
      if (kind === "get") needed.add(key);
    });
    await bench.restore({ store: watched, isWhole: true });
    for (const [key, body] of objects) {
      const store = bench.store.copy();
      if (how === "missing") await store.delete(key);
      else {
        const bent = Uint8Array.from(body);
        const at = Math.floor(bent.length / 2);
        bent[at] = (bent[at] ?? 0) ^ 4;
        await store.put(key, bent);
      }
      const faults = await everyRead(new MemoryFileSystem(), store);
      if (!/\/(pieces|points|secrets)\//.test(key)) continue;
      if (!needed.has(key)) expect(faults).toEqual([]);
      else if (key.includes("/pieces/") || (key.includes("/points/") && how === "changed")) {
        expect(faults.join("\n")).toContain("data_damaged");
        expect(faults.join("\n")).toContain(key);
      }
    }
    expect(needed.size).toBeGreaterThan(10);
  });
});

describe("segments that are still in the mirror", () => {
  async function comeBack(
    store: HookedStore | MemoryObjectStore,
    extra: object = {},
  ): Promise<{ engine: Engine; target: MemoryFileSystem }> {
    const target = await bench.restore();
    expect(await segmentsOf(target)).toEqual([]);
    return { engine: await bench.openRestored(target, extra, store), target };
  }

  it("are not needed to list and count tenants; a query fetches those of its tenant", async () => {
    await lose();
    const { store, open, asked } = gate();
    const { engine, target } = await comeBack(store);
    await turns(20);
    const background = asked.length;
    expect(background).toBe(1);
    const { items } = await engine.listTenants("db", "c", { limit: 10 });
    expect(items.map(({ name, rowCount }) => [name, rowCount])).toEqual(
      TENANTS.map((name) => [name, 42]),
    );
    expect(asked).toHaveLength(background);
    const counting = keysOf(engine, "zeta");
    await turns(20);
    expect(asked.length).toBeLessThanOrEqual(background + 2);
    open();
    expect(await counting).toHaveLength(42);
    await waitUntilHere(target);
    expect(await target.listFolder("mirror")).toEqual(["marker"]);
    expect(new Set(asked).size).toBe(TENANTS.length * 2);
    expect(asked).toHaveLength(TENANTS.length * 2);
    await engine.close();
    // Here as a whole: nobody asks for the store any more.
    const again = await bench.open(target);
    for (const tenant of TENANTS) expect(await keysOf(again, tenant)).toHaveLength(42);
  });

  it("are asked for by name of the store when the folder is opened without the way to it", async () => {
    await lose();
    const target = await bench.restore();
    await expect(bench.open(target)).rejects.toMatchObject({
      code: "setting_invalid",
      message: expect.stringContaining("memory") as string,
    });
    await (await bench.openRestored(target)).close();
  });

  it("cannot be read while the store fails: io_failed, nobody out of service, later all is well", async () => {
    await lose();
    let isDown = true;
    const store = new HookedStore(bench.store, ({ kind }) => {
      if (isDown && kind === "get") throw storeFault();
    });
    const { engine, target } = await comeBack(store);
    for (let i = 0; i < 3; i++) {
      await expect(keysOf(engine, "acme")).rejects.toMatchObject({ code: "io_failed" });
    }
    expect(engine.stats().quarantinedShards).toBe(0);
    expect(bench.faults.length).toBeGreaterThan(0);
    isDown = false;
    expect(await keysOf(engine, "acme")).toHaveLength(42);
    await waitUntilHere(target);
  });

  it("do not wait for one that cannot be fetched", async () => {
    await lose();
    const pieces: string[] = [];
    const store = new HookedStore(bench.store, ({ kind, key }) => {
      if (kind !== "get") return;
      if (!pieces.includes(key)) pieces.push(key);
      if (key === pieces[0]) throw storeFault();
    });
    const { engine, target } = await comeBack(store);
    for (let i = 0; i < 100 && (await segmentsOf(target)).length < 5; i++) {
      await turns(5);
      bench.clock.advance(5_000);
    }
    expect(await segmentsOf(target)).toHaveLength(5);
    await engine.close();
  });

  it("come again after a restart in the middle, those that are here are not fetched twice", async () => {
    await lose();
    const target = await bench.restore();
    const asked: string[] = [];
    let left = 2;
    const store = new HookedStore(bench.store, ({ kind, key }) => {
      if (kind !== "get") return;
      if (left-- <= 0) throw storeFault();
      asked.push(key);
    });
    for (let life = 0; life < 3; life++) {
      left = 2;
      const engine = await bench.openRestored(target, {}, store);
      await turns(50);
      await engine.close();
      expect((await segmentsOf(target)).length).toBe(Math.min(6, (life + 1) * 2));
    }
    expect(new Set(asked).size).toBe(asked.length);
    left = 100;
    const engine = await bench.openRestored(target, {}, store);
    for (const tenant of TENANTS) expect(await keysOf(engine, tenant)).toHaveLength(42);
    await waitUntilHere(target);
  });

  it.each([
    ["deleted", (engine: Engine) => engine.deleteTenant(placeOf("acme"))],
    ["erased", (engine: Engine) => engine.eraseTenant(placeOf("acme"))],
    ["merged", (engine: Engine) => engine.compact(placeOf("acme"))],
  ])("of a tenant that is %s go, and do not come back after a restart", async (what, change) => {
    await lose();
    const closed = gate();
    const target = await bench.restore();
    if (what === "merged") closed.open();
    const engine = await bench.openRestored(target, {}, closed.store);
    await change(engine);
    closed.open();
    await turns(50);
    await engine.close();
    const again = await bench.openRestored(target);
    await waitUntilHere(target);
    await again.deactivate(placeOf("beta"));
    // A merged one has one segment; the others' two each are there.
    await turns(20);
    expect(await segmentsOf(target)).toHaveLength(what === "merged" ? 5 : 4);
    expect(await keysOf(again, "acme")).toEqual(
      what === "merged" ? (expect.objectContaining({ length: 42 }) as string[]) : undefined,
    );
    expect(await keysOf(again, "zeta")).toHaveLength(42);
    await again.close();
    const report = await verifyFolder({
      files: target,
      clock: bench.clock,
      random: new SeededRandom(1),
      masterKey: BENCH_KEY,
    });
    expect(report.damages).toEqual([]);
  });

  it("go into a backup, and into a mirror elsewhere", async () => {
    await lose();
    const elsewhere = new MemoryObjectStore();
    const target = await bench.restore();
    // Nothing comes by itself: each file is fetched because somebody reads it.
    const engine = await bench.openRestored(target, { mirror: { store: elsewhere } });
    const backup = new MemoryObjectStore();
    expect((await engine.backup(backup)).records).toBe(TENANTS.length * 42);
    await engine.syncMirror();
    const found = await bench.readBack(TENANTS, { store: elsewhere });
    for (const tenant of TENANTS) expect(found[tenant]).toHaveLength(42);
  });

  it("are waited for three seconds by a stop when the store is silent, and are there next time", async () => {
    await lose();
    const { store, asked } = gate();
    const { engine, target } = await comeBack(store);
    const reading = expect(keysOf(engine, "acme")).rejects.toMatchObject({ code: "engine_closed" });
    await turns(20);
    expect(asked.length).toBeGreaterThan(0);
    const closing = engine.close();
    await turns(20);
    bench.clock.advance(3_000);
    await closing;
    await reading;
    expect(bench.faults).toEqual([]);
    const again = await bench.openRestored(target);
    expect(await keysOf(again, "acme")).toHaveLength(42);
  });

  it("are in packs, too, and a pack that grows after the restore is another one", async () => {
    const packed = { policy: {} };
    const engine = await bench.begin(files, {}, packed);
    await put(engine, "acme", 30);
    await engine.flush(placeOf("acme"));
    await engine.syncMirror();
    await engine.close();
    const { engine: back, target } = await comeBack(bench.store, packed);
    await put(back, "acme", 30, { start: 30 });
    await back.flush(placeOf("acme"));
    expect(await keysOf(back, "acme")).toHaveLength(60);
    await waitUntilHere(target);
    await back.close();
    expect(await target.listFolder("pack")).toHaveLength(2);
    const again = await bench.open(target, packed);
    expect(await keysOf(again, "acme")).toHaveLength(60);
  });
});
