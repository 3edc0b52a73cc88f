/**
 * The power is cut while customers are erased, copied, suspended and resumed over all collections.
 * Every state on the disk opens with each customer whole, or going: an erasure that was begun comes
 * to its end by itself, its receipt names every collection, no record of it is found afterwards, a
 * copy is in all collections or in none, and whoever was told that he is suspended still is.
 */
import { afterAll, describe, expect, it } from "vitest";
import { isInsulaError } from "../../src/base/errors.ts";
import type { CustomerErasure } from "../../src/engine/api.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { ManualClock, SeededRandom, SimulatedDisk, type FileSystem } from "../../src/io/index.ts";
import { Chance } from "../model/chance.ts";

const SEEDS = Number(process.env["INSULA_SEEDS"] ?? 3);
const FIRST = Number(process.env["INSULA_SEED"] ?? 1);
/** Power cuts of one life. */
const CUTS = 25;
const COLLECTIONS = ["a", "b", "c"];
const NAMES = ["t0", "t1", "t2", "t3"];
const STEPS = 30;

/** Records of a customer, and whether its calls are refused; absent: it is nowhere. */
interface Known {
  readonly rowCount: number;
  readonly isSuspended: boolean;
}
type World = ReadonlyMap<string, Known>;

interface Cut {
  readonly disk: SimulatedDisk;
  /** As it was told, and as it was being made. */
  readonly worlds: readonly World[];
  readonly erasing: string | undefined;
  readonly moment: string;
}

let cutCount = 0;
let wentOnCount = 0;
afterAll(() => {
  console.log(
    `customers: ${String(SEEDS)} lives, ${String(cutCount)} power cuts, ` +
      `${String(wentOnCount)} erasures went on, 0 faults`,
  );
});

function open(files: FileSystem, seed: number): Promise<Engine> {
  const random = new SeededRandom(seed);
  return openEngine({ files, clock: new ManualClock(), random, workerCount: 0 });
}

async function fill(engine: Engine, tenant: string, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `k${String(i)}`);
  for (const collection of COLLECTIONS) {
    await engine.upsert(
      { database: "d", collection, tenant },
      {
        keys,
        vectors: [{ field: "", values: new Float32Array(count) }],
        metadata: keys.map(() => undefined),
      },
    );
  }
}

interface Step {
  readonly name: string;
  readonly erasing?: string;
  readonly after: World;
  readonly run: (engine: Engine) => Promise<unknown>;
}

/** What can be done to the world as it is. */
function nextStep(world: World, chance: Chance): Step {
  const tenant = chance.pick(NAMES);
  const place = { database: "d", tenant };
  const known = world.get(tenant);
  const after = new Map(world);
  if (known === undefined) {
    const source = [...world.keys()].find((name) => chance.once(2) && name !== tenant);
    const copied = source === undefined ? undefined : world.get(source);
    if (source !== undefined && copied !== undefined) {
      after.set(tenant, { ...copied, isSuspended: false });
      const from = { database: "d", tenant: source };
      return {
        name: `copy ${source} to ${tenant}`,
        after,
        run: (engine) => engine.customers.copy(from, tenant),
      };
    }
    const count = 1 + chance.below(5);
    after.set(tenant, { rowCount: count * COLLECTIONS.length, isSuspended: false });
    return { name: `fill ${tenant}`, after, run: (engine) => fill(engine, tenant, count) };
  }
  const kind = chance.below(3);
  if (kind === 0) {
    after.delete(tenant);
    const run = (engine: Engine) => engine.customers.erase(place);
    return { name: `erase ${tenant}`, erasing: tenant, after, run };
  }
  after.set(tenant, { ...known, isSuspended: kind === 1 });
  if (kind === 1) {
    const run = (engine: Engine) => engine.customers.suspend(place);
    return { name: `suspend ${tenant}`, after, run };
  }
  const run = (engine: Engine) => engine.customers.resume(place);
  return { name: `resume ${tenant}`, after, run };
}

async function live(seed: number, cutAt: ReadonlySet<number>): Promise<[number, readonly Cut[]]> {
  const chance = new Chance(seed);
  const random = new SeededRandom(seed + 1_000);
  const cuts: Cut[] = [];
  let world: World = new Map();
  let [changes, isBegun] = [0, false];
  let step: Step | undefined;
  const disk: SimulatedDisk = new SimulatedDisk({
    onChange: (change, path) => {
      if (!isBegun || step === undefined || step.name.startsWith("fill")) return;
      if (!cutAt.has(changes++)) return;
      const moment = `in ${step.name}, at ${change} of ${path}`;
      const { erasing, after } = step;
      cuts.push({ disk: disk.crash(random), worlds: [world, after], erasing, moment });
    },
  });
  const engine = await open(disk, seed);
  await engine.createDatabase("d");
  for (const name of COLLECTIONS) {
    await engine.createCollection("d", name, {
      schema: {
        identity: "key",
        vectors: [{ name: "", dimension: 1, metric: "dot" }],
        unfilterable: [],
      },
      tenancy: "multi",
    });
  }
  isBegun = true;
  for (let i = 0; i < STEPS; i++) {
    step = nextStep(world, chance);
    await step.run(engine);
    world = step.after;
    if (chance.once(6)) await engine.flush();
  }
  await engine.close();
  return [changes, cuts];
}

async function look(
  engine: Engine,
  tenant: string,
): Promise<(Known & { state: string }) | undefined> {
  try {
    const info = await engine.customers.get({ database: "d", tenant });
    // In all collections or in none, but while it goes.
    if (info.state !== "ERASING") expect(info.tenants.length).toBe(COLLECTIONS.length);
    const { rowCount, state } = info;
    return { rowCount, isSuspended: state === "SUSPENDED", state };
  } catch (error) {
    if (isInsulaError(error) && error.code === "tenant_not_found") return undefined;
    throw error;
  }
}

async function eraseAgain(engine: Engine, tenant: string): Promise<CustomerErasure | undefined> {
  try {
    return await engine.customers.erase({ database: "d", tenant });
  } catch (error) {
    if (isInsulaError(error) && error.code === "tenant_not_found") return undefined;
    throw error;
  }
}

async function judge({ disk, worlds, erasing, moment }: Cut, seed: number): Promise<void> {
  const engine = await open(disk, seed);
  const [before = new Map<string, Known>()] = worlds;
  for (const name of NAMES) {
    if (name === erasing) continue;
    const { state: _, ...found } = (await look(engine, name)) ?? { state: "" };
    const allowed = worlds.map((world) => world.get(name) ?? {});
    expect(allowed, `${name} ${moment}`).toContainEqual(found);
  }
  if (erasing !== undefined) {
    const wasThere = before.get(erasing)?.rowCount ?? 0;
    let found = await look(engine, erasing);
    // Once begun it goes on by itself.
    for (let i = 0; found?.state === "ERASING" && i < 1_000; i++) {
      await new Promise(setImmediate);
      found = await look(engine, erasing);
    }
    expect(found?.state, moment).not.toBe("ERASING");
    if (found !== undefined) expect(found.rowCount, moment).toBe(wasThere);
    const receipt = await eraseAgain(engine, erasing);
    if (receipt !== undefined) {
      expect(receipt.wasInterrupted, moment).toBe(found === undefined);
      expect(receipt.tenants.map(({ collection }) => collection)).toEqual(COLLECTIONS);
      expect(receipt.recordCount, moment).toBe(wasThere);
      if (receipt.wasInterrupted) wentOnCount++;
    } else expect(found, moment).toBeUndefined();
    expect(await look(engine, erasing)).toBeUndefined();
    await fill(engine, erasing, 1);
    expect((await look(engine, erasing))?.rowCount).toBe(COLLECTIONS.length);
  }
  await engine.close();
}

describe("power cuts while customers are erased, copied and suspended", () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))(
    "leave each whole or going, seed %i",
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
