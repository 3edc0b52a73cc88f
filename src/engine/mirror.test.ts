/** The mirror by the engine's own calls: moments, what is kept, keys, erasure, two machines. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryFileSystem, MemoryObjectStore } from "../io/index.ts";
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
import { SLOT_BYTES, slotPlace } from "../vault/index.ts";

let bench: MirrorBench;
let files: MemoryFileSystem;

beforeEach(() => {
  bench = new MirrorBench();
  files = new MemoryFileSystem();
});

afterEach(async () => {
  await bench.end();
});

/** Records of a tenant on a machine that comes back. */
async function lengthBack(options: Parameters<MirrorBench["restore"]>[0] = {}): Promise<number> {
  const found = await bench.readBack(["acme"], options);
  return found["acme"]?.length ?? 0;
}

describe("a moment", () => {
  it("between two points gives the older one, and one before the first gives nothing", async () => {
    const begunMs = bench.clock.wallMs();
    bench.clock.jumpWall(1_000);
    const engine = await bench.begin(files);
    const moments: number[] = [];
    for (let i = 0; i < 9; i++) {
      await put(engine, "acme", 1, { start: i });
      await engine.syncMirror();
      moments.push(bench.clock.wallMs());
      bench.clock.jumpWall(1_000);
    }
    for (const [i, ms] of moments.entries()) {
      for (const atMs of [ms, ms + 1, ms + 999]) {
        expect(await lengthBack({ atMs })).toBe(i + 1);
      }
    }
    await expect(bench.restore({ atMs: begunMs })).rejects.toMatchObject({
      code: "backup_not_found",
      message: expect.stringContaining("does not reach back so far") as string,
    });
  });

  it("is of the folder's order when the clock was set back", async () => {
    const engine = await bench.begin(files);
    await put(engine, "acme", 1);
    await engine.syncMirror();
    const firstMs = bench.clock.wallMs();
    bench.clock.jumpWall(-50_000);
    await put(engine, "acme", 1, { start: 1 });
    await engine.syncMirror();
    expect(await lengthBack({ atMs: firstMs })).toBe(2);
  });
});

describe("what a mirror keeps", () => {
  const SETTINGS = { pointsPerBase: 8, retentionMs: 20_000 };

  it("is bounded over hundreds of points: what is out of reach goes, the rest is readable", async () => {
    let engine = await bench.begin(files, SETTINGS, { logFileBytesMax: 64 * 1024 });
    let most = 0;
    const startMs = bench.clock.wallMs();
    for (let i = 0; i < 200; i++) {
      const tenant = `t${String(i % 5)}`;
      await put(engine, tenant, 3, { start: (i % 40) * 3 });
      if (i % 7 === 0) await engine.flush(placeOf(tenant));
      if (i % 31 === 0) await engine.compact(placeOf(tenant));
      if (i % 50 === 49) await engine.flush();
      bench.clock.jumpWall(1_000);
      await engine.syncMirror();
      const keys = await bench.store.list("", { limit: 100_000 });
      if (i === 60) most = keys.length;
      if (i > 60) expect(keys.length).toBeLessThan(most * 2.5);
      if (i % 90 === 89) {
        await engine.close();
        engine = await bench.open(files, { mirror: { store: bench.store, ...SETTINGS } });
      }
    }
    const nowMs = bench.clock.wallMs();
    await expect(bench.restore({ atMs: startMs + 60_000 })).rejects.toMatchObject({
      code: "backup_not_found",
    });
    const tenants = ["t0", "t1", "t2", "t3", "t4"];
    for (const atMs of [nowMs - 20_000, nowMs - 7_000, nowMs]) {
      const found = await bench.readBack(tenants, { atMs, isWhole: true });
      expect(Object.values(found).map((keys) => keys?.length)).toEqual([24, 24, 24, 24, 24]);
    }
    expect(bench.faults).toEqual([]);
  });
});

describe("a sealed mirror", () => {
  /** Words of a tenant that must be found nowhere, and a vector. */
  const WORDS = ["acme-canary", "k0", '"tenant"', "canary-collection", "canary-database"];
  const VECTOR = Buffer.from(Float32Array.from([1e5 + 0.1, 1, 2, 3]).buffer);

  async function live(extra: object): Promise<Buffer> {
    const engine = await bench.begin(files, { pointsPerBase: 3 }, extra);
    await engine.createDatabase("canary-database", { attributes: { owner: "acme-canary" } });
    for (let i = 0; i < 5; i++) {
      await put(engine, "acme-canary", 50, { start: i });
      await engine.upsert(placeOf("acme-canary"), {
        keys: ["k0"],
        vectors: [{ field: "", values: new Float32Array(VECTOR.buffer, VECTOR.byteOffset, 4) }],
        metadata: [{ note: "acme-canary" }],
      });
      if (i % 2 === 0) await engine.flush();
      await engine.syncMirror();
    }
    await engine.close();
    return Buffer.concat(
      [...(await objectsOf(bench.store))].flatMap(([key, body]) => [Buffer.from(key), body]),
    );
  }

  it("shows no name, key, metadata or vector in any byte of any object", async () => {
    const bytes = await live({});
    const found = WORDS.filter((word) => word.length > 3 && bytes.includes(word));
    expect(found).toEqual([]);
    expect(bytes.includes(VECTOR)).toBe(false);
  });

  it("would be found out by this test, and an unsealed one comes back without a key", async () => {
    bench.masterKey = undefined;
    const bytes = await live({ isSealing: false });
    expect(bytes.includes("acme-canary")).toBe(true);
    expect(bytes.includes(VECTOR)).toBe(true);
    const engine = await bench.openRestored(await bench.restore(), { isSealing: false });
    expect(await keysOf(engine, "acme-canary")).toHaveLength(54);
  });

  it("is not restored without its master key or with another, and nothing is written", async () => {
    await live({});
    const target = new MemoryFileSystem();
    bench.masterKey = undefined;
    await expect(bench.restoreInto(target)).rejects.toMatchObject({ code: "master_key_missing" });
    await expect(
      bench.restoreInto(target, { masterKey: new Uint8Array(32).fill(1) }),
    ).rejects.toMatchObject({ code: "master_key_wrong" });
    expect(await target.listFolder("")).toEqual([]);
    await bench.restoreInto(target, { masterKey: BENCH_KEY });
  });

  it("is opened with the new master key after one was given to the node", async () => {
    const engine = await bench.begin(files);
    await put(engine, "acme", 5);
    await engine.syncMirror();
    await engine.rotateMasterKey("22".repeat(32));
    await put(engine, "acme", 5, { start: 5 });
    await engine.syncMirror();
    const masterKey = Buffer.from("22".repeat(32), "hex");
    expect(await lengthBack()).toBe(10);
    const restored = await bench.restore({ masterKey });
    const again = await bench.openRestored(restored, { masterKey });
    expect(await keysOf(again, "acme")).toHaveLength(10);
    await engine.close();
    // The old one opens the folder until the new one has; then its mirror, too.
    const next = await bench.open(files, { masterKey, mirror: { store: bench.store } });
    await next.syncMirror();
    await expect(bench.restore()).rejects.toMatchObject({ code: "master_key_wrong" });
    await bench.restore({ masterKey });
  });

  it("is begun anew when a plain folder is sealed from now on", async () => {
    bench.masterKey = undefined;
    const plain = await bench.begin(files, {}, { isSealing: false });
    await put(plain, "acme", 5);
    await plain.syncMirror();
    const { mirror: before = "" } = plain.stats().mirror ?? {};
    await plain.close();
    bench.masterKey = BENCH_KEY;
    const sealed = await bench.open(files, { mirror: { store: bench.store } });
    await put(sealed, "zeta", 5);
    await sealed.syncMirror();
    const { mirror: after = "" } = sealed.stats().mirror ?? {};
    expect(after).not.toBe(before);
    const found = await bench.readBack(["acme", "zeta"], { mirror: after });
    expect(found).toMatchObject({ acme: { length: 5 }, zeta: { length: 5 } });
    await expect(bench.restore()).rejects.toMatchObject({
      code: "argument_invalid",
      message: expect.stringContaining(before) as string,
    });
    // The older one says what it said, without a key.
    bench.masterKey = undefined;
    const old = await bench.restore({ mirror: before });
    const engine = await bench.openRestored(old, { isSealing: false });
    expect(await keysOf(engine, "zeta")).toBeUndefined();
  });
});

describe("an erased tenant", () => {
  it("has no key in any object of the store behind the next point, whatever point is restored", async () => {
    const engine = await bench.begin(files);
    await put(engine, "acme", 20);
    await put(engine, "zeta", 20);
    await engine.flush();
    await engine.syncMirror();
    bench.clock.jumpWall(1_000);
    const beforeMs = bench.clock.wallMs();
    const slots = (await objectsOf(bench.store)).get(await slotKey());
    const { keyId } = await engine.eraseTenant(placeOf("acme"));
    const { offset } = slotPlace(keyId);
    const wrapped = Buffer.from(slots?.subarray(offset, offset + SLOT_BYTES) ?? []);
    expect(wrapped.every((byte) => byte === 0)).toBe(false);
    bench.clock.jumpWall(1_000);
    await engine.syncMirror();
    const after = await objectsOf(bench.store);
    const slot = after.get(await slotKey())?.subarray(offset, offset + SLOT_BYTES);
    expect(slot).toEqual(new Uint8Array(SLOT_BYTES));
    for (const body of after.values()) expect(Buffer.from(body).includes(wrapped)).toBe(false);
    const newest = await bench.readBack(["acme", "zeta"]);
    expect(newest).toMatchObject({ acme: undefined, zeta: { length: 20 } });
    // An older point still has its name, and nothing that opens its data.
    const restored = await bench.restore({ atMs: beforeMs });
    const old = await bench.openRestored(restored);
    await expect(keysOf(old, "acme")).rejects.toMatchObject({ code: "data_damaged" });
    expect(await keysOf(old, "zeta")).toHaveLength(20);
  });

  async function slotKey(): Promise<string> {
    const keys = await bench.store.list("mirror/", { limit: 100_000 });
    return keys.find((key) => key.endsWith("/secrets/keys/0000000001.slots")) ?? "";
  }
});

describe("two machines", () => {
  it("of one mirror: the one that comes back goes on, the first is refused, once, and lives", async () => {
    const first = await bench.begin(files, { intervalMs: 100 });
    await put(first, "acme", 5);
    await first.syncMirror();
    const second = await bench.openRestored(await bench.restore(), {
      mirror: { store: bench.store },
    });
    await put(second, "acme", 5, { start: 100 });
    await second.syncMirror();
    expect(second.stats().mirror).toMatchObject({ isTaken: false, point: 2 });
    await second.close();
    await put(first, "acme", 5, { start: 5 });
    bench.clock.advance(100);
    await turns(20);
    bench.clock.advance(1_000);
    await turns(20);
    expect(bench.faults).toEqual([expect.objectContaining({ code: "mirror_taken" })]);
    expect(first.stats().mirror).toMatchObject({ isTaken: true });
    const before = await objectsOf(bench.store);
    await put(first, "acme", 5, { start: 10 });
    await expect(first.syncMirror()).rejects.toMatchObject({ code: "mirror_taken" });
    bench.clock.advance(10_000);
    await turns(20);
    await first.close();
    expect(await objectsOf(bench.store)).toEqual(before);
    expect(bench.faults).toHaveLength(1);
    // Its data are its own, and usable.
    const again = await bench.open(files);
    expect(await keysOf(again, "acme")).toHaveLength(15);
    expect(await lengthBack()).toBe(10);
  });

  it("of one mirror: one from an older moment is refused", async () => {
    const first = await bench.begin(files);
    await put(first, "acme", 5);
    await first.syncMirror();
    const atMs = bench.clock.wallMs();
    bench.clock.jumpWall(1_000);
    await put(first, "acme", 5, { start: 5 });
    await first.syncMirror();
    const older = await bench.openRestored(await bench.restore({ atMs }), {
      mirror: { store: bench.store },
    });
    const before = await objectsOf(bench.store);
    await expect(older.syncMirror()).rejects.toMatchObject({ code: "mirror_taken" });
    expect(older.stats().mirror?.isTaken).toBe(true);
    await put(older, "acme", 1, { start: 50 });
    expect(await keysOf(older, "acme")).toHaveLength(6);
    await older.close();
    expect(await objectsOf(bench.store)).toEqual(before);
    await put(first, "acme", 1, { start: 10 });
    await first.syncMirror();
  });

  it("of one mirror: the pieces of a point under way are left to the one that makes it", async () => {
    let isHeld = false;
    let release = (): void => undefined;
    const slow = new HookedStore(bench.store, ({ kind, key }) => {
      if (!isHeld || kind !== "put-if-absent" || !key.includes("/points/")) return undefined;
      return new Promise((resolve) => {
        release = resolve;
      });
    });
    const first = await bench.begin(files, { store: slow });
    await put(first, "acme", 5);
    await first.syncMirror();
    isHeld = true;
    await put(first, "acme", 5, { start: 5 });
    const syncing = first.syncMirror();
    await turns(50);
    // Its pieces are there, its point is not; a second machine begins, and makes no point.
    const deaf = new HookedStore(bench.store, ({ kind }) => {
      if (kind === "put-if-absent") throw storeFault();
    });
    const second = await bench.openRestored(await bench.restore(), { mirror: { store: deaf } });
    await expect(second.syncMirror()).rejects.toMatchObject({ code: "io_failed" });
    isHeld = false;
    release();
    await syncing;
    expect(await lengthBack()).toBe(10);
  });
});

describe("a store", () => {
  it("that has lost the mirror gets a new one", async () => {
    const engine = await bench.begin(files);
    await put(engine, "acme", 5);
    await engine.syncMirror();
    await engine.close();
    const other = new MemoryObjectStore();
    const again = await bench.open(files, { mirror: { store: other } });
    await again.syncMirror();
    expect(await lengthBack({ store: other })).toBe(5);
  });

  it("with several mirrors wants one named; one that was only begun does not count", async () => {
    const engine = await bench.begin(files);
    await put(engine, "acme", 5);
    await engine.syncMirror();
    await bench.store.put(`mirrors/${"ab".repeat(16)}`, Buffer.from("{}\n"));
    expect(await lengthBack()).toBe(5);
    const other = await bench.begin(new MemoryFileSystem());
    await other.syncMirror();
    const ids = [engine, other].map((one) => one.stats().mirror?.mirror ?? "");
    await expect(bench.restore()).rejects.toMatchObject({
      code: "argument_invalid",
      message: expect.stringMatching(ids.toSorted().join(".*")) as string,
    });
    const [mirror = ""] = ids;
    expect(await lengthBack({ mirror })).toBe(5);
    await expect(bench.restore({ mirror: "cd".repeat(16) })).rejects.toMatchObject({
      code: "backup_not_found",
    });
    await expect(bench.restore({ store: new MemoryObjectStore() })).rejects.toMatchObject({
      code: "backup_not_found",
    });
  });

  it("that does not answer keeps a stop three seconds, and nothing is written after it", async () => {
    let isStuck = false;
    let release = (): void => undefined;
    const stuck = new HookedStore(bench.store, () => {
      if (!isStuck) return undefined;
      return new Promise((resolve) => {
        release = resolve;
      });
    });
    const engine = await bench.begin(files, { store: stuck });
    await put(engine, "acme", 5);
    await engine.syncMirror();
    isStuck = true;
    await put(engine, "acme", 5, { start: 5 });
    const closing = engine.close();
    await turns(50);
    bench.clock.advance(3_000);
    await closing;
    const marker = await files.readWhole("mirror/marker");
    const again = await bench.open(files, { mirror: { store: bench.store } });
    await again.syncMirror();
    isStuck = false;
    release();
    await turns(50);
    expect(await files.readWhole("mirror/marker")).not.toEqual(marker);
    await put(again, "acme", 5, { start: 10 });
    await again.syncMirror();
    expect(await lengthBack({ masterKey: BENCH_KEY })).toBe(15);
  });
});
