/**
 * The life of a graph in a shard: built in the background when the shard rests, used by searches,
 * taken over by merges, kept over restarts, and never in the way of an answer.
 */
import { afterEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom, type FileSystem } from "../io/index.ts";
import type { Filter, Place, QueryResult, WriteBatch } from "../model/index.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 16;
const NOTHING = { vectors: false, metadata: false };
const ROWS = 3_000;

const faults: unknown[] = [];
let engine: Engine | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  expect(faults.splice(0)).toEqual([]);
});

function options(files: FileSystem, clock: ManualClock): EngineOptions {
  return {
    files,
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    // The rows are more than they look: a walk pays from a few hundred on.
    policy: { graphRowsMin: 600, scannedPerEf: 2, residentRowsBytesMax: 0, residentRowsShare: 0 },
    onFault: (error) => faults.push(error),
  };
}

/** A number that belongs to a key, the same in each run. */
function noise(seed: number): number {
  let hash = Math.imul(seed ^ (seed >>> 15), 0x2c1b_3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a_2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32 - 0.5;
}

function vectorOf(key: number): Float32Array {
  const cluster = key % 60;
  return Float32Array.from(
    { length: DIMENSION },
    (_, j) => noise(cluster * 31 + j) * 2 + noise(key * 977 + j * 13 + 5),
  );
}

function batch(first: number, count: number): WriteBatch {
  const keys = Array.from({ length: count }, (_, i) => first + i);
  return {
    keys: keys.map((key) => `k${String(key).padStart(6, "0")}`),
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap((key) => [...vectorOf(key)])) }],
    metadata: keys.map((key) => ({ tenth: key % 10, hundredth: key % 100, half: key % 2 })),
  };
}

async function openWith(
  files: FileSystem,
  clock: ManualClock,
  metric: "cosine" | "dot" | "euclidean" = "cosine",
): Promise<Engine> {
  engine = await openEngine(options(files, clock));
  if ((await engine.listDatabases({ limit: 10 })).items.length === 0) {
    await engine.createDatabase("db");
    const vectors = [{ name: "", dimension: DIMENSION, metric }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createCollection("db", "c", { schema });
  }
  return engine;
}

/** Lets the background work until it has nothing to do. */
async function rest(clock: ManualClock): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    clock.advance(turn === 0 ? 3_000 : 1_000);
    for (let i = 0; i < 400; i++) await new Promise(setImmediate);
  }
}

function ask(
  key: number,
  topK: number,
  more: { filter?: Filter; isExact?: boolean; recall?: number } = {},
): Promise<QueryResult> {
  if (engine === undefined) throw new RangeError("open the engine first");
  const vector = vectorOf(key).map((x, j) => x + noise(key * 7 + j) * 0.3);
  return engine.query(PLACE, { field: "", vector, topK, include: NOTHING, ...more });
}

async function recall(filter?: Filter): Promise<{ share: number; paths: Set<string> }> {
  let found = 0;
  let wanted = 0;
  const paths = new Set<string>();
  for (let key = 0; key < 60; key++) {
    const more = filter === undefined ? {} : { filter };
    const exact = await ask(key * 17, 10, { ...more, isExact: true });
    const { hits, plan } = await ask(key * 17, 10, more);
    paths.add(plan.path);
    const keys = new Set(exact.hits.map((hit) => hit.key));
    expect(hits).toHaveLength(exact.hits.length);
    found += hits.filter((hit) => keys.has(hit.key)).length;
    wanted += exact.hits.length;
  }
  return { share: found / wanted, paths };
}

it("a resting shard gets a graph, with which it answers, also after a restart", async () => {
  for (const metric of ["cosine", "dot", "euclidean"] as const) {
    const files = new MemoryFileSystem();
    const clock = new ManualClock();
    await (await openWith(files, clock, metric)).upsert(PLACE, batch(0, ROWS));
    expect((await ask(1, 5)).plan.path).toBe("exact");
    await rest(clock);
    const before = await recall();
    expect([...before.paths]).toEqual(["graph"]);
    expect(before.share).toBeGreaterThan(0.95);
    const { plan } = await ask(1, 10);
    expect(plan.segmentCount).toBe(1);
    expect(plan.rowsScanned).toBeLessThan(ROWS / 2);
    await engine?.close();
    await openWith(files, clock, metric);
    const after = await recall();
    expect([...after.paths]).toEqual(["graph"]);
    expect(after.share).toBe(before.share);
    await engine?.close();
    engine = undefined;
  }
});

it("a search is as broad as the recall of its field needs, from the next one on", async () => {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const open = await openWith(files, clock);
  await open.upsert(PLACE, batch(0, ROWS));
  await rest(clock);
  const scored = async (more: { recall?: number } = {}): Promise<number> => {
    let rows = 0;
    for (let key = 0; key < 20; key++) {
      const { plan } = await ask(key * 17, 10, more);
      expect(plan.path).toBe("graph");
      rows += plan.rowsScanned;
    }
    return rows;
  };
  const usual = await scored();
  expect(usual).toBe(await scored({ recall: 0.95 }));
  const low = await scored({ recall: 0.5 });
  const high = await scored({ recall: 0.99 });
  expect(high).toBeGreaterThan(usual);
  await open.updateCollection("db", "c", { vectors: [{ name: "", recall: 0.99 }] });
  expect(await scored()).toBe(high);
  expect(await scored({ recall: 0.5 })).toBe(low);
  await open.close();
  const again = await openWith(files, clock);
  expect(await scored()).toBe(high);
  await again.updateCollection("db", "c", { vectors: [{ name: "", recall: null }] });
  expect(await scored()).toBe(usual);
});

it("deleted and updated rows are never found, and the graph is taken over by the merge", async () => {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const open = await openWith(files, clock);
  await open.upsert(PLACE, batch(0, ROWS));
  await rest(clock);
  for (let round = 0; round < 3; round++) {
    const keys = batch(0, ROWS).keys.filter((_, i) => i % 10 === round);
    await open.delete(PLACE, keys);
    const gone = new Set(keys);
    for (let key = 0; key < 40; key++) {
      const { hits, plan } = await ask(key * 11, 20);
      expect(plan.path).toBe("graph");
      expect(hits).toHaveLength(20);
      expect(hits.some((hit) => gone.has(hit.key))).toBe(false);
    }
    await open.upsert(PLACE, batch(ROWS + round * 300, 300));
    await rest(clock);
    const { share } = await recall();
    expect(share).toBeGreaterThan(0.95);
  }
  await open.compact(PLACE);
  expect((await recall()).share).toBeGreaterThan(0.95);
});

it("filters get as many hits as there are, at every selectivity", async () => {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  await (await openWith(files, clock)).upsert(PLACE, batch(0, ROWS));
  await rest(clock);
  const filters: readonly (readonly [Filter, string])[] = [
    [{ kind: "equal", property: "half", value: 1 }, "graph"],
    [{ kind: "equal", property: "tenth", value: 3 }, "graph"],
    [{ kind: "equal", property: "hundredth", value: 42 }, "matches"],
  ];
  for (const [filter, path] of filters) {
    const { share, paths } = await recall(filter);
    expect(share).toBeGreaterThan(0.95);
    expect([...paths]).toContain(path);
  }
  // More than the graph walks for: a scan, and all of them.
  expect((await ask(3, 2_900)).hits).toHaveLength(2_900);
});

it("never gives fewer hits than records match, nor one that does not, whatever is asked", async () => {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const open = await openWith(files, clock, "euclidean");
  await open.upsert(PLACE, batch(0, ROWS));
  await rest(clock);
  // A tenth is gone: the graph still has it.
  await open.delete(
    PLACE,
    batch(0, ROWS).keys.filter((_, i) => i % 10 === 7),
  );
  const live = Array.from({ length: ROWS }, (_, key) => key).filter((key) => key % 10 !== 7);
  const paths = new Map<string, number>();
  const random = new SeededRandom(77);
  const below = (bound: number): number => Buffer.from(random.bytes(4)).readUInt32LE() % bound;
  for (let turn = 0; turn < 250; turn++) {
    const [tenths, halves] = [below(10), below(2)];
    const wanted = Array.from({ length: 1 + below(9) }, () => below(10));
    const hundredth = below(100);
    const filters: readonly (readonly [Filter | undefined, (key: number) => boolean])[] = [
      [undefined, () => true],
      [{ kind: "equal", property: "half", value: halves }, (key) => key % 2 === halves],
      [{ kind: "in", property: "tenth", values: wanted }, (key) => wanted.includes(key % 10)],
      [
        { kind: "not", filter: { kind: "equal", property: "tenth", value: tenths } },
        (key) => key % 10 !== tenths,
      ],
      [
        { kind: "range", property: "hundredth", upper: { value: hundredth, isInclusive: true } },
        (key) => key % 100 <= hundredth,
      ],
    ];
    const [filter, passes] = filters[below(filters.length)] ?? [undefined, () => true];
    const topK = [1, 10, 40, 200, 1 + below(ROWS)][below(5)] ?? 1;
    const { hits, plan } = await ask(below(ROWS), topK, filter === undefined ? {} : { filter });
    paths.set(plan.path, (paths.get(plan.path) ?? 0) + 1);
    const matching = live.filter(passes).length;
    expect(hits).toHaveLength(Math.min(topK, matching));
    const found = new Set(hits.map(({ key }) => Number(key.slice(1))));
    expect(found.size).toBe(hits.length);
    expect([...found].every((key) => key % 10 !== 7 && passes(key))).toBe(true);
  }
  expect(paths.get("graph")).toBeGreaterThan(60);
  expect(paths.get("matches")).toBeGreaterThan(5);
});
