import { deepStrictEqual } from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import {
  FaultyFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileSystem,
} from "../io/index.ts";
import type { WriteBatch } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./index.ts";

const PLACE = { database: "d", collection: "c" };
const NOTHING = { vectors: false, metadata: true };

describe("Writes that share one group", () => {
  let files: MemoryFileSystem;
  let engine: Engine;

  beforeEach(async () => {
    files = new MemoryFileSystem();
    engine = await openOn(files);
    await engine.createDatabase(PLACE.database);
    const vectors = [{ name: "", dimension: 2, metric: "dot" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createCollection(PLACE.database, PLACE.collection, { schema });
  });

  afterEach(() => engine.close());

  for (const isFlushed of [false, true]) {
    test(`put, delete and put of one key end with the last put, ${isFlushed ? "in a segment" : "in memory"} before`, async () => {
      await put("a", 0);
      if (isFlushed) await engine.flush(PLACE);
      const results = await Promise.all([
        put("a", 1),
        engine.delete(PLACE, ["a"]),
        put("a", 2),
        engine.delete(PLACE, ["a", "b"]),
        put("a", 3),
      ]);
      deepStrictEqual(
        results.map(({ rowsAdded }) => rowsAdded),
        [0, -1, 1, -1, 1],
      );
      await judge([["a", 3]]);
    });
  }

  test("random concurrent writes end as the same writes one after the other", async () => {
    const expected = new Map<string, number>();
    let state = 7;
    const next = (below: number): number => (state = (state * 48_271) % 0x7fff_ffff) % below;
    for (let round = 0; round < 60; round++) {
      const calls = Array.from({ length: 12 }, (_, i) => {
        const key = `k${next(5)}`;
        if (next(3) === 0) {
          expected.delete(key);
          return engine.delete(PLACE, [key]);
        }
        const version = round * 100 + i;
        expected.set(key, version);
        return put(key, version);
      });
      await Promise.all(calls);
      if (round % 7 === 0) await engine.flush(PLACE);
    }
    await judge([...expected]);
  });

  for (const isFlushed of [false, true]) {
    test(`a deletion by filter leaves a record that was just replaced, ${isFlushed ? "in a segment" : "in memory"} before`, async () => {
      await Promise.all([put("a", 1), put("b", 1)]);
      if (isFlushed) await engine.flush(PLACE);
      const replaced = put("a", 2);
      const filter = { kind: "equal", property: "version", value: 1 } as const;
      const deleted = engine.deleteWhere(PLACE, filter);
      deepStrictEqual(await replaced, { rowsAdded: 0, rowsReplaced: 1 });
      deepStrictEqual(await deleted, { rowsAdded: -1, rowsReplaced: 1 });
      await judge([["a", 2]]);
    });
  }

  test("an insert is not refused for a record that the log then loses", async () => {
    await engine.close();
    const fault = { kinds: ["write-and-sync"], path: "log/", nth: 2, effect: "EIO" } as const;
    engine = await openOn(new FaultyFileSystem(files, [fault]));
    const results = await Promise.allSettled([insert("a", 1), insert("a", 2)]);
    const codes = results.map((result) =>
      result.status === "rejected" && isInsulaError(result.reason) ? result.reason.code : "done",
    );
    deepStrictEqual(codes, ["log_poisoned", "log_poisoned"]);
    await engine.close().catch(() => undefined);
    engine = await openOn(files);
    await judge([]);
  });

  function insert(key: string, version: number): ReturnType<Engine["insert"]> {
    return engine.insert(PLACE, batchOf(key, version));
  }

  function put(key: string, version: number): ReturnType<Engine["upsert"]> {
    return engine.upsert(PLACE, batchOf(key, version));
  }

  /** Now, and again after a start from what is on disk. */
  async function judge(expected: readonly (readonly [string, number])[]): Promise<void> {
    const sorted = [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
    deepStrictEqual(await contents(), sorted);
    await engine.close();
    engine = await openOn(files);
    deepStrictEqual(await contents(), sorted);
    deepStrictEqual(await engine.count(PLACE), sorted.length);
  }

  async function contents(): Promise<unknown> {
    const { items } = await engine.list(PLACE, { limit: 100, include: NOTHING });
    return items.map(({ key, metadata }) => [key, metadata?.["version"]]);
  }
});

function batchOf(key: string, version: number): WriteBatch {
  return {
    keys: [key],
    vectors: [{ field: "", values: Float32Array.of(version, 1) }],
    metadata: [{ version }],
  };
}

function openOn(files: FileSystem): Promise<Engine> {
  const random = new SeededRandom(1);
  return openEngine({ files, clock: new ManualClock(), random, workerCount: 0 });
}
