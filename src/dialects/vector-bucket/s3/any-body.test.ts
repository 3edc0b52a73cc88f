import fc from "fast-check";
import { expect, test } from "vitest";
import { S3Bench } from "../../../../test/support/s3-bench.ts";
import { S3_OPERATIONS } from "./operations.ts";

test("any JSON body is answered in the dialect's own form", async () => {
  const bench = new S3Bench();
  const at = { vectorBucketName: "my-bucket", indexName: "idx" };
  await bench.call("CreateVectorBucket", { vectorBucketName: "my-bucket" });
  const index = { ...at, dataType: "float32", dimension: 2, distanceMetric: "cosine" };
  expect((await bench.call("CreateIndex", index)).status).toBe(200);
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
      vectorBucketName: fc.oneof(fc.constant("my-bucket"), fc.jsonValue()),
      indexName: fc.oneof(fc.constant("idx"), fc.jsonValue()),
      indexArn: fc.jsonValue(),
      vectors: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.record({ key: fc.jsonValue(), data: fc.jsonValue() })),
      ),
      keys: fc.oneof(fc.jsonValue(), fc.array(fc.string())),
      queryVector: fc.oneof(fc.jsonValue(), fc.record({ float32: fc.array(fc.double()) })),
      topK: fc.oneof(fc.constant(3), fc.jsonValue()),
      maxResults: fc.jsonValue(),
      nextToken: fc.jsonValue(),
      segmentCount: fc.jsonValue(),
      dimension: fc.jsonValue(),
      tags: fc.jsonValue(),
      policy: fc.oneof(fc.json(), fc.jsonValue()),
      encryptionConfiguration: fc.jsonValue(),
      metadataConfiguration: fc.jsonValue(),
      filter,
    },
    { requiredKeys: ["vectorBucketName", "indexName", "topK"] },
  );
  const names = S3_OPERATIONS.filter(
    ({ name, path }) => path === "name" && !name.startsWith("Delete"),
  ).map(({ name }) => name);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names, "DeleteVectors"),
      fc.oneof(body, fc.jsonValue()),
      async (name, json) => {
        const answer = await bench.call(name, json);
        expect([200, 400, 404, 409]).toContain(answer.status);
        expect(answer.headers["x-amzn-requestid"]).toHaveLength(24);
        if (answer.status === 200) return;
        expect(answer.type).toMatch(/^[A-Z][A-Za-z]+Exception$/);
        expect(typeof answer.message).toBe("string");
      },
    ),
    { numRuns: 300 },
  );
});
