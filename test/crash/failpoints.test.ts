/**
 * a crash, an error and errors for ever at each named moment of test/crash/failpoints.ts,
 * which must all come in one life that flushes, merges, moves tails, cleans packs, erases, changes
 * the master key, backs up, restores and copies. `INSULA_HITS=10` takes more hits of each moment,
 * `INSULA_STATES=4` draws more states of each crash, `INSULA_SEED=3` lives another life.
 */
import { afterAll, expect, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import {
  FolderObjectStore,
  ManualClock,
  SeededRandom,
  SimulatedDisk,
  type FileSystem,
} from "../../src/io/index.ts";
import { makeSystemError, toIoError } from "../../src/io/system-error.ts";
import { Chance } from "../model/chance.ts";
import { applyWrite, type PlainWrite } from "../model/plain-model.ts";
import { DATABASE, placeOf, PlainWorld, send } from "../model/world.ts";
import { FailpointFileSystem, FAILPOINTS, type Failpoint, type Watcher } from "./failpoints.ts";
import { expectHonest, takeStep } from "./honest.ts";
import { judge } from "./judge.ts";
import { withEmptyTenants, type Step } from "./trace.ts";

const SEED = Number(process.env["INSULA_SEED"] ?? 1);
/** Hits of each moment that are taken: the first ones, and always the last. */
const HITS = Number(process.env["INSULA_HITS"] ?? 1);
const STATES = Number(process.env["INSULA_STATES"] ?? 1);
const COLLECTION = "tenants";
const ROUNDS = 5;

const tally = { crashes: 0, errors: 0 };

/** From the world as it is to what it must be; undefined when it makes no sense in this world. */
type Act = (world: PlainWorld, chance: Chance) => Step | undefined;

function optionsOf(chance: Chance, files: FileSystem): EngineOptions & { clock: ManualClock } {
  return {
    files,
    clock: new ManualClock(),
    random: chance.random,
    policy: {
      ...chance.policy(),
      memtableBytesMax: 8_192,
      quietFlushBytesMin: 1_024,
      mergeFanIn: 2,
      packedBytesMax: 3_000,
    },
    logFileBytesMax: 8_192,
    logBytesMax: 16_384,
    packBytesMax: 6_000,
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
  };
}

function keep(name: string, run: Step["run"], tenant?: string): Act {
  return (world) => {
    const isThere = world.collections.get(COLLECTION)?.shards.has(tenant ?? "") === true;
    return tenant === undefined || isThere ? { name, after: world, run } : undefined;
  };
}

function write(tenant: string, keyCount: number): Act {
  return (world, chance) => {
    const place = placeOf(COLLECTION, tenant);
    if (!world.collections.has(COLLECTION)) return undefined;
    const keys = Array.from({ length: keyCount }, (_, i) => `k${String(i)}`);
    const batch = chance.batch(world.schema(place), keys);
    const upsert: PlainWrite = { kind: "upsert", batch };
    const shard = applyWrite(world.shard(place), world.schema(place), upsert);
    const after = world.copy();
    if (shard !== undefined) after.set(place, shard);
    return { name: `write ${tenant}`, after, run: (engine) => send(engine, place, upsert) };
  };
}

/** Gives one tenant what another has, or nothing. */
function derive(
  name: string,
  tenants: { readonly source: string; readonly target?: string },
  run: Step["run"],
): Act {
  return (world) => {
    const { shards } = world.collections.get(COLLECTION) ?? {};
    const shard = shards?.get(tenants.source);
    if (shard === undefined) return undefined;
    const after = world.copy();
    if (tenants.target === undefined) after.collection(COLLECTION).shards.delete(tenants.source);
    else after.set(placeOf(COLLECTION, tenants.target), shard);
    return { name, after, run };
  };
}

function tenantPlace(tenant: string): { database: string; collection: string; tenant: string } {
  return { database: DATABASE, collection: COLLECTION, tenant };
}

/** A life in which every moment comes. */
function actsOf(files: FileSystem, clock: ManualClock): readonly Act[] {
  const store = new FolderObjectStore(files, "store/objects");
  let isBackedUp = false;
  // Long enough for the log, the packs and the scrub to be looked at.
  const rest = keep("time passes", async () => {
    for (let tick = 0; tick < 14; tick++) {
      clock.advance(tick < 12 ? 1_100 : 60_000);
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    }
  });
  const create: Act = (world) => {
    if (world.collections.has(COLLECTION)) return undefined;
    const after = world.copy();
    after.add(COLLECTION);
    const options = after.collection(COLLECTION).options;
    const run: Step["run"] = (engine) => engine.createCollection(DATABASE, COLLECTION, options);
    return { name: "create", after, run };
  };
  const backup = keep("backup", async (engine) => {
    await files.makeFolder("store/objects");
    await engine.backup(store);
    isBackedUp = true;
  });
  const restore = derive("restore", { source: "small", target: "back" }, (engine) =>
    engine.restore(store, { ...tenantPlace("small"), as: { tenant: "back" } }),
  );
  const rounds = Array.from({ length: ROUNDS }, (_, round): Act[] => [
    write("large", 60),
    write("small", 4),
    write("tail", 1),
    flush("large"),
    flush("small"),
    ...(round % 2 === 0 ? [keep("flush", (engine) => engine.flush())] : []),
    ...(round > 0 ? [compact("large")] : []),
    rest,
  ]).flat();
  return [
    create,
    // Once more, when that failed.
    create,
    write("gone", 30),
    write("tail", 2),
    flush("gone"),
    ...rounds,
    derive("erase", { source: "gone" }, (engine) => engine.eraseTenant(tenantPlace("gone"))),
    keep("rotate", (engine) => engine.rotateMasterKey()),
    backup,
    (world, chance) => (isBackedUp ? restore(world, chance) : undefined),
    derive("copy", { source: "large", target: "copy" }, (engine) =>
      engine.copyTenant(tenantPlace("large"), tenantPlace("copy")),
    ),
    rest,
    keep("flush", (engine) => engine.flush()),
  ];
}

function flush(tenant: string): Act {
  const place = placeOf(COLLECTION, tenant);
  return keep(`flush ${tenant}`, (engine) => engine.flush(place), tenant);
}

function compact(tenant: string): Act {
  const place = placeOf(COLLECTION, tenant);
  return keep(`compact ${tenant}`, (engine) => engine.compact(place), tenant);
}

interface Life {
  readonly worlds: readonly PlainWorld[];
  readonly step: string;
}

/**
 * @param onLife told what the disk may hold from now on, before each step and behind it.
 * @returns the worlds that the disk may hold at the end
 */
async function live(
  disk: SimulatedDisk,
  watch: Watcher,
  onLife: (life: Life) => void = () => undefined,
): Promise<readonly PlainWorld[]> {
  const chance = new Chance(SEED);
  const files = new FailpointFileSystem(disk, watch);
  const options = { ...optionsOf(chance, files), onFault: expectHonest };
  onLife({ worlds: [], step: "open" });
  const engine = await start(disk, options);
  let world = new PlainWorld();
  let worlds: readonly PlainWorld[] = [world];
  onLife({ worlds, step: "open" });
  for (const act of actsOf(files, options.clock)) {
    const next = act(world, chance);
    if (next === undefined) continue;
    const between = withEmptyTenants(world, next.after);
    onLife({ worlds: [...worlds, next.after, between], step: next.name });
    const taken = await takeStep(engine, next, { world, worlds });
    worlds = taken.worlds;
    onLife({ worlds, step: next.name });
    if (taken.world === undefined) break;
    world = taken.world;
  }
  await engine.close().catch(expectHonest);
  return worlds;
}

/** A start that fails has let go of the folder; the next one finds a disk that is well again. */
async function start(disk: SimulatedDisk, options: EngineOptions): Promise<Engine> {
  let engine: Engine | undefined;
  try {
    engine = await openEngine(options);
    await engine.createDatabase(DATABASE);
    return engine;
  } catch (error) {
    expectHonest(error);
    await engine?.close().catch(expectHonest);
    const again = await openEngine({ ...options, files: disk });
    if ((await again.getDatabase(DATABASE)) === undefined) await again.createDatabase(DATABASE);
    return again;
  }
}

/** How often each moment comes when nothing fails. */
async function countHits(): Promise<ReadonlyMap<Failpoint, number>> {
  const hits = new Map<Failpoint, number>();
  await live(new SimulatedDisk(), (point) => hits.set(point, (hits.get(point) ?? 0) + 1));
  return hits;
}

function isChosen(hit: number, count: number): boolean {
  return hit <= HITS || hit === count;
}

async function judgeDisk(
  disk: FileSystem,
  worlds: readonly PlainWorld[],
  n: number,
): Promise<void> {
  const chance = new Chance(SEED * 1_000 + n);
  await judge(disk, optionsOf(chance, disk), worlds, chance);
}

it("every named moment comes", async () => {
  const hits = await countHits();
  const missed = FAILPOINTS.filter((point) => !hits.has(point)).map(({ name }) => name);
  expect(missed).toEqual([]);
});

it("a power cut at each moment loses nothing that was acknowledged", async () => {
  const counts = await countHits();
  const random = new SeededRandom(SEED);
  const seen = new Map<Failpoint, number>();
  const cuts: { disk: SimulatedDisk; life: Life; name: string }[] = [];
  let life: Life = { worlds: [], step: "" };
  const disk = new SimulatedDisk();
  await live(
    disk,
    (point) => {
      const hit = (seen.get(point) ?? 0) + 1;
      seen.set(point, hit);
      if (!isChosen(hit, counts.get(point) ?? 0)) return;
      const name = `${point.name}, hit ${String(hit)}`;
      for (let i = 0; i < STATES; i++) cuts.push({ disk: disk.crash(random), life, name });
    },
    (now) => {
      life = now;
    },
  );
  // The same seed lives the same life: else the last hit of a moment is another one.
  expect(seen).toEqual(counts);
  for (const [n, cut] of cuts.entries()) {
    try {
      await judgeDisk(cut.disk, cut.life.worlds, n);
      tally.crashes++;
    } catch (error) {
      throw new Error(`seed ${String(SEED)}, ${cut.name}, during ${cut.life.step}`, {
        cause: error,
      });
    }
  }
});

const CALLS = FAILPOINTS.filter(({ when }) => when === "before");
const ERRORS = CALLS.flatMap((point) =>
  [1, Infinity].map((times) => {
    const title = `${point.name}, ${times === 1 ? "once" : "for ever"}`;
    return { title, point, times };
  }),
);

it.each(ERRORS)("nobody is told a lie by an error $title", async ({ title, point, times }) => {
  const count = (await hitsOnce()).get(point) ?? 0;
  for (let nth = 1; nth <= count; nth++) {
    if (!isChosen(nth, count)) continue;
    try {
      const disk = new SimulatedDisk();
      let hits = 0;
      const worlds = await live(disk, (reached) => {
        if (reached !== point) return;
        hits++;
        if (hits < nth || hits >= nth + times) return;
        throw toIoError(point.kind, makeSystemError("EIO", "injected by a test"));
      });
      expect(hits).toBeGreaterThanOrEqual(nth);
      const cut = disk.crash(new SeededRandom(SEED + nth));
      await judgeDisk(disk, worlds, nth);
      await judgeDisk(cut, worlds, nth + 1);
      tally.errors++;
    } catch (error) {
      throw new Error(`seed ${String(SEED)}, ${title}, hit ${String(nth)}`, { cause: error });
    }
  }
});

let counted: Promise<ReadonlyMap<Failpoint, number>> | undefined;

function hitsOnce(): Promise<ReadonlyMap<Failpoint, number>> {
  counted ??= countHits();
  return counted;
}

afterAll(() => {
  process.stdout.write(
    `${String(FAILPOINTS.length)} named moments, ${String(tally.crashes)} power cuts and ` +
      `${String(tally.errors)} errors judged\n`,
  );
});
