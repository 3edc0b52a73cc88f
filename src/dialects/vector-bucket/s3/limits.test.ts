import { beforeEach, describe, expect, test } from "vitest";
import { BUCKET_ARN, S3Bench } from "../../../../test/support/s3-bench.ts";
import type { S3BenchAnswer } from "../../../../test/support/s3-bench.ts";
import { S3_LIMITS, S3_QUOTAS } from "./limits.ts";

let bench: S3Bench;
const NAME = { vectorBucketName: "my-bucket" };
const AT = { ...NAME, indexName: "idx" };
const NEW = { ...AT, dataType: "float32", dimension: 2, distanceMetric: "cosine" };
const QUERY = { ...AT, queryVector: { float32: [1, 2] } };

async function open(ossQuotas: "off" | "seed"): Promise<void> {
  bench = new S3Bench({ ossQuotas });
  await bench.call("CreateVectorBucket", NAME);
  const metadataConfiguration = { nonFilterableMetadataKeys: ["text"] };
  await bench.call("CreateIndex", { ...NEW, metadataConfiguration });
}

beforeEach(() => open("off"));

/** 200 for the first, a ValidationException for the second. */
async function expectBound(name: string, atBound: object, beyond: object): Promise<void> {
  const fine = await bench.call(name, atBound);
  expect([fine.status, fine.message]).toEqual([200, undefined]);
  const refused = await bench.call(name, beyond);
  expect([refused.status, refused.type]).toEqual([400, "ValidationException"]);
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${String(i)}`);
}

function row(key: string, metadata?: object): object {
  return { key, data: { float32: [1, 2] }, metadata };
}

function put(...vectors: object[]): object {
  return { ...AT, vectors };
}

describe("limits: what is at the limit passes, one more does not", () => {
  test("500 vectors a put, 500 keys a delete, 100 keys a get, never none", async () => {
    const rows = names(501).map((key) => row(key));
    await expectBound("PutVectors", put(...rows.slice(1)), put(...rows));
    await expectBound("PutVectors", put(row("a")), put());
    const keys = (count: number): object => ({ ...AT, keys: names(count) });
    await expectBound("GetVectors", keys(100), keys(101));
    await expectBound("GetVectors", keys(1), keys(0));
    await expectBound("DeleteVectors", keys(500), keys(501));
    await expectBound("DeleteVectors", keys(1), keys(0));
  });

  test("1,024 characters a key, counted as characters", async () => {
    for (const character of ["x", "ü", "😀"]) {
      const at = (count: number): object => put(row(character.repeat(count)));
      await expectBound("PutVectors", at(1_024), at(1_025));
    }
  });

  test("40 KB of metadata, 2 KB of it filterable, 50 names", async () => {
    const text = (count: number): object =>
      put(row("a", { text: "x".repeat(count - '{"text":""}'.length) }));
    await expectBound("PutVectors", text(40_960), text(40_961));
    const plain = (count: number): object =>
      put(row("a", { tag: "x".repeat(count - '{"tag":""}'.length) }));
    await expectBound("PutVectors", plain(2_048), plain(2_049));
    const many = (count: number): object =>
      put(row("a", Object.fromEntries(names(count).map((name) => [name, 1]))));
    await expectBound("PutVectors", many(50), many(51));
    expect((await bench.call("PutVectors", many(51))).message).toBe(
      "Invalid record for key 'a': Metadata object must have at most 50 keys",
    );
  });

  test("names of buckets and indexes have 3 to 63 characters", async () => {
    const bucket = (count: number): object => ({ vectorBucketName: "b".repeat(count) });
    await expectBound("CreateVectorBucket", bucket(63), bucket(64));
    await expectBound("CreateVectorBucket", bucket(3), bucket(2));
    const index = (count: number): object => ({ ...NEW, indexName: "i".repeat(count) });
    await expectBound("CreateIndex", index(63), index(64));
    await expectBound("CreateIndex", index(3), index(2));
  });

  test("4,096 numbers, up to 10 names not filtered by, of 1 to 63 characters", async () => {
    const index = (indexName: string, more: object): object => ({ ...NEW, indexName, ...more });
    await expectBound(
      "CreateIndex",
      index("wide", { dimension: 4_096 }),
      index("wider", { dimension: 4_097 }),
    );
    const keys = (list: string[]): object => ({
      metadataConfiguration: { nonFilterableMetadataKeys: list },
    });
    await expectBound(
      "CreateIndex",
      index("ten", keys(names(10))),
      index("eleven", keys(names(11))),
    );
    await expectBound(
      "CreateIndex",
      index("long", keys(["ü".repeat(63)])),
      index("longer", keys(["x".repeat(64)])),
    );
    await expectBound("CreateIndex", index("short", keys(["x"])), index("empty", keys([""])));
  });

  test("topK, pages and segments", async () => {
    const query = (topK: number): object => ({ ...QUERY, topK });
    await expectBound("QueryVectors", query(10_000), query(10_001));
    await expectBound("QueryVectors", query(1), query(0));
    const page = (maxResults: number): object => ({ ...AT, maxResults });
    await expectBound("ListVectors", page(1_000), page(1_001));
    await expectBound("ListVectors", page(1), page(0));
    const segments = (segmentCount: number): object => ({ ...AT, segmentCount, segmentIndex: 0 });
    await expectBound("ListVectors", segments(16), segments(17));
    await expectBound("ListVectors", segments(1), segments(0));
    const listing = (maxResults: number): object => ({ ...NAME, maxResults });
    await expectBound("ListIndexes", listing(500), listing(501));
    await expectBound("ListIndexes", listing(1), listing(0));
    await expectBound("ListVectorBuckets", { maxResults: 500 }, { maxResults: 501 });
    const prefix = (count: number): object => ({ ...NAME, prefix: "p".repeat(count) });
    await expectBound("ListIndexes", prefix(63), prefix(64));
    await expectBound("ListVectorBuckets", { prefix: "p" }, { prefix: "" });
  });

  test("without maxResults a page has 500", async () => {
    const place = { database: "my-bucket", collection: "idx" };
    const keys = names(501);
    const values = Float32Array.from(keys.flatMap(() => [1, 2]));
    const metadata = keys.map(() => undefined);
    await bench.engine.upsert(place, { keys, vectors: [{ field: "", values }], metadata });
    expect((await bench.call("ListVectors", AT)).json["vectors"]).toHaveLength(500);
    const { schema } = (await bench.engine.getCollection("my-bucket", "idx")) ?? {};
    if (schema === undefined) throw new TypeError("unreachable");
    for (const name of keys) await bench.engine.createCollection("my-bucket", name, { schema });
    const { json } = await bench.call("ListIndexes", NAME);
    expect(json["indexes"]).toHaveLength(S3_LIMITS.listNamesDefault);
    expect(json["nextToken"]).toMatch(/^.{1,512}$/);
  });

  test("tokens of keys up to 1,520 bytes have at most 2,048 characters", async () => {
    const keys = [`a${"x".repeat(1_023)}`, `a${"é".repeat(759)}z`, "b"];
    await bench.call("PutVectors", put(...keys.map((key) => row(key))));
    let nextToken: unknown;
    for (let i = 0; i < 2; i++) {
      const { json } = await bench.call("ListVectors", { ...AT, maxResults: 1, nextToken });
      nextToken = json["nextToken"];
      expect(nextToken).toMatch(/^.{1,2048}$/);
    }
  });

  test("64 KB of filter, 1,024 conditions, 8 levels", async () => {
    const query = (filter: object): object => ({ ...QUERY, topK: 1, filter });
    const empty = Buffer.byteLength(JSON.stringify({ a: "" }));
    const long = (count: number): object => query({ a: "x".repeat(count - empty) });
    await expectBound("QueryVectors", long(65_536), long(65_537));
    const wide = (count: number): object => query({ $or: names(count).map((a) => ({ a })) });
    await expectBound("QueryVectors", wide(1_024), wide(1_025));
    const deep = (levels: number): object => {
      let filter: object = { a: 1 };
      for (let i = 1; i < levels; i++) filter = { $and: [filter] };
      return query(filter);
    };
    await expectBound("QueryVectors", deep(8), deep(9));
  });

  test("50 tags, names of 1 to 128 characters, values of 0 to 256", async () => {
    const tags = (count: number, start = 0): object => ({
      tags: Object.fromEntries(
        names(start + count)
          .slice(start)
          .map((name) => [name, "v"]),
      ),
    });
    await expectBound(
      "CreateVectorBucket",
      { vectorBucketName: "fifty", ...tags(50) },
      { vectorBucketName: "fifty-one", ...tags(51) },
    );
    const tag = (body: object): Promise<S3BenchAnswer> => bench.tags("POST", BUCKET_ARN, { body });
    expect((await tag(tags(50))).status).toBe(200);
    expect((await tag(tags(1, 49))).status).toBe(200);
    expect((await tag(tags(1, 50))).type).toBe("ValidationException");
    const query = (count: number): string =>
      names(count)
        .map((name) => `tagKeys=${name}`)
        .join("&");
    expect((await bench.tags("DELETE", BUCKET_ARN, { query: query(51) })).status).toBe(400);
    expect((await bench.tags("DELETE", BUCKET_ARN, { query: query(50) })).status).toBe(200);
    expect((await bench.tags("DELETE", BUCKET_ARN, { query: "" })).status).toBe(400);
    expect((await tag({ tags: { ["ü".repeat(128)]: "ß".repeat(256) } })).status).toBe(200);
    expect((await tag({ tags: { ["k".repeat(129)]: "v" } })).status).toBe(400);
    expect((await tag({ tags: { k: "v".repeat(257) } })).status).toBe(400);
    expect((await tag({ tags: { "": "v" } })).status).toBe(400);
    expect((await tag({})).status).toBe(400);
  });

  test("2,048 characters of a key's ARN", async () => {
    const bucket = (vectorBucketName: string, count: number): object => ({
      vectorBucketName,
      encryptionConfiguration: { sseType: "aws:kms", kmsKeyArn: "k".repeat(count) },
    });
    await expectBound("CreateVectorBucket", bucket("kms-1", 2_048), bucket("kms-2", 2_049));
  });

  test("16 KB of policy", async () => {
    const statement = { Effect: "Allow", Principal: "*", Action: "*", Resource: "*" };
    const text = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    const policy = (count: number): object => ({ ...NAME, policy: text.padEnd(count) });
    await expectBound("PutVectorBucketPolicy", policy(16_384), policy(16_385));
  });
});

describe("quotas of an account", () => {
  test("are off by default", async () => {
    for (let i = 0; i < 6; i++) {
      const rows = names(500).map((key) => row(key));
      expect((await bench.call("PutVectors", put(...rows))).status).toBe(200);
    }
  });

  test("2,500 vectors and 1,000 calls a second of one index", async () => {
    await open("seed");
    const rows = names(500).map((key) => row(key));
    for (let i = 0; i < 5; i++) {
      expect((await bench.call("PutVectors", put(...rows))).status).toBe(200);
    }
    const tooMany = await bench.call("PutVectors", put(row("a")));
    expect(tooMany).toMatchObject({ status: 429, type: "TooManyRequestsException" });
    expect(tooMany.headers["retry-after"]).toBe("1");
    bench.monotonicMs += 1_000;
    for (let i = 0; i < S3_QUOTAS.writeCallsPerSecondMax; i++) {
      expect((await bench.call("DeleteVectors", { ...AT, keys: ["a"] })).status).toBe(200);
    }
    expect((await bench.call("DeleteVectors", { ...AT, keys: ["a"] })).status).toBe(429);
    await bench.call("CreateIndex", { ...NEW, indexName: "other" });
    const other = { ...AT, indexName: "other", keys: ["a"] };
    expect((await bench.call("DeleteVectors", other)).status).toBe(200);
  });

  test("10,000 buckets, 10,000 indexes of a bucket, 2 billion vectors of an index", async () => {
    await open("seed");
    const { schema } = (await bench.engine.getCollection("my-bucket", "idx")) ?? {};
    if (schema === undefined) throw new TypeError("unreachable");
    const database = await bench.engine.getDatabase("my-bucket");
    const attributes = database?.attributes ?? {};
    for (let i = 1; i < S3_QUOTAS.bucketsMax - 1; i++) {
      await bench.engine.createDatabase(`bucket-${String(i)}`, { attributes });
    }
    for (let i = 1; i < S3_QUOTAS.indexesPerBucketMax - 1; i++) {
      await bench.engine.createCollection("my-bucket", `index-${String(i)}`, { schema });
    }
    const quota = { status: 402, type: "ServiceQuotaExceededException" };
    const bucket = (name: string): Promise<S3BenchAnswer> =>
      bench.call("CreateVectorBucket", { vectorBucketName: name });
    expect((await bucket("last")).status).toBe(200);
    expect(await bucket("too-many")).toMatchObject(quota);
    const index = (indexName: string): Promise<S3BenchAnswer> =>
      bench.call("CreateIndex", { ...NEW, indexName });
    expect((await index("last")).status).toBe(200);
    expect(await index("too-many")).toMatchObject(quota);
    const collection = bench.engine.databases.get("my-bucket")?.collections.get("idx");
    if (collection === undefined) throw new TypeError("unreachable");
    const rowCount = S3_QUOTAS.vectorsPerIndexMax - 1;
    collection.info = { ...collection.info, rowCount };
    expect((await bench.call("PutVectors", put(row("a")))).status).toBe(200);
    expect(await bench.call("PutVectors", put(row("a"), row("b")))).toMatchObject(quota);
  });
});
