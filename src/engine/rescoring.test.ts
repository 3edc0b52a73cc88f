/**
 * Rows of tight clusters, which int8 codes hardly tell apart: as many are compared exactly as the
 * check of their segment found to be needed, so that the recall asked for is met.
 */
import { afterEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Metric, Place, RecallReport } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 32;
const ROWS = 3_000;
const CLUSTERS = 20;
/** Width of a cluster beside components of about 1. */
const SPREAD = 0.004;
const NOTHING = { vectors: false, metadata: false };

let engine: Engine;
afterEach(() => engine.close());

function drawFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const CENTRES = ((): Float32Array => {
  const next = drawFrom(1);
  return Float32Array.from({ length: CLUSTERS * DIMENSION }, next);
})();

function rows(count: number, seed: number): Float32Array {
  const next = drawFrom(seed);
  return Float32Array.from({ length: count * DIMENSION }, (_, at) => {
    const cluster = Math.floor(at / DIMENSION) % CLUSTERS;
    return (CENTRES[cluster * DIMENSION + (at % DIMENSION)] ?? 0) + SPREAD * next();
  });
}

async function fill(metric: Metric, clock: ManualClock, graphRowsMin: number): Promise<void> {
  const files = new MemoryFileSystem();
  const policy = { graphRowsMin, scannedPerEf: 1 };
  const random = new SeededRandom(1);
  engine = await openEngine({ files, clock, random, workerCount: 0, policy });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  const keys = Array.from({ length: ROWS }, (_, i) => `k${String(i)}`);
  const metadata = keys.map(() => undefined);
  await engine.upsert(PLACE, { keys, vectors: [{ field: "", values: rows(ROWS, 2) }], metadata });
  await engine.flush();
}

function ask(): Promise<RecallReport> {
  const asked = rows(100, 3);
  const vectors = Array.from({ length: 100 }, (_, i) =>
    asked.slice(i * DIMENSION, (i + 1) * DIMENSION),
  );
  return engine.measureRecall(PLACE, { field: "", vectors, topK: 10 });
}

it.each(["cosine", "dot", "euclidean"] as const)(
  "a scan of codes meets the recall where 2 k + 16 rows would not do, %s",
  async (metric) => {
    await fill(metric, new ManualClock(), 1_000_000);
    const { recall, paths } = await ask();
    expect(paths).toEqual({ codes: 100 });
    expect(recall).toBeGreaterThan(0.95);
    const query = { field: "", vector: rows(1, 3), topK: 10, include: NOTHING };
    expect((await engine.query(PLACE, query)).plan.rowsRescored).toBeGreaterThan(36);
  },
);

it("a walk of the graph meets it too", async () => {
  const clock = new ManualClock();
  await fill("euclidean", clock, 600);
  for (let turn = 0; turn < 12; turn++) {
    clock.advance(turn === 0 ? 3_000 : 1_000);
    for (let i = 0; i < 400; i++) await new Promise(setImmediate);
  }
  const { recall, paths } = await ask();
  expect(paths).toEqual({ graph: 100 });
  expect(recall).toBeGreaterThan(0.94);
});
