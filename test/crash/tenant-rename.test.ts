/**
 * The power is cut while tenants get other names and are written to: every state on the disk opens
 * with each tenant under one name, the old or the new, with the records it was told to have.
 */
import { afterAll, describe, expect, it } from "vitest";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { ManualClock, SeededRandom, SimulatedDisk, type FileSystem } from "../../src/io/index.ts";
import { Chance } from "../model/chance.ts";

const SEEDS = Number(process.env["INSULA_SEEDS"] ?? 3);
const FIRST = Number(process.env["INSULA_SEED"] ?? 1);
/** Power cuts of one life. */
const CUTS = 30;
const STEPS = 50;
const NAMES = ["n0", "n1", "n2", "n3", "n4"];

/** Name to records. */
type World = ReadonlyMap<string, number>;

interface Cut {
  readonly disk: SimulatedDisk;
  /** As it was told, and as it was being made. */
  readonly worlds: readonly World[];
  readonly moment: string;
}

let cutCount = 0;
afterAll(() => {
  console.log(`renames: ${String(SEEDS)} lives, ${String(cutCount)} power cuts, 0 faults`);
});

function open(files: FileSystem, seed: number): Promise<Engine> {
  const random = new SeededRandom(seed);
  return openEngine({ files, clock: new ManualClock(), random, workerCount: 0 });
}

const placeOf = (tenant: string) => ({ database: "d", collection: "c", tenant });

function write(engine: Engine, name: string, key: number): Promise<unknown> {
  return engine.upsert(placeOf(name), {
    keys: [`k${String(key)}`],
    vectors: [{ field: "", values: new Float32Array(1) }],
    metadata: [undefined],
  });
}

interface Step {
  readonly name: string;
  readonly after: World;
  readonly run: (engine: Engine) => Promise<unknown>;
}

function nextStep(world: World, chance: Chance): Step {
  const name = chance.pick(NAMES);
  const to = chance.pick(NAMES);
  const count = world.get(name);
  const after = new Map(world);
  if (count !== undefined && !world.has(to) && name !== to) {
    after.delete(name);
    after.set(to, count);
    const run = (engine: Engine) => engine.renameTenant(placeOf(name), to);
    return { name: `rename ${name} to ${to}`, after, run };
  }
  if (chance.once(5)) {
    return { name: "flush", after, run: (engine) => engine.flush() };
  }
  if (world.size >= NAMES.length - 1 && count !== undefined) {
    after.delete(name);
    return { name: `remove ${name}`, after, run: (engine) => engine.deleteTenant(placeOf(name)) };
  }
  if (count === undefined && world.size >= NAMES.length - 1) {
    return { name: "sleep", after, run: () => Promise.resolve() };
  }
  after.set(name, (count ?? 0) + 1);
  return { name: `write ${name}`, after, run: (engine) => write(engine, name, count ?? 0) };
}

async function live(seed: number, cutAt: ReadonlySet<number>): Promise<[number, readonly Cut[]]> {
  const chance = new Chance(seed);
  const random = new SeededRandom(seed + 1_000);
  const cuts: Cut[] = [];
  let world: World = new Map();
  let changes = 0;
  let step: Step | undefined;
  const disk: SimulatedDisk = new SimulatedDisk({
    onChange: (change, path) => {
      if (step === undefined || !cutAt.has(changes++)) return;
      const moment = `in ${step.name}, at ${change} of ${path}`;
      // A first write makes the tenant before the record.
      const made = new Map([...step.after].map(([name]) => [name, world.get(name) ?? 0]));
      const worlds = step.name.startsWith("write")
        ? [world, made, step.after]
        : [world, step.after];
      cuts.push({ disk: disk.crash(random), worlds, moment });
    },
  });
  const engine = await open(disk, seed);
  await engine.createDatabase("d");
  await engine.createCollection("d", "c", {
    schema: {
      identity: "key",
      vectors: [{ name: "", dimension: 1, metric: "dot" }],
      unfilterable: [],
    },
    tenancy: "multi",
  });
  for (let i = 0; i < STEPS; i++) {
    step = nextStep(world, chance);
    await step.run(engine);
    world = step.after;
  }
  await engine.close();
  return [changes, cuts];
}

async function judge({ disk, worlds, moment }: Cut, seed: number): Promise<void> {
  const engine = await open(disk, seed);
  const { items } = await engine.listTenants("d", "c", { limit: 100 });
  const found: Record<string, number> = {};
  for (const { name, rowCount } of items) {
    found[name] = rowCount;
    const include = { vectors: false, metadata: false };
    const page = await engine.list(placeOf(name), { limit: 1_000, include });
    expect(page.items.length, `${name} ${moment}`).toBe(rowCount);
  }
  expect(
    worlds.map((world) => Object.fromEntries(world)),
    moment,
  ).toContainEqual(found);
  expect((await engine.getCollection("d", "c"))?.tenantCount, moment).toBe(items.length);
  expect(engine.tenantFigures().counts.ACTIVE, moment).toBe(items.length);
  await engine.close();
}

describe("power cuts while tenants get other names", () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))(
    "leave each under one name, seed %i",
    async (seed) => {
      const [changes] = await live(seed, new Set());
      const random = new SeededRandom(seed);
      const cutAt = new Set(Array.from({ length: CUTS }, () => random.below(changes)));
      const [, cuts] = await live(seed, cutAt);
      expect(cuts.length).toBe(cutAt.size);
      for (const cut of cuts) await judge(cut, seed + 7);
      cutCount += cuts.length;
    },
  );
});
