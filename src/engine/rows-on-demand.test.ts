/** Float32 rows come into memory when searches have read as much of them as they are. */
import { beforeEach, expect, it } from "vitest";
import {
  CountingFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  readBy,
  type ReadableFile,
} from "../io/index.ts";
import type { Query } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE = { database: "db", collection: "c", tenant: "t" };
const OTHER = { ...PLACE, tenant: "other" };
const DIMENSION = 192;
const ROWS = 1_000;
const ROW_BYTES = ROWS * DIMENSION * 4;
/** After so many searches of some fifteen rows each a thousand rows are as good as read. */
const SEARCHES = 3;

/** Reads of so many bytes and more wait until they are let go. */
class HeldReads extends MemoryFileSystem {
  heldFrom = Number.POSITIVE_INFINITY;
  readonly waiting: (() => void)[] = [];

  override async openRead(path: string): Promise<ReadableFile | undefined> {
    const file = await super.openRead(path);
    if (file === undefined) return undefined;
    return readBy(file, async (position, target) => {
      if (target.length >= this.heldFrom) {
        await new Promise<void>((go) => this.waiting.push(go));
      }
      return file.read(position, target);
    });
  }

  release(): void {
    this.heldFrom = Number.POSITIVE_INFINITY;
    for (const go of this.waiting.splice(0)) go();
  }
}

let disk: HeldReads;
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
  disk = new HeldReads();
  files = new CountingFileSystem(disk);
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
  return async () => {
    disk.release();
    await engine.close();
  };
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

it.each([
  ["all records are deleted", () => engine.deleteAll(PLACE)],
  ["the segments are merged", () => engine.compact(PLACE)],
])(
  "an erasure waits for rows on their way to a segment that goes because %s",
  async (_, retire) => {
    await search(0);
    await engine.upsert(PLACE, {
      ...{ keys: ["new"], vectors: [{ field: "", values: new Float32Array(DIMENSION).fill(1) }] },
      metadata: [undefined],
    });
    await engine.flush(PLACE);
    for (let seed = 1; seed < SEARCHES; seed++) await search(seed);
    // Of the rows alone; a merge reads less at once.
    disk.heldFrom = ROW_BYTES / 2;
    await search(SEARCHES);
    await settle();
    expect(disk.waiting).toHaveLength(1);
    disk.heldFrom = Number.POSITIVE_INFINITY;
    await retire();
    let receipt: Awaited<ReturnType<Engine["eraseTenant"]>> | undefined;
    const erasing = engine.eraseTenant(PLACE).then((given) => {
      receipt = given;
    });
    await settle();
    expect(receipt).toBeUndefined();
    disk.release();
    await erasing;
    expect(receipt).toMatchObject({ isUnreadable: true, filesLeft: 0 });
    await settle();
    // The scratch of a search stays, and nothing of the rows.
    await engine.deactivate(OTHER);
    expect(engine.stats().arenaBytesUsed).toBeLessThan(1_000_000);
  },
);
