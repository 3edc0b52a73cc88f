/** What was removed stays removed: a power cut brings back no file that nobody would look for. */
import { describe, expect, it, vi } from "vitest";
import { CountingFileSystem, ManualClock, SeededRandom, SimulatedDisk } from "../io/index.ts";
import type { Place } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { GARBAGE_SEGMENT_PREFIX, GARBAGE_SLOT_PREFIX } from "./catalog-keys.ts";
import { Catalog } from "./catalog.ts";
import { openEngine } from "./engine.ts";
import { listFolderFiles } from "./inspect-file.ts";
import type { EngineOptions } from "./node-context.ts";

const STATES = 40;
const TENANTS = ["a", "b"];

function placeOf(tenant: string): Place & { readonly tenant: string } {
  return { database: "db", collection: "c", tenant };
}

function optionsOf(
  files: SimulatedDisk,
  seed: number,
  packedBytesMax: number,
): EngineOptions & { readonly clock: ManualClock } {
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    workerCount: 0,
    policy: { packedBytesMax },
    packBytesMax: 1_000,
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise(setImmediate);
}

async function put(engine: Engine, tenant: string, round: number): Promise<void> {
  const keys = Array.from({ length: 10 }, (_, i) => `k${String(i)}`);
  const values = new Float32Array(20).fill(round);
  const metadata = keys.map(() => ({ round }));
  await engine.upsert(placeOf(tenant), { keys, vectors: [{ field: "", values }], metadata });
  await engine.flush(placeOf(tenant));
}

/** Files of segments and packs of which no tenant has a byte. */
async function orphansOf(engine: Engine, disk: SimulatedDisk): Promise<readonly string[]> {
  const named = new Set<string>();
  for (const { name } of (await engine.listTenants("db", "c", { limit: 10 })).items) {
    const { extents } = await engine.locate(placeOf(name));
    for (const { file, isLive } of extents) if (isLive) named.add(file);
  }
  const stored = (await listFolderFiles(disk)).map(({ file }) => file);
  return stored.filter((file) => /^(seg|pack)\//.test(file) && !named.has(file));
}

/** Segments are merged and a tenant erased; then the catalogue forgets that there was garbage. */
async function live(disk: SimulatedDisk, packedBytesMax: number): Promise<void> {
  const options = optionsOf(disk, 1, packedBytesMax);
  const engine = await openEngine(options);
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
  for (let round = 0; round < 5; round++) {
    for (const tenant of TENANTS) await put(engine, tenant, round);
  }
  await engine.compact(placeOf("a"));
  await engine.eraseTenant(placeOf("b"));
  // Counts of packs are found by the cleaner when they are in a table.
  await engine.flush();
  for (let tick = 0; tick < 20; tick++) {
    options.clock.advance(1_000);
    await turns();
  }
  // Nothing is left of what was removed, in this life.
  expect(await orphansOf(engine, disk)).toEqual([]);
  await engine.flush();
}

describe.each([
  { title: "segments in files of their own", packedBytesMax: 0 },
  { title: "segments in packs", packedBytesMax: 100_000 },
])("$title", ({ packedBytesMax }) => {
  it("that were removed are not there for ever after a power cut", async () => {
    const disk = new SimulatedDisk();
    await live(disk, packedBytesMax);
    for (let state = 0; state < STATES; state++) {
      const cut = disk.crash(new SeededRandom(state));
      const options = optionsOf(cut, 100 + state, packedBytesMax);
      const engine = await openEngine(options);
      for (let tick = 0; tick < 3; tick++) {
        options.clock.advance(10_000);
        await turns();
      }
      expect(await orphansOf(engine, cut)).toEqual([]);
      expect(await engine.count(placeOf("a"))).toBe(10);
      await engine.close();
    }
  });
});

const PREFIXES: readonly string[] = [GARBAGE_SLOT_PREFIX, GARBAGE_SEGMENT_PREFIX];

describe("tenants that are erased", () => {
  const COUNT = 200;
  const names = Array.from({ length: COUNT }, (_, i) => `t${String(i)}`);

  async function open(disk: SimulatedDisk, packedBytesMax: number) {
    const files = new CountingFileSystem(disk);
    const engine = await openEngine({ ...optionsOf(disk, 1, packedBytesMax), files });
    await engine.createDatabase("db");
    const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createCollection("db", "c", { schema, tenancy: "multi" });
    await engine.createTenants("db", "c", names);
    return { engine, files };
  }

  it("at once share the syncs of their keys, and none is left readable", async () => {
    const { engine, files } = await open(new SimulatedDisk(), 0);
    for (const tenant of names.slice(0, 5)) await put(engine, tenant, 1);
    files.reset();
    const receipts = await Promise.all(names.map((name) => engine.eraseTenant(placeOf(name))));
    for (const receipt of receipts) {
      expect(receipt).toMatchObject({ isKeyDestroyed: true, filesLeft: 0, isUnreadable: true });
    }
    expect(receipts.slice(0, 5).map(({ filesRemoved }) => filesRemoved)).toEqual([1, 1, 1, 1, 1]);
    expect(files.count("sync", "keys/")).toBeLessThan(COUNT / 10);
    await engine.close();
  });

  it("one after the other do not look through what those before them have left", async () => {
    const { engine } = await open(new SimulatedDisk(), 0);
    const scan = vi.spyOn(Catalog.prototype, "scan");
    try {
      for (const name of names.slice(0, 50)) await engine.eraseTenant(placeOf(name));
      for (const name of names.slice(50, 100)) await engine.deleteTenant(placeOf(name));
      const starts = scan.mock.calls.map(([range]) => range.start);
      expect(starts.filter((start) => PREFIXES.includes(start))).toEqual([]);
    } finally {
      scan.mockRestore();
    }
    await engine.close();
  });

  it("leave no key to a tenant that is given the slot of one", async () => {
    const { engine } = await open(new SimulatedDisk(), 0);
    for (let round = 0; round < 3; round++) {
      await Promise.all(names.slice(0, 20).map((name) => engine.eraseTenant(placeOf(name))));
      await engine.createTenants("db", "c", names.slice(0, 20));
      await put(engine, "t3", round);
      expect(await engine.count(placeOf("t3"))).toBe(10);
      const [record] = await engine.get(placeOf("t3"), ["k1"], { vectors: false, metadata: true });
      expect(record?.metadata).toEqual({ round });
    }
    await engine.close();
  });
});
