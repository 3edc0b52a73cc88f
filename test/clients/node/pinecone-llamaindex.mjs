/** PineconeVectorStore of @llamaindex/pinecone, unmodified: a store is one namespace. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { load, near, runCases, testCase } from "./cases.mjs";

const { PineconeVectorStore } = load("@llamaindex/pinecone");
const { BaseEmbedding } = load("@llamaindex/core/embeddings");
const { TextNode } = load("@llamaindex/core/schema");
// The client that the store itself uses.
const { Pinecone } = createRequire(load.resolve("@llamaindex/pinecone"))(
  "@pinecone-database/pinecone",
);

const indexName = "llamaindex";
const pc = new Pinecone();
const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
await pc.createIndex({ name: indexName, dimension: 3, metric: "cosine", spec });
/** A store wants a model, and never asks it: nodes come with their vectors. */
class NoModel extends BaseEmbedding {}
const embeddingModel = new NoModel();

/** The store's own client takes its address from nowhere: it is given one that knows it. */
function storeOf(namespace, more) {
  const store = new PineconeVectorStore({ indexName, namespace, embeddingModel, ...more });
  store.db = pc;
  return store;
}

const first = storeOf("first");
const second = storeOf("second", { chunkSize: 10 });

function nodeOf(id, embedding, { text = id, ...metadata } = {}) {
  const node = new TextNode({ id_: id, text, metadata });
  node.embedding = embedding;
  return node;
}

function ofDocument(document, node) {
  node.relationships = { SOURCE: { nodeId: document, metadata: {} } };
  return node;
}

/** The store puts the document's id before that of a node, `None` where there is none. */
async function found(store, more) {
  const { ids } = await store.query({ ...asked, ...more });
  return ids.map((id) => id.split("_chunk_").at(-1));
}

const asked = { queryEmbedding: [1, 0, 0], similarityTopK: 9, mode: "default" };

testCase("add", "into two namespaces, in pieces of the store's size", async () => {
  await first.add([
    nodeOf("a", [1, 0, 0], { text: "an apartment house", kind: "guide", year: 64 }),
    nodeOf("b", [1, 1, 0], { kind: "faq", year: 80 }),
    nodeOf("c", [0, 0, 1], { kind: "faq", year: 113 }),
  ]);
  const many = Array.from({ length: 25 }, (_, i) => nodeOf(`n${i}`, [1, i, 0]));
  await second.add(many);
  const { namespaces } = await pc.index(indexName).describeIndexStats();
  assert.deepEqual(namespaces, { first: { recordCount: 3 }, second: { recordCount: 25 } });
});

testCase("query", "finds in one namespace, nearest first, and gives nodes back", async () => {
  const { nodes, similarities, ids } = await first.query(asked);
  assert.deepEqual(ids, ["None_chunk_a", "None_chunk_b", "None_chunk_c"]);
  near(similarities[0], 1);
  near(similarities[1], Math.SQRT1_2);
  const a = nodes.find(({ id_ }) => id_ === "a");
  assert.equal(a.text, "an apartment house");
  assert.deepEqual([a.metadata.kind, a.metadata.year], ["guide", 64]);
  assert.deepEqual(await found(second, { similarityTopK: 2 }), ["n0", "n1"]);
  assert.deepEqual(await found(storeOf("none")), []);
});

testCase("query", "every operator that the store translates", async () => {
  const matching = async (filters, condition) =>
    (await found(first, { filters: { filters, condition } })).sort();
  for (const [operator, value, ids] of [
    ["==", 80, ["b"]],
    ["!=", 80, ["a", "c"]],
    [">", 80, ["c"]],
    [">=", 80, ["b", "c"]],
    ["<", 80, ["a"]],
    ["<=", 80, ["a", "b"]],
    ["in", [64, 113], ["a", "c"]],
    ["nin", [64, 113], ["b"]],
  ]) {
    assert.deepEqual(await matching([{ key: "year", operator, value }]), ids, operator);
  }
  const both = [
    { key: "kind", operator: "==", value: "faq" },
    { key: "year", operator: "<", value: 100 },
  ];
  assert.deepEqual(await matching(both, "and"), ["b"]);
  assert.deepEqual(await matching(both, "or"), ["a", "b", "c"]);
});

testCase("delete", "the nodes of one document, whose ids begin with its id", async () => {
  await first.add([
    ofDocument("doc", nodeOf("d1", [0, 1, 0])),
    ofDocument("doc", nodeOf("d2", [0, 1, 1])),
  ]);
  assert.equal((await found(first)).length, 5);
  await first.delete("doc");
  assert.deepEqual(await found(first), ["a", "b", "c"]);
});

testCase("clearIndex", "empties its own namespace alone", async () => {
  await first.clearIndex();
  assert.deepEqual(await found(first), []);
  const { namespaces } = await pc.index(indexName).describeIndexStats();
  assert.deepEqual(namespaces, { second: { recordCount: 25 } });
});

await runCases();
await pc.deleteIndex(indexName);
