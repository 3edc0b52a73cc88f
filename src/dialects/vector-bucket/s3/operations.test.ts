import { beforeEach, describe, expect, test } from "vitest";
import {
  ACCOUNT,
  BUCKET_ARN,
  INDEX_ARN,
  REQUEST_ID,
  S3Bench,
} from "../../../../test/support/s3-bench.ts";
import type { S3BenchAnswer } from "../../../../test/support/s3-bench.ts";

let bench: S3Bench;
const AT = { vectorBucketName: "my-bucket", indexName: "idx" };
const NEW = { ...AT, dataType: "float32", dimension: 2, distanceMetric: "euclidean" };

beforeEach(() => {
  bench = new S3Bench();
});

async function withBucket(): Promise<void> {
  const answer = await bench.call("CreateVectorBucket", { vectorBucketName: "my-bucket" });
  expect(answer).toMatchObject({ status: 200, json: { vectorBucketArn: BUCKET_ARN } });
}

async function withIndex(more: object = {}): Promise<void> {
  await withBucket();
  const answer = await bench.call("CreateIndex", { ...NEW, ...more });
  expect(answer).toMatchObject({ status: 200, json: { indexArn: INDEX_ARN } });
}

function vector(key: string, float32: readonly number[], metadata?: unknown): object {
  return { key, data: { float32 }, ...(metadata === undefined ? {} : { metadata }) };
}

async function put(...vectors: object[]): Promise<S3BenchAnswer> {
  return bench.call("PutVectors", { indexArn: INDEX_ARN, vectors });
}

function keysOf(answer: S3BenchAnswer): string[] {
  return (answer.json["vectors"] as { key: string }[]).map(({ key }) => key);
}

describe("buckets", () => {
  test("a bucket is shown with seconds since 1970, milliseconds behind the point, and encryption", async () => {
    bench.engine.nowMs = 1_750_000_000_123;
    await withBucket();
    const answer = await bench.call("GetVectorBucket", { vectorBucketArn: BUCKET_ARN });
    expect(answer.text).toBe(
      `{"vectorBucket":{"vectorBucketName":"my-bucket","vectorBucketArn":"${BUCKET_ARN}",` +
        '"creationTime":1750000000.123,"encryptionConfiguration":{"sseType":"AES256"},' +
        '"defaultIndexMode":"ENHANCED"}}',
    );
    expect(answer.headers).toEqual({
      "content-type": "application/json",
      "x-amzn-requestid": REQUEST_ID,
      "x-amz-id-2": REQUEST_ID,
    });
  });

  test("encryption and tags given at creation are kept and shown", async () => {
    const encryptionConfiguration = {
      sseType: "aws:kms",
      kmsKeyArn: "arn:aws:kms:eu-central-1:123456789012:key/1",
    };
    const tags = { team: "a b", __proto__x: "" };
    await bench.call("CreateVectorBucket", {
      vectorBucketName: "my-bucket",
      encryptionConfiguration,
      tags,
    });
    const { json } = await bench.call("GetVectorBucket", { vectorBucketName: "my-bucket" });
    expect(json["vectorBucket"]).toMatchObject({ encryptionConfiguration });
    expect((await bench.tags("GET", BUCKET_ARN)).json).toEqual({ tags });
    await bench.call("CreateIndex", { ...NEW, encryptionConfiguration, tags: { a: "b" } });
    const index = await bench.call("GetIndex", AT);
    expect(index.json["index"]).toMatchObject({ encryptionConfiguration });
    expect((await bench.tags("GET", INDEX_ARN)).json).toEqual({ tags: { a: "b" } });
  });

  test("listings are pages by name that end without an empty one", async () => {
    for (const name of ["ab-2", "ab-1", "ab-3", "other"]) {
      await bench.call("CreateVectorBucket", { vectorBucketName: name });
    }
    const names: string[][] = [];
    let nextToken: unknown;
    do {
      const body = { prefix: "ab-", maxResults: 2, nextToken };
      const { json } = await bench.call("ListVectorBuckets", body);
      const page = json["vectorBuckets"] as { vectorBucketName: string }[];
      names.push(page.map(({ vectorBucketName }) => vectorBucketName));
      nextToken = json["nextToken"];
    } while (nextToken !== undefined);
    expect(names).toEqual([["ab-1", "ab-2"], ["ab-3"]]);
    const none = await bench.call("ListVectorBuckets", { prefix: "none" });
    expect(none.text).toBe('{"vectorBuckets":[]}');
    expect((await bench.call("ListVectorBuckets", undefined)).json["vectorBuckets"]).toHaveLength(
      4,
    );
  });

  test("a missing bucket can be deleted, one with indexes cannot", async () => {
    await withIndex();
    const name = { vectorBucketName: "my-bucket" };
    expect(await bench.call("DeleteVectorBucket", name)).toMatchObject({
      status: 409,
      type: "ConflictException",
      message: "The specified vector bucket is not empty",
    });
    expect((await bench.call("DeleteIndex", AT)).text).toBe("{}");
    expect((await bench.call("DeleteVectorBucket", name)).text).toBe("{}");
    expect((await bench.call("DeleteVectorBucket", name)).text).toBe("{}");
  });

  test("a policy comes back byte for byte and holds while it is there", async () => {
    await withIndex();
    const name = { vectorBucketName: "my-bucket" };
    const policy = `{ "Version":"2012-10-17",\n"Statement":[{"Sid":"no","Effect":"Deny","Principal":{"AWS":"${ACCOUNT}"},"Action":["s3vectors:PutVectors"],"Resource":"${BUCKET_ARN}/index/*"}]}`;
    expect(await bench.call("GetVectorBucketPolicy", name)).toMatchObject({
      status: 404,
      message: "The specified vector bucket policy could not be found",
    });
    expect((await bench.call("PutVectorBucketPolicy", { ...name, policy })).text).toBe("{}");
    expect((await bench.call("GetVectorBucketPolicy", name)).json).toEqual({ policy });
    expect(await put(vector("a", [1, 2]))).toMatchObject({
      status: 403,
      type: "AccessDeniedException",
    });
    expect((await bench.call("DeleteVectorBucketPolicy", name)).text).toBe("{}");
    expect((await put(vector("a", [1, 2]))).status).toBe(200);
  });
});

describe("indexes", () => {
  test("an index is shown as it was made, by names and by ARN", async () => {
    await withIndex({ metadataConfiguration: { nonFilterableMetadataKeys: ["text"] } });
    const answer = await bench.call("GetIndex", { indexArn: INDEX_ARN });
    expect(answer.text).toBe(
      `{"index":{"vectorBucketName":"my-bucket","indexName":"idx","indexArn":"${INDEX_ARN}",` +
        '"creationTime":1750000000,"dataType":"float32","dimension":2,"distanceMetric":"euclidean",' +
        '"metadataConfiguration":{"nonFilterableMetadataKeys":["text"]},"indexMode":"ENHANCED"}}',
    );
    expect((await bench.call("GetIndex", AT)).text).toBe(answer.text);
  });

  test("names take the forms of the vendor, and listings are pages", async () => {
    await withBucket();
    for (const indexName of ["a.b-1", "a.b-2", "abc", "x".repeat(63)]) {
      expect((await bench.call("CreateIndex", { ...NEW, indexName })).status).toBe(200);
    }
    const at = { vectorBucketName: "my-bucket", prefix: "a.b", maxResults: 1 };
    const first = await bench.call("ListIndexes", at);
    expect(first.json["indexes"]).toMatchObject([{ indexName: "a.b-1" }]);
    const nextToken = first.json["nextToken"];
    const second = await bench.call("ListIndexes", { ...at, nextToken });
    expect(second.json["indexes"]).toMatchObject([{ indexName: "a.b-2" }]);
    expect(second.json["nextToken"]).toBeUndefined();
    expect(await bench.call("ListIndexes", { ...at, prefix: "abc", nextToken })).toMatchObject({
      status: 400,
      message: "The specified nextToken is invalid",
    });
  });
});

describe("modes", () => {
  test("the one mode there is can be asked for, of what exists", async () => {
    await withIndex({
      metadataConfiguration: { nonFilterableMetadataKeys: [], textSearchConfigurations: [] },
    });
    const name = { vectorBucketName: "my-bucket" };
    const mode = { defaultIndexMode: "ENHANCED", indexMode: "ENHANCED" };
    const set = "PutVectorBucketDefaultIndexMode";
    expect((await bench.call(set, { ...name, ...mode })).text).toBe("{}");
    expect((await bench.call("UpdateIndexMode", { indexArn: INDEX_ARN, ...mode })).text).toBe("{}");
    const nowhere = { vectorBucketName: "nowhere", indexName: "idx", ...mode };
    expect((await bench.call("UpdateIndexMode", nowhere)).type).toBe("NotFoundException");
    const { indexName: _, ...bucket } = nowhere;
    expect((await bench.call(set, bucket)).type).toBe("NotFoundException");
    const configuration = { ...AT, indexName: "missing", add: {} };
    const update = await bench.call("UpdateMetadataConfiguration", configuration);
    expect(update.type).toBe("NotFoundException");
    const query = { ...AT, queryVector: { float32: [0, 0] }, topK: 1, queryMode: "ENHANCED" };
    expect((await bench.call("QueryVectors", query)).status).toBe(200);
    const { json } = await bench.call("GetIndex", AT);
    expect(json["index"]).not.toHaveProperty("metadataConfiguration");
  });
});

describe("vectors", () => {
  test("an existing key is replaced with its old metadata, values are float32", async () => {
    await withIndex();
    await put(vector("a", [1, 2], { old: 1, text: "x" }));
    expect((await put(vector("a", [0.1, 3]))).text).toBe("{}");
    const body = { ...AT, keys: ["b", "a", "a"], returnData: true, returnMetadata: true };
    expect((await bench.call("GetVectors", body)).text).toBe(
      '{"vectors":[{"key":"a","data":{"float32":[0.1,3]},"metadata":{}}]}',
    );
    const bare = await bench.call("GetVectors", { ...AT, keys: ["a"] });
    expect(bare.text).toBe('{"vectors":[{"key":"a"}]}');
  });

  test("metadata keep their types, integers every digit", async () => {
    await withIndex();
    const metadata = '{"n":9007199254740993,"f":0.5,"b":true,"l":["x",1],"o":{"p":[1]},"s":"é"}';
    const text = `{"indexArn":"${INDEX_ARN}","vectors":[{"key":"a","data":{"float32":[1,2]},"metadata":${metadata}}]}`;
    expect((await bench.call("PutVectors", text)).status).toBe(200);
    const answer = await bench.call("GetVectors", { ...AT, keys: ["a"], returnMetadata: true });
    expect(answer.text).toBe(`{"vectors":[{"key":"a","metadata":${metadata}}]}`);
  });

  test("the segments together are all keys, each once, and tokens stay in their segment", async () => {
    await withIndex();
    const all = Array.from({ length: 50 }, (_, i) => `k${String(i)}`);
    await put(...all.map((key) => vector(key, [1, 2])));
    const found: string[] = [];
    for (let segmentIndex = 0; segmentIndex < 3; segmentIndex++) {
      let nextToken: unknown;
      do {
        const body = { ...AT, segmentCount: 3, segmentIndex, maxResults: 4, nextToken };
        const page = await bench.call("ListVectors", body);
        found.push(...keysOf(page));
        nextToken = page.json["nextToken"];
        const other = { ...body, segmentIndex: (segmentIndex + 1) % 3, nextToken };
        if (nextToken !== undefined) {
          expect((await bench.call("ListVectors", other)).type).toBe("ValidationException");
        }
      } while (nextToken !== undefined);
    }
    expect(found.toSorted()).toEqual(all.toSorted());
  });

  test("a page of vectors ends with the one that passes a megabyte", async () => {
    await withIndex({ metadataConfiguration: { nonFilterableMetadataKeys: ["t"] } });
    const metadata = { t: "x".repeat(40_000) };
    const keys = Array.from({ length: 40 }, (_, i) => `k${String(i).padStart(2, "0")}`);
    await put(...keys.map((key) => vector(key, [1, 2], metadata)));
    const page = await bench.call("ListVectors", { ...AT, returnMetadata: true });
    expect(keysOf(page)).toEqual(keys.slice(0, 27));
    const { nextToken } = page.json;
    const rest = await bench.call("ListVectors", { ...AT, returnMetadata: true, nextToken });
    expect(keysOf(rest)).toEqual(keys.slice(27));
    expect(rest.json["nextToken"]).toBeUndefined();
    expect(keysOf(await bench.call("ListVectors", AT))).toEqual(keys);
  });

  test("the nearest come first, with what was asked for and the metric", async () => {
    await withIndex();
    await put(vector("far", [6, 8], { n: 1 }), vector("near", [3, 4]));
    const query = { ...AT, queryVector: { float32: [0, 0] }, topK: 10 };
    expect((await bench.call("QueryVectors", query)).text).toBe(
      '{"vectors":[{"key":"near"},{"key":"far"}],"distanceMetric":"euclidean"}',
    );
    const more = { ...query, returnDistance: true, returnMetadata: true };
    expect((await bench.call("QueryVectors", more)).text).toBe(
      '{"vectors":[{"key":"near","distance":5,"metadata":{}},' +
        '{"key":"far","distance":10,"metadata":{"n":1}}],"distanceMetric":"euclidean"}',
    );
    const filtered = await bench.call("QueryVectors", { ...query, filter: { n: { $gte: 1 } } });
    expect(keysOf(filtered)).toEqual(["far"]);
    await bench.call("DeleteVectors", { ...AT, keys: ["far", "none", "far"] });
    expect(keysOf(await bench.call("QueryVectors", query))).toEqual(["near"]);
  });
});

describe("tags", () => {
  test("are added, replaced and taken away, and vanish with their resource", async () => {
    await withIndex();
    expect((await bench.tags("GET", INDEX_ARN)).text).toBe('{"tags":{}}');
    const tag = (tags: object): Promise<S3BenchAnswer> =>
      bench.tags("POST", INDEX_ARN, { body: { tags } });
    expect((await tag({ a: "1", "b c": "2" })).text).toBe("{}");
    await tag({ a: "3", d: "" });
    expect((await bench.tags("GET", INDEX_ARN)).json).toEqual({
      tags: { a: "3", "b c": "2", d: "" },
    });
    const query = "tagKeys=b%20c&tagKeys=none&tagKeys=d";
    expect((await bench.tags("DELETE", INDEX_ARN, { query })).text).toBe("{}");
    expect((await bench.tags("GET", INDEX_ARN)).json).toEqual({ tags: { a: "3" } });
    await bench.call("DeleteIndex", AT);
    expect(await bench.tags("GET", INDEX_ARN)).toMatchObject({
      status: 404,
      type: "NotFoundException",
    });
    await bench.call("CreateIndex", NEW);
    expect((await bench.tags("GET", INDEX_ARN)).text).toBe('{"tags":{}}');
  });

  test("the resource is read from the raw path, behind a prefix, with slashes or without", async () => {
    await withIndex();
    for (const path of [
      `/prefix//tags/${encodeURIComponent(INDEX_ARN)}`,
      `/tags/${INDEX_ARN.replaceAll(":", "%3a")}`,
      `/tags//${INDEX_ARN}`,
    ]) {
      expect((await bench.send({ method: "GET", path })).text).toBe('{"tags":{}}');
    }
    expect((await bench.send({ path: "/prefix//GetIndex", body: AT })).status).toBe(200);
  });

  test("two calls at once do not undo one another", async () => {
    await withBucket();
    const names = Array.from({ length: 20 }, (_, i) => `t${String(i)}`);
    await Promise.all(
      names.map((name) => bench.tags("POST", BUCKET_ARN, { body: { tags: { [name]: "x" } } })),
    );
    const { json } = await bench.tags("GET", BUCKET_ARN);
    expect(Object.keys(json["tags"] as object).toSorted()).toEqual(names.toSorted());
  });
});

test("what other protocols made and cannot be shown is not shown", async () => {
  await withIndex();
  await bench.engine.createDatabase("Not a bucket");
  const schema = {
    vectors: [{ name: "", dimension: 2, metric: "cosine" as const }],
    identity: "key" as const,
    unfilterable: [],
  };
  await bench.engine.createCollection("my-bucket", "many", { schema, tenancy: "multi" });
  await bench.engine.createCollection("my-bucket", "a b", { schema });
  await bench.engine.createCollection("my-bucket", "Upper_1", { schema });
  const { json } = await bench.call("ListIndexes", { vectorBucketName: "my-bucket" });
  expect(json["indexes"]).toMatchObject([{ indexName: "Upper_1" }, { indexName: "idx" }]);
  expect((await bench.call("ListVectorBuckets")).json["vectorBuckets"]).toHaveLength(1);
  expect((await bench.call("GetIndex", { ...AT, indexName: "many" })).status).toBe(404);
  expect((await bench.call("GetIndex", { ...AT, indexName: "Upper_1" })).status).toBe(200);
});
