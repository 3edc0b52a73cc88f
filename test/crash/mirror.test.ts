/**
 * The second copy: a life with a mirror, lost at moments that a seed chooses. What the newest point
 * of the store gives back on an empty machine must be the data of the moment the point is of, and
 * go on living, with segments that are fetched when they are needed. `INSULA_SEED=7` lives one
 * seed, `INSULA_SEEDS=200` that many.
 */
import { afterAll, expect, it } from "vitest";
import { InsulaError } from "../../src/base/errors.ts";
import { openEngine, restoreFolder, type EngineOptions } from "../../src/engine/index.ts";
import {
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
  SimulatedDisk,
  type ByteRange,
  type FileSystem,
  type ObjectStore,
} from "../../src/io/index.ts";
import { Chance } from "../model/chance.ts";
import { DATABASE, type PlainWorld } from "../model/world.ts";
import { judge } from "./judge.ts";
import { Trace, withEmptyTenants } from "./trace.ts";

const SEED = process.env["INSULA_SEED"];
const SEED_COUNT = Number(process.env["INSULA_SEEDS"] ?? 10);
const SEEDS =
  SEED === undefined ? Array.from({ length: SEED_COUNT }, (_, i) => i + 1) : [Number(SEED)];
const STEPS = 120;
const MASTER_KEY = new Uint8Array(32).fill(9);

const tally = { lives: 0, losses: 0, restarts: 0, cuts: 0, points: 0 };

/** Worlds that the data may be at each millisecond of the test's clock. */
type Moments = Map<number, readonly PlainWorld[]>;

/** The way of one life to the store: a dead one reaches nothing. */
class Wire implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #random: SeededRandom;
  isCut = false;

  constructor(store: ObjectStore, seed: number) {
    this.#store = store;
    this.#random = new SeededRandom(seed);
  }

  async putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    await this.#travel();
    return this.#live.putIfAbsent(key, body);
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#travel();
    return this.#live.put(key, body);
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    await this.#travel();
    return this.#live.get(key, range);
  }

  async head(key: string): Promise<number | undefined> {
    await this.#travel();
    return this.#live.head(key);
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    await this.#travel();
    return this.#live.list(prefix, options);
  }

  async delete(key: string): Promise<void> {
    await this.#travel();
    return this.#live.delete(key);
  }

  /** Other things happen meanwhile. */
  async #travel(): Promise<void> {
    if (this.#random.below(3) === 0) await turns(this.#random.below(4));
  }

  get #live(): ObjectStore {
    if (this.isCut) throw new InsulaError("io_failed", "Cannot reach the store.");
    return this.#store;
  }
}

interface Life {
  readonly seed: number;
  readonly chance: Chance;
  readonly clock: ManualClock;
  readonly store: MemoryObjectStore;
  readonly isSealed: boolean;
  wire: Wire;
  faults: unknown[];
}

function optionsOf(life: Life, files: FileSystem): EngineOptions {
  const { chance, clock, isSealed, faults } = life;
  life.wire = new Wire(life.store, life.seed);
  return {
    files,
    clock,
    random: chance.random,
    policy: chance.policy(),
    logFileBytesMax: 64 * 1024,
    logBytesMax: 128 * 1024,
    packBytesMax: 32 * 1024,
    awakeShardsMax: 2,
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
    isSealing: isSealed,
    ...(isSealed && { masterKey: MASTER_KEY }),
    mirror: { store: life.wire, intervalMs: 4, retentionMs: 20, pointsPerBase: 7 },
    onFault: (error) => faults.push(error),
  };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

/** An empty machine, the store as it is now, and the newest point in it. */
async function judgeLoss(life: Life, moments: Moments, at: string): Promise<void> {
  const { seed, isSealed } = life;
  const store = life.store.copy();
  const files = new MemoryFileSystem();
  const random = new SeededRandom(seed);
  const chance = new Chance(seed * 1_000 + tally.losses);
  try {
    const isWhole = chance.once(4);
    const restored = await restoreFolder({
      store,
      target: "the store",
      files,
      random,
      isWhole,
      ...(isSealed && { masterKey: MASTER_KEY }),
    });
    const worlds = moments.get(restored.atMs);
    if (worlds === undefined) throw new Error(`no step at ${String(restored.atMs)}`);
    const { mirror: _, ...options } = optionsOf({ ...life, chance }, files);
    const openRemote = (): Promise<MemoryObjectStore> => Promise.resolve(store);
    await judge(files, { ...options, openRemote, clock: new ManualClock() }, worlds, chance);
    tally.losses++;
    tally.points += restored.point;
  } catch (error) {
    throw new Error(`seed ${String(seed)}, machine lost ${at}`, { cause: error });
  }
}

async function live(seed: number): Promise<void> {
  const chance = new Chance(seed);
  const isSealed = !chance.once(4);
  const clock = new ManualClock();
  const store = new MemoryObjectStore();
  const life: Life = {
    seed,
    chance,
    clock,
    isSealed,
    store,
    wire: new Wire(store, seed),
    faults: [],
  };
  const trace = new Trace(chance);
  const moments: Moments = new Map();
  let now: readonly PlainWorld[] | undefined;
  let begun = 0;
  /** Begins a point before a name changes: then what it sees and what it reads differ most. */
  const onChange = (change: string, path: string): void => {
    if (now === undefined || change !== "name" || path.startsWith("mirror/")) return;
    if (!chance.once(3)) return;
    begun++;
    clock.advance(2);
    for (const ms of [1, 0]) moments.set(clock.wallMs() - ms, now);
  };
  let disk = new SimulatedDisk({ onChange });
  let engine = await openEngine(optionsOf(life, disk));
  await engine.createDatabase(DATABASE);
  await engine.syncMirror();
  moments.set(clock.wallMs(), [trace.world]);
  for (let i = 0; i < STEPS; i++) {
    clock.advance(1);
    const next = trace.next();
    const worlds = [trace.world, next.after, withEmptyTenants(trace.world, next.after)];
    moments.set(clock.wallMs(), worlds);
    now = worlds;
    await next.run(engine);
    now = undefined;
    trace.world = next.after;
    await turns(chance.below(6));
    const at = `behind step ${String(i)}, ${next.name}`;
    if (chance.once(12) || (begun > 0 && chance.once(3))) await judgeLoss(life, moments, at);
    begun = 0;
    if (chance.once(30)) {
      clock.advance(1);
      moments.set(clock.wallMs(), [trace.world]);
      tally.restarts++;
      await engine.close();
      engine = await openEngine(optionsOf(life, disk));
    } else if (chance.once(30)) {
      tally.cuts++;
      expect(life.faults).toEqual([]);
      life.wire.isCut = true;
      life.faults = [];
      disk = disk.crash(chance.random, { onChange });
      engine = await openEngine(optionsOf(life, disk));
    }
  }
  clock.advance(1);
  moments.set(clock.wallMs(), [trace.world]);
  await engine.syncMirror();
  await engine.close();
  await judgeLoss(life, moments, "behind the close");
  expect(life.faults).toEqual([]);
  tally.lives++;
}

it.each(SEEDS)("a lost machine comes back as its newest point says, seed %i", live);

afterAll(() => {
  const { lives, losses, restarts, cuts, points } = tally;
  process.stdout.write(
    `${String(lives)} lives, ${String(losses)} machines lost and come back, ` +
      `${String(restarts)} restarts, ${String(cuts)} power cuts, ${String(points)} points\n`,
  );
});
