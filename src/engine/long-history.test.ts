/**
 * Hundreds of flushes of one tenant with updates and deletes: what is read, kept and opened stays
 * bounded, and what is answered stays right. And what happens when merges cannot keep up.
 */
import { expect, it } from "vitest";
import {
  CountingFileSystem,
  FaultyFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileSystem,
} from "../io/index.ts";
import type { Place, WriteBatch } from "../model/index.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const ALL = { vectors: true, metadata: true };
const NOTHING = { vectors: false, metadata: false };
const FLUSHES = 320;
const KEYS = 400;
/** Segments of 320 flushes: with four of a size merged, fewer than four of each size stay. */
const SEGMENTS_MAX = 8;

const faults: unknown[] = [];

function options(files: FileSystem, clock: ManualClock): EngineOptions {
  return {
    files,
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { packedBytesMax: 0 },
    onFault: (error) => faults.push(error),
  };
}

async function create(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 4, metric: "euclidean" as const }];
  await engine.createCollection("db", "c", {
    schema: { vectors, identity: "key" as const, unfilterable: [] },
  });
}

function batch(keys: readonly string[], version: number, text = ""): WriteBatch {
  return {
    keys,
    vectors: [
      {
        field: "",
        values: Float32Array.from(keys.flatMap((_, i) => [version, i, version % 7, 1])),
      },
    ],
    metadata: keys.map(() => ({ version, text })),
  };
}

async function tend(clock: ManualClock, byMs: number): Promise<void> {
  clock.advance(byMs);
  for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
}

async function segmentsOf(engine: Engine): Promise<number> {
  const query = { field: "", vector: new Float32Array(4), topK: 1, include: NOTHING };
  return (await engine.query(PLACE, query)).plan.segmentCount;
}

async function segmentFiles(files: MemoryFileSystem): Promise<{ count: number; bytes: number }> {
  let count = 0;
  let bytes = 0;
  for (const folder of await files.listFolder("seg")) {
    for (const name of await files.listFolder(`seg/${folder}`)) {
      count++;
      bytes += (await files.readWhole(`seg/${folder}/${name}`))?.length ?? 0;
    }
  }
  return { count, bytes };
}

async function expectAll(engine: Engine, expected: ReadonlyMap<string, number>): Promise<void> {
  expect(await engine.count(PLACE)).toBe(expected.size);
  const keys = Array.from({ length: KEYS }, (_, i) => `k${String(i)}`);
  const records = await engine.get(PLACE, keys, ALL);
  for (const [i, key] of keys.entries()) {
    const version = expected.get(key);
    expect(records[i]?.metadata).toEqual(version === undefined ? undefined : { version, text: "" });
    expect(records[i]?.vectors?.get("")?.[0]).toBe(version);
  }
}

it("after hundreds of flushes with updates and deletes segments, bytes and reads are few", async () => {
  const memory = new MemoryFileSystem();
  const files = new CountingFileSystem(memory);
  const clock = new ManualClock();
  const engine = await openEngine(options(files, clock));
  await create(engine);
  const random = new SeededRandom(5);
  const expected = new Map<string, number>();
  let segmentsMost = 0;
  for (let version = 1; version <= FLUSHES; version++) {
    const keys = new Set(Array.from({ length: 12 }, () => `k${String(random.below(KEYS))}`));
    await engine.upsert(PLACE, batch([...keys], version));
    for (const key of keys) expected.set(key, version);
    const gone = [`k${String(random.below(KEYS))}`, `k${String(random.below(KEYS))}`];
    await engine.delete(PLACE, [...new Set(gone)]);
    for (const key of gone) expected.delete(key);
    await engine.flush(PLACE);
    await tend(clock, 600);
    segmentsMost = Math.max(segmentsMost, await segmentsOf(engine));
    if (version % 80 === 0) await expectAll(engine, expected);
  }
  expect(segmentsMost).toBeGreaterThan(1);
  expect(segmentsMost).toBeLessThanOrEqual(SEGMENTS_MAX);
  const { bytes: busyBytes, count: busyCount } = await segmentFiles(memory);
  expect(busyCount).toBeLessThanOrEqual(SEGMENTS_MAX);

  // At rest a small tenant is one segment, without a dead row: the least it can take.
  await engine.deactivate(PLACE);
  await tend(clock, 100);
  const { bytes: restBytes, count: restCount } = await segmentFiles(memory);
  expect(restCount).toBe(1);
  // Each segment has a footer, a key filter and a lead of its own: 4 KiB here.
  expect(busyBytes).toBeLessThan(restBytes * 2 + busyCount * 4_096);
  files.reset();
  await engine.get(PLACE, ["k1"], ALL);
  expect(await segmentsOf(engine)).toBe(1);
  expect(files.count("open-read", "seg/")).toBe(1);
  expect(files.reads("seg/").length).toBeLessThan(20);
  await expectAll(engine, expected);
  await engine.close();
  expect(faults.splice(0)).toEqual([]);
}, 60_000);

it("a small tenant that nobody writes to becomes one segment while it is awake", async () => {
  const memory = new MemoryFileSystem();
  const clock = new ManualClock();
  const engine = await openEngine(options(memory, clock));
  await create(engine);
  for (let version = 1; version <= 3; version++) {
    await engine.upsert(PLACE, batch([`k${String(version)}`], version));
    await engine.flush(PLACE);
  }
  await tend(clock, 1_000);
  expect(await segmentsOf(engine)).toBe(3);
  await tend(clock, 60_000);
  await tend(clock, 1_000);
  expect(await segmentsOf(engine)).toBe(1);
  expect(await segmentFiles(memory)).toMatchObject({ count: 1 });
  await engine.close();
});

it("deletes of everything end with no segment at all", async () => {
  const memory = new MemoryFileSystem();
  const clock = new ManualClock();
  const engine = await openEngine(options(memory, clock));
  await create(engine);
  const keys = Array.from({ length: 20 }, (_, i) => `k${String(i)}`);
  await engine.upsert(PLACE, batch(keys, 1));
  await engine.flush(PLACE);
  await engine.delete(PLACE, keys);
  await engine.flush(PLACE);
  await engine.compact(PLACE);
  await tend(clock, 100);
  expect(await segmentFiles(memory)).toEqual({ count: 0, bytes: 0 });
  await engine.upsert(PLACE, batch(["k1"], 2));
  await expectAll(engine, new Map([["k1", 2]]));
  await engine.close();
});

it("writes are refused while merges fail and segments pile up, and go on when they can", async () => {
  const memory = new MemoryFileSystem();
  const clock = new ManualClock();
  const policy = {
    packedBytesMax: 12 * 1_024,
    smallShardBytes: 0,
    mergeFanIn: 2,
    segmentsSlow: 2,
    segmentsMax: 4,
  };
  // Flushes fit a pack; what a merge makes needs a file, and none can be made.
  const broken = new FaultyFileSystem(memory, [
    { kinds: ["create"], path: "tmp/", nth: 1, count: Number.POSITIVE_INFINITY, effect: "EIO" },
  ]);
  let engine = await openEngine({ ...options(broken, clock), policy });
  await create(engine);
  const write = (version: number): Promise<unknown> => {
    const keys = Array.from({ length: 20 }, (_, i) => `k${String(version * 20 + i)}`);
    return engine.upsert(PLACE, batch(keys, version, "x".repeat(300)));
  };
  let written = 0;
  const refusal = await (async (): Promise<unknown> => {
    for (; written < 20; written++) {
      try {
        await write(written);
      } catch (error) {
        return error;
      }
      await engine.flush(PLACE);
    }
    return undefined;
  })();
  expect(refusal).toMatchObject({
    code: "rate_exceeded",
    details: { segmentsMax: policy.segmentsMax },
    retryAfterMs: 1_000,
  });
  expect(written).toBeGreaterThanOrEqual(policy.segmentsMax);
  // Reads go on, and nothing of the refused write is there.
  expect(await engine.count(PLACE)).toBe(written * 20);
  expect(faults.splice(0).length).toBeGreaterThan(0);
  await engine.close();

  engine = await openEngine({ ...options(memory, clock), policy });
  await write(written);
  expect(await engine.count(PLACE)).toBe((written + 1) * 20);
  expect(await segmentsOf(engine)).toBeLessThan(policy.segmentsMax);
  await engine.close();
  expect(faults.splice(0)).toEqual([]);
});
