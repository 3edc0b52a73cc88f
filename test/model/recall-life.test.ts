/**
 * what searches find of fixed collections through their lives. A restart, a compaction and a
 * way to an object store and back change nothing, to the bit; three rounds that put a fifth of the
 * rows anew and a compaction lose no more than 0.2 points of recall, as far as so many queries can
 * tell. Queries are no rows, and the same at each station. Nothing is left to chance, so that a
 * figure that moves is a change of the code. Larger sizes: `npm run bench -- recall`.
 */
import { expect, it } from "vitest";
import {
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
} from "../../src/io/index.ts";
import type { Hit, Query } from "../../src/model/index.ts";
import { openEngine, type Engine, type EngineOptions } from "../../src/engine/index.ts";

const PLACE = { database: "db", collection: "c", tenant: "t" };
const DIMENSION = 24;
const ROWS = 10_000;
const QUERIES = 4_000;
/** Of these every hit is compared. */
const SAME_QUERIES = 200;
const TOP_K = 10;
const ROUNDS = 3;
/** What the field asks for, how near it is met, and what a life may lose. */
const RECALL = 0.95;
const NEAR = 0.01;
const DROP_MAX = 0.002;
/** Standard errors of a difference that is measured. */
const ERRORS_MAX = 2;

interface Kind {
  readonly name: string;
  /** Of a row or query. */
  vectorOf(number: number): number[];
}

interface Rows {
  readonly kind: Kind;
  readonly seed: number;
}

/** A number between -0.5 and 0.5 that belongs to another, the same in each run. */
function noise(seed: number): number {
  let hash = Math.imul(seed ^ (seed >>> 15), 0x2c1b_3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a_2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32 - 0.5;
}

const CLUSTERED: Kind = {
  name: "clustered",
  vectorOf: (number) => {
    const cluster = number % 40;
    return Array.from(
      { length: DIMENSION },
      (_, j) => noise(cluster * 131 + j) + 1.6 * noise(number * 977 + j * 13 + 5),
    );
  },
};
const UNIFORM: Kind = {
  name: "uniform",
  vectorOf: (number) => Array.from({ length: DIMENSION }, (_, j) => noise(number * 977 + j * 13)),
};

/** One collection: its folder, its clock and its queries. */
class Life {
  readonly #kind: Kind;
  readonly #seed: number;
  readonly #clock: ManualClock;
  readonly #options: EngineOptions;
  #engine: Engine;

  private constructor(
    { kind, seed }: Rows,
    open: { readonly clock: ManualClock; readonly options: EngineOptions; readonly engine: Engine },
  ) {
    this.#kind = kind;
    this.#seed = seed;
    this.#clock = open.clock;
    this.#options = open.options;
    this.#engine = open.engine;
  }

  static async begin(rows: Rows): Promise<Life> {
    const clock = new ManualClock();
    const store = new MemoryObjectStore();
    const options: EngineOptions = {
      ...{ files: new MemoryFileSystem(), clock, workerCount: 0 },
      random: new SeededRandom(rows.seed),
      policy: { graphRowsMin: 500, scannedPerEf: 1 },
      offload: { open: () => Promise.resolve(store) },
    };
    const engine = await openEngine(options);
    await engine.createDatabase("db");
    const field = { name: "", dimension: DIMENSION, metric: "cosine" as const, recall: RECALL };
    const schema = { vectors: [field], identity: "key" as const, unfilterable: [] };
    await engine.createCollection("db", "c", { schema, tenancy: "multi" });
    return new Life(rows, { clock, options, engine });
  }

  async reopen(): Promise<void> {
    await this.#engine.close();
    this.#engine = await openEngine(this.#options);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  /** A row's vector is that of its number and of the round it was written in. */
  async write(numbers: readonly number[], round: number): Promise<void> {
    for (let first = 0; first < numbers.length; first += 500) {
      const some = numbers.slice(first, first + 500);
      const vectors = some.flatMap((number) => this.#vectorOf(number + round * ROWS));
      await this.#engine.upsert(PLACE, {
        keys: some.map((number) => `k${String(number).padStart(5, "0")}`),
        vectors: [{ field: "", values: Float32Array.from(vectors) }],
        metadata: some.map(() => undefined),
      });
    }
  }

  /** Lets the background flush, merge and build graphs. */
  async rest(): Promise<void> {
    await this.#engine.flush(PLACE);
    for (let turn = 0; turn < 30; turn++) {
      this.#clock.advance(2_000);
      for (let i = 0; i < 200; i++) await new Promise(setImmediate);
    }
  }

  compact(): Promise<unknown> {
    return this.#engine.compact(PLACE);
  }

  async become(state: "OFFLOADED" | "ACTIVE"): Promise<void> {
    await this.#engine.setTenantState(PLACE, state);
    while ((await this.#engine.getTenant(PLACE))?.state !== state) {
      await new Promise(setImmediate);
    }
  }

  /** Keys and distances of some queries, exactly and as planned. */
  async answers(): Promise<readonly unknown[]> {
    const answers: unknown[] = [];
    for (let i = 0; i < SAME_QUERIES; i++) {
      for (const isExact of [true, false]) {
        const { hits } = await this.#ask(i, isExact);
        answers.push(hits.map(({ key, distance }) => [key, distance]));
      }
    }
    return answers;
  }

  /** Share of the true nearest that each query finds. */
  async recalls(): Promise<Float64Array> {
    const shares = new Float64Array(QUERIES);
    for (let i = 0; i < QUERIES; i++) {
      const exact = await this.#ask(i, true);
      const { hits, path } = await this.#ask(i, false);
      expect(path).toBe("graph");
      const keys = new Set(exact.hits.map(({ key }) => key));
      shares[i] = hits.filter(({ key }) => keys.has(key)).length / TOP_K;
    }
    return shares;
  }

  async #ask(i: number, isExact: boolean): Promise<{ hits: readonly Hit[]; path: string }> {
    const query: Query = {
      ...{ field: "", topK: TOP_K, include: { vectors: false, metadata: false }, isExact },
      vector: Float32Array.from(this.#vectorOf(1_000_000 + i)),
    };
    const { hits, plan } = await this.#engine.query(PLACE, query);
    return { hits, path: plan.path };
  }

  #vectorOf(number: number): number[] {
    return this.#kind.vectorOf(number + this.#seed * 10_000_000);
  }
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard error of the mean. */
function errorOf(values: Float64Array): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

const LIVES: readonly Rows[] = [
  { kind: CLUSTERED, seed: 3 },
  { kind: CLUSTERED, seed: 4 },
  { kind: UNIFORM, seed: 5 },
];
const allChanges: Float64Array[] = [];

for (const rows of LIVES) {
  it(`R-08: ${rows.kind.name} rows are found as before, seed ${String(rows.seed)}`, async () => {
    const life = await Life.begin(rows);
    const all = Array.from({ length: ROWS }, (_, number) => number);
    await life.write(all, 0);
    await life.rest();
    const before = await life.recalls();
    const answers = await life.answers();

    await life.reopen();
    expect(await life.answers()).toEqual(answers);
    await life.compact();
    await life.rest();
    expect(await life.answers()).toEqual(answers);
    await life.become("OFFLOADED");
    await life.become("ACTIVE");
    expect(await life.answers()).toEqual(answers);

    for (let round = 1; round <= ROUNDS; round++) {
      const drawn = all.filter((number) => noise(number * 31 + round + rows.seed) < -0.3);
      await life.write(drawn, round);
      await life.rest();
    }
    await life.compact();
    await life.rest();
    const after = await life.recalls();
    await life.close();

    const changes = after.map((share, i) => share - (before[i] ?? 0));
    allChanges.push(changes);
    const told = `${mean(before).toFixed(4)} before, ${mean(after).toFixed(4)} after`;
    expect(mean(changes) + ERRORS_MAX * errorOf(changes), told).toBeGreaterThanOrEqual(-DROP_MAX);
    for (const shares of [before, after]) {
      expect(mean(shares), told).toBeGreaterThanOrEqual(RECALL - NEAR);
    }
  });
}

it("R-08: together they have lost no more than 0.2 points", () => {
  expect(allChanges).toHaveLength(LIVES.length);
  const changes = Float64Array.from(allChanges.flatMap((some) => [...some]));
  expect(errorOf(changes)).toBeLessThan(DROP_MAX / 2);
  expect(mean(changes)).toBeGreaterThanOrEqual(-DROP_MAX);
});
