/** Fields that are to cost little memory: what is loaded, what is found, what stays as it is. */
import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { FieldMemory, Metric, Query, WriteBatch } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const DIMENSION = 96;
const ROWS = 1_200;
const PLACE = { database: "db", collection: "c" };
const NOTHING = { vectors: false, metadata: false };

let files: MemoryFileSystem;
let engine: Engine;

function open(seed: number): Promise<Engine> {
  const clock = new ManualClock();
  return openEngine({ files, clock, random: new SeededRandom(seed), workerCount: 0 });
}

/** Thirty directions with noise around them, of different lengths. */
function vectorsOf(count: number, seed: number): Float32Array {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const values = new Float32Array(count * DIMENSION);
  for (let i = 0; i < count; i++) {
    const length = 1 + (i % 3) / 4;
    for (let j = 0; j < DIMENSION; j++) {
      values[i * DIMENSION + j] = length * (Math.sin(((i % 30) + 1) * (j + 3) * 1.7) + next());
    }
  }
  return values;
}

function batchOf(first: number, values: Float32Array): WriteBatch {
  const count = values.length / DIMENSION;
  const keys = Array.from({ length: count }, (_, i) => `k${String(first + i).padStart(5, "0")}`);
  const metadata = keys.map((_, i) => ({ n: (first + i) % 7 }));
  return { keys, vectors: [{ field: "", values }], metadata };
}

async function fill(metric: Metric, memory: FieldMemory): Promise<void> {
  const vectors = [{ name: "", dimension: DIMENSION, metric, memory }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  await engine.upsert(PLACE, batchOf(0, vectorsOf(ROWS, 5)));
  await engine.flush(PLACE);
}

function query(i: number, more: Partial<Query> = {}): Query {
  const vector = vectorsOf(i + 1, 77).subarray(i * DIMENSION);
  return { field: "", vector, topK: 10, include: NOTHING, isExact: false, ...more };
}

async function recall(more: Partial<Query> = {}, count = 20): Promise<number> {
  let found = 0;
  for (let i = 0; i < count; i++) {
    const exact = await engine.query(PLACE, query(i, { ...more, isExact: true }));
    const keys = new Set(exact.hits.map(({ key }) => key));
    const { hits } = await engine.query(PLACE, query(i, more));
    expect(hits.length).toBe(keys.size);
    found += hits.filter(({ key }) => keys.has(key)).length / keys.size;
  }
  return found / count;
}

/** What a query leaves in memory for as long as the shard is awake. */
/** After so many searches. */
async function residentBytes(searches: number): Promise<number> {
  for (let i = 0; i < searches; i++) await engine.query(PLACE, query(i));
  const awake = engine.stats().arenaBytesUsed;
  await engine.deactivate(PLACE);
  return awake - engine.stats().arenaBytesUsed;
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  engine = await open(1);
  await engine.createDatabase("db");
  return () => engine.close();
});

describe("A field of small memory", () => {
  for (const metric of ["cosine", "dot", "euclidean"] as const) {
    it(`finds what is nearest by ${metric}, with distances as exact as ever`, async () => {
      await fill(metric, "small");
      expect(await recall()).toBeGreaterThanOrEqual(0.95);
      const { hits, plan } = await engine.query(PLACE, query(3));
      const exact = await engine.query(PLACE, query(3, { isExact: true }));
      expect(plan.path).toBe("codes");
      expect(plan.rowsRescored).toBeGreaterThan(10);
      const distances = new Map(exact.hits.map(({ key, distance }) => [key, distance]));
      for (const { key, distance } of hits) {
        expect(distance).toBe(distances.get(key) ?? distance);
      }
    });
  }

  it("holds a fraction of the memory", async () => {
    await fill("cosine", "small");
    const small = await residentBytes(50);
    await engine.close();
    files = new MemoryFileSystem();
    engine = await open(1);
    await engine.createDatabase("db");
    await fill("cosine", "fast");
    // 28 bytes a row, against 96 of codes and 12 of factors.
    expect(small * 2.5).toBeLessThan(await residentBytes(1));
    // Of those that are searched again and again 388 of the row itself come on top.
    expect(small * 8).toBeLessThan(await residentBytes(50));
  });

  it("never gives fewer than there are, however few pass a filter", async () => {
    await fill("euclidean", "small");
    for (const filter of [
      { kind: "equal", property: "n", value: 3 },
      { kind: "equal", property: "n", value: 99 },
    ] as const) {
      const count = await engine.count(PLACE, filter);
      const { hits } = await engine.query(PLACE, query(1, { filter, topK: 500 }));
      expect(hits.length).toBe(count);
    }
    const filter = { kind: "equal", property: "n", value: 3 } as const;
    expect(await recall({ filter })).toBeGreaterThanOrEqual(0.95);
  });

  it("is the same after merges, deletes and a restart", async () => {
    await fill("cosine", "small");
    await engine.upsert(PLACE, batchOf(600, vectorsOf(900, 9)));
    await engine.delete(PLACE, ["k00001", "k00700"]);
    await engine.compact(PLACE);
    await engine.close();
    engine = await open(2);
    const info = await engine.getCollection("db", "c");
    expect(info?.schema.vectors[0]).toMatchObject({ metric: "cosine", memory: "small" });
    expect(await engine.count(PLACE)).toBe(1_498);
    expect(await recall()).toBeGreaterThanOrEqual(0.95);
    const near = await engine.query(PLACE, query(0, { topK: 1_498 }));
    expect(near.hits.length).toBe(1_498);
    expect(near.hits.map(({ key }) => key)).not.toContain("k00001");
  });

  it("compares rows exactly where more recall is asked for than codes of bits can give", async () => {
    await fill("cosine", "small");
    expect(await recall({ recall: 0.999 })).toBeGreaterThanOrEqual(0.99);
  });

  it("has int8 codes where there are too few rows for codes of bits", async () => {
    const vectors = [
      { name: "", dimension: DIMENSION, metric: "cosine" as const, memory: "small" as const },
    ];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createCollection("db", "c", { schema });
    await engine.upsert(PLACE, batchOf(0, vectorsOf(255, 5)));
    await engine.flush(PLACE);
    expect(await recall()).toBe(1);
    expect(await residentBytes(1)).toBeGreaterThan(255 * DIMENSION);
  });
});
