/**
 * R-11 under load: an engine that may take little memory, many tenants of mixed sizes, and writes,
 * searches, flushes, merges and wakings all at once. What is taken never exceeds the budget, who is
 * refused is told `memory_exhausted` and has written nothing, and afterwards everything is answered
 * and all memory is free again. `INSULA_SEED=5` runs one
 * seed, `INSULA_SEEDS=50` that many.
 */
import { deepStrictEqual } from "node:assert/strict";
import { expect, it, vi } from "vitest";
import { BATCH_RECORDS_MAX } from "../../src/base/limits.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../../src/io/index.ts";
import { SCRATCH_BYTES } from "../../src/math/index.ts";
import type { Place } from "../../src/model/index.ts";
import { IDLE_SCANNERS_MAX } from "../../src/vector/index.ts";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine } from "../../src/engine/index.ts";

/** Below what an engine takes on its own: with it the test would need gigabytes. */
const BUDGET = 6 * 1024 * 1024;

vi.mock("../../src/engine/memory-budget.ts", () => ({
  findMemoryBudget: () => ({ bytes: BUDGET, source: "given" }),
}));

const SEED = process.env["INSULA_SEED"];
const SEED_COUNT = Number(process.env["INSULA_SEEDS"] ?? 1);
const SEEDS = SEED === undefined ? Array.from({ length: SEED_COUNT }, (_, i) => i + 1) : [+SEED];
const TENANTS = 24;
const DIMENSION = 96;
const ROUNDS = 5;
/** One small and one large arena. */
const ARENAS_MAX = 2;
/** Without load a call is refused at most so often less one: while upkeep has the memory. */
const ATTEMPTS_MAX = 5;
/** The vectors of the largest batch there can be are more than half of the budget. */
const ROWS_MANY = BATCH_RECORDS_MAX;
const INCLUDE = { vectors: false, metadata: true };

/** Value of each key by what was acknowledged. */
type Model = Map<string, number>;

class Load {
  readonly models: readonly Model[] = Array.from({ length: TENANTS }, () => new Map());
  readonly #engine: Engine;
  readonly #random: SeededRandom;
  refused = 0;
  answered = 0;
  peakBytes = 0;
  #version = 0;

  constructor(engine: Engine, seed: number) {
    this.#engine = engine;
    this.#random = new SeededRandom(seed);
  }

  /** Each tenant's calls follow each other, and all tenants' run at once. */
  async round(clock: ManualClock): Promise<void> {
    const lines = this.models.map(async (_, tenant) => {
      for (let call = 0; call < 3; call++) await this.#call(tenant);
    });
    for (let turn = 0; turn < 5; turn++) {
      clock.advance(600);
      await new Promise(setImmediate);
      this.#look();
    }
    await during(clock, Promise.all(lines));
    this.#look();
  }

  async #call(tenant: number): Promise<void> {
    const place = placeOf(tenant);
    switch (this.#random.below(8)) {
      case 0:
        await this.#attempt(() => this.#engine.flush(place));
        return;
      case 1:
        await this.#attempt(() => this.#engine.compact(place));
        return;
      case 2:
        await this.#engine.deactivate(place);
        return;
      case 3:
      case 4: {
        const vector = new Float32Array(DIMENSION).fill(this.#random.below(9));
        const isExact = this.#random.below(2) === 0;
        const query = { field: "", vector, topK: 10, include: INCLUDE, isExact };
        await this.#attempt(() => this.#engine.query(place, query));
        return;
      }
      default:
        await this.#write(tenant);
    }
  }

  /** Some tenants are a hundred times as large as others, and some writes half of all memory. */
  async #write(tenant: number): Promise<void> {
    const version = ++this.#version;
    const usual = tenant % 6 === 0 ? 900 : tenant % 3 === 0 ? 150 : 8;
    const size = this.#random.below(20) === 0 ? ROWS_MANY : usual;
    const first = this.#random.below(4) * Math.floor(size / 2);
    const keys = Array.from({ length: size }, (_, i) => `k${String(first + i)}`);
    const batch = {
      keys,
      vectors: [{ field: "", values: new Float32Array(size * DIMENSION).fill(version % 100) }],
      metadata: keys.map(() => ({ version })),
    };
    const isWritten = await this.#attempt(() => this.#engine.upsert(placeOf(tenant), batch));
    if (isWritten) for (const key of keys) this.models[tenant]?.set(key, version);
  }

  async #attempt(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      this.answered++;
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "memory_exhausted", kind: "resource_exhausted" });
      this.refused++;
      return false;
    } finally {
      this.#look();
    }
  }

  #look(): void {
    const { arenaBytesCapacity, arenaBytesUsed } = this.#engine.stats();
    expect(arenaBytesCapacity).toBeLessThanOrEqual(BUDGET);
    this.peakBytes = Math.max(this.peakBytes, arenaBytesUsed);
  }
}

function placeOf(tenant: number): Place {
  return { database: "db", collection: "c", tenant: `t${String(tenant)}` };
}

function open(files: MemoryFileSystem, clock: ManualClock, seed: number): Promise<Engine> {
  return openEngine({
    files,
    clock,
    random: new SeededRandom(seed),
    workerCount: 0,
    policy: { memtableBytesMax: 1_048_576, packedBytesMax: 16_384, mergeFanIn: 2 },
    onFault: (error) => {
      // Upkeep is refused like everybody.
      expect(error).toMatchObject({ code: "memory_exhausted" });
    },
  });
}

/**
 * Time goes on until `work` is done: merges wait for their rate, upkeep for its turn. What is
 * refused meanwhile may be asked again, as `retryAfterMs` says.
 */
async function during<Value>(clock: ManualClock, work: Promise<Value>): Promise<Value> {
  let isDone = false;
  const end = (): void => {
    isDone = true;
  };
  work.then(end, end);
  while (!isDone) {
    clock.advance(5);
    await new Promise(setImmediate);
  }
  return work;
}

/** The answer to a call that upkeep may keep out of memory for a while. */
async function answer<Value>(call: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      expect(error).toMatchObject({ code: "memory_exhausted" });
      if (attempt === ATTEMPTS_MAX) throw error;
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    }
  }
}

/** Every acknowledged write is there, whole, and nothing else. */
async function checkAll(engine: Engine, models: readonly Model[]): Promise<void> {
  for (const [tenant, model] of models.entries()) {
    if (model.size === 0) continue;
    const place = placeOf(tenant);
    const page = await answer(() => engine.list(place, { limit: 1_000, include: INCLUDE }));
    const found = new Map(page.items.map(({ key, metadata }) => [key, metadata?.["version"]]));
    for (let after = page.items.at(-1)?.key, more = page.hasMore; more && after !== undefined;) {
      const from = after;
      const next = await answer(() =>
        engine.list(place, { limit: 1_000, after: from, include: INCLUDE }),
      );
      for (const { key, metadata } of next.items) found.set(key, metadata?.["version"]);
      [after, more] = [next.items.at(-1)?.key, next.hasMore];
    }
    deepStrictEqual(found, model);
    expect(await answer(() => engine.count(place))).toBe(model.size);
    const vector = new Float32Array(DIMENSION).fill(3);
    const query = { field: "", vector, topK: 5, include: INCLUDE };
    const { hits } = await answer(() => engine.query(place, query));
    expect(hits).toHaveLength(Math.min(5, model.size));
    await engine.deactivate(place);
  }
}

async function sleepAll(engine: Engine): Promise<number> {
  for (let tenant = 0; tenant < TENANTS; tenant++) await engine.deactivate(placeOf(tenant));
  return engine.stats().arenaBytesUsed;
}

it.each(SEEDS)(
  "memory is bounded under load, refusals are whole and nothing leaks, seed %i",
  async (seed) => {
    const files = new MemoryFileSystem();
    const clock = new ManualClock();
    const engine = await open(files, clock, seed);
    await engine.createDatabase("db");
    const vectors = [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createCollection("db", "c", { schema, tenancy: "multi" });
    for (let tenant = 0; tenant < TENANTS; tenant++) {
      await engine.createTenant({ database: "db", collection: "c", tenant: `t${String(tenant)}` });
    }
    const load = new Load(engine, seed);
    // Only scratch stays: a block of a power of two for each, a few in each arena.
    const baseMax = ARENAS_MAX * IDLE_SCANNERS_MAX * 2 ** Math.ceil(Math.log2(SCRATCH_BYTES));
    for (let half = 0; half < 2; half++) {
      for (let round = 0; round < ROUNDS; round++) await load.round(clock);
      const used = await during(clock, sleepAll(engine));
      expect(used).toBeLessThanOrEqual(Math.min(baseMax, BUDGET));
      await during(clock, checkAll(engine, load.models));
    }
    const base = await during(clock, sleepAll(engine));
    // Whatever ran at once before: searches one after the other leave what they found.
    await during(clock, checkAll(engine, load.models));
    expect(await during(clock, sleepAll(engine))).toBe(base);
    expect(load.refused).toBeGreaterThan(0);
    expect(load.answered).toBeGreaterThan(load.refused);
    expect(load.peakBytes).toBeGreaterThan(BUDGET * 0.8);
    await during(clock, engine.close());
    const again = await open(files, clock, seed + 100);
    await during(clock, checkAll(again, load.models));
    await during(clock, again.close());
  },
);
