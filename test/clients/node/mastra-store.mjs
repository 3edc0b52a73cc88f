/** The vector store of @mastra/s3vectors, unmodified. */
import assert from "node:assert/strict";
import { load, makeClient, near, runCases, sender, testCase } from "./harness.mjs";

const { S3Vectors } = load("@mastra/s3vectors");

const vectorBucketName = "mastra";
await sender(makeClient())("CreateVectorBucket", { vectorBucketName });
const store = new S3Vectors({ vectorBucketName, nonFilterableMetadataKeys: ["text"] });
const INDEX = { indexName: "my-notes" };
const QUERY = { ...INDEX, queryVector: [1, 0, 0], topK: 3 };

function idsOf(results) {
  return results.map(({ id }) => id);
}

testCase(
  "createIndex",
  "a second time with the same shape is no error, another shape is",
  async () => {
    // The store turns "_" into "-": the service knows no underscores.
    await store.createIndex({ indexName: "my_notes", dimension: 3 });
    await store.createIndex({ ...INDEX, dimension: 3 });
    await assert.rejects(store.createIndex({ ...INDEX, dimension: 4 }));
    assert.deepEqual(await store.listIndexes(), ["my-notes"]);
  },
);

testCase("upsert", "with metadata and dates, and what it gives back", async () => {
  const born = new Date("2024-05-06T07:08:09Z");
  const ids = await store.upsert({
    ...INDEX,
    vectors: [
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ],
    metadata: [{ kind: "guide", text: "long" }, { kind: "faq", born }, { kind: "faq" }],
    ids: ["a", "b", "c"],
  });
  assert.deepEqual(ids, ["a", "b", "c"]);
  const info = await store.describeIndex(INDEX);
  assert.deepEqual(info, { dimension: 3, metric: "cosine", count: 3 });
  const found = await store.query({ ...QUERY, filter: { born: { $gt: 0 } } });
  assert.equal(found[0].metadata.born, born.getTime());
  await assert.rejects(store.upsert({ ...INDEX, vectors: [[1, 0]] }));
});

testCase("query", "scores descend, vectors come on request", async () => {
  const found = await store.query({ ...QUERY, includeVector: true });
  assert.deepEqual(idsOf(found), ["a", "b", "c"]);
  near(found[0].score, 1);
  near(found[2].score, 0.5);
  assert.deepEqual(found[0].vector, [1, 0, 0]);
  assert.deepEqual(found[0].metadata, { kind: "guide", text: "long" });
});

testCase("query", "every operator the store translates", async () => {
  for (const [filter, ids] of [
    [{ kind: "faq" }, ["b", "c"]],
    [{ kind: { $ne: "faq" } }, ["a"]],
    [{ kind: { $in: ["guide", "x"] } }, ["a"]],
    [{ kind: { $nin: ["guide"] } }, ["b", "c"]],
    [{ born: { $exists: false } }, ["a", "c"]],
    [{ kind: "faq", born: { $gte: new Date(0) } }, ["b"]],
    [{ $or: [{ kind: "guide" }, { born: { $exists: true } }] }, ["a", "b"]],
  ]) {
    assert.deepEqual(idsOf(await store.query({ ...QUERY, filter })), ids, JSON.stringify(filter));
  }
  await assert.rejects(store.query({ ...QUERY, filter: { text: "long" } }));
});

testCase("updateVector", "the vector alone, the metadata alone", async () => {
  await store.updateVector({ ...INDEX, id: "c", update: { vector: [1, 0, 0.1] } });
  await store.updateVector({ ...INDEX, id: "c", update: { metadata: { kind: "new" } } });
  const [found] = await store.query({ ...QUERY, filter: { kind: "new" }, includeVector: true });
  assert.equal(found.id, "c");
  assert.deepEqual(found.vector.map(Math.fround), [1, 0, Math.fround(0.1)]);
});

testCase("delete", "a vector, then the index", async () => {
  await store.deleteVector({ ...INDEX, id: "a" });
  assert.equal((await store.describeIndex(INDEX)).count, 2);
  await store.deleteIndex(INDEX);
  assert.deepEqual(await store.listIndexes(), []);
  await assert.rejects(store.describeIndex(INDEX));
});

await runCases();
await store.disconnect();
