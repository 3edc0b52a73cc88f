/** Segments with many vectors: one graph for all of them, float32 rows in several extents. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { InsulaError } from "../base/errors.ts";
import { ManualClock, SeededRandom } from "../io/index.ts";
import { ArenaPool } from "../math/index.ts";
import type { Query } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";
import { SmallDisk } from "./small-disk.contract.ts";

const MIB = 1_048_576;
const PLACE = { database: "db", collection: "c" };
const DIMENSION = 192;
const ROWS = 900;
const FLUSHED_ROWS = 25;
/** Of float32 rows and codes. */
const VECTOR_BYTES = ROWS * DIMENSION * 5;
const POLICY = {
  ...{ segmentBytesMax: 320_000, mergeFanIn: 4, quietMergeMs: 1_000, graphRowsMin: 300 },
  ...{ residentRowsBytesMax: 0, rowPartBytesMax: 20_000, smallShardBytes: 0 },
};

/**
 * Free bytes with which three segments of {@link POLICY} can be written at once, and none of all
 * vectors.
 */
const SHORT_OF_ROOM = MIB + 3 * 335_000;

let disk: SmallDisk;
let clock: ManualClock;
let engine: Engine;
const onFault = vi.fn();

type Changed = keyof typeof POLICY | "residentRowsShare" | "segmentsSlow" | "segmentsMax";

async function open(
  policy: Partial<Record<Changed, number>>,
  compactionBytesPerSecond = 128 * MIB,
): Promise<void> {
  engine = await openEngine({
    compactionBytesPerSecond,
    ...{ files: disk, clock, random: new SeededRandom(1), workerCount: 0, onFault },
    ...{ memoryBudget: 64 * MIB, diskReserveBytes: MIB, policy: { ...POLICY, ...policy } },
  });
}

function component(row: number, i: number): number {
  return Math.sin(row * 31 + i * i + (row % 7));
}

function keyOf(row: number): string {
  return `k${String(row).padStart(4, "0")}`;
}

async function fill(): Promise<void> {
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  await write(0, ROWS);
}

async function write(from: number, end: number, flushed = FLUSHED_ROWS): Promise<void> {
  for (let first = from; first < end; first += flushed) {
    const rows = Array.from({ length: flushed }, (_, i) => first + i);
    const values = Float32Array.from({ length: flushed * DIMENSION }, (_, i) =>
      component(first + Math.floor(i / DIMENSION), i % DIMENSION),
    );
    await engine.upsert(PLACE, {
      keys: rows.map(keyOf),
      vectors: [{ field: "", values }],
      metadata: rows.map((row) => ({ n: row % 5 })),
    });
    await engine.flush(PLACE);
  }
}

async function search(seed: number, query: Partial<Query> = {}) {
  const vector = Float32Array.from({ length: DIMENSION }, (_, i) => component(5_000 + seed, i));
  const include = { vectors: true, metadata: false };
  return engine.query(PLACE, { field: "", vector, topK: 10, include, ...query });
}

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    clock.advance(1_000);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  }
}

/** Upkeep until nothing changes any more. */
function rest(): Promise<void> {
  return pass(60);
}

async function segmentCount(): Promise<number> {
  return (await search(0)).plan.segmentCount;
}

beforeEach(() => {
  disk = new SmallDisk();
  clock = new ManualClock();
});

afterEach(async () => {
  await engine.close();
  vi.restoreAllMocks();
  expect(onFault).not.toHaveBeenCalled();
});

it("all vectors are in one segment with one graph, and their rows in parts", async () => {
  await open({});
  await fill();
  await rest();
  const { plan } = await search(0);
  expect(plan).toMatchObject({ segmentCount: 1, path: "graph" });
  const queries: Partial<Query>[] = [
    {},
    { isExact: true },
    { filter: { kind: "equal", property: "n", value: 1 } },
    { filter: { kind: "equal", property: "n", value: 1 }, isExact: true },
  ];
  await engine.close();
  await open({ residentRowsShare: 0 });
  const fromFile = [];
  for (const query of queries) fromFile.push((await search(1, query)).hits);
  await engine.close();
  await open({});
  await search(0);
  const { arenaBytesUsed } = engine.stats();
  for (let seed = 0; seed < 60; seed++) await search(seed);
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  expect(engine.stats().arenaBytesUsed - arenaBytesUsed).toBeGreaterThan(ROWS * DIMENSION * 4);
  for (const [i, query] of queries.entries()) {
    expect((await search(1, query)).hits).toEqual(fromFile[i]);
  }
});

it("where memory is short they stay in segments of their bytes", async () => {
  await open({ residentRowsShare: 0 });
  await fill();
  await rest();
  await engine.compact(PLACE);
  expect(await segmentCount()).toBeGreaterThan(VECTOR_BYTES / POLICY.segmentBytesMax);
  expect(await segmentCount()).toBeLessThan(ROWS / FLUSHED_ROWS / 2);
});

it("where the disk is short too, until there is room, and nobody has to ask again", async () => {
  disk.free = SHORT_OF_ROOM;
  await open({});
  await fill();
  await rest();
  expect(await segmentCount()).toBeGreaterThan(1);
  expect(await segmentCount()).toBeLessThan(ROWS / FLUSHED_ROWS);
  disk.free = 1_024 * MIB;
  await rest();
  expect(await segmentCount()).toBe(1);
});

it("a large one keeps its dead rows while the disk has no room for it once more", async () => {
  const scanned = async () => (await search(0, { isExact: true })).plan.rowsScanned;
  await open({});
  await fill();
  await rest();
  expect(await segmentCount()).toBe(1);
  disk.free = SHORT_OF_ROOM;
  await rest();
  const [gone, kept] = [400, ROWS - 400];
  await engine.delete(
    PLACE,
    Array.from({ length: gone }, (_, i) => keyOf(2 * i)),
  );
  await engine.flush(PLACE);
  await rest();
  expect(await scanned()).toBeGreaterThan(kept);
  disk.free = 1_024 * MIB;
  await rest();
  expect(await scanned()).toBe(kept);
});

it("a graph of very many rows is not given up because memory is short for a moment", async () => {
  await open({});
  await fill();
  await rest();
  expect((await search(0)).plan).toMatchObject({ segmentCount: 1, path: "graph" });
  const { allocate: real } = ArenaPool.prototype;
  const allocate = vi.spyOn(ArenaPool.prototype, "allocate");
  allocate.mockImplementation(function (this: ArenaPool, bytes) {
    // As much as the codes of all rows.
    if (bytes > ROWS * DIMENSION) throw new InsulaError("memory_exhausted", "for a moment");
    return real.call(this, bytes);
  });
  await write(ROWS, ROWS + 500);
  await rest();
  expect((await search(0)).plan.segmentCount).toBeGreaterThan(1);
  allocate.mockRestore();
  // A merge that failed again and again is tried again after a minute.
  await rest();
  await rest();
  expect((await search(0)).plan).toMatchObject({ segmentCount: 1, path: "graph" });
});

it("writers do not wait for a long merge: it ends for short ones, and begins anew later", async () => {
  await open({});
  await fill();
  await rest();
  await engine.close();
  // The long merge takes a quarter of a minute, a short one a second.
  await open({ segmentsSlow: 4, segmentsMax: 8 }, 200_000);
  await write(ROWS, ROWS + 500, 500);
  await pass(4);
  expect(engine.stats().builds).toBe(1);
  let isWriting = true;
  const ticking = (async () => {
    for (; isWriting; clock.advance(50)) {
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    }
  })();
  const startMs = clock.monotonicMs();
  await write(ROWS + 500, ROWS + 1_000);
  const tookMs = clock.monotonicMs() - startMs;
  isWriting = false;
  await ticking;
  expect(tookMs).toBeGreaterThan(0);
  for (let i = 0; i < 4; i++) await rest();
  expect((await search(0)).plan).toMatchObject({ segmentCount: 1, path: "graph" });
});

it("a long merge ends when the disk fills up, and begins anew when there is room", async () => {
  await open({});
  await fill();
  await rest();
  await engine.close();
  await open({}, 200_000);
  await write(ROWS, ROWS + 500, 500);
  await pass(4);
  expect(engine.stats().builds).toBe(1);
  disk.free = MIB / 2;
  await pass(4);
  expect(engine.stats().builds).toBe(0);
  expect(await segmentCount()).toBe(2);
  disk.free = 1_024 * MIB;
  await rest();
  expect(await segmentCount()).toBe(1);
});
