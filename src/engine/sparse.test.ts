/**
 * Sparse vectors through the life of a shard: found from memtables and segments alike, to the bit
 * as a look at every record finds them, after flushes, merges, deletions, restarts and under
 * filters.
 */
import { afterEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom, type FileSystem } from "../io/index.ts";
import {
  encodeMetadata,
  joinSparse,
  matchesFilter,
  type Filter,
  type Place,
  type Query,
  type Schema,
  type SparseVector,
  type WriteBatch,
} from "../model/index.ts";
import { sparseDot } from "../inverted/index.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 4;
const VOCABULARY = 60;
const NOTHING = { vectors: false, metadata: false };
const SCHEMA: Schema = {
  vectors: [{ name: "", dimension: DIMENSION, metric: "dot" }],
  sparseVectors: [{ name: "terms" }, { name: "title" }],
  identity: "key",
  unfilterable: [],
};

interface Known {
  readonly vector: Float32Array;
  readonly terms: SparseVector | undefined;
  readonly color: string;
}

const faults: unknown[] = [];
let engine: Engine | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  expect(faults.splice(0)).toEqual([]);
});

async function openOn(files: FileSystem, more: Partial<EngineOptions> = {}): Promise<Engine> {
  await engine?.close();
  engine = await openEngine({
    files,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    onFault: (error) => faults.push(error),
    ...more,
  });
  return engine;
}

async function openNew(schema: Schema, more: Partial<EngineOptions> = {}): Promise<Engine> {
  const opened = await openOn(new MemoryFileSystem(), more);
  await opened.createDatabase("db");
  await opened.createCollection("db", "c", { schema });
  return opened;
}

/** Draws whole numbers below a bound. */
class Chance {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  below(bound: number): number {
    const [a = 0, b = 0, c = 0] = this.#random.bytes(3);
    return (a * 65_536 + b * 256 + c) % bound;
  }

  /** Small dimensions come often, as words do; few different values, so that scores are equal. */
  sparse(): SparseVector {
    const indices = new Set<number>();
    const count = 1 + this.below(8);
    while (indices.size < count) indices.add(this.below(1 + this.below(VOCABULARY)) * 71_582_788);
    const sorted = Uint32Array.from(indices).sort();
    return { indices: sorted, values: Float32Array.from(sorted, () => this.below(7) / 4 - 0.5) };
  }

  dense(dimension = DIMENSION): Float32Array {
    return Float32Array.from({ length: dimension }, () => this.below(9) - 4);
  }
}

function toBatch(records: ReadonlyMap<string, Known>): WriteBatch {
  const known = [...records.values()];
  return {
    keys: [...records.keys()],
    vectors: [{ field: "", values: Float32Array.from(known.flatMap(({ vector }) => [...vector])) }],
    sparse: [{ field: "terms", ...joinSparse(known.map(({ terms }) => terms)) }],
    metadata: known.map(({ color }) => ({ color })),
  };
}

/** A look at every record, with the sums in the documented order. */
function expected(model: ReadonlyMap<string, Known>, query: Query): object[] {
  const hits: { key: string; distance: number }[] = [];
  for (const [key, { vector, terms, color }] of model) {
    if (query.filter !== undefined && !matchesFilter(query.filter, { color })) continue;
    const asked = query.sparse?.vector;
    const sum = asked && terms && sparseDot(asked, terms);
    if (query.vector === undefined) {
      if (sum !== undefined) hits.push({ key, distance: Math.fround(0 - sum) });
      continue;
    }
    // Small whole numbers: exact in float32 in any order.
    const dense = vector.reduce((dot, x, i) => dot + x * (query.vector?.[i] ?? 0), 0);
    const { dense: a, sparse: b } = query.weights ?? { dense: 1, sparse: 1 };
    hits.push({ key, distance: Math.fround(a * (0 - dense) + b * (0 - (sum ?? 0))) });
  }
  hits.sort((x, y) => x.distance - y.distance || (x.key < y.key ? -1 : 1));
  return hits.slice(0, query.topK);
}

async function compare(
  opened: Engine,
  model: ReadonlyMap<string, Known>,
  chance: Chance,
  dimension = DIMENSION,
): Promise<void> {
  const filters: (Filter | undefined)[] = [
    undefined,
    { kind: "equal", property: "color", value: "red" },
  ];
  for (const filter of filters) {
    for (const topK of [1, 7, 500]) {
      const sparse = { field: "terms", vector: chance.sparse() };
      const base: Query = {
        ...{ field: "", topK, include: NOTHING, sparse },
        ...(filter === undefined ? {} : { filter }),
      };
      const weights = { dense: 0.25, sparse: 0.75 };
      const vector = chance.dense(dimension);
      for (const query of [base, { ...base, vector }, { ...base, vector, weights }]) {
        const { hits } = await opened.query(PLACE, query);
        expect(hits).toEqual(expected(model, query));
      }
    }
  }
}

/** What is stored is what was written. */
async function compareRecords(opened: Engine, model: ReadonlyMap<string, Known>): Promise<void> {
  const include = { vectors: true, metadata: false };
  const found = new Map<string, SparseVector | undefined>();
  for (const { key, sparse } of (await opened.list(PLACE, { limit: 10_000, include })).items) {
    found.set(key, sparse?.get("terms"));
  }
  expect(found).toEqual(
    new Map([...model].map(([key, { terms }]) => [key, terms] as const).sort()),
  );
  const keys = [...model.keys()].slice(0, 20);
  const got = await opened.get(PLACE, keys, include);
  expect(got.map((record) => record?.sparse?.get("terms"))).toEqual(
    keys.map((key) => model.get(key)?.terms),
  );
}

for (const [name, more] of [
  ["with rows in memory", {}],
  ["with rows on the disk", { policy: { residentRowsBytesMax: 0 } }],
] as const) {
  it(`answers as a look at every record does, whatever happened to them, ${name}`, async () => {
    const chance = new Chance(11);
    const files = new MemoryFileSystem();
    let opened = await openOn(files, more);
    await opened.createDatabase("db");
    await opened.createCollection("db", "c", { schema: SCHEMA });
    const model = new Map<string, Known>();
    for (let round = 0; round < 12; round++) {
      const written = new Map<string, Known>();
      for (let i = 0; i < 60; i++) {
        const key = `k${String(chance.below(400)).padStart(3, "0")}`;
        const terms = chance.below(5) === 0 ? undefined : chance.sparse();
        written.set(key, { vector: chance.dense(), terms, color: i % 3 === 0 ? "red" : "blue" });
      }
      await opened.upsert(PLACE, toBatch(written));
      for (const [key, known] of written) model.set(key, known);
      const gone = [...model.keys()].filter(() => chance.below(9) === 0);
      await opened.delete(PLACE, gone);
      for (const key of gone) model.delete(key);
      if (round % 3 === 1) await opened.flush();
      if (round % 5 === 4) await opened.compact(PLACE);
      if (round % 4 === 3) opened = await openOn(files, more);
      await compare(opened, model, chance);
      await compareRecords(opened, model);
      const info = await opened.getCollection("db", "c");
      expect(info?.rowCount).toBe(model.size);
    }
    const bytes = [...model].reduce(
      (sum, [key, { terms, color }]) =>
        sum + key.length + DIMENSION * 4 + (terms?.indices.length ?? 0) * 8 + metadataBytes(color),
      0,
    );
    expect((await opened.getCollection("db", "c"))?.byteCount).toBe(bytes);
  });
}

/** Lets the background work until it has nothing to do. */
async function rest(clock: ManualClock): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    clock.advance(turn === 0 ? 3_000 : 1_000);
    for (let i = 0; i < 400; i++) await new Promise(setImmediate);
  }
}

describe("where segments get graphs", () => {
  const policy = { graphRowsMin: 500, scannedPerEf: 2, residentRowsBytesMax: 0 };
  const dimension = 16;

  it("one score of both is still the best of all records, whatever a graph would find", async () => {
    const chance = new Chance(5);
    const clock = new ManualClock();
    const vectors = [{ name: "", dimension, metric: "dot" as const }];
    const opened = await openNew({ ...SCHEMA, vectors }, { policy, clock });
    const model = new Map<string, Known>();
    for (let i = 0; i < 2_000; i++) {
      const terms = i % 5 === 0 ? undefined : chance.sparse();
      const color = i % 3 === 0 ? "red" : "blue";
      model.set(`k${String(i)}`, { vector: chance.dense(dimension), terms, color });
    }
    await opened.upsert(PLACE, toBatch(model));
    await opened.flush();
    await rest(clock);
    const query: Query = { field: "", topK: 10, include: NOTHING, vector: chance.dense(dimension) };
    expect((await opened.query(PLACE, query)).plan.path).toBe("graph");
    await compare(opened, model, chance, dimension);
    const gone = [...model.keys()].filter(() => chance.below(4) === 0);
    await opened.delete(PLACE, gone);
    for (const key of gone) model.delete(key);
    await compare(opened, model, chance, dimension);
  });

  it("a collection without dense vectors has none, and rests", async () => {
    const chance = new Chance(6);
    const clock = new ManualClock();
    const opened = await openNew({ ...SCHEMA, vectors: [] }, { policy, clock });
    const terms = Array.from({ length: 1_000 }, () => chance.sparse());
    await opened.upsert(PLACE, {
      keys: terms.map((_, i) => `k${String(i)}`),
      vectors: [],
      sparse: [{ field: "terms", ...joinSparse(terms) }],
      metadata: terms.map(() => undefined),
    });
    await opened.flush();
    await rest(clock);
    const sparse = { field: "terms", vector: chance.sparse() };
    const { hits } = await opened.query(PLACE, { field: "", topK: 5, include: NOTHING, sparse });
    expect(hits).toHaveLength(5);
  });
});

function metadataBytes(color: string): number {
  return encodeMetadata({ color }).length;
}

describe("a collection of sparse vectors only", () => {
  const schema: Schema = { ...SCHEMA, vectors: [], sparseVectors: [{ name: "terms" }] };
  const batch = (rows: readonly SparseVector[]): WriteBatch => ({
    keys: rows.map((_, i) => `k${String(i)}`),
    vectors: [],
    sparse: [{ field: "terms", ...joinSparse(rows) }],
    metadata: rows.map(() => undefined),
  });
  const one = (index: number, value: number): SparseVector => ({
    indices: Uint32Array.of(index),
    values: Float32Array.of(value),
  });

  it("returns records that share an index, whatever the sign, and no others", async () => {
    const opened = await openNew(schema);
    await opened.upsert(PLACE, batch([one(1, 2), one(2, 9), one(1, -3), one(1, 0)]));
    const query: Query = {
      ...{ field: "", topK: 10, include: { vectors: true, metadata: false } },
      sparse: { field: "terms", vector: one(1, 1) },
    };
    const hits = [
      { key: "k0", distance: -2, sparse: new Map([["terms", one(1, 2)]]) },
      { key: "k3", distance: 0, sparse: new Map([["terms", one(1, 0)]]) },
      { key: "k2", distance: 3, sparse: new Map([["terms", one(1, -3)]]) },
    ];
    expect((await opened.query(PLACE, query)).hits).toEqual(hits);
    await opened.flush();
    const flushed = await opened.query(PLACE, query);
    expect(flushed.hits).toEqual(hits);
    expect(flushed.plan.path).toBe("sparse");
  });

  it("keeps its schema over a restart", async () => {
    const files = new MemoryFileSystem();
    const opened = await openOn(files);
    await opened.createDatabase("db");
    await opened.createCollection("db", "c", { schema });
    const again = await openOn(files);
    expect((await again.getCollection("db", "c"))?.schema).toEqual(schema);
  });

  it("shows what float32 cannot hold as the largest number it can", async () => {
    const opened = await openNew(schema);
    await opened.upsert(PLACE, batch([one(1, 3e38)]));
    const query: Query = {
      ...{ field: "", topK: 1, include: NOTHING },
      sparse: { field: "terms", vector: one(1, 3e38) },
    };
    const largest = 3.4028234663852886e38;
    expect((await opened.query(PLACE, query)).hits).toEqual([{ key: "k0", distance: -largest }]);
  });
});
