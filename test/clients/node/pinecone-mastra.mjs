/** PineconeVector of @mastra/pinecone, unmodified: the namespace is an argument of each call. */
import assert from "node:assert/strict";
import { load, near, runCases, testCase } from "./cases.mjs";

const { PineconeVector } = load("@mastra/pinecone");

const store = new PineconeVector({
  apiKey: process.env.PINECONE_API_KEY,
  environment: process.env.PINECONE_CONTROLLER_HOST,
});
const INDEX = { indexName: "mastra" };
const ONE = { ...INDEX, namespace: "one" };
const TWO = { ...INDEX, namespace: "two" };
const QUERY = { ...ONE, queryVector: [1, 0, 0], topK: 9 };
const VECTORS = [
  [1, 0, 0],
  [1, 1, 0],
  [0, 0, 1],
];
const idsOf = (results) => results.map(({ id }) => id);

testCase("createIndex", "a second time of the same shape is no error, another is", async () => {
  await store.createIndex({ ...INDEX, dimension: 3 });
  await store.createIndex({ ...INDEX, dimension: 3 });
  await assert.rejects(store.createIndex({ ...INDEX, dimension: 4 }));
  assert.deepEqual(await store.listIndexes(), ["mastra"]);
});

testCase("upsert", "into two namespaces and the default one", async () => {
  const metadata = [{ kind: "guide", tags: ["x", "y"] }, { kind: "faq" }, { kind: "faq", n: 5 }];
  const ids = ["a", "b", "c"];
  assert.deepEqual(await store.upsert({ ...ONE, vectors: VECTORS, metadata, ids }), ids);
  const [made] = await store.upsert({ ...TWO, vectors: [[1, 0, 0]] });
  assert.match(made, /^[0-9a-f-]{36}$/);
  await store.upsert({ ...INDEX, vectors: [[0, 1, 0]], ids: ["default"] });
  const { dimension, metric, count, namespaces } = await store.describeIndex(INDEX);
  assert.deepEqual([dimension, metric, count], [3, "cosine", 5]);
  const counts = { "": { recordCount: 1 }, one: { recordCount: 3 }, two: { recordCount: 1 } };
  assert.deepEqual(namespaces, counts);
  await assert.rejects(store.upsert({ ...ONE, vectors: [[1, 0]] }));
});

testCase("query", "finds in the namespace it names, vectors come on request", async () => {
  const found = await store.query({ ...QUERY, includeVector: true });
  assert.deepEqual(idsOf(found), ["a", "b", "c"]);
  near(found[0].score, 1);
  assert.deepEqual(found[0].vector, [1, 0, 0]);
  assert.deepEqual(found[0].metadata, { kind: "guide", tags: ["x", "y"] });
  assert.equal((await store.query({ ...QUERY, ...TWO })).length, 1);
  assert.deepEqual(idsOf(await store.query({ ...QUERY, namespace: "" })), ["default"]);
});

testCase("query", "every operator that the store translates", async () => {
  for (const [filter, ids] of [
    [{ kind: "faq" }, ["b", "c"]],
    [{ kind: { $ne: "faq" } }, ["a"]],
    [{ kind: ["guide", "x"] }, ["a"]],
    [{ kind: { $nin: ["guide"] } }, ["b", "c"]],
    [{ tags: { $all: ["x", "y"] } }, ["a"]],
    [{ n: { $exists: false } }, ["a", "b"]],
    [{ n: { $gt: 4, $lte: 5 } }, ["c"]],
    [{ $or: [{ kind: "guide" }, { n: { $exists: true } }] }, ["a", "c"]],
    [{ $and: [{ kind: "faq" }, { n: 5 }] }, ["c"]],
  ]) {
    const found = idsOf(await store.query({ ...QUERY, filter })).sort();
    assert.deepEqual(found, ids, JSON.stringify(filter));
  }
});

testCase("updateVector", "the vector and the metadata, in its namespace alone", async () => {
  await store.upsert({ ...TWO, vectors: [[1, 0, 0]], ids: ["c"] });
  const update = { vector: [1, 0, 0.5], metadata: { kind: "new" } };
  await store.updateVector({ ...ONE, id: "c", update });
  const [found] = await store.query({ ...QUERY, filter: { kind: "new" }, includeVector: true });
  assert.deepEqual([found.id, found.vector], ["c", [1, 0, 0.5]]);
  assert.equal(found.metadata.n, 5);
  assert.deepEqual(await store.query({ ...QUERY, ...TWO, filter: { kind: "new" } }), []);
});

testCase("sparse vectors", "add to the score of a dense one", async () => {
  const dot = { indexName: "mastra-dot" };
  const sparse = { indices: [4, 9], values: [2, 1] };
  await store.createIndex({ ...dot, dimension: 3, metric: "dotproduct" });
  const vectors = [[1, 1, 0]];
  await store.upsert({ ...dot, namespace: "s", vectors, ids: ["s"], sparseVectors: [sparse] });
  const asked = { ...dot, namespace: "s", queryVector: [1, 0, 0] };
  const [found] = await store.query({ ...asked, sparseVector: { indices: [4], values: [2] } });
  assert.deepEqual([found.id, found.score], ["s", 5]);
  await store.deleteIndex(dot);
});

testCase("delete", "a vector of one namespace, then the index", async () => {
  await store.deleteVector({ ...ONE, id: "c" });
  const { namespaces } = await store.describeIndex(INDEX);
  assert.deepEqual([namespaces.one.recordCount, namespaces.two.recordCount], [2, 2]);
  await store.deleteIndex(INDEX);
  assert.deepEqual(await store.listIndexes(), []);
  await assert.rejects(store.describeIndex(INDEX));
});

await runCases();
