import { deepStrictEqual } from "node:assert/strict";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UPDATE_RECORDS_MAX } from "../base/limits.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { joinSparse, type Filter, type Metadata, type RecordPatch } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./index.ts";

const PLACE = { database: "d", collection: "c", tenant: "t" };
const EVERYTHING = { vectors: true, metadata: true };
let files: MemoryFileSystem;
let engine: Engine;

async function open(): Promise<Engine> {
  const [clock, random] = [new ManualClock(), new SeededRandom(1)];
  return openEngine({ files, clock, random, workerCount: 0 });
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  engine = await open();
  await engine.createDatabase(PLACE.database);
  const schema = {
    vectors: [
      { name: "a", dimension: 2, metric: "dot" as const },
      { name: "b", dimension: 1, metric: "dot" as const },
    ],
    sparseVectors: [{ name: "words" }],
    identity: "key" as const,
    unfilterable: [],
  };
  await engine.createCollection(PLACE.database, PLACE.collection, { schema, tenancy: "multi" });
});
afterEach(() => engine.close());

function put(keys: readonly string[], metadata: Metadata = { n: 1, kept: "x" }): Promise<unknown> {
  const words = { indices: Uint32Array.of(3), values: Float32Array.of(2) };
  return engine.upsert(PLACE, {
    keys,
    vectors: [
      { field: "a", values: new Float32Array(keys.length * 2).fill(1) },
      { field: "b", values: new Float32Array(keys.length).fill(5) },
    ],
    sparse: [{ field: "words", ...joinSparse(keys.map(() => words)) }],
    metadata: keys.map(() => metadata),
  });
}

/** A record as plain values. */
async function read(key: string): Promise<unknown> {
  const [record] = await engine.get(PLACE, [key], EVERYTHING);
  if (record === undefined) return undefined;
  const words = record.sparse?.get("words");
  return {
    a: [...(record.vectors?.get("a") ?? [])],
    b: [...(record.vectors?.get("b") ?? [])],
    words: words && [...words.indices, ...words.values],
    metadata: { ...record.metadata },
  };
}

const STORED = { a: [1, 1], b: [5], words: [3, 2], metadata: { n: 1, kept: "x" } };

describe("an update of records", () => {
  test.each([false, true])(
    "changes what it names and nothing else (in a segment: %s)",
    async (isFlushed) => {
      await put(["k", "l"]);
      if (isFlushed) await engine.flush(PLACE);
      const patch = (more: Omit<RecordPatch, "key">): Promise<unknown> =>
        engine.update(PLACE, [{ key: "k", ...more }]);
      expect(await patch({ metadata: { n: 2, new: true } })).toEqual({
        rowsAdded: 0,
        rowsReplaced: 1,
      });
      deepStrictEqual(await read("k"), { ...STORED, metadata: { n: 2, kept: "x", new: true } });
      await patch({ vectors: new Map([["a", Float32Array.of(7, 8)]]) });
      await patch({
        sparse: new Map([["words", { indices: Uint32Array.of(4), values: Float32Array.of(9) }]]),
      });
      const changed = {
        a: [7, 8],
        b: [5],
        words: [4, 9],
        metadata: { n: 2, kept: "x", new: true },
      };
      deepStrictEqual(await read("k"), changed);
      deepStrictEqual(await read("l"), STORED);
      await engine.close();
      engine = await open();
      deepStrictEqual(await read("k"), changed);
      expect(await engine.count(PLACE)).toBe(2);
    },
  );

  test("passes over keys that are not there, and makes no tenant", async () => {
    const metadata = { n: 2 };
    expect(await engine.update(PLACE, [{ key: "k", metadata }])).toEqual({
      rowsAdded: 0,
      rowsReplaced: 0,
    });
    expect(await engine.getTenant(PLACE)).toBeUndefined();
    await put(["k"]);
    const patches = ["none", "k"].map((key) => ({ key, metadata }));
    expect(await engine.update(PLACE, patches)).toEqual({ rowsAdded: 0, rowsReplaced: 1 });
    expect(await read("none")).toBeUndefined();
  });

  test("reads what the write before it left, however many wait", async () => {
    await put(["k"], {});
    const names = Array.from({ length: 20 }, (_, i) => `p${String(i)}`);
    await Promise.all(
      names.map((name, i) => engine.update(PLACE, [{ key: "k", metadata: { [name]: i } }])),
    );
    const { metadata } = (await read("k")) as { metadata: Metadata };
    expect(Object.keys(metadata).toSorted()).toEqual(names.toSorted());
  });

  test("of up to 1,000 records is taken, of one more it is not", async () => {
    const keys = Array.from({ length: UPDATE_RECORDS_MAX + 1 }, (_, i) => `k${String(i)}`);
    await put(keys);
    const patches = keys.map((key) => ({ key, metadata: { n: 2 } }));
    await expect(engine.update(PLACE, patches)).rejects.toMatchObject({ code: "batch_too_large" });
    expect(await engine.count(PLACE, { kind: "equal", property: "n", value: 2 })).toBe(0);
    const result = await engine.update(PLACE, patches.slice(1));
    expect(result.rowsReplaced).toBe(UPDATE_RECORDS_MAX);
  });

  test.each([
    [
      "key_duplicate",
      [
        { key: "k", metadata: {} },
        { key: "k", metadata: {} },
      ],
    ],
    ["key_invalid", [{ key: "", metadata: {} }]],
    ["argument_invalid", [{ key: "k" }]],
    ["argument_invalid", [{ key: "k", vectors: new Map([["c", Float32Array.of(1)]]) }]],
    ["dimension_mismatch", [{ key: "k", vectors: new Map([["a", Float32Array.of(1)]]) }]],
    ["vector_invalid", [{ key: "k", vectors: new Map([["b", Float32Array.of(NaN)]]) }]],
    ["metadata_too_large", [{ key: "k", metadata: { x: "y".repeat(1_048_576) } }]],
  ] satisfies [string, RecordPatch[]][])("is refused with %s as a whole", async (code, patches) => {
    await put(["k", "l"]);
    const good = { key: "l", metadata: { n: 2 } };
    await expect(engine.update(PLACE, [good, ...patches])).rejects.toMatchObject({ code });
    deepStrictEqual(await read("l"), STORED);
  });

  test("that would make the metadata of one record too large changes none", async () => {
    await put(["k", "l"], { x: "y".repeat(700_000) });
    const patches = ["l", "k"].map((key) => ({
      key,
      metadata: { z: key === "k" ? "y".repeat(700_000) : "" },
    }));
    await expect(engine.update(PLACE, patches)).rejects.toMatchObject({
      code: "metadata_too_large",
    });
    expect(await engine.count(PLACE, { kind: "exists", property: "z" })).toBe(0);
  });
});

describe("an update by filter", () => {
  const isOdd: Filter = { kind: "equal", property: "odd", value: true };

  test("sets properties of the records that pass, in steps when they are many", async () => {
    const keys = Array.from(
      { length: 3 * UPDATE_RECORDS_MAX },
      (_, i) => `k${String(i).padStart(5, "0")}`,
    );
    const [odd, even] = [keys.filter((_, i) => i % 2 === 1), keys.filter((_, i) => i % 2 === 0)];
    await put(odd, { odd: true, kept: 1 });
    await engine.flush(PLACE);
    await put(even, { odd: false });
    expect(await engine.updateWhere(PLACE, isOdd, { odd: "was", n: 3 })).toEqual({
      rowsAdded: 0,
      rowsReplaced: odd.length,
    });
    expect(await engine.count(PLACE, { kind: "equal", property: "n", value: 3 })).toBe(odd.length);
    expect(await engine.count(PLACE, isOdd)).toBe(0);
    expect(await read(odd[0] ?? "")).toMatchObject({ metadata: { odd: "was", kept: 1, n: 3 } });
    expect(await engine.count(PLACE)).toBe(keys.length);
  });

  test("of few records is one step: of two whose filters exclude each other the second finds none", async () => {
    await put(["k", "l"], { odd: true });
    const results = await Promise.all([
      engine.updateWhere(PLACE, isOdd, { odd: false }),
      engine.updateWhere(PLACE, isOdd, { odd: null }),
    ]);
    expect(results.map(({ rowsReplaced }) => rowsReplaced)).toEqual([2, 0]);
  });

  test("of a tenant that is not there changes nothing and makes none", async () => {
    expect((await engine.updateWhere(PLACE, isOdd, { n: 1 })).rowsReplaced).toBe(0);
    expect(await engine.getTenant(PLACE)).toBeUndefined();
  });
});

test("the figures of a place have a sequence that grows with its writes and with no others", async () => {
  expect(await engine.measure(PLACE)).toBeUndefined();
  await put(["k"]);
  const first = await engine.measure(PLACE);
  await engine.upsert(
    { ...PLACE, tenant: "other" },
    {
      keys: ["k"],
      vectors: [
        { field: "a", values: Float32Array.of(1, 1) },
        { field: "b", values: Float32Array.of(1) },
      ],
      metadata: [undefined],
    },
  );
  await engine.delete(PLACE, ["none"]);
  expect(await engine.measure(PLACE)).toEqual(first);
  await engine.update(PLACE, [{ key: "k", metadata: { n: 2 } }]);
  const last = await engine.measure(PLACE);
  expect(last?.sequence).toBeGreaterThan(first?.sequence ?? 0);
  expect(last?.rowCount).toBe(1);
  await engine.deactivate(PLACE);
  expect(await engine.measure(PLACE)).toEqual(last);
});
