import { beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, DOMAIN, OssBench } from "../../../../test/support/oss-bench.ts";
import type { BenchAnswer } from "../../../../test/support/oss-bench.ts";

let bench: OssBench;

beforeEach(async () => {
  bench = new OssBench();
  await bench.bucket({ method: "PUT" });
  const body = { indexName: "idx", dimension: 2, distanceMetric: "cosine" };
  await bench.post("putVectorIndex", {
    ...body,
    metadata: { nonFilterableMetadataKeys: ["text"] },
  });
});

describe("limits: what is at the limit passes, one more does not", () => {
  const INVALID = "VectorIndexParameterInvalid";
  const row = (key: string, metadata?: object): object => ({
    key,
    data: { float32: [1, 2] },
    metadata,
  });
  const put = (vectors: object[]): Promise<BenchAnswer> =>
    bench.post("putVectors", { indexName: "idx", vectors });
  const names = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `k${String(i)}`);

  test("500 vectors a put", async () => {
    expect((await put(names(500).map((key) => row(key)))).status).toBe(200);
    expect((await put(names(501).map((key) => row(key)))).code).toBe(INVALID);
    expect((await put([])).code).toBe(INVALID);
  });

  test.each(["getVectors", "deleteVectors"])("500 keys in %s", async (verb) => {
    expect((await bench.post(verb, { indexName: "idx", keys: names(500) })).status).toBeLessThan(
      300,
    );
    expect((await bench.post(verb, { indexName: "idx", keys: names(501) })).code).toBe(INVALID);
    expect((await bench.post(verb, { indexName: "idx", keys: [] })).code).toBe(INVALID);
  });

  test("1,024 characters a key, counted as characters", async () => {
    for (const character of ["x", "ü", "😀"]) {
      expect((await put([row(character.repeat(1_024))])).status).toBe(200);
      expect((await put([row(character.repeat(1_025))])).code).toBe(INVALID);
    }
    expect((await put([row("")])).code).toBe(INVALID);
  });

  test("40 KB of metadata, 2 KB of it filterable", async () => {
    const text = (count: number): object => ({ text: "x".repeat(count - '{"text":""}'.length) });
    expect((await put([row("a", text(40_960))])).status).toBe(200);
    expect((await put([row("a", text(40_961))])).code).toBe(INVALID);
    const plain = (count: number): object => ({ tag: "x".repeat(count - '{"tag":""}'.length) });
    expect((await put([row("a", plain(2_048))])).status).toBe(200);
    expect((await put([row("a", plain(2_049))])).code).toBe(INVALID);
  });

  test("4,096 numbers, 63 characters of a name, ten names not filtered by", async () => {
    const create = (more: object): Promise<BenchAnswer> =>
      bench.post("putVectorIndex", { indexName: "n", ...more });
    expect((await create({ dimension: 4_096 })).status).toBe(200);
    expect((await create({ indexName: "m", dimension: 4_097 })).code).toBe(INVALID);
    expect((await create({ indexName: "x".repeat(63) })).status).toBe(200);
    expect((await create({ indexName: "x".repeat(64) })).code).toBe(INVALID);
    const keys = (list: string[]): object => ({ metadata: { nonFilterableMetadataKeys: list } });
    expect((await create({ indexName: "ten", ...keys(names(10)) })).status).toBe(200);
    expect((await create({ indexName: "eleven", ...keys(names(11)) })).code).toBe(INVALID);
    expect((await create({ indexName: "long", ...keys(["x".repeat(63)]) })).status).toBe(200);
    expect((await create({ indexName: "longer", ...keys(["x".repeat(64)]) })).code).toBe(INVALID);
  });

  test.each([
    ["queryVectors", "topK", 10_000],
    ["listVectors", "maxResults", 1_000],
    ["listVectors", "segmentCount", 16],
    ["listVectorIndexes", "maxResults", 500],
  ])("%s %s up to %i", async (verb, name, max) => {
    const body = { indexName: "idx", queryVector: { float32: [1, 2] } };
    expect((await bench.post(verb, { ...body, [name]: max })).status).toBe(200);
    expect((await bench.post(verb, { ...body, [name]: max + 1 })).code).toBe(INVALID);
    expect((await bench.post(verb, { ...body, [name]: -1 })).code).toBe(INVALID);
  });

  test("a filter of 1,024 conditions, 8 levels and 64 KB", async () => {
    const query = (filter: unknown): Promise<BenchAnswer> =>
      bench.post("queryVectors", { indexName: "idx", queryVector: { float32: [1, 2] }, filter });
    const flat = (count: number): object => ({ $or: names(count).map((name) => ({ [name]: 1 })) });
    expect((await query(flat(1_024))).status).toBe(200);
    expect((await query(flat(1_025))).code).toBe(INVALID);
    const deep = (levels: number): object =>
      levels === 1 ? { a: 1 } : { $and: [deep(levels - 1)] };
    expect((await query(deep(8))).status).toBe(200);
    expect((await query(deep(9))).code).toBe(INVALID);
    const wide = (count: number): object => ({ a: "x".repeat(count - '{"a":""}'.length) });
    expect((await query(wide(65_536))).status).toBe(200);
    expect((await query(wide(65_537))).code).toBe(INVALID);
  });
});

describe("quotas of the vendor, when switched on", () => {
  beforeEach(async () => {
    bench = new OssBench({ ossQuotas: "seed" });
    await bench.bucket({ method: "PUT" });
  });

  const create = (i: number): Promise<BenchAnswer> =>
    bench.post("putVectorIndex", { indexName: `n${String(i)}`, dimension: 2 });

  test("ten buckets, also when they are made at once", async () => {
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, i) => {
        const bucket = `bucket${String(i)}`;
        return bench.send({ method: "PUT", host: `${bucket}-${ACCOUNT}.${DOMAIN}`, bucket });
      }),
    );
    expect(made.filter(({ status }) => status === 200)).toHaveLength(9);
    expect(made.filter(({ code }) => code === "TooManyBuckets")).toHaveLength(3);
  });

  test("five index creations a second and a hundred in all", async () => {
    for (let i = 0; i < 100; i++) {
      bench.monotonicMs = Math.floor(i / 5) * 1_000;
      expect((await create(i)).status).toBe(200);
    }
    const late = await create(100);
    expect(late).toMatchObject({ status: 503, code: "QpsLimitExceeded" });
    expect(late.headers["Retry-After"]).toBe("1");
    bench.monotonicMs += 1_000;
    expect(await create(101)).toMatchObject({ status: 400, code: "VectorBucketIndexExceedLimit" });
  });

  test("sixteen listings at the same time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 17 }, () => bench.post("listVectorIndexes", {})),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(16);
    expect(answers.filter(({ code }) => code === "QpsLimitExceeded")).toHaveLength(1);
    expect((await bench.post("listVectorIndexes", {})).status).toBe(200);
  });

  test("thirty hits and fifty million vectors", async () => {
    await create(0);
    const query = { indexName: "n0", queryVector: { float32: [1, 2] } };
    expect((await bench.post("queryVectors", { ...query, topK: 30 })).status).toBe(200);
    expect((await bench.post("queryVectors", { ...query, topK: 31 })).status).toBe(400);
    const collection = bench.engine.databases.get("my-bucket")?.collections.get("n0");
    if (collection === undefined) throw new Error("no collection");
    const vectors = [{ key: "a", data: { float32: [1, 2] } }];
    collection.info = { ...collection.info, rowCount: 49_999_999 };
    expect((await bench.post("putVectors", { indexName: "n0", vectors })).status).toBe(200);
    collection.info = { ...collection.info, rowCount: 50_000_000 };
    expect((await bench.post("putVectors", { indexName: "n0", vectors })).code).toBe(
      "VectorIndexParameterInvalid",
    );
  });
});
