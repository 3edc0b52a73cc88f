import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { OssBench } from "../../../../test/support/oss-bench.ts";
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

test("any JSON body is answered in the dialect's own form", async () => {
  await withIndex();
  await put(vector("a", [1, 0], { c: "x" }));
  const verbs = OSS_OPERATIONS.flatMap(({ method, verb }) =>
    method === "POST" && verb ? [verb] : [],
  );
  const filter = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom("$and", "$or", "$eq", "$in", "$gt", "$exists", "c", ""),
        tie("node"),
      ),
      fc.array(tie("node")),
    ),
  })).node;
  const body = fc.record(
    {
      indexName: fc.oneof(fc.constant("idx"), fc.jsonValue()),
      vectors: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.record({ key: fc.jsonValue(), data: fc.jsonValue() })),
      ),
      keys: fc.oneof(fc.jsonValue(), fc.array(fc.string())),
      queryVector: fc.oneof(fc.jsonValue(), fc.record({ float32: fc.array(fc.double()) })),
      topK: fc.jsonValue(),
      maxResults: fc.jsonValue(),
      nextToken: fc.jsonValue(),
      segmentCount: fc.jsonValue(),
      dimension: fc.jsonValue(),
      metadata: fc.jsonValue(),
      filter,
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...verbs),
      fc.oneof(body, fc.jsonValue()),
      async (verb, json) => {
        const isLoss = verb === "deleteVectorIndex";
        const answer = await bench.post(
          verb,
          isLoss ? { ...(json as object), indexName: "none" } : json,
        );
        expect([200, 204, 400, 404, 409]).toContain(answer.status);
        expect(answer.headers["x-oss-request-id"]).toHaveLength(24);
        if (answer.status >= 400) expect(answer.code).toMatch(/^[A-Z][A-Za-z]+$/);
      },
    ),
    { numRuns: 300 },
  );
});
