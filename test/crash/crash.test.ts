/**
 * Power cuts at every kind of moment of an engine's life, on a simulated disk: several legal states
 * each, and every one of them must open, hold all that was acknowledged, each batch whole, with
 * totals and answers that agree. `INSULA_SEED=17` runs one seed, `INSULA_SEEDS=200` that many; a
 * seed that once failed stays in KNOWN_SEEDS.
 */
import { expect, it } from "vitest";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import { ManualClock, SeededRandom, SimulatedDisk } from "../../src/io/index.ts";
import { Chance } from "../model/chance.ts";
import { DATABASE, type PlainWorld } from "../model/world.ts";
import { judge } from "./judge.ts";
import { Trace, withEmptyTenants } from "./trace.ts";

const SEED = process.env["INSULA_SEED"];
const SEED_COUNT = Number(process.env["INSULA_SEEDS"] ?? 6);
/** Seeds that failed once. */
const KNOWN_SEEDS: readonly number[] = [];
const SEEDS =
  SEED === undefined
    ? [...KNOWN_SEEDS, ...Array.from({ length: SEED_COUNT }, (_, i) => i + 1)]
    : [Number(SEED)];

const STEPS = 120;
/** Moments of a life at which the power is cut; each change of the disk is one. */
const MOMENTS = 60;
/** States drawn of each. */
const STATES = 2;

interface Cut {
  readonly disk: SimulatedDisk;
  readonly worlds: readonly PlainWorld[];
  readonly moment: string;
}

function optionsOf(chance: Chance, files: SimulatedDisk): EngineOptions {
  return {
    files,
    clock: new ManualClock(),
    random: chance.random,
    policy: chance.policy(),
    logFileBytesMax: 64 * 1024,
    logBytesMax: 128 * 1024,
    awakeShardsMax: 2,
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
  };
}

/** Lives once from the seed; `onChange` sees each change of the disk before it takes effect. */
async function live(
  seed: number,
  onChange: (worlds: readonly PlainWorld[], step: string, disk: SimulatedDisk) => void,
): Promise<EngineOptions> {
  const chance = new Chance(seed);
  const trace = new Trace(chance);
  let worlds: readonly PlainWorld[] = [];
  let step = "open";
  const disk: SimulatedDisk = new SimulatedDisk({
    onChange: (change, path) => {
      onChange(worlds, `${step}, at ${change} of ${path}`, disk);
    },
  });
  const clock = new ManualClock();
  const options = { ...optionsOf(chance, disk), clock };
  let engine = await openEngine(options);
  await engine.createDatabase(DATABASE);
  for (let i = 0; i < STEPS; i++) {
    const next = trace.next();
    step = `step ${String(i)}, ${next.name}`;
    worlds = [trace.world, next.after, withEmptyTenants(trace.world, next.after)];
    await next.run(engine);
    trace.world = next.after;
    worlds = [trace.world];
    if (chance.once(10)) {
      clock.advance(1_100);
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    }
    if (chance.once(60)) {
      step = "close";
      await engine.close();
      engine = await openEngine(options);
    }
  }
  step = "close";
  await engine.close();
  return options;
}

async function cutsOf(seed: number): Promise<{ cuts: readonly Cut[]; options: EngineOptions }> {
  let changes = 0;
  await live(seed, () => changes++);
  const random = new SeededRandom(seed);
  const moments = new Set(Array.from({ length: MOMENTS }, () => random.below(changes)));
  const cuts: Cut[] = [];
  let at = 0;
  const options = await live(seed, (worlds, moment, disk) => {
    if (!moments.has(at++)) return;
    for (let i = 0; i < STATES; i++) cuts.push({ disk: disk.crash(random), worlds, moment });
  });
  // The same seed lives the same life: else a failure could not be looked at again.
  expect(at).toBe(changes);
  return { cuts, options };
}

it.each(SEEDS)(
  "every state after a power cut opens with all that was told, seed %i",
  async (seed) => {
    const { cuts, options } = await cutsOf(seed);
    expect(cuts.length).toBeGreaterThan(MOMENTS);
    for (const [i, { disk, worlds, moment }] of cuts.entries()) {
      try {
        const clock = new ManualClock();
        await judge(disk, { ...options, clock }, worlds, new Chance(seed * 1_000 + i));
      } catch (error) {
        throw new Error(`seed ${String(seed)}, cut ${String(i)}, ${moment}`, { cause: error });
      }
    }
  },
);
