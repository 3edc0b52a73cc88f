/** Float32 rows come into memory when searches have read as much of them as they are. */
import { beforeEach, expect, it } from "vitest";
import { CountingFileSystem, ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, Query } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c", tenant: "t" };
const OTHER: Place = { ...PLACE, tenant: "other" };
const DIMENSION = 192;
const ROWS = 1_000;
const ROW_BYTES = ROWS * DIMENSION * 4;
/** After so many searches of twenty rows each a thousand rows are as good as read. */
const SEARCHES = 3;

let files: CountingFileSystem;
let engine: Engine;

function open(policy?: {
  residentRowsBytesMax: number;
  residentRowsShare: number;
}): Promise<Engine> {
  const random = new SeededRandom(1);
  const clock = new ManualClock();
  return openEngine({ files, clock, random, workerCount: 0, ...(policy && { policy }) });
}

async function search(seed: number, query: Partial<Query> = {}): Promise<readonly string[]> {
  const vector = Float32Array.from({ length: DIMENSION }, (_, i) => Math.sin(seed * 31 + i * i));
  const include = { vectors: false, metadata: false };
  const { hits } = await engine.query(PLACE, { field: "", vector, topK: 10, include, ...query });
  return hits.map(({ key, distance }) => `${key} ${String(distance)}`);
}

/** What a search reads from files, bytes. */
async function bytesOf(seed: number): Promise<number> {
  const before = files.readBytes();
  await search(seed);
  return files.readBytes() - before;
}

/** Until nothing is on its way. */
async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await new Promise(setImmediate);
}

beforeEach(async () => {
  files = new CountingFileSystem(new MemoryFileSystem());
  engine = await open();
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
  for (const place of [PLACE, OTHER]) {
    const keys = Array.from({ length: ROWS }, (_, i) => `k${String(i)}`);
    const values = new Float32Array(ROWS * DIMENSION).map((_, i) => Math.sin(i * i + 1));
    const batch = { keys, vectors: [{ field: "", values }], metadata: keys.map(() => undefined) };
    await engine.upsert(place, batch);
    await engine.flush(place);
    await engine.deactivate(place);
  }
  return () => engine.close();
});

it("who is searched once after a sleep loads codes, not rows", async () => {
  const first = await bytesOf(1);
  expect(first).toBeGreaterThan(ROWS * DIMENSION);
  expect(first).toBeLessThan(ROW_BYTES);
  expect(engine.stats().arenaBytesUsed).toBeLessThan(ROW_BYTES + 500_000);
});

it("who is searched again and again has its rows in memory, and finds what it found", async () => {
  const found = [];
  for (let seed = 0; seed < SEARCHES; seed++) found.push(await search(seed));
  const before = engine.stats().arenaBytesUsed;
  await search(SEARCHES);
  await settle();
  expect(engine.stats().arenaBytesUsed - before).toBeGreaterThanOrEqual(ROW_BYTES);
  for (let seed = 0; seed < SEARCHES; seed++) {
    expect(await bytesOf(seed)).toBe(0);
    expect(await search(seed)).toEqual(found[seed]);
    // By the rows themselves, with the norms that came with them.
    const exact = await search(seed, { isExact: true });
    expect(exact).toEqual(found[seed]);
  }
});

it("searches go on while the rows are on their way, and so does a sleep", async () => {
  const found = await search(0);
  for (let seed = 1; seed <= SEARCHES + 1; seed++) await search(seed);
  const [again] = await Promise.all([search(0), engine.deactivate(PLACE)]);
  expect(again).toEqual(found);
  expect(await search(0)).toEqual(found);
  await engine.deactivate(PLACE);
  await settle();
  // The scratch of a search stays.
  expect(engine.stats().arenaBytesUsed).toBeLessThan(1_000_000);
});

it("rows that may not be in memory stay in the file", async () => {
  await engine.close();
  engine = await open({ residentRowsBytesMax: 0, residentRowsShare: 0 });
  const found = await search(0);
  for (let i = 0; i < 3 * SEARCHES; i++) expect(await search(0)).toEqual(found);
  await settle();
  expect(await bytesOf(0)).toBeGreaterThan(0);
});

it("an exact search that reads all of the file is as good as many", async () => {
  await search(0);
  await search(0, { isExact: true });
  await search(0);
  await settle();
  expect(await bytesOf(0)).toBe(0);
});
