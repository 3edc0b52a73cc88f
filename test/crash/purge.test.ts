/**
 * bytes are purged only when nobody needs them. The power is cut at each removal of a log
 * file, a segment or a pack, and at the change of the disk behind it; what is left must hold all
 * that was acknowledged, deleted records must stay deleted, and no manifest may name what is gone.
 * `INSULA_SEEDS=50` lives that many lives.
 */
import { expect, it } from "vitest";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import { ManualClock, SimulatedDisk } from "../../src/io/index.ts";
import { Chance } from "../model/chance.ts";
import { DATABASE, type PlainWorld } from "../model/world.ts";
import { judge } from "./judge.ts";
import { Trace, withEmptyTenants } from "./trace.ts";

const SEEDS = Array.from({ length: Number(process.env["INSULA_SEEDS"] ?? 2) }, (_, i) => 701 + i);
const STEPS = 90;
/** Cuts judged of one life: spread over all that were taken. */
const CUTS = 25;

interface Cut {
  readonly disk: SimulatedDisk;
  readonly worlds: readonly PlainWorld[];
  readonly moment: string;
}

/** Tells removals apart from names that are made: only the former come through here. */
class PurgeDisk extends SimulatedDisk {
  onPurge: (path: string) => void = () => undefined;

  /** A retired log file is kept under another name, to be written again: its frames are gone. */
  override async rename(from: string, to: string): Promise<void> {
    if (from.startsWith("log/") && from.endsWith(".log")) this.onPurge(from);
    await super.rename(from, to);
  }

  override async unlink(path: string): Promise<void> {
    if (/^(log|seg|pack|catalog)\//.test(path)) this.onPurge(path);
    await super.unlink(path);
  }
}

async function live(seed: number): Promise<{ cuts: readonly Cut[]; options: EngineOptions }> {
  const chance = new Chance(seed);
  const trace = new Trace(chance);
  const cuts: Cut[] = [];
  let worlds: readonly PlainWorld[] = [];
  let step = "open";
  let isBehind = false;
  const take = (moment: string): void => {
    cuts.push({ disk: disk.crash(chance.random), worlds, moment: `${step}, ${moment}` });
  };
  const disk: PurgeDisk = new PurgeDisk({
    onChange: (_, path) => {
      if (isBehind) take(`behind a removal, before ${path}`);
      isBehind = false;
    },
  });
  disk.onPurge = (path) => {
    take(`at the removal of ${path}`);
    isBehind = true;
  };
  const clock = new ManualClock();
  const options: EngineOptions = {
    files: disk,
    clock,
    random: chance.random,
    policy: { ...chance.policy(), packedBytesMax: chance.pick([1, 2_048]) },
    logFileBytesMax: 16 * 1024,
    logBytesMax: 32 * 1024,
    awakeShardsMax: 2,
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
  };
  const engine = await openEngine(options);
  await engine.createDatabase(DATABASE);
  for (let i = 0; i < STEPS; i++) {
    const next = trace.next();
    step = `step ${String(i)}, ${next.name}`;
    worlds = [trace.world, next.after, withEmptyTenants(trace.world, next.after)];
    await next.run(engine);
    trace.world = next.after;
    worlds = [trace.world];
    if (!chance.once(4)) continue;
    clock.advance(1_100);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  }
  await engine.close();
  return { cuts, options };
}

it.each(SEEDS)("nothing is purged that anybody needs, seed %i", async (seed) => {
  const { cuts, options } = await live(seed);
  expect(cuts.some(({ moment }) => moment.includes("removal of log/"))).toBe(true);
  expect(cuts.some(({ moment }) => moment.includes("removal of seg/"))).toBe(true);
  const stride = Math.max(1, Math.floor(cuts.length / CUTS));
  for (const [i, { disk, worlds, moment }] of cuts.entries()) {
    if (i % stride > 0) continue;
    try {
      await judge(disk, { ...options, clock: new ManualClock() }, worlds, new Chance(seed + i));
    } catch (error) {
      throw new Error(`seed ${String(seed)}, cut ${String(i)}, ${moment}`, { cause: error });
    }
  }
});
