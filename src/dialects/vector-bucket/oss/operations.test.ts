import { beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, DOMAIN, OssBench, REQUEST_ID } from "../../../../test/support/oss-bench.ts";
import type { BenchAnswer } from "../../../../test/support/oss-bench.ts";
import { OSS_OPERATIONS } from "./operations.ts";

let bench: OssBench;

beforeEach(() => {
  bench = new OssBench();
});

async function withBucket(): Promise<void> {
  expect((await bench.bucket({ method: "PUT" })).status).toBe(200);
}

async function withIndex(more: object = {}): Promise<void> {
  await withBucket();
  const body = { indexName: "idx", dataType: "float32", dimension: 2, distanceMetric: "cosine" };
  const answer = await bench.post("putVectorIndex", { ...body, ...more });
  expect(answer.text).toBe("");
  expect(answer.status).toBe(200);
}

function vector(key: string, float32: readonly number[], metadata?: unknown): object {
  return { key, data: { float32 }, ...(metadata === undefined ? {} : { metadata }) };
}

async function put(...vectors: object[]): Promise<BenchAnswer> {
  return bench.post("putVectors", { indexName: "idx", vectors });
}

function keysOf(answer: BenchAnswer): string[] {
  return (answer.json as { vectors: { key: string }[] }).vectors.map(({ key }) => key);
}

describe("buckets", () => {
  test("PutVectorBucket answers with a Location and no body", async () => {
    const answer = await bench.bucket({
      method: "PUT",
      headers: { "x-oss-resource-group-id": "rg-1", "x-oss-bucket-tagging": "a=b" },
    });
    expect(answer).toMatchObject({ status: 200, text: "" });
    expect(answer.headers).toEqual({
      Location: "/my-bucket",
      "x-oss-request-id": REQUEST_ID,
      "x-oss-server-time": "0",
      Server: "AliyunOSS",
    });
  });

  test("GetVectorBucket shows the full resource name and the address this server has", async () => {
    await bench.bucket({ method: "PUT", headers: { "x-oss-resource-group-id": "rg-1" } });
    const answer = await bench.bucket({ query: "bucketInfo=" });
    expect(answer.headers["Content-Type"]).toBe("application/json");
    expect(answer.text).toBe(
      `{"BucketInfo":{"Name":"acs:ossvector:cn-hangzhou:${ACCOUNT}:my-bucket",` +
        '"Location":"oss-cn-hangzhou","Region":"cn-hangzhou","CreationDate":"2025-06-15T15:06:40.000Z",' +
        '"ExtranetEndpoint":"cn-hangzhou.oss-vectors.aliyuncs.com",' +
        '"IntranetEndpoint":"cn-hangzhou-internal.oss-vectors.aliyuncs.com","ResourceGroupId":"rg-1"}}',
    );
  });

  test("ListVectorBuckets pages by bare names and takes resource names as markers", async () => {
    for (const name of ["my-c", "my-a", "my-b", "other"]) {
      await bench.bucket({ method: "PUT", host: `${name}-${ACCOUNT}.${DOMAIN}`, bucket: name });
    }
    const first = await bench.send({ query: "prefix=my&max-keys=2" });
    expect(first.json).toMatchObject({
      ListAllMyBucketsResult: {
        Prefix: "my",
        Marker: "",
        MaxKeys: 2,
        IsTruncated: true,
        NextMarker: "my-b",
        Buckets: [
          { Name: expect.stringMatching(/:my-a$/) },
          { Name: expect.stringMatching(/:my-b$/) },
        ],
      },
    });
    const marker = encodeURIComponent(`acs:ossvector:cn-hangzhou:${ACCOUNT}:my-b`);
    const last = await bench.send({ query: `prefix=my&marker=${marker}&max-keys=1` });
    const list = (last.json as { ListAllMyBucketsResult: { Buckets: unknown[] } })
      .ListAllMyBucketsResult;
    expect(list).toMatchObject({
      IsTruncated: false,
      Buckets: [{ Name: expect.stringMatching(/:my-c$/) }],
    });
    expect(list).not.toHaveProperty("NextMarker");
    const none = await bench.send({ query: "prefix=zz" });
    expect(none.text).toContain('"IsTruncated":false,"Buckets":[]');
    expect((await bench.send({})).json).toMatchObject({ ListAllMyBucketsResult: { MaxKeys: 100 } });
  });

  test("DeleteVectorBucket waits for its indexes and then succeeds at once", async () => {
    await withIndex();
    expect(await bench.bucket({ method: "DELETE" })).toMatchObject({
      status: 409,
      code: "VectorBucketNotEmpty",
    });
    expect(await bench.post("deleteVectorIndex", { indexName: "idx" })).toMatchObject({
      status: 204,
      text: "",
    });
    const gone = await bench.bucket({ method: "DELETE" });
    expect(gone).toMatchObject({ status: 204, text: "" });
    expect(gone.headers).not.toHaveProperty("Content-Type");
    expect(await bench.bucket({ method: "DELETE" })).toMatchObject({
      status: 404,
      code: "NoSuchBucket",
    });
  });

  test("a bucket is made once, and only under a name that fits a host", async () => {
    await withBucket();
    expect(await bench.bucket({ method: "PUT" })).toMatchObject({
      status: 409,
      code: "BucketAlreadyExists",
    });
    for (const bucket of ["ab", "a".repeat(64), "-abc", "abc-", "Abc", "a_b"]) {
      const host = `${bucket}-${ACCOUNT}.${DOMAIN}`;
      const answer = await bench.bucket({ method: "PUT", host, bucket });
      expect([bucket, answer.code]).toEqual([bucket, "InvalidVectorBucketName"]);
    }
    for (const bucket of ["abc", "a".repeat(63), "1-2"]) {
      const host = `${bucket}-${ACCOUNT}.${DOMAIN}`;
      expect((await bench.bucket({ method: "PUT", host, bucket })).status).toBe(200);
    }
  });
});

describe("indexes", () => {
  test("GetVectorIndex shows what was asked for", async () => {
    await withIndex({ indexName: "testIndexA", metadata: { nonFilterableMetadataKeys: ["text"] } });
    const answer = await bench.post("getVectorIndex", { indexName: "testIndexA" });
    expect(answer.text).toBe(
      '{"index":{"indexName":"testIndexA","vectorBucketName":"my-bucket","dataType":"float32",' +
        '"dimension":2,"distanceMetric":"cosine","metadata":{"nonFilterableMetadataKeys":["text"]},' +
        '"status":"enable","createTime":"2025-06-15T15:06:40.000Z"}}',
    );
    await bench.engine.updateCollection("my-bucket", "testIndexA", { status: "disabled" });
    const disabled = await bench.post("getVectorIndex", { indexName: "testIndexA" });
    expect(disabled.text).toContain('"status":"disable"');
    const query = { indexName: "testIndexA", queryVector: { float32: [1, 0] }, topK: 1 };
    expect(await bench.post("queryVectors", query)).toMatchObject({
      status: 403,
      code: "AccessDenied",
    });
  });

  test("PutVectorIndex applies the documented defaults", async () => {
    await withBucket();
    expect((await bench.post("putVectorIndex", { indexName: "idx" })).status).toBe(200);
    expect((await bench.post("getVectorIndex", { indexName: "idx" })).json).toMatchObject({
      index: { dimension: 512, distanceMetric: "euclidean", dataType: "float32" },
    });
  });

  test("ListVectorIndexes gives three pages for eleven indexes by five, and takes an empty body", async () => {
    await withBucket();
    for (let i = 0; i < 11; i++) {
      await bench.post("putVectorIndex", { indexName: `idx${String(i).padStart(2, "0")}` });
    }
    const names: string[] = [];
    const sizes: number[] = [];
    let nextToken: string | undefined;
    do {
      const body = {
        maxResults: 5,
        prefix: "idx",
        ...(nextToken === undefined ? {} : { nextToken }),
      };
      const page = (await bench.post("listVectorIndexes", body)).json as {
        indexes: { indexName: string }[];
        nextToken?: string;
      };
      sizes.push(page.indexes.length);
      names.push(...page.indexes.map(({ indexName }) => indexName));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(sizes).toEqual([5, 5, 1]);
    expect(new Set(names).size).toBe(11);
    expect(names).toEqual([...names].sort());
    const all = (await bench.post("listVectorIndexes", undefined)).json;
    expect((all as { indexes: unknown[] }).indexes).toHaveLength(11);
    const none = await bench.post("listVectorIndexes", { prefix: "zz", maxResults: 0 });
    expect(none.text).toBe('{"indexes":[]}');
  });

  test("collections of other protocols that are no vector index are not there", async () => {
    await withBucket();
    const schema = {
      vectors: [{ name: "", dimension: 2, metric: "cosine" as const }],
      identity: "key" as const,
      unfilterable: [],
    };
    await bench.engine.createCollection("my-bucket", "multi", { schema, tenancy: "multi" });
    await bench.engine.createCollection("my-bucket", "twin-index.1", { schema });
    expect(await bench.post("getVectorIndex", { indexName: "multi" })).toMatchObject({
      status: 404,
      code: "NoSuchVectorIndex",
    });
    expect((await bench.post("getVectorIndex", { indexName: "twin-index.1" })).status).toBe(200);
    const list = (await bench.post("listVectorIndexes", {})).json as { indexes: unknown[] };
    expect(list.indexes).toHaveLength(1);
  });

  test("an index is made once", async () => {
    await withIndex();
    expect(await bench.post("putVectorIndex", { indexName: "idx" })).toMatchObject({
      status: 409,
      code: "VectorBucketIndexAlreadyExist",
    });
  });
});

describe("vectors", () => {
  const metadata = {
    category: ["technology", "ai"],
    year: 2020,
    isNew: true,
    nested: { deep: [1, { a: "b" }] },
    __proto_: "x",
  };

  test("what was put comes back, in the order asked, unknown keys left out", async () => {
    await withIndex();
    expect(await put(vector("a", [0.1, 0.2], metadata), vector("b", [1, 0]))).toMatchObject({
      status: 200,
      text: "",
    });
    const body = {
      indexName: "idx",
      keys: ["b", "zz", "a", "b"],
      returnData: true,
      returnMetadata: true,
    };
    const answer = await bench.post("getVectors", body);
    expect(answer.text).toBe(
      '{"vectors":[{"key":"b","data":{"float32":[1,0]}},' +
        `{"key":"a","data":{"float32":[0.1,0.2]},"metadata":${JSON.stringify(metadata)}}]}`,
    );
    expect((await bench.post("getVectors", { indexName: "idx", keys: ["zz"] })).text).toBe(
      '{"vectors":[]}',
    );
    expect((await bench.post("getVectors", { indexName: "idx", keys: ["a"] })).text).toBe(
      '{"vectors":[{"key":"a"}]}',
    );
  });

  test("64-bit integers and prototype-like names in metadata lose nothing", async () => {
    await withIndex();
    const text =
      '{"big":18446744073709551615,"small":-9223372036854775808,"__proto__":"p","f":1.5}';
    const body = `{"indexName":"idx","vectors":[{"key":"a","data":{"float32":[1,2]},"metadata":${text}}]}`;
    expect((await bench.post("putVectors", body)).status).toBe(200);
    const answer = await bench.post("getVectors", {
      indexName: "idx",
      keys: ["a"],
      returnMetadata: true,
    });
    expect(answer.text).toBe(`{"vectors":[{"key":"a","metadata":${text}}]}`);
    const filter = '{"big":{"$gt":18446744073709551614}}';
    const query = `{"indexName":"idx","queryVector":{"float32":[1,2]},"topK":1,"filter":${filter}}`;
    expect(keysOf(await bench.post("queryVectors", query))).toEqual(["a"]);
  });

  test("an existing key is replaced completely", async () => {
    await withIndex();
    await put(vector("a", [1, 0], { x: "1" }));
    await put(vector("a", [0, 1]));
    const body = { indexName: "idx", keys: ["a"], returnData: true, returnMetadata: true };
    expect((await bench.post("getVectors", body)).text).toBe(
      '{"vectors":[{"key":"a","data":{"float32":[0,1]}}]}',
    );
  });

  test("a batch with one bad vector writes none", async () => {
    await withIndex();
    expect((await put(vector("a", [1, 0]), vector("b", [1, 0, 0]))).code).toBe(
      "VectorIndexParameterInvalid",
    );
    expect((await put(vector("a", [1, 0]), vector("a", [0, 1]))).code).toBe(
      "VectorIndexParameterInvalid",
    );
    expect((await bench.post("listVectors", { indexName: "idx" })).text).toBe('{"vectors":[]}');
  });

  test("QueryVectors gives the nearest first and only what was asked for", async () => {
    await withIndex();
    await put(
      vector("far", [-1, 0], { c: "x" }),
      vector("near", [3, 0], { c: "x" }),
      vector("mid", [3, 4]),
    );
    const body = { indexName: "idx", queryVector: { float32: [1, 0] }, topK: 3 };
    expect((await bench.post("queryVectors", body)).text).toBe(
      '{"vectors":[{"key":"near"},{"key":"mid"},{"key":"far"}]}',
    );
    const full = { ...body, topK: 2, returnDistance: true, returnMetadata: true };
    expect((await bench.post("queryVectors", full)).text).toBe(
      '{"vectors":[{"key":"near","distance":0,"metadata":{"c":"x"}},' +
        '{"key":"mid","distance":0.3999999761581421}]}',
    );
    const filtered = { ...body, filter: { c: { $eq: "x" } } };
    expect(keysOf(await bench.post("queryVectors", filtered))).toEqual(["near", "far"]);
    expect(keysOf(await bench.post("queryVectors", { ...body, filter: {} }))).toHaveLength(3);
  });

  test("euclidean distances have their root and zeros are a place like any other", async () => {
    await withIndex({ distanceMetric: "euclidean" });
    await put(vector("o", [0, 0]), vector("p", [3, 4]));
    const body = {
      indexName: "idx",
      queryVector: { float32: [0, 0] },
      topK: 2,
      returnDistance: true,
    };
    expect((await bench.post("queryVectors", body)).text).toBe(
      '{"vectors":[{"key":"o","distance":0},{"key":"p","distance":5}]}',
    );
  });

  test("ListVectors announces no empty page and a token only fits its own listing", async () => {
    await withIndex();
    await put(...["a", "b", "c"].map((key) => vector(key, [1, 0], { key })));
    let nextToken: string | undefined;
    const pages: string[][] = [];
    do {
      const body = {
        indexName: "idx",
        maxResults: 1,
        ...(nextToken === undefined ? {} : { nextToken }),
      };
      const answer = await bench.post("listVectors", body);
      pages.push(keysOf(answer));
      nextToken = (answer.json as { nextToken?: string }).nextToken ?? nextToken;
      if (!answer.text.includes("nextToken")) break;
    } while (pages.length < 9);
    expect(pages).toEqual([["a"], ["b"], ["c"]]);
    const list = { indexName: "idx", maxResults: 1, nextToken };
    for (const body of [
      { ...list, segmentCount: 2 },
      { ...list, nextToken: `${String(nextToken)}A` },
      { ...list, nextToken: "garbage" },
      { ...list, nextToken: "x".repeat(10_000) },
    ]) {
      expect((await bench.post("listVectors", body)).code).toBe("VectorIndexParameterInvalid");
    }
    expect((await bench.post("listVectors", { ...list, nextToken: "" })).status).toBe(200);
    const restarted = new OssBench({ engine: bench.engine });
    expect((await restarted.post("listVectors", list)).status).toBe(200);
  });

  test("segments hold every key once, and vector-key-1 lies in the second of two", async () => {
    await withIndex();
    await put(...Array.from({ length: 50 }, (_, i) => vector(`vector-key-${String(i)}`, [1, 0])));
    const all: string[] = [];
    for (let segmentIndex = 0; segmentIndex < 16; segmentIndex++) {
      const body = { indexName: "idx", segmentCount: 16, segmentIndex };
      all.push(...keysOf(await bench.post("listVectors", body)));
    }
    expect(new Set(all).size).toBe(50);
    expect(all).toHaveLength(50);
    const second = { indexName: "idx", segmentCount: 2, segmentIndex: 1 };
    expect(keysOf(await bench.post("listVectors", second))).toContain("vector-key-1");
  });

  test("ListVectors filters, and ends a page near one megabyte", async () => {
    await withIndex({ metadata: { nonFilterableMetadataKeys: ["text"] } });
    const text = "x".repeat(39_000);
    await put(
      ...Array.from({ length: 60 }, (_, i) => vector(`k${String(i)}`, [1, 0], { text, i })),
    );
    const page = await bench.post("listVectors", { indexName: "idx", returnMetadata: true });
    expect(page.text.length).toBeGreaterThan(1_000_000);
    expect(page.text.length).toBeLessThan(1_100_000);
    expect(page.text).toContain("nextToken");
    const filtered = await bench.post("listVectors", {
      indexName: "idx",
      filter: { i: { $lt: 3 } },
    });
    expect(keysOf(filtered)).toEqual(["k0", "k1", "k2"]);
  });

  test("DeleteVectors forgets keys and does not mind missing ones", async () => {
    await withIndex();
    await put(vector("a", [1, 0]), vector("b", [1, 0]));
    const answer = await bench.post("deleteVectors", { indexName: "idx", keys: ["a", "zz", "a"] });
    expect(answer).toMatchObject({ status: 204, text: "" });
    expect(keysOf(await bench.post("listVectors", { indexName: "idx" }))).toEqual(["b"]);
  });
});

test("every operation of the table answers NoSuchBucket before it looks at its body", async () => {
  for (const { name, method, verb, level } of OSS_OPERATIONS) {
    if (level === "service" || name === "PutVectorBucket") continue;
    const answer = await bench.bucket({
      method,
      query: verb ?? "",
      body: method === "POST" ? "{" : undefined,
    });
    expect([name, answer.status, answer.code]).toEqual([name, 404, "NoSuchBucket"]);
    expect(bench.observed.at(-1)).toEqual({ operation: name, outcome: "not_found" });
  }
});
