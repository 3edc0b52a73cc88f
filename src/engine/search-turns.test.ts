/**
 * Searches of every kind through the whole engine: each has many turns of the event loop where it
 * has much to do, and ends at the next of them when it is given up. Turns are counted, not timed.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { joinSparse, type Place, type Query, type SparseVector } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 256;
const ROWS = 6_000;
const NOTHING = { vectors: false, metadata: false };

/** Time stands; a turn of the event loop is one, and is counted. */
class CountingClock extends ManualClock {
  turns = 0;
  onTurn: (turns: number) => void = () => undefined;

  override yield(): Promise<void> {
    this.onTurn(++this.turns);
    return new Promise((resolve) => setImmediate(resolve));
  }
}

let engine: Engine;
let clock: CountingClock;

beforeEach(async () => {
  clock = new CountingClock();
  engine = await openEngine({
    ...{ files: new MemoryFileSystem(), clock, random: new SeededRandom(1), workerCount: 0 },
    policy: { memtableBytesMax: 64 * 1_048_576, graphRowsMin: 1_000_000 },
  });
  await engine.createDatabase("db");
  const dense = { name: "", dimension: DIMENSION, metric: "dot" as const };
  const schema = { vectors: [dense], sparseVectors: [{ name: "terms" }] };
  await engine.createCollection("db", "c", {
    schema: { ...schema, identity: "key", unfilterable: ["text"] },
  });
  for (let first = 0; first < ROWS; first += 500) {
    const rows = Array.from({ length: 500 }, (_, i) => first + i);
    const values = new Float32Array(rows.length * DIMENSION);
    for (const [i, row] of rows.entries()) values[i * DIMENSION] = row % 50;
    await engine.upsert(PLACE, {
      keys: rows.map((row) => `k${String(row).padStart(5, "0")}`),
      vectors: [{ field: "", values }],
      sparse: [{ field: "terms", ...joinSparse(rows.map(termsOf)) }],
      metadata: rows.map((row) => ({ text: "t".repeat(400), size: row })),
    });
  }
});

afterEach(async () => {
  await engine.close();
});

function termsOf(row: number): SparseVector {
  return {
    indices: Uint32Array.from({ length: 40 }, (_, i) => i * 3),
    values: new Float32Array(40).fill(1 + (row % 9)),
  };
}

const vector = new Float32Array(DIMENSION).fill(1);
const sparse = { field: "terms", vector: termsOf(0) };
/** Of each kind two that differ in their filter: answers of one are kept. */
const SEARCHES: readonly (readonly [string, (value: string) => Partial<Query>])[] = [
  ["all that tie", () => ({ vector })],
  ["many hits", () => ({ vector, topK: 800, include: { vectors: true, metadata: true } })],
  ["a filter", (value) => ({ vector, filter: { kind: "equal", property: "text", value } })],
  ["a sparse vector", () => ({ sparse })],
  ["a sparse and a dense vector", () => ({ vector, sparse })],
  ["a diverse choice", () => ({ vector, topK: 50, mmr: { lambda: 0.5, candidates: 1_000 } })],
];

it.each(
  SEARCHES.flatMap(([name, more]) => [
    [name, "in memory", more] as const,
    [name, "in a segment", more] as const,
  ]),
)("%s, %s: has turns, and ends at one of them when given up", async (_, where, more) => {
  if (where === "in a segment") await engine.flush(PLACE);
  const query: Query = { field: "", topK: 20, isExact: true, include: NOTHING, ...more("a") };
  const before = clock.turns;
  const whole = await engine.query(PLACE, query);
  const needed = clock.turns - before;
  // One is that of the call itself; the last slice needs none.
  expect(needed).toBeGreaterThan(1);

  const abort = new AbortController();
  const start = clock.turns;
  clock.onTurn = (now) => {
    if (now - start === Math.ceil(needed / 2)) abort.abort(new RangeError("enough"));
  };
  const given = engine.query(PLACE, { ...query, ...more("b"), signal: abort.signal });
  await expect(given).rejects.toThrow("enough");
  // The search that was given up left nothing behind.
  clock.onTurn = () => undefined;
  expect(await engine.query(PLACE, query)).toEqual(whole);
});
