/**
 * The n-th file operation of each kind fails, for every n of a scripted life: whoever was told of
 * success keeps what was told, whoever was told of a failure finds it done or not done, and the
 * folder opens cleanly when the disk is well again. `INSULA_SEED=3` runs one script,
 * `INSULA_SCRIPTS=20` that many.
 */
import { afterAll, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import {
  CountingFileSystem,
  FaultyFileSystem,
  ManualClock,
  MemoryFileSystem,
  type FileCallKind,
  type FileSystem,
} from "../../src/io/index.ts";
import { Chance } from "../model/chance.ts";
import { DATABASE, type PlainWorld } from "../model/world.ts";
import { expectHonest, takeStep } from "./honest.ts";
import { judge } from "./judge.ts";
import { Trace } from "./trace.ts";

const SEED = process.env["INSULA_SEED"];
const SEED_COUNT = Number(process.env["INSULA_SCRIPTS"] ?? 1);
const SEEDS = SEED === undefined ? Array.from({ length: SEED_COUNT }, (_, i) => i + 1) : [+SEED];
const STEPS = 30;
/** Of each kind, about so many places, spread over the life, and all of its end: the close. */
const PLACES_MAX = 16;
const LAST_CALLS = 6;

interface Fault {
  readonly kinds: readonly FileCallKind[];
  readonly effect: "EIO" | "ENOSPC" | "EMFILE" | "short";
  /** Calls that fail from the n-th on; 1 when absent. */
  readonly count?: number;
}
const WRITES: readonly FileCallKind[] = ["write", "write-and-sync"];

const FAULTS: readonly Fault[] = [
  { kinds: WRITES, effect: "EIO" },
  { kinds: WRITES, effect: "ENOSPC" },
  { kinds: WRITES, effect: "short" },
  { kinds: ["read", "read-whole"], effect: "EIO" },
  { kinds: ["sync", "sync-folder"], effect: "EIO" },
  { kinds: ["rename"], effect: "EIO" },
  { kinds: ["open-read", "open-write", "open-synced", "create"], effect: "EMFILE" },
  { kinds: ["unlink"], effect: "EIO" },
  { kinds: ["make-folder", "list-folder", "exists", "size"], effect: "EIO" },
  // A disk that stays bad until the engine is closed; one that is full; handles that are gone.
  { kinds: [...WRITES, "sync"], effect: "EIO", count: Infinity },
  { kinds: WRITES, effect: "ENOSPC", count: Infinity },
  { kinds: ["open-read", "open-write", "create"], effect: "EMFILE", count: 12 },
];

function optionsOf(chance: Chance): Omit<EngineOptions, "files" | "clock"> {
  return {
    random: chance.random,
    policy: chance.policy(),
    logFileBytesMax: 64 * 1024,
    logBytesMax: 128 * 1024,
    awakeShardsMax: 2,
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
  };
}

const tally = { faults: 0 };

/**
 * One life.
 *
 * @returns the worlds that the disk may hold
 */
async function live(
  seed: number,
  disk: MemoryFileSystem,
  bad: FileSystem,
): Promise<readonly PlainWorld[]> {
  const chance = new Chance(seed);
  const trace = new Trace(chance);
  const clock = new ManualClock();
  const options = { ...optionsOf(chance), clock, onFault: expectHonest };
  let engine: Engine;
  try {
    engine = await start(bad, options);
  } catch (error) {
    expectHonest(error);
    // A failed start has let go of the folder; the next one finds a disk that is well again.
    engine = await start(disk, options);
  }
  let worlds: readonly PlainWorld[] = [trace.world];
  for (let i = 0; i < STEPS; i++) {
    const taken = await takeStep(engine, trace.next(), { world: trace.world, worlds });
    worlds = taken.worlds;
    if (taken.world === undefined) break;
    trace.world = taken.world;
    if (chance.once(6)) {
      // Upkeep in the background has its turns.
      clock.advance(1_100);
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    }
  }
  await engine.close().catch(expectHonest);
  return worlds;
}

async function start(files: FileSystem, options: Omit<EngineOptions, "files">): Promise<Engine> {
  const engine = await openEngine({ ...options, files });
  try {
    if ((await engine.getDatabase(DATABASE)) === undefined) await engine.createDatabase(DATABASE);
    return engine;
  } catch (error) {
    await engine.close().catch(expectHonest);
    throw error;
  }
}

async function countCalls(seed: number, kinds: readonly FileCallKind[]): Promise<number> {
  const disk = new MemoryFileSystem();
  const counting = new CountingFileSystem(disk);
  await live(seed, disk, counting);
  return counting.calls.filter(({ kind }) => kinds.includes(kind)).length;
}

const CASES = SEEDS.flatMap((seed) =>
  FAULTS.map((fault) => {
    const { kinds, effect, count = 1 } = fault;
    const title = `${count > 1 ? `lasting ${effect}` : effect} of ${kinds.join(", ")}`;
    return { seed, title, fault };
  }),
);

it.each(CASES)("nobody is told a lie by $title, script $seed", async ({ seed, fault }) => {
  const count = await countCalls(seed, fault.kinds);
  const stride = Math.max(1, Math.ceil(count / PLACES_MAX));
  for (let nth = 1; nth <= count; nth += nth > count - LAST_CALLS ? 1 : stride) {
    try {
      const disk = new MemoryFileSystem();
      const worlds = await live(seed, disk, new FaultyFileSystem(disk, [{ ...fault, nth }]));
      const chance = new Chance(seed * 1_000 + nth);
      const options = { ...optionsOf(chance), clock: new ManualClock(), files: disk };
      await judge(disk, options, worlds, chance);
      tally.faults++;
    } catch (error) {
      throw new Error(`seed ${String(seed)}, call ${String(nth)}`, { cause: error });
    }
  }
});

afterAll(() => {
  process.stdout.write(`${String(tally.faults)} failed file operations judged\n`);
});
