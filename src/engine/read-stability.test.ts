/**
 * A read that has begun sees one state of its shard, whatever is written, flushed and merged
 * meanwhile.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, WriteBatch } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const ALL = { vectors: true, metadata: true };
const KEYS = Array.from({ length: 24 }, (_, i) => `k${String(i).padStart(2, "0")}`);

function batch(version: number): WriteBatch {
  return {
    keys: KEYS,
    vectors: [{ field: "", values: Float32Array.from(KEYS.flatMap((_, i) => [version, i])) }],
    metadata: KEYS.map(() => ({ version })),
  };
}

let engine: Engine;
let writing: Promise<void>;
let isOver = false;

beforeEach(async () => {
  isOver = false;
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { packedBytesMax: 0, mergeFanIn: 1_000, smallShardBytes: 0, deadShareMax: 1 },
  });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  await engine.upsert(PLACE, batch(0));
  await engine.flush(PLACE);
  writing = keepWriting();
});
afterEach(async () => {
  isOver = true;
  await writing;
  await engine.close();
});

/** Replaces all records with one batch after another; the structure changes all the time. */
async function keepWriting(): Promise<void> {
  for (let version = 1; !isOver; version++) {
    await engine.upsert(PLACE, batch(version));
    if (version % 2 === 0) await engine.flush(PLACE);
    if (version % 7 === 0) await engine.compact(PLACE);
    if (version % 11 === 0) await engine.deactivate(PLACE);
    await new Promise(setImmediate);
  }
}

const ROUNDS = 150;

/** Records of one read: all keys, all of one batch, metadata and vector of the same. */
function expectOneBatch(
  records: readonly (
    | {
        readonly key: string;
        readonly metadata?: unknown;
        readonly vectors?: ReadonlyMap<string, Float32Array>;
      }
    | undefined
  )[],
): void {
  expect(records.map((record) => record?.key)).toEqual(KEYS);
  const versions = new Set(
    records.flatMap((record) => [
      (record?.metadata as { readonly version: number }).version,
      record?.vectors?.get("")?.[0],
    ]),
  );
  expect([...versions]).toHaveLength(1);
}

describe("a read while batches replace all records, with flushes and merges", () => {
  it("gets every key of one batch, none missing", async () => {
    for (let i = 0; i < ROUNDS; i++) expectOneBatch(await engine.get(PLACE, KEYS, ALL));
  });

  it("lists every record of one batch", async () => {
    for (let i = 0; i < ROUNDS; i++) {
      expectOneBatch((await engine.list(PLACE, { limit: 100, include: ALL })).items);
    }
  });

  it("finds every record of one batch", async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const query = { field: "", vector: new Float32Array(2), topK: 100, include: ALL };
      const { hits } = await engine.query(PLACE, { ...query, isExact: i % 2 === 0 });
      expectOneBatch([...hits].sort((a, b) => (a.key < b.key ? -1 : 1)));
    }
  });

  it("counts each record once", async () => {
    for (let i = 0; i < ROUNDS; i++) {
      expect(await engine.count(PLACE, { kind: "exists", property: "version" })).toBe(KEYS.length);
      expect(await engine.count(PLACE)).toBe(KEYS.length);
    }
  });
});
