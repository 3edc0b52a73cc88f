import { beforeEach, describe, expect, test } from "vitest";
import type { MetadataObject } from "../../../model/index.ts";
import { ACCOUNT, S3Bench } from "../../../../test/support/s3-bench.ts";
import type { S3BenchAnswer } from "../../../../test/support/s3-bench.ts";
import { S3_LIMITS } from "./limits.ts";

let bench: S3Bench;
const AT = { vectorBucketName: "my-bucket", indexName: "idx" };
const QUERY = { ...AT, queryVector: { float32: [0, 0] }, topK: 10_000 };

beforeEach(async () => {
  bench = new S3Bench();
  await bench.call("CreateVectorBucket", { vectorBucketName: "my-bucket" });
  await bench.call("CreateIndex", {
    ...AT,
    dataType: "float32",
    dimension: 2,
    distanceMetric: "euclidean",
    metadataConfiguration: { nonFilterableMetadataKeys: ["t"] },
  });
});

/** Records at the distances 1, 1, 2, 2, …: many are equally far. */
async function fill(count: number, metadata?: MetadataObject): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, i) => `k${String(i).padStart(5, "0")}`);
  const values = Float32Array.from(keys.flatMap((_, i) => [Math.floor(i / 2) + 1, 0]));
  await bench.engine.upsert(
    { database: "my-bucket", collection: "idx" },
    { keys, vectors: [{ field: "", values }], metadata: keys.map(() => metadata) },
  );
  return keys;
}

function keysOf(answer: S3BenchAnswer): string[] {
  return (answer.json["vectors"] as { key: string }[]).map(({ key }) => key);
}

async function allPages(body: object): Promise<string[][]> {
  const pages: string[][] = [];
  let nextToken: unknown;
  do {
    const answer = await bench.call("QueryVectors", { ...body, nextToken });
    expect(answer.status).toBe(200);
    pages.push(keysOf(answer));
    nextToken = answer.json["nextToken"];
  } while (nextToken !== undefined);
  return pages;
}

describe("a query of many hits", () => {
  test("comes in pages of 1,000 that together are all hits in order, each once", async () => {
    const keys = await fill(2_345);
    const pages = await allPages(QUERY);
    expect(pages.map((page) => page.length)).toEqual([1_000, 1_000, 345]);
    expect(pages.flat()).toEqual(keys);
  });

  test("ends with topK, also in the middle of a page, and without an empty page", async () => {
    await fill(2_345);
    const sizes = async (topK: number): Promise<number[]> =>
      (await allPages({ ...QUERY, topK })).map((page) => page.length);
    expect(await sizes(100)).toEqual([100]);
    expect(await sizes(1_000)).toEqual([1_000]);
    expect(await sizes(1_001)).toEqual([1_000, 1]);
    expect(await sizes(2_000)).toEqual([1_000, 1_000]);
  });

  test("a page with long metadata ends early, but never below 100 hits", async () => {
    const keys = await fill(450, { t: "x".repeat(40_000) });
    const pages = await allPages({ ...QUERY, returnMetadata: true });
    expect(pages.map((page) => page.length)).toEqual([200, 200, 50]);
    expect(pages.flat()).toEqual(keys);
    const old = await bench.call("QueryVectors", { ...QUERY, topK: 100, returnMetadata: true });
    expect([keysOf(old).length, old.json["nextToken"]]).toEqual([100, undefined]);
  });

  test("goes on behind the last hit when vectors come and go between two pages", async () => {
    const keys = await fill(2_000);
    const first = await bench.call("QueryVectors", QUERY);
    await bench.call("DeleteVectors", { ...AT, keys: [keys[999], keys[1_000]] });
    await bench.call("PutVectors", {
      ...AT,
      vectors: [{ key: "nearest", data: { float32: [0, 0] } }],
    });
    const { nextToken } = first.json;
    const second = await bench.call("QueryVectors", { ...QUERY, nextToken });
    expect(keysOf(second)).toEqual(keys.slice(1_001));
  });

  test("metadata come with the hits of every page", async () => {
    await fill(150, { n: 7 });
    const body = { ...QUERY, returnMetadata: true, returnDistance: true };
    const answer = await bench.call("QueryVectors", body);
    const vectors = answer.json["vectors"] as object[];
    expect(vectors[149]).toEqual({ key: "k00149", distance: 75, metadata: { n: 7 } });
  });
});

describe("the token of a query", () => {
  async function firstToken(): Promise<unknown> {
    await fill(1_500);
    return (await bench.call("QueryVectors", QUERY)).json["nextToken"];
  }

  test.each<[string, object]>([
    ["another vector", { queryVector: { float32: [0, 1] } }],
    ["another topK", { topK: 9_999 }],
    ["a filter", { filter: { a: 1 } }],
    ["another index", { indexName: "idx2" }],
  ])("is refused with %s", async (_, more) => {
    const created = { ...AT, indexName: "idx2", dataType: "float32" };
    await bench.call("CreateIndex", { ...created, dimension: 2, distanceMetric: "euclidean" });
    const nextToken = await firstToken();
    const answer = await bench.call("QueryVectors", { ...QUERY, ...more, nextToken });
    expect(answer).toMatchObject({ status: 400, message: "The specified nextToken is invalid" });
  });

  test("is refused to another key, when it is changed, and when it is too old", async () => {
    const nextToken = String(await firstToken());
    const grants = [{ actions: ["*"], databases: ["*"] }];
    bench.addKey({ kind: "key", keyId: "OTHER", accountId: ACCOUNT, grants }, "s");
    const ask = (token: string, keyId = "AKID"): Promise<S3BenchAnswer> =>
      bench.call("QueryVectors", { ...QUERY, nextToken: token }, { keyId });
    expect((await ask(nextToken, "OTHER")).status).toBe(400);
    expect((await ask(`A${nextToken.slice(1)}`)).status).toBe(400);
    expect((await ask("x".repeat(S3_LIMITS.pageTokenCharactersMax + 1))).status).toBe(400);
    bench.wallMs += S3_LIMITS.queryTokenLifeMs;
    expect((await ask(nextToken)).status).toBe(200);
    bench.wallMs += 1;
    expect((await ask(nextToken)).status).toBe(400);
  });
});
