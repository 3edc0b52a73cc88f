/**
 * Power cuts during a restore and during a copy, on a simulated disk: what comes back is there as a
 * whole or not at all, everything else is untouched, and what was cut off takes no room for long.
 */
import { expect, it } from "vitest";
import { openEngine, type Engine, type EngineOptions } from "../../src/engine/index.ts";
import {
  ManualClock,
  MemoryObjectStore,
  SeededRandom,
  SimulatedDisk,
  type FileSystem,
} from "../../src/io/index.ts";
import type { Place } from "../../src/model/index.ts";

const SEED = Number(process.env["INSULA_SEED"] ?? 1);
/** States drawn of each change of the disk. */
const STATES = Number(process.env["INSULA_STATES"] ?? 1);
const MASTER_KEY = new Uint8Array(32).fill(3);
const TENANTS = ["a", "b", "c"];
const COLLECTION = { database: "db", collection: "c" };

function optionsOf(files: FileSystem, seed: number): EngineOptions {
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    masterKey: MASTER_KEY,
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
    policy: { packedBytesMax: 2_000 },
  };
}

async function put(engine: Engine, place: Place, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `key ${String(i)}`);
  await engine.upsert(place, {
    keys,
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap((_, i) => [i, 1])) }],
    metadata: keys.map((key) => ({ key })),
  });
}

/** One tenant with a file, one with a pack, each with a tail; one with a tail alone. */
async function fill(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { identity: "key" as const, vectors, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
  await engine.createCollection("db", "one", { schema });
  for (const [i, tenant] of TENANTS.entries()) {
    const place = { ...COLLECTION, tenant };
    if (i > 0) {
      await put(engine, place, i * 40);
      await engine.flush(place);
    }
    await engine.delete(place, ["key 3"]);
    await put(engine, place, 2);
  }
  await put(engine, { database: "db", collection: "one" }, 5);
}

async function read(engine: Engine, database: string): Promise<unknown> {
  const found: unknown[] = [];
  for (const tenant of [undefined, ...TENANTS]) {
    const place = tenant === undefined ? { collection: "one" } : { collection: "c", tenant };
    const include = { vectors: true, metadata: true };
    found.push(await engine.list({ database, ...place }, { limit: 1_000, include }));
  }
  return found;
}

/** Plays `act` on a disk that is cut at each of its changes. */
async function cutDuring(act: (engine: Engine) => Promise<unknown>): Promise<SimulatedDisk[]> {
  const states: SimulatedDisk[] = [];
  const random = new SeededRandom(SEED);
  let isWatching = false;
  const disk: SimulatedDisk = new SimulatedDisk({
    onChange: () => {
      if (!isWatching) return;
      for (let state = 0; state < STATES; state++) states.push(disk.crash(random));
    },
  });
  const engine = await openEngine(optionsOf(disk, SEED + 1));
  await fill(engine);
  isWatching = true;
  await act(engine);
  isWatching = false;
  states.push(disk.crash(random));
  await engine.close();
  return states;
}

async function settle(engine: Engine): Promise<void> {
  // A close waits for what the sweeper does in the background.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  await engine.close();
}

it("a database that is restored is there as a whole or not at all", async () => {
  const store = new MemoryObjectStore();
  let expected: unknown;
  const states = await cutDuring(async (engine) => {
    expected = await read(engine, "db");
    await engine.backup(store);
    await engine.restore(store, { database: "db", as: { database: "back" } });
  });
  let whole = 0;
  for (const [i, disk] of states.entries()) {
    const engine = await openEngine(optionsOf(disk, 1_000 + i));
    expect(await read(engine, "db")).toEqual(expected);
    if ((await engine.getDatabase("back")) === undefined) {
      await settle(engine);
      const again = await openEngine(optionsOf(disk, 2_000 + i));
      expect(again.stats()).toMatchObject({ databaseCount: 1, collectionCount: 2 });
      expect(again.tenantFigures().counts.ACTIVE).toBe(3);
      expect(await disk.listFolder("tmp")).toEqual([]);
      await again.close();
    } else {
      whole++;
      expect(await read(engine, "back")).toEqual(expected);
      expect(engine.stats()).toMatchObject({ databaseCount: 2, collectionCount: 4 });
      expect(engine.tenantFigures().counts.ACTIVE).toBe(6);
      await engine.close();
    }
  }
  expect(states.length).toBeGreaterThan(30);
  expect(whole).toBeGreaterThan(0);
  expect(whole).toBeLessThan(states.length);
});

it("a tenant that is copied is there as a whole or not at all", async () => {
  const copy = { ...COLLECTION, tenant: "copy" };
  let expected: unknown;
  const include = { vectors: true, metadata: true };
  const source = { ...COLLECTION, tenant: "c" };
  const states = await cutDuring(async (engine) => {
    expected = await engine.list(source, { limit: 1_000, include });
    await engine.copyTenant(source, copy);
  });
  let whole = 0;
  for (const [i, disk] of states.entries()) {
    const engine = await openEngine(optionsOf(disk, 1_000 + i));
    expect(await engine.list(source, { limit: 1_000, include })).toEqual(expected);
    const isThere = (await engine.getTenant(copy)) !== undefined;
    expect(engine.tenantFigures().counts.ACTIVE).toBe(isThere ? 4 : 3);
    if (isThere) {
      whole++;
      expect(await engine.list(copy, { limit: 1_000, include })).toEqual(expected);
    }
    await engine.close();
  }
  expect(whole).toBeGreaterThan(0);
  expect(whole).toBeLessThan(states.length);
});
