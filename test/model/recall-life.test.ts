/**
 * The recall of one fixed collection through its life: built, restarted, merged, and written anew
 * in rounds. Queries are no rows. Nothing is left to chance, so that a figure that moves is a
 * change of the code.
 */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../../src/io/index.ts";
import type { Place, QueryPlan } from "../../src/model/index.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const NOTHING = { vectors: false, metadata: false };
const DIMENSION = 24;
const ROWS = 4_000;
const QUERIES = 200;
const TOP_K = 10;
/** What the field asks for. */
const RECALL = 0.95;
/** What a station may have less than asked, and what two graphs of it may lie apart. */
const BELOW = 0.005;
const APART = 0.01;

const files = new MemoryFileSystem();
const clock = new ManualClock();

async function open(): Promise<Engine> {
  return openEngine({
    ...{ files, clock, random: new SeededRandom(3), workerCount: 0 },
    policy: { graphRowsMin: 500, scannedPerEf: 1 },
  });
}

/** A number between -0.5 and 0.5 that belongs to another, the same in each run. */
function noise(seed: number): number {
  let hash = Math.imul(seed ^ (seed >>> 15), 0x2c1b_3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a_2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32 - 0.5;
}

function vectorOf(number: number): number[] {
  const cluster = number % 40;
  return Array.from(
    { length: DIMENSION },
    (_, j) => noise(cluster * 131 + j) + 1.6 * noise(number * 977 + j * 13 + 5),
  );
}

/** A row's vector is that of its number and of the round it was written in. */
async function write(engine: Engine, numbers: readonly number[], round: number): Promise<void> {
  for (let first = 0; first < numbers.length; first += 500) {
    const some = numbers.slice(first, first + 500);
    const values = Float32Array.from(some.flatMap((number) => vectorOf(number + round * ROWS)));
    await engine.upsert(PLACE, {
      keys: some.map((number) => `k${String(number).padStart(5, "0")}`),
      vectors: [{ field: "", values }],
      metadata: some.map(() => undefined),
    });
  }
}

/** Lets the background flush, merge and build graphs. */
async function rest(engine: Engine): Promise<void> {
  await engine.flush(PLACE);
  for (let turn = 0; turn < 30; turn++) {
    clock.advance(2_000);
    for (let i = 0; i < 200; i++) await new Promise(setImmediate);
  }
}

async function measure(engine: Engine): Promise<{ recall: number; path: QueryPlan["path"] }> {
  let found = 0;
  let path: QueryPlan["path"] = "empty";
  for (let i = 0; i < QUERIES; i++) {
    const query = {
      ...{ field: "", topK: TOP_K, include: NOTHING },
      vector: Float32Array.from(vectorOf(1_000_000 + i)),
    };
    const exact = await engine.query(PLACE, { ...query, isExact: true });
    const { hits, plan } = await engine.query(PLACE, query);
    const keys = new Set(exact.hits.map(({ key }) => key));
    found += hits.filter(({ key }) => keys.has(key)).length;
    ({ path } = plan);
  }
  return { recall: found / (QUERIES * TOP_K), path };
}

it("the recall asked for is kept by a restart, a merge and rounds of churn, within a point", async () => {
  let engine = await open();
  await engine.createDatabase("db");
  const field = { name: "", dimension: DIMENSION, metric: "cosine" as const, recall: RECALL };
  const schema = { vectors: [field], identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  const all = Array.from({ length: ROWS }, (_, number) => number);
  await write(engine, all, 0);
  await rest(engine);
  const built = await measure(engine);

  await engine.close();
  engine = await open();
  const restarted = await measure(engine);
  // The graph is in the file: not one hit is another.
  expect(restarted).toEqual(built);

  await engine.compact(PLACE);
  await rest(engine);
  const compacted = await measure(engine);

  for (let round = 1; round <= 5; round++) {
    const drawn = all.filter((number) => noise(number * 31 + round) < -0.3);
    await write(engine, drawn, round);
    if (round % 2 === 0) await engine.flush(PLACE);
  }
  const churned = await measure(engine);
  await rest(engine);
  const rested = await measure(engine);
  await engine.close();

  const stations = { built, compacted, churned, rested };
  for (const [name, { recall }] of Object.entries(stations)) {
    expect(recall, `${name}: ${JSON.stringify(stations)}`).toBeGreaterThanOrEqual(RECALL - BELOW);
  }
  expect([built.path, compacted.path, rested.path]).toEqual(["graph", "graph", "graph"]);
  for (const { recall } of [compacted, rested]) {
    expect(Math.abs(recall - built.recall), JSON.stringify(stations)).toBeLessThanOrEqual(APART);
  }
});
