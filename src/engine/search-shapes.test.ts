/**
 * Search by record, several searches, a diverse choice, a distance limit and explanations where the
 * records lie in segments with graphs, not only in memory.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Filter, Place, Query, QueryResult } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 8;
const ROWS = 2_000;

let engine: Engine;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { graphRowsMin: 600, scannedPerEf: 2, residentRowsBytesMax: 0, residentRowsShare: 0 },
  });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
});

afterEach(async () => {
  await engine.close();
});

function keyOf(number: number): string {
  return `k${String(number).padStart(5, "0")}`;
}

function vectorOf(number: number): readonly number[] {
  return Array.from({ length: DIMENSION }, (_, j) => Math.sin(number * (j + 1) * 0.7 + j));
}

async function write(first: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  await engine.upsert(PLACE, {
    keys: numbers.map(keyOf),
    vectors: [{ field: "", values: Float32Array.from(numbers.flatMap(vectorOf)) }],
    metadata: numbers.map((number) => ({ half: number % 2 })),
  });
}

/** Lets the background build the graph. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    clock.advance(turn === 0 ? 3_000 : 1_000);
    for (let i = 0; i < 400; i++) await new Promise(setImmediate);
  }
}

function asked(more: Partial<Query> = {}): Query {
  const include = { vectors: false, metadata: false };
  return { field: "", topK: 10, include, ...more };
}

function keysOf({ hits }: QueryResult): readonly string[] {
  return hits.map(({ key }) => key);
}

it("the record searched by is left out although the graph has it, and nothing else is", async () => {
  await write(0, ROWS);
  await rest();
  const like = { key: keyOf(77), isLeftOut: true };
  const all = await engine.query(PLACE, asked({ like: { key: like.key }, topK: 11 }));
  expect(all.plan.path).toBe("graph");
  expect(all.hits[0]).toMatchObject({ key: like.key, distance: 0 });
  const others = await engine.query(PLACE, asked({ like }));
  expect(keysOf(others)).toEqual(keysOf(all).slice(1));
  // It is there for everybody else, also after that.
  const [again] = await engine.queryAll(PLACE, [asked({ like: { key: like.key }, topK: 1 })]);
  expect(again?.hits[0]?.key).toBe(like.key);
});

it("who is left out under a filter stays there for the next search with it", async () => {
  await write(0, ROWS);
  await rest();
  const filter: Filter = { kind: "equal", property: "half", value: 1 };
  for (const number of [77, 78, 79]) {
    const like = { key: keyOf(number), isLeftOut: true };
    const others = await engine.query(PLACE, asked({ like, filter, isExact: true }));
    expect(keysOf(others)).not.toContain(like.key);
    const own = await engine.query(
      PLACE,
      asked({ like: { key: like.key }, filter, topK: 1, isExact: true }),
    );
    expect(keysOf(own)).toEqual(number % 2 === 1 ? [like.key] : [expect.any(String)]);
  }
});

it("a record that was written again is searched by its newest vector, a deleted one not at all", async () => {
  await write(0, ROWS);
  await rest();
  const values = Float32Array.from(vectorOf(5).map((x) => x + 100));
  const keys = [keyOf(5)];
  await engine.upsert(PLACE, { keys, vectors: [{ field: "", values }], metadata: [undefined] });
  const { hits } = await engine.query(PLACE, asked({ like: { key: keyOf(5) }, topK: 2 }));
  expect(hits[0]).toMatchObject({ key: keyOf(5), distance: 0 });
  expect(hits[1]?.distance).toBeGreaterThan(200);
  await engine.delete(PLACE, [keyOf(5), keyOf(6)]);
  for (const number of [5, 6]) {
    await expect(
      engine.query(PLACE, asked({ like: { key: keyOf(number) } })),
    ).rejects.toMatchObject({ code: "record_not_found" });
  }
});

it("searches of one call see one state, whatever is written while they run", async () => {
  await write(0, ROWS);
  await rest();
  const vector = Float32Array.from(vectorOf(9));
  const before = await engine.query(PLACE, asked({ vector }));
  const running = engine.queryAll(
    PLACE,
    Array.from({ length: 40 }, () => asked({ vector })),
  );
  const deleting = engine.delete(PLACE, keysOf(before));
  const results = await running;
  await deleting;
  const [first = before] = results;
  for (const result of results) expect(result.hits).toEqual(first.hits);
  const gone = new Set(keysOf(before));
  expect(keysOf(await engine.query(PLACE, asked({ vector }))).some((key) => gone.has(key))).toBe(
    false,
  );
});

it("a diverse choice is what the definition gives over exact distances", async () => {
  await write(0, ROWS);
  await rest();
  const target = vectorOf(31);
  const distance = (a: readonly number[], b: readonly number[]): number =>
    Math.hypot(...a.map((x, j) => Math.fround(x) - Math.fround(b[j] ?? 0)));
  const vector = Float32Array.from(target);
  for (const lambda of [0, 0.3, 0.7, 1]) {
    const query = asked({ vector, topK: 8, mmr: { lambda, candidates: 60 }, isExact: true });
    const near = await engine.query(PLACE, asked({ vector, topK: 60, isExact: true }));
    const left = keysOf(near).map((key) => ({ key, at: vectorOf(Number(key.slice(1))) }));
    const chosen: typeof left = [];
    while (chosen.length < 8) {
      const costs = left.map(({ at }) => {
        const toChosen = Math.min(...chosen.map((other) => distance(at, other.at)));
        if (chosen.length === 0) return distance(at, target);
        return lambda * distance(at, target) - (1 - lambda) * toChosen;
      });
      chosen.push(...left.splice(costs.indexOf(Math.min(...costs)), 1));
    }
    expect(keysOf(await engine.query(PLACE, query))).toEqual(chosen.map(({ key }) => key));
  }
});

it("an explanation tells the path of every part, and what was read for it", async () => {
  await write(0, ROWS);
  await rest();
  await write(ROWS, 10);
  const vector = Float32Array.from(vectorOf(3));
  const walked = await engine.query(PLACE, asked({ vector, isExplained: true }));
  expect(walked.plan.path).toBe("graph");
  const [memtable, segment] = walked.explanation?.parts ?? [];
  expect(memtable).toMatchObject({ kind: "memtable", rowCount: 10, rowsScanned: 10 });
  expect(segment).toMatchObject({
    kind: "segment",
    rowCount: ROWS,
    matchCount: ROWS,
    method: "graph",
    reason: "A walk of the graph costs less than a scan.",
  });
  expect(segment?.segment).toMatch(/^[0-9a-f]{32}$/);
  expect(segment?.rowsScanned).toBeLessThan(ROWS);
  expect(segment?.rowsRescored).toBeGreaterThanOrEqual(10);
  // Float32 rows are not resident here: those scored again are read.
  expect(segment?.bytesRead).toBeGreaterThanOrEqual(10 * DIMENSION * 4);
  expect(walked.explanation?.bytesRead).toBe(segment?.bytesRead);
  expect(walked.explanation?.workUnits).toBeGreaterThan(0);

  const methodOf = async (more: Partial<Query>): Promise<unknown> => {
    const result = await engine.query(PLACE, asked({ vector, isExplained: true, ...more }));
    const found = result.explanation?.parts.find(({ kind }) => kind === "segment");
    return [found?.method, found?.matchCount, found?.reason];
  };
  expect(await methodOf({ isExact: true })).toEqual([
    "exact",
    ROWS,
    "An exact search was asked for; the rows are read from the file.",
  ]);
  expect(await methodOf({ topK: 1_900 })).toEqual([
    "codes",
    ROWS,
    "A scan of the rows that pass costs less than a walk of the graph.",
  ]);
  const none = { kind: "equal", property: "half", value: 2 } as const;
  expect(await methodOf({ filter: none })).toEqual(["none", 0, "No row passes."]);
});

it("a distance limit cuts the hits of a segment where it says", async () => {
  await write(0, ROWS);
  await rest();
  const vector = Float32Array.from(vectorOf(13));
  const { hits } = await engine.query(PLACE, asked({ vector, topK: 30 }));
  const maxDistance = hits[17]?.distance ?? 0;
  const limited = await engine.query(PLACE, asked({ vector, topK: 30, maxDistance }));
  expect(limited.hits).toEqual(hits.filter(({ distance }) => distance <= maxDistance));
});

it("several searches end with the first that is cancelled", async () => {
  await write(0, 10);
  const stopped = AbortSignal.abort(new RangeError("enough"));
  const vector = Float32Array.from(vectorOf(1));
  await expect(
    engine.queryAll(PLACE, [asked({ vector }), asked({ vector, signal: stopped })]),
  ).rejects.toThrow("enough");
});
