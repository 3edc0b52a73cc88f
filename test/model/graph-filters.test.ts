/**
 * Filtered searches of graphs never answer fewer records than there are, nor one that does not
 * pass: random data, filters and k against a plain Map, with a graph walked wherever there is one.
 *
 * `INSULA_CASES=100000` tries that many, 50 in each collection; `INSULA_FIRST_SEED=301` begins with
 * the 301st of them, `INSULA_SEED=17` looks at one again.
 */
import { performance } from "node:perf_hooks";
import { expect, it } from "vitest";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { ManualClock, MemoryFileSystem } from "../../src/io/index.ts";
import { matchesFilter, type Metadata, type Place, type Query } from "../../src/model/index.ts";
import { Chance } from "./chance.ts";

const CASES = Number(process.env["INSULA_CASES"] ?? 500);
const FIRST_SEED = Number(process.env["INSULA_FIRST_SEED"] ?? 1);
const ONE = process.env["INSULA_SEED"];
/** Searches of one collection. */
const CASES_EACH = 50;
const SEEDS =
  ONE === undefined
    ? Array.from({ length: Math.ceil(CASES / CASES_EACH) }, (_, i) => FIRST_SEED + i)
    : [Number(ONE)];
const PLACE: Place = { database: "db", collection: "c" };
const NOTHING = { vectors: false, metadata: false };
const PROGRESS_MS = 10_000;

/** One collection: a graph, rows written and deleted after it was built, and perhaps restarts. */
class Life {
  readonly chance: Chance;
  readonly records = new Map<string, Metadata | undefined>();
  readonly paths = new Map<string, number>();
  readonly #clock = new ManualClock();
  readonly #files = new MemoryFileSystem();
  readonly #dimension: number;
  readonly #keyCount: number;
  readonly #policy: object;
  #engine: Engine | undefined;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.#dimension = this.chance.pick([2, 5, 16, 24]);
    // Above 512 rows the breadth is measured, below it is taken from a table.
    this.#keyCount = this.chance.pick([40, 300, 300, 700, 1_400]);
    this.#policy = {
      ...{ graphRowsMin: 1, scannedPerEf: this.chance.pick([0, 0, 0, 1, 4]), quietFlushMs: 0 },
      residentRowsBytesMax: this.chance.pick([0, 64 * 1_048_576]),
      residentRowsShare: this.chance.pick([0, 0.5]),
    };
  }

  async run(): Promise<void> {
    await this.#open();
    try {
      await this.#create();
      await this.#write(this.#keyCount);
      await this.#rest();
      for (let i = 0; i < CASES_EACH; i++) {
        if (i % 10 === 9) await this.#change();
        await this.#search();
      }
    } finally {
      await this.#engine?.close();
    }
  }

  get #opened(): Engine {
    if (this.#engine === undefined) throw new RangeError("open the engine first");
    return this.#engine;
  }

  async #open(): Promise<void> {
    this.#engine = await openEngine({
      files: this.#files,
      clock: this.#clock,
      random: this.chance.random,
      workerCount: 0,
      policy: this.#policy,
    });
  }

  async #create(): Promise<void> {
    const metric = this.chance.pick(["cosine", "dot", "euclidean"] as const);
    const vectors = [{ name: "", dimension: this.#dimension, metric }];
    const unfilterable = this.chance.pick([[], [], ["text"]]);
    await this.#opened.createDatabase(PLACE.database);
    await this.#opened.createCollection(PLACE.database, PLACE.collection, {
      schema: { vectors, identity: "key", unfilterable },
    });
  }

  async #write(count: number): Promise<void> {
    const { chance } = this;
    const keys = new Set<string>();
    for (let i = 0; i < count; i++) keys.add(`k${String(chance.below(this.#keyCount))}`);
    const all = [...keys];
    for (let i = 0; i < all.length; i += 200) {
      const some = all.slice(i, i + 200);
      const rows = some.map(() => ({
        vector: chance.vector(this.#dimension),
        metadata: chance.metadata(),
      }));
      const values = Float32Array.from(rows.flatMap(({ vector }) => [...vector]));
      await this.#opened.upsert(PLACE, {
        keys: some,
        vectors: [{ field: "", values }],
        metadata: rows.map(({ metadata }) => metadata),
      });
      for (const [j, key] of some.entries()) this.records.set(key, rows[j]?.metadata);
    }
  }

  /** Rows of the graph die, others lie beside it, it is taken over by a merge, or read anew. */
  async #change(): Promise<void> {
    const { chance } = this;
    switch (chance.below(6)) {
      case 0: {
        const gone = [...this.records.keys()].filter(() => chance.once(5));
        await this.#opened.delete(PLACE, gone);
        for (const key of gone) this.records.delete(key);
        return;
      }
      case 1:
        return this.#write(20);
      case 2:
        await this.#write(60);
        return this.#opened.flush(PLACE);
      case 3:
        return this.#rest();
      case 4:
        await this.#opened.compact(PLACE);
        return this.#rest();
      default:
        await this.#engine?.close();
        return this.#open();
    }
  }

  /** Lets the background build graphs until searches walk one, or it has had time enough. */
  async #rest(): Promise<void> {
    await this.#opened.flush(PLACE);
    for (let turn = 0; turn < 40; turn++) {
      this.#clock.advance(1_000);
      for (let i = 0; i < 25; i++) await new Promise(setImmediate);
      if (turn < 3) continue;
      const vector = this.chance.vector(this.#dimension);
      const query = { field: "", vector, topK: 1, include: NOTHING };
      if ((await this.#opened.query(PLACE, query)).plan.path === "graph") return;
    }
  }

  async #search(): Promise<void> {
    const { chance } = this;
    const filter = chance.once(8) ? undefined : chance.filter(3);
    const query: Query = {
      field: "",
      vector: chance.vector(this.#dimension),
      topK: chance.pick([1, 3, 10, 40, 200, 1 + chance.below(this.#keyCount + 9)]),
      include: NOTHING,
      ...(filter === undefined ? {} : { filter }),
      ...(chance.once(4) ? { recall: chance.pick([0.7, 0.9, 0.99]) } : {}),
    };
    const { hits, plan } = await this.#opened.query(PLACE, query);
    this.paths.set(plan.path, (this.paths.get(plan.path) ?? 0) + 1);
    const passing = new Set(
      [...this.records]
        .filter(([, metadata]) => filter === undefined || matchesFilter(filter, metadata))
        .map(([key]) => key),
    );
    const said = JSON.stringify(query, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    expect(hits.length, said).toBe(Math.min(query.topK, passing.size));
    expect(new Set(hits.map(({ key }) => key)).size, said).toBe(hits.length);
    expect(
      hits.filter(({ key }) => !passing.has(key)),
      said,
    ).toEqual([]);
    for (let i = 1; i < hits.length; i++) {
      const [before, after] = [hits[i - 1]?.distance ?? 0, hits[i]?.distance ?? 0];
      if (before > after) expect.fail(`hits are out of order: ${said}`);
    }
  }
}

it(`gives as many hits as records pass, of ${String(CASES)} random data, filters and k`, async () => {
  const paths = new Map<string, number>();
  let toldMs = performance.now();
  for (const [i, seed] of SEEDS.entries()) {
    const life = new Life(seed);
    try {
      await life.run();
    } catch (error) {
      throw new Error(`INSULA_SEED=${String(seed)}`, { cause: error });
    }
    for (const [path, count] of life.paths) paths.set(path, (paths.get(path) ?? 0) + count);
    if (performance.now() - toldMs < PROGRESS_MS) continue;
    toldMs = performance.now();
    process.stdout.write(
      `graph filters: ${String((i + 1) * CASES_EACH)} of ${String(SEEDS.length * CASES_EACH)}\n`,
    );
  }
  const told = [...paths].map(([path, count]) => `${path} ${String(count)}`).join(", ");
  process.stdout.write(`graph filters: ${told}\n`);
  if (ONE === undefined) {
    expect(paths.get("graph") ?? 0, told).toBeGreaterThan((SEEDS.length * CASES_EACH) / 3);
  }
});
