/**
 * The power is cut at moments of a life in which tenants change their states, alone and many at
 * once, by calls, by themselves and by a policy: every state on the disk opens with each tenant as
 * it was told, or as it was being made; none is half of it, and the counts agree.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { RequestedState } from "../../src/engine/api.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { ManualClock, SeededRandom, SimulatedDisk, type FileSystem } from "../../src/io/index.ts";
import { Chance } from "../model/chance.ts";

const SEEDS = Number(process.env["INSULA_SEEDS"] ?? 4);
const FIRST = Number(process.env["INSULA_SEED"] ?? 1);
/** Power cuts of one life. */
const CUTS = 25;
const STEPS = 60;
const TENANTS = Array.from({ length: 6 }, (_, i) => `t${String(i)}`);
const WANTED: readonly RequestedState[] = ["ACTIVE", "INACTIVE"];

const placeOf = (tenant: string) => ({ database: "d", collection: "c", tenant });
const BATCH = {
  keys: ["a"],
  vectors: [{ field: "", values: Float32Array.of(1) }],
  metadata: [{ year: 2020 }],
};

/** What each tenant may be: what was told last, and what is on its way. */
type Allowed = ReadonlyMap<string, ReadonlySet<string>>;

interface Cut {
  readonly disk: SimulatedDisk;
  readonly allowed: Allowed;
  readonly moment: string;
}

let cutCount = 0;
afterAll(() => {
  console.log(
    `states of tenants: ${String(SEEDS)} lives, ${String(cutCount)} power cuts, 0 faults`,
  );
});

function open(files: FileSystem, seed: number, clock = new ManualClock()): Promise<Engine> {
  const random = new SeededRandom(seed);
  return openEngine({ files, clock, random, workerCount: 0 });
}

class Life {
  readonly #chance: Chance;
  readonly #clock: ManualClock;
  readonly states = new Map(TENANTS.map((name) => [name, "ACTIVE"]));
  /** Asked for and not answered yet. */
  readonly coming = new Map<string, string>();

  constructor(chance: Chance, clock: ManualClock) {
    this.#chance = chance;
    this.#clock = clock;
  }

  get allowed(): Allowed {
    return new Map(
      [...this.states].map(([name, state]) => [
        name,
        new Set([state, this.coming.get(name) ?? state]),
      ]),
    );
  }

  async step(engine: Engine): Promise<string> {
    const kind = this.#chance.below(12);
    const name = this.#chance.pick(TENANTS);
    const state = this.#chance.pick(WANTED);
    if (kind < 4) {
      await this.#ask([name], state, () => engine.setTenantState(placeOf(name), state));
      return `${name} ${state}`;
    }
    if (kind < 6) {
      const request = { state, pattern: "t*", limit: 100 };
      await this.#ask(TENANTS, state, () => engine.setTenantStates("d", "c", request));
      return `all ${state}`;
    }
    if (kind < 8) {
      // Activates by itself.
      await this.#ask([name], "ACTIVE", () => engine.upsert(placeOf(name), BATCH));
      return `upsert to ${name}`;
    }
    if (kind >= 10) return this.#rest(engine);
    if (kind < 9) await engine.flush();
    else await engine.deactivate(placeOf(name));
    return "flush or sleep";
  }

  /** Time passes, and the policy puts to rest who was not used meanwhile. */
  async #rest(engine: Engine): Promise<string> {
    for (const name of TENANTS) this.coming.set(name, "INACTIVE");
    this.#clock.advance(180_000);
    await engine.sweepTenants("d", "c", { limit: 100 });
    const { items } = await engine.listTenants("d", "c", { limit: 100 });
    for (const { name, state } of items) this.states.set(name, state);
    expect([...this.states.values()]).toEqual(TENANTS.map(() => "INACTIVE"));
    this.coming.clear();
    return "rest";
  }

  async #ask(names: readonly string[], state: string, call: () => Promise<unknown>): Promise<void> {
    for (const name of names) this.coming.set(name, state);
    await call();
    for (const name of names) this.states.set(name, state);
    this.coming.clear();
  }
}

async function live(seed: number, cutAt: ReadonlySet<number>): Promise<[number, readonly Cut[]]> {
  const chance = new Chance(seed);
  const clock = new ManualClock();
  const life = new Life(chance, clock);
  const random = new SeededRandom(seed + 1_000);
  const cuts: Cut[] = [];
  let [changes, step, isBegun] = [0, "", false];
  const disk: SimulatedDisk = new SimulatedDisk({
    onChange: (change, path) => {
      if (!isBegun || !cutAt.has(changes++)) return;
      const moment = `behind ${step}, at ${change} of ${path}`;
      cuts.push({ disk: disk.crash(random), allowed: life.allowed, moment });
    },
  });
  const engine = await open(disk, seed, clock);
  await engine.createDatabase("d");
  await engine.createCollection("d", "c", {
    schema: {
      identity: "key",
      vectors: [{ name: "", dimension: 1, metric: "dot" }],
      unfilterable: [],
    },
    tenancy: "multi",
    activatesTenants: true,
    policy: { inactiveAfter: "1m" },
  });
  await engine.createTenants("d", "c", TENANTS);
  isBegun = true;
  for (let i = 0; i < STEPS; i++) step = await life.step(engine);
  await engine.close();
  return [changes, cuts];
}

async function judge({ disk, allowed, moment }: Cut, seed: number): Promise<void> {
  const engine = await open(disk, seed);
  const { items } = await engine.listTenants("d", "c", { limit: 100 });
  expect(items.map(({ name }) => name)).toEqual(TENANTS);
  for (const { name, state } of items) {
    expect([...(allowed.get(name) ?? [])], `${name} ${moment}`).toContain(state);
  }
  const { counts } = engine.tenantFigures();
  const countOf = (wanted: string): number => items.filter(({ state }) => state === wanted).length;
  expect([counts.ACTIVE, counts.INACTIVE], moment).toEqual([
    countOf("ACTIVE"),
    countOf("INACTIVE"),
  ]);
  // It goes on from there.
  await engine.setTenantStates("d", "c", { state: "INACTIVE", pattern: "*", limit: 100 });
  expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 0, INACTIVE: TENANTS.length });
  await engine.close();
}

describe("power cuts while tenants change their states", () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))(
    "leave whole states, seed %i",
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
