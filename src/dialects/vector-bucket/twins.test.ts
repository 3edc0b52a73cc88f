import { InsulaError } from "../../base/errors.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { OssBench } from "../../../test/support/oss-bench.ts";
import type { BenchAnswer } from "../../../test/support/oss-bench.ts";
import { ACCOUNT, S3Bench } from "../../../test/support/s3-bench.ts";
import type { S3BenchAnswer } from "../../../test/support/s3-bench.ts";
import { ACCOUNT as OSS_ACCOUNT } from "../../../test/support/oss-bench.ts";

/** Both dialects over one engine. Their benches have accounts of their own. */
let oss: OssBench;
let s3: S3Bench;
const METADATA = { s: "text", n: 7, f: 1.5, b: true, l: ["x", 2, false], o: { deep: [1] } };

beforeEach(() => {
  oss = new OssBench();
  s3 = new S3Bench({ engine: oss.engine });
  const grants = [{ actions: ["*"], databases: ["*"] }];
  s3.addKey({ kind: "key", keyId: "AKID", accountId: OSS_ACCOUNT, grants }, "AKSECRET");
});

async function makeThroughOss(metric = "cosine"): Promise<void> {
  expect((await oss.bucket({ method: "PUT" })).status).toBe(200);
  const body = { indexName: "idx", dimension: 2, distanceMetric: metric };
  const metadata = { nonFilterableMetadataKeys: ["long"] };
  expect((await oss.post("putVectorIndex", { ...body, metadata })).status).toBe(200);
}

async function makeThroughS3(metric = "cosine"): Promise<void> {
  await s3.call("CreateVectorBucket", { vectorBucketName: "my-bucket" });
  const answer = await s3.call("CreateIndex", {
    ...AT,
    dataType: "float32",
    dimension: 2,
    distanceMetric: metric,
    metadataConfiguration: { nonFilterableMetadataKeys: ["long"] },
  });
  expect(answer.status).toBe(200);
}

const AT = { vectorBucketName: "my-bucket", indexName: "idx" };
const ROWS = [
  { key: "a", data: { float32: [1, 0.1] }, metadata: METADATA },
  { key: "ключ/键 ?&", data: { float32: [0, 1] }, metadata: { n: -1, long: "x".repeat(3_000) } },
  { key: "😀", data: { float32: [-1, 0] } },
];

function putThrough(vendor: "oss" | "s3"): Promise<BenchAnswer | S3BenchAnswer> {
  return vendor === "oss"
    ? oss.post("putVectors", { indexName: "idx", vectors: ROWS })
    : s3.call("PutVectors", { ...AT, vectors: ROWS });
}

async function vectorsFrom(
  vendor: "oss" | "s3",
  operation: "get" | "list" | "query",
  more: object = {},
): Promise<Record<string, unknown>[]> {
  const body = { returnData: true, returnMetadata: true, ...more };
  const name = { get: "GetVectors", list: "ListVectors", query: "QueryVectors" }[operation];
  const answer =
    vendor === "oss"
      ? await oss.post(`${operation}Vectors`, { indexName: "idx", ...body })
      : await s3.call(name, { ...AT, ...body });
  expect(answer.status).toBe(200);
  return (answer.json as { vectors: Record<string, unknown>[] }).vectors;
}

describe.each([
  ["oss", "s3", makeThroughOss],
  ["s3", "oss", makeThroughS3],
] as const)("what is made and put through %s", (writer, reader, make) => {
  test("is got and listed through the other with keys, numbers and metadata as they were", async () => {
    await make();
    expect((await putThrough(writer)).status).toBe(200);
    const keys = ROWS.map(({ key }) => key);
    const own = await vectorsFrom(writer, "get", { keys });
    const other = await vectorsFrom(reader, "get", { keys });
    // S3 shows empty metadata where OSS shows none.
    const plain = (rows: Record<string, unknown>[]): unknown =>
      rows.map((row) => ({ ...row, metadata: row["metadata"] ?? {} }));
    expect(plain(other)).toEqual(plain(own));
    expect(other[0]).toEqual(ROWS[0]);
    expect(plain(await vectorsFrom(reader, "list"))).toEqual(
      plain(await vectorsFrom(writer, "list")),
    );
    for (const segmentIndex of [0, 1, 2]) {
      const part = { segmentCount: 3, segmentIndex };
      const listed = (rows: Record<string, unknown>[]): unknown => rows.map(({ key }) => key);
      expect(listed(await vectorsFrom(reader, "list", part))).toEqual(
        listed(await vectorsFrom(writer, "list", part)),
      );
    }
  });

  test.each(["cosine", "euclidean"])(
    "is found through the other at the same distance: %s",
    async (metric) => {
      await make(metric);
      await putThrough(writer);
      const filters: (object | undefined)[] = [
        undefined,
        { s: "text" },
        { l: "x" },
        { n: { $lt: 7 } },
        { f: { $gte: 1.5 }, b: true },
        { s: { $exists: false } },
        { n: { $in: [7, 8] } },
        { l: { $nin: [2] } },
        { $or: [{ n: -1 }, { b: true }] },
      ];
      for (const filter of filters) {
        const query = { queryVector: { float32: [1, 0] }, topK: 10, returnDistance: true, filter };
        const hits = async (vendor: "oss" | "s3"): Promise<unknown> =>
          (await vectorsFrom(vendor, "query", query)).map(({ key, distance }) => [key, distance]);
        expect(await hits(reader)).toEqual(await hits(writer));
      }
    },
  );

  test("is deleted and replaced through the other", async () => {
    await make();
    await putThrough(writer);
    const body = { keys: ["a"] };
    const answer =
      reader === "oss"
        ? await oss.post("deleteVectors", { indexName: "idx", ...body })
        : await s3.call("DeleteVectors", { ...AT, ...body });
    expect(answer.status).toBeLessThan(300);
    expect(await vectorsFrom(writer, "get", body)).toEqual([]);
  });

  test("has the same metric, dimension and names that are not filtered by", async () => {
    await make("euclidean");
    const { json } = await oss.post("getVectorIndex", { indexName: "idx" });
    expect((json as { index: object }).index).toMatchObject({
      dimension: 2,
      distanceMetric: "euclidean",
      metadata: { nonFilterableMetadataKeys: ["long"] },
    });
    expect((await s3.call("GetIndex", AT)).json["index"]).toMatchObject({
      dimension: 2,
      distanceMetric: "euclidean",
      metadataConfiguration: { nonFilterableMetadataKeys: ["long"] },
    });
    await putThrough(writer);
    const query = { queryVector: { float32: [1, 0] }, topK: 1, filter: { long: "x" } };
    expect((await oss.post("queryVectors", { indexName: "idx", ...query })).status).toBe(400);
    expect((await s3.call("QueryVectors", { ...AT, ...query })).status).toBe(400);
  });
});

describe("names", () => {
  test("of indexes that the other vendor would not take are found all the same", async () => {
    await makeThroughOss();
    for (const indexName of ["X", "UpperCase"]) {
      expect((await oss.post("putVectorIndex", { indexName, dimension: 2 })).status).toBe(200);
      expect((await s3.call("GetIndex", { ...AT, indexName })).status).toBe(200);
      const { json } = await s3.call("GetIndex", { ...AT, indexName });
      const { indexArn } = json["index"] as { indexArn: string };
      expect((await s3.call("GetIndex", { indexArn })).status).toBe(200);
    }
    const made = { ...AT, indexName: "a.b-c", dataType: "float32" };
    await s3.call("CreateIndex", { ...made, dimension: 2, distanceMetric: "cosine" });
    expect((await oss.post("getVectorIndex", { indexName: "a.b-c" })).status).toBe(200);
    const { json } = await s3.call("ListIndexes", { vectorBucketName: "my-bucket" });
    const listed = (json["indexes"] as { indexName: string }[]).map(({ indexName }) => indexName);
    expect(listed).toEqual(["UpperCase", "X", "a.b-c", "idx"]);
    const other = await oss.post("listVectorIndexes", {});
    const { indexes } = other.json as { indexes: { indexName: string }[] };
    expect(indexes.map(({ indexName }) => indexName)).toEqual(listed);
  });

  test("a bucket keeps the region that made it, in the words of each", async () => {
    await makeThroughOss();
    const { json } = await s3.call("GetVectorBucket", { vectorBucketName: "my-bucket" });
    expect(json["vectorBucket"]).toMatchObject({
      vectorBucketArn: `arn:aws:s3vectors:cn-hangzhou:${OSS_ACCOUNT}:bucket/my-bucket`,
    });
  });
});

describe("rights", () => {
  const deny = (actions: string, principal: unknown, resource: string, version: string): string =>
    JSON.stringify({
      Version: version,
      Statement: [
        { Effect: "Deny", Action: [actions], Principal: principal, Resource: [resource] },
      ],
    });

  test("a policy set through one vendor holds for the other", async () => {
    await makeThroughOss();
    const name = { vectorBucketName: "my-bucket" };
    const ossPolicy = deny("oss:PutVector*", ["*"], "*", "1");
    await oss.bucket({ method: "PUT", query: "policy", body: ossPolicy });
    expect((await putThrough("oss")).status).toBe(403);
    expect((await putThrough("s3")).status).toBe(403);
    const made = { ...AT, indexName: "new", dataType: "float32" };
    const index = { ...made, dimension: 2, distanceMetric: "cosine" };
    expect((await s3.call("CreateIndex", index)).status).toBe(403);
    expect((await s3.call("GetVectorBucketPolicy", name)).status).toBe(404);
    await oss.bucket({ method: "DELETE", query: "policy" });
    const policy = deny("s3vectors:CreateIndex", "*", "*", "2012-10-17");
    expect((await s3.call("PutVectorBucketPolicy", { ...name, policy })).status).toBe(200);
    expect((await oss.post("putVectorIndex", { indexName: "new" })).code).toBe("AccessDenied");
    expect((await oss.bucket({ query: "policy" })).code).toBe("NoSuchBucketPolicy");
    expect((await putThrough("oss")).status).toBe(200);
  });

  test("a policy that names the index holds for it alone, through both", async () => {
    await makeThroughOss();
    const metadata = { nonFilterableMetadataKeys: ["long"] };
    await oss.post("putVectorIndex", { indexName: "free", dimension: 2, metadata });
    const arn = `arn:aws:s3vectors:cn-hangzhou:${OSS_ACCOUNT}:bucket/my-bucket/index/idx`;
    const policy = deny("s3vectors:PutVectors", "*", arn, "2012-10-17");
    await s3.call("PutVectorBucketPolicy", { vectorBucketName: "my-bucket", policy });
    expect((await putThrough("oss")).status).toBe(403);
    expect((await putThrough("s3")).status).toBe(403);
    expect((await oss.post("putVectors", { indexName: "free", vectors: ROWS })).status).toBe(200);
  });

  test("databases of another protocol have one region in each vendor's policies", async () => {
    await oss.engine.createDatabase("my-bucket");
    const arn = (region: string): string =>
      `arn:aws:s3vectors:${region}:${ACCOUNT}:bucket/my-bucket`;
    const name = { vectorBucketName: "my-bucket" };
    s3.addKey({ kind: "admin", keyId: "ROOT", accountId: ACCOUNT, grants: [] }, "s");
    for (const [region, status] of [
      ["us-east-1", 403],
      ["cn-hangzhou", 200],
    ] as const) {
      const policy = deny("s3vectors:GetVectorBucket", "*", arn(region), "2012-10-17");
      const as = { keyId: "ROOT" };
      expect((await s3.call("PutVectorBucketPolicy", { ...name, policy }, as)).status).toBe(200);
      expect((await s3.call("GetVectorBucket", name, as)).status).toBe(status);
    }
  });
});

test("every call about vectors tells the engine how long its caller waits", async () => {
  await makeThroughOss();
  const told: string[] = [];
  const refused =
    (call: string) =>
    ({ signal }: { readonly signal?: AbortSignal }): Promise<never> => {
      if (signal !== undefined) told.push(call);
      return Promise.reject(new InsulaError("deadline_exceeded", "Too late."));
    };
  for (const call of ["upsert", "delete", "get", "list", "query"] as const) {
    oss.engine[call] = refused(call);
  }
  const keys = { keys: ["a"] };
  const vector = { queryVector: { float32: [1, 0] }, topK: 1 };
  for (const [name, body] of [
    ["PutVectors", { vectors: ROWS }],
    ["DeleteVectors", keys],
    ["GetVectors", keys],
    ["ListVectors", {}],
    ["QueryVectors", vector],
  ] as const) {
    const path = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    expect((await oss.post(path, { indexName: "idx", ...body })).code).toBe("RequestTimeout");
    expect((await s3.call(name, { ...AT, ...body })).status).toBe(408);
  }
  const both = ["upsert", "delete", "get", "list", "query"].flatMap((call) => [call, call]);
  expect(told).toEqual(both);
});
