/**
 * Searches by sparse vectors in every shape that searches have, where the records lie in segments
 * and in memory: by record, within a distance, several at once, explained.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import {
  joinSparse,
  type ExplainedPart,
  type Place,
  type Query,
  type QueryResult,
  type SparseVector,
} from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 4;
const ROWS = 700;

let engine: Engine;

beforeEach(async () => {
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { residentRowsBytesMax: 0 },
  });
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: DIMENSION, metric: "dot", recall: 0.99 }],
      sparseVectors: [{ name: "terms" }, { name: "title" }],
      identity: "key",
      unfilterable: [],
    },
  });
});

afterEach(async () => {
  await engine.close();
});

function keyOf(number: number): string {
  return `k${String(number).padStart(5, "0")}`;
}

function vectorOf(number: number): readonly number[] {
  return Array.from({ length: DIMENSION }, (_, j) => ((number * (j + 3)) % 17) - 8);
}

/** Every fifth record has none. */
function termsOf(number: number): SparseVector | undefined {
  if (number % 5 === 0) return undefined;
  const indices = Uint32Array.of(number % 7, 10 + (number % 31));
  return { indices, values: Float32Array.of(1 + (number % 3), 1 + (number % 11) / 4) };
}

/** The first in a segment, the rest in memory. */
async function fill(inSegment = ROWS): Promise<void> {
  const write = async (first: number, end: number): Promise<void> => {
    const numbers = Array.from({ length: end - first }, (_, i) => first + i);
    await engine.upsert(PLACE, {
      keys: numbers.map(keyOf),
      vectors: [{ field: "", values: Float32Array.from(numbers.flatMap(vectorOf)) }],
      sparse: [{ field: "terms", ...joinSparse(numbers.map(termsOf)) }],
      metadata: numbers.map((number) => ({ half: number % 2 })),
    });
  };
  await write(0, inSegment);
  await engine.flush();
  if (inSegment < ROWS) await write(inSegment, ROWS);
}

function asked(more: Partial<Query>): Query {
  const include = { vectors: false, metadata: false };
  return { field: "", topK: 10, include, ...more };
}

function keysOf({ hits }: QueryResult): readonly string[] {
  return hits.map(({ key }) => key);
}

/** A record's own vectors, as a query gives them. */
function given(number: number): {
  readonly vector: Float32Array;
  readonly sparse: Query["sparse"];
} {
  const vector = termsOf(number);
  return {
    vector: Float32Array.from(vectorOf(number)),
    sparse: vector === undefined ? undefined : { field: "terms", vector },
  };
}

it.each([
  ["in a segment", ROWS],
  ["in memory and in a segment", 300],
])("a record's sparse vector finds what the same vector does, %s", async (_, inSegment) => {
  await fill(inSegment);
  for (const number of [1, 299, 301, 699]) {
    const { sparse } = given(number);
    const like = { key: keyOf(number) };
    const byRecord = await engine.query(PLACE, asked({ like, field: "terms" }));
    const byVector = await engine.query(PLACE, asked(sparse === undefined ? {} : { sparse }));
    expect(byRecord.hits).toEqual(byVector.hits);
    expect(byRecord.hits.length).toBe(10);
    const out = { like: { ...like, isLeftOut: true }, field: "terms", topK: ROWS };
    const all = await engine.query(PLACE, asked({ like, field: "terms", topK: ROWS }));
    const others = keysOf(all).filter((key) => key !== like.key);
    expect(keysOf(await engine.query(PLACE, asked(out)))).toEqual(others);
    expect(others.length).toBe(all.hits.length - 1);
  }
});

it("a record's vector and a sparse one have one score, with it or without", async () => {
  await fill(300);
  const weights = { dense: 0.5, sparse: 2 };
  for (const number of [4, 302]) {
    const { vector } = given(number);
    const { sparse } = given(number + 2);
    const both = { ...(sparse === undefined ? {} : { sparse }), weights, topK: 20 };
    const byVector = await engine.query(PLACE, asked({ ...both, vector }));
    const like = { key: keyOf(number) };
    expect((await engine.query(PLACE, asked({ ...both, like }))).hits).toEqual(byVector.hits);
    const out = { ...both, like: { ...like, isLeftOut: true }, topK: ROWS };
    const others = keysOf(await engine.query(PLACE, asked(out)));
    expect(others).toHaveLength(ROWS - 1);
    expect(others).not.toContain(like.key);
  }
});

it("a record without a sparse vector cannot stand for one, wherever it lies", async () => {
  await fill(300);
  for (const key of [keyOf(5), keyOf(400)]) {
    for (const field of ["terms", "title"]) {
      await expect(engine.query(PLACE, asked({ like: { key }, field }))).rejects.toMatchObject({
        code: "argument_invalid",
        message: expect.stringContaining(key) as string,
      });
    }
  }
});

it("a distance limit cuts the hits where it says, alone and in one score", async () => {
  await fill(300);
  const { vector, sparse } = given(8);
  if (sparse === undefined) throw new TypeError("record 8 has one");
  for (const query of [asked({ sparse, topK: 60 }), asked({ sparse, vector, topK: 60 })]) {
    const { hits } = await engine.query(PLACE, query);
    const maxDistance = hits[17]?.distance ?? 0;
    const limited = await engine.query(PLACE, { ...query, maxDistance });
    expect(limited.hits).toEqual(hits.filter(({ distance }) => distance <= maxDistance));
    expect(limited.hits.length).toBeGreaterThanOrEqual(18);
  }
});

it("searches of all kinds in one call are each what they are alone", async () => {
  await fill(300);
  const { vector, sparse } = given(8);
  if (sparse === undefined) throw new TypeError("record 8 has one");
  const filter = { kind: "equal", property: "half", value: 1 } as const;
  const queries = [
    asked({ vector }),
    asked({ sparse }),
    asked({ vector, sparse, filter }),
    asked({ like: { key: keyOf(8), isLeftOut: true }, field: "terms" }),
    asked({ sparse, filter, maxDistance: -2, recall: 0.5 }),
  ];
  const results = await engine.queryAll(PLACE, queries);
  for (const [i, query] of queries.entries()) {
    const alone = await engine.query(PLACE, query);
    expect(results[i]?.hits).toEqual(alone.hits);
    expect(results[i]?.plan).toEqual(alone.plan);
  }
});

it("an explanation tells what was compared in every part, and what was read for it", async () => {
  await fill(600);
  const { vector, sparse } = given(8);
  if (sparse === undefined) throw new TypeError("record 8 has one");
  const partsOf = async (more: Partial<Query>): Promise<readonly (ExplainedPart | undefined)[]> => {
    const { explanation, plan } = await engine.query(PLACE, asked({ ...more, isExplained: true }));
    const parts = explanation?.parts ?? [];
    const scanned = parts.reduce((sum, { rowsScanned }) => sum + rowsScanned, 0);
    expect(plan.rowsScanned).toBe(scanned);
    expect(explanation?.bytesRead).toBe(parts.reduce((sum, part) => sum + part.bytesRead, 0));
    expect(explanation?.workUnits).toBeGreaterThan(0);
    return parts;
  };
  const [memtable, segment] = await partsOf({ sparse });
  expect(memtable).toMatchObject({ kind: "memtable", method: "exact", rowsScanned: 100 });
  expect(segment).toMatchObject({
    ...{ kind: "segment", rowCount: 600, matchCount: 600, method: "sparse", rowsRescored: 0 },
    reason: "The index of the sparse field gives exactly the nearest.",
  });
  expect(segment?.bytesRead).toBeGreaterThan(0);

  const filter = { kind: "equal", property: "half", value: 1 } as const;
  const [, both] = await partsOf({ sparse, vector, filter });
  expect(both).toMatchObject({
    ...{ matchCount: 300, method: "exact", rowsScanned: 300, rowsRescored: 0 },
    reason: "A score of dense and sparse together is compared exactly.",
  });
  // Float32 rows are not resident here: all are read.
  expect(both?.bytesRead).toBeGreaterThanOrEqual(600 * DIMENSION * 4);

  const title = { field: "title", vector: sparse.vector };
  const [, none] = await partsOf({ sparse: title });
  expect(none).toMatchObject({
    ...{ method: "sparse", rowsScanned: 0 },
    reason: "No row shares a dimension with the query, says the index.",
  });
});
