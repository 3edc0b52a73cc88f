/**
 * a power cut at every change of the disk and at every call of the store while tenants are
 * offloaded and come back, resumed or undone by the next start. Exactly one whole copy counts at
 * each moment, every record is what it was, and what was left is collected.
 * `INSULA_STATES=4` draws more states of each crash, `INSULA_SEED=3` other ones.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import {
  ManualClock,
  MemoryObjectStore,
  SeededRandom,
  SimulatedDisk,
  type FileSystem,
  type ObjectStore,
} from "../../src/io/index.ts";
import type { RequestedState } from "../../src/model/index.ts";
import { HookedStore } from "../support/mirror-bench.ts";

const SEED = Number(process.env["INSULA_SEED"] ?? 1);
const STATES = Number(process.env["INSULA_STATES"] ?? 1);
const HOUR_MS = 3_600_000;
const ALL = { vectors: true, metadata: true };
/** In packs and in files, one object and several, with frames in the log and without a record. */
const TENANTS = ["empty", "log", "packed", "large"] as const;

const tally = { cuts: 0, resumed: 0 };

function placeOf(tenant: string): { database: string; collection: string; tenant: string } {
  return { database: "db", collection: "c", tenant };
}

function optionsOf(
  files: FileSystem,
  store: ObjectStore,
  seed: number,
): EngineOptions & { readonly clock: ManualClock } {
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
    offload: { open: () => Promise.resolve(store) },
  };
}

async function put(engine: Engine, tenant: string, count: number, n = 0): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `k${String(i)}`);
  const values = Float32Array.from(keys.flatMap((_, i) => [i, n, 1, 2]));
  const metadata = keys.map((key) => ({ key, n }));
  await engine.upsert(placeOf(tenant), { keys, vectors: [{ field: "", values }], metadata });
}

async function fill(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      identity: "key",
      vectors: [{ name: "", dimension: 4, metric: "euclidean" }],
      unfilterable: [],
    },
    tenancy: "multi",
  });
  await engine.createTenant(placeOf("empty"));
  await put(engine, "log", 3);
  await put(engine, "packed", 20);
  await engine.flush(placeOf("packed"));
  await engine.delete(placeOf("packed"), ["k3", "k4"]);
  await put(engine, "large", 4_000);
  await engine.flush(placeOf("large"));
  await put(engine, "large", 30, 1);
}

async function contentOf(engine: Engine, tenant: string): Promise<string> {
  const { items } = await engine.list(placeOf(tenant), { limit: 10_000, include: ALL });
  return JSON.stringify(
    items.map(({ key, metadata, vectors }) => [
      key,
      metadata,
      [...(vectors?.values() ?? [])].map((vector) => [...vector]),
    ]),
  );
}

async function settledState(engine: Engine, tenant: string): Promise<string | undefined> {
  for (let turn = 0; turn < 100_000; turn++) {
    const state = (await engine.getTenant(placeOf(tenant)))?.state;
    if (state !== "OFFLOADING" && state !== "ONLOADING") return state;
    await new Promise(setImmediate);
  }
  throw new Error(`tenant ${tenant} is stuck on its way`);
}

interface Cut {
  readonly disk: SimulatedDisk;
  readonly store: MemoryObjectStore;
  readonly moment: string;
  readonly tenant: string;
  /** States that the tenant may be found in when the next start has settled it. */
  readonly allowed: readonly string[];
}

/** Everything that a life leaves when it is cut off at any of its moments. */
async function liveAndCut(): Promise<{
  readonly cuts: readonly Cut[];
  readonly contents: ReadonlyMap<string, string>;
}> {
  const random = new SeededRandom(SEED);
  const cuts: Cut[] = [];
  const store = new MemoryObjectStore();
  let now: Pick<Cut, "tenant" | "allowed"> | undefined;
  const cut = (moment: string): void => {
    if (now === undefined) return;
    for (let i = 0; i < STATES; i++) {
      cuts.push({ disk: disk.crash(random), store: store.copy(), moment, ...now });
    }
  };
  const disk: SimulatedDisk = new SimulatedDisk({
    onChange: (change, path) => {
      cut(`before ${change} of ${path}`);
    },
  });
  const hooked = new HookedStore(
    store,
    ({ kind, key }) => {
      cut(`before ${kind} ${key}`);
    },
    ({ kind, key }) => {
      cut(`after ${kind} ${key}`);
    },
  );
  const engine = await openEngine(optionsOf(disk, hooked, SEED));
  await fill(engine);
  const contents = new Map<string, string>();
  for (const tenant of TENANTS) contents.set(tenant, await contentOf(engine, tenant));
  const go = async (tenant: string, to: RequestedState, from: RequestedState): Promise<void> => {
    now = { tenant, allowed: [from, to] };
    await engine.setTenantState(placeOf(tenant), to);
    now = { tenant, allowed: [to] };
    cut(`behind ${to}`);
    // The bytes that are garbage now go in the background.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    now = undefined;
  };
  for (const tenant of TENANTS) {
    await go(tenant, "OFFLOADED", "ACTIVE");
    await go(tenant, tenant === "log" ? "INACTIVE" : "ACTIVE", "OFFLOADED");
  }
  await engine.close();
  return { cuts, contents };
}

async function judgeCut(
  { disk, store, tenant, allowed }: Cut,
  contents: ReadonlyMap<string, string>,
): Promise<void> {
  const options = optionsOf(disk, store, SEED + 1);
  const faults: unknown[] = [];
  const engine = await openEngine({ ...options, onFault: (error) => faults.push(error) });
  try {
    const before = (await engine.getTenant(placeOf(tenant)))?.state;
    const state = await settledState(engine, tenant);
    if (before !== state) tally.resumed++;
    expect(allowed).toContain(state);
    for (const each of TENANTS) {
      const found = (await engine.getTenant(placeOf(each)))?.state;
      if (found !== "ACTIVE") await engine.setTenantState(placeOf(each), "ACTIVE");
    }
    expect(await contentOf(engine, tenant)).toBe(contents.get(tenant));
    // Nobody is OFFLOADED: after the time of grace the store is empty.
    for (let round = 0; round < 3; round++) {
      options.clock.advance(HOUR_MS + 61_000);
      for (let turn = 0; turn < 60; turn++) await new Promise(setImmediate);
    }
    const left = await store.list("tenants/", { limit: 100 });
    expect(left).toEqual([]);
    expect(faults).toEqual([]);
  } finally {
    await engine.close();
  }
  // And the folder that is left is whole.
  const again = await openEngine(optionsOf(disk, store, SEED + 2));
  expect(await contentOf(again, tenant)).toBe(contents.get(tenant));
  await again.close();
}

describe("a power cut while tenants are offloaded and come back", () => {
  it("leaves each of them whole, resumed or undone, and nothing in the store for ever", async () => {
    const { cuts, contents } = await liveAndCut();
    expect(cuts.length).toBeGreaterThan(100);
    for (const cut of cuts) {
      try {
        await judgeCut(cut, contents);
        tally.cuts++;
      } catch (error) {
        throw new Error(`seed ${String(SEED)}, ${cut.tenant}: ${cut.moment}`, { cause: error });
      }
    }
    expect(tally.resumed).toBeGreaterThan(10);
  }, 900_000);
});

afterAll(() => {
  process.stdout.write(
    `${String(tally.cuts)} power cuts during offloads and onloads judged, ` +
      `${String(tally.resumed)} of them gone on with or undone\n`,
  );
});
