/** Recall, asked for and probed: what the planner's answers lack is told, and nobody is woken. */
import { afterEach, expect, it } from "vitest";
import { COLLECTIONS_PROBED_MAX } from "../base/limits.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, QueryResult } from "../model/index.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 8;
const ROWS = 1_500;
/** The clock stands still while a probe runs: it takes no time, and needs no rest. */
const PROBE_DELAY_MS = 50;

const faults: unknown[] = [];
let engine: Engine;
let clock: ManualClock;

afterEach(async () => {
  await engine.close();
  expect(faults.splice(0)).toEqual([]);
});

async function open(more: Partial<EngineOptions> = {}): Promise<void> {
  clock = new ManualClock();
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { graphRowsMin: 600, scannedPerEf: 2, residentRowsBytesMax: 0 },
    onFault: (error) => faults.push(error),
    ...more,
  });
  await engine.createDatabase("db");
  await create("c");
}

async function create(name: string): Promise<void> {
  const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", name, { schema });
}

function vectorOf(number: number): Float32Array {
  return Float32Array.from({ length: DIMENSION }, (_, j) => Math.sin(number * (j + 1) * 0.7 + j));
}

async function write(first: number, count: number, place = PLACE): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  await engine.upsert(place, {
    keys: numbers.map((number) => `k${String(number)}`),
    vectors: [{ field: "", values: Float32Array.from(numbers.flatMap((n) => [...vectorOf(n)])) }],
    metadata: numbers.map((number) => ({ half: number % 2 })),
  });
}

async function turn(ms: number): Promise<void> {
  clock.advance(ms);
  for (let i = 0; i < 400; i++) await new Promise(setImmediate);
}

/** Lets the background build the graph. */
async function rest(): Promise<void> {
  for (let i = 0; i < 12; i++) await turn(i === 0 ? 3_000 : 1_000);
}

function ask(number: number, place = PLACE): Promise<QueryResult> {
  const include = { vectors: false, metadata: false };
  return engine.query(place, { field: "", vector: vectorOf(number + 0.3), topK: 10, include });
}

it("a measurement searches by graph and exactly, for records drawn and for vectors given", async () => {
  await open();
  await write(0, ROWS);
  await rest();
  await write(ROWS, 20);
  await engine.delete(PLACE, ["k3", "k4"]);
  const drawn = await engine.measureRecall(PLACE, { field: "", topK: 10, sample: 40 });
  expect(drawn).toMatchObject({ queryCount: 40, wanted: 400, paths: { graph: 40 } });
  expect(drawn.found / drawn.wanted).toBe(drawn.recall);
  expect(drawn.recall).toBeGreaterThan(0.9);
  expect(drawn.recallMin).toBeLessThanOrEqual(drawn.recall);
  const vectors = [vectorOf(0.5), vectorOf(77.5)];
  const given = await engine.measureRecall(PLACE, { field: "", topK: 5, vectors });
  expect(given).toMatchObject({ queryCount: 2, wanted: 10, paths: { graph: 2 } });
  const filter = { kind: "equal", property: "half", value: 2 } as const;
  const none = await engine.measureRecall(PLACE, { field: "", topK: 5, vectors, filter });
  expect(none).toMatchObject({ recall: 1, recallMin: 1, queryCount: 2, wanted: 0, found: 0 });
});

it("a measurement tells what is lost", async () => {
  await open();
  await write(0, ROWS);
  await rest();
  // Exact hits of another graph: of the searches as planned only some are among them.
  const { hits } = await ask(3);
  await engine.delete(
    PLACE,
    hits.map(({ key }) => key),
  );
  const report = await engine.measureRecall(PLACE, { field: "", topK: 10, sample: 30 });
  expect(report.found).toBeLessThanOrEqual(report.wanted);
  expect(report.wanted).toBe(300);
});

it("a measurement ends when it is cancelled", async () => {
  await open();
  await write(0, 10);
  const signal = AbortSignal.abort(new RangeError("enough"));
  await expect(engine.measureRecall(PLACE, { field: "", topK: 1, signal })).rejects.toThrow(
    "enough",
  );
});

it("a live search is probed in the background, and its collection is told", async () => {
  await open({ recallProbeShare: 1 });
  await write(0, ROWS);
  await rest();
  await ask(1);
  await ask(2);
  expect(engine.recallFigures()).toEqual([]);
  await turn(PROBE_DELAY_MS);
  const [figure] = engine.recallFigures();
  expect(figure).toMatchObject({ collection: "db/c", queries: 1, wanted: 10 });
  expect(figure?.found).toBeGreaterThan(5);
});

it("a probe wakes nobody, and one that waits does not outlive the engine", async () => {
  await open({ recallProbeShare: 1 });
  await write(0, 30);
  await ask(1);
  await ask(2);
  await engine.deactivate(PLACE);
  await turn(PROBE_DELAY_MS);
  expect(engine.stats().shardsAwake).toBe(0);
  expect(engine.recallFigures()).toEqual([]);
  await ask(3);
  await engine.close();
  await turn(PROBE_DELAY_MS);
  expect(engine.recallFigures()).toEqual([]);
});

it("after a probe that took long no search is probed for a hundred times as long", async () => {
  await open({ recallProbeShare: 1 });
  await write(0, 30);
  await ask(1);
  // The clock goes on by a second while the probe runs, which began with the first 50 ms.
  await turn(1_050);
  await ask(2);
  await turn(PROBE_DELAY_MS);
  expect(engine.recallFigures()[0]?.queries).toBe(1);
  clock.advance(100_000);
  await ask(3);
  await turn(PROBE_DELAY_MS);
  expect(engine.recallFigures()[0]?.queries).toBe(2);
});

it("nothing is probed with a share of 0, and few with a small one", async () => {
  await open({ recallProbeShare: 0 });
  await write(0, 30);
  for (let i = 0; i < 50; i++) await ask(i);
  await turn(PROBE_DELAY_MS);
  expect(engine.recallFigures()).toEqual([]);
  await engine.close();
  await open({ recallProbeShare: 0.1 });
  await write(0, 30);
  for (let i = 0; i < 100; i++) {
    await ask(i);
    await turn(PROBE_DELAY_MS);
  }
  const queries = engine.recallFigures()[0]?.queries ?? 0;
  expect(queries).toBeGreaterThan(3);
  expect(queries).toBeLessThan(30);
}, 60_000);

it("collections beyond the first are told as one", async () => {
  await open({ recallProbeShare: 1 });
  for (let i = 0; i < COLLECTIONS_PROBED_MAX + 3; i++) {
    const place = { database: "db", collection: `many${String(i)}` };
    await create(place.collection);
    await write(0, 2, place);
    await ask(1, place);
    clock.advance(PROBE_DELAY_MS);
    for (let j = 0; j < 20; j++) await new Promise(setImmediate);
  }
  const figures = engine.recallFigures();
  expect(figures).toHaveLength(COLLECTIONS_PROBED_MAX + 1);
  expect(figures.at(-1)?.collection).toBe("other");
}, 60_000);
