/** PineconeStore of @langchain/pinecone, unmodified: one store a namespace, and one for several. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { load, near, runCases, testCase } from "./cases.mjs";

const { Pinecone } = load("@pinecone-database/pinecone");
const { Embeddings } = load("@langchain/core/embeddings");
const { PineconeStore } = load("@langchain/pinecone");

const NAME = "langchain";
const PLACES = 64;

/** Counts words in some places: enough that texts with common words are near. */
class WordCounts extends Embeddings {
  async embedQuery(text) {
    const counts = new Array(PLACES).fill(0);
    for (const word of text.toLowerCase().split(" ")) {
      counts[createHash("md5").update(word).digest()[0] % PLACES] += 1;
    }
    return counts;
  }

  embedDocuments(texts) {
    return Promise.all(texts.map((text) => this.embedQuery(text)));
  }
}

const embeddings = new WordCounts({});
const pc = new Pinecone();
const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
await pc.createIndex({ name: NAME, dimension: PLACES, metric: "cosine", spec });
const pineconeIndex = pc.Index(NAME);
const storeOf = (namespace) => new PineconeStore(embeddings, { pineconeIndex, namespace });
const films = storeOf("films");
const books = storeOf("books");

const FILMS = [
  { pageContent: "a war among the stars", metadata: { genre: "scifi", made: { year: 1977 } } },
  { pageContent: "a park full of dinosaurs", metadata: { genre: "scifi", tags: ["park", "dna"] } },
  { pageContent: "a small fish is lost", metadata: { genre: "family", none: null } },
];
const textsOf = (documents) => documents.map(({ pageContent }) => pageContent);

testCase("addDocuments", "into two namespaces, under the ids that are given", async () => {
  const ids = ["wars", "park", "nemo"];
  assert.deepEqual(await films.addDocuments(FILMS, { ids }), ids);
  const [made] = await books.addDocuments([{ pageContent: "a war among the clans" }]);
  assert.match(made, /^[0-9a-f-]{36}$/);
  const { namespaces } = await pineconeIndex.describeIndexStats();
  assert.deepEqual(namespaces, { films: { recordCount: 3 }, books: { recordCount: 1 } });
});

testCase("similaritySearch", "finds in the store's own namespace alone", async () => {
  const [film] = await films.similaritySearch("war among the stars", 1);
  assert.equal(film.pageContent, "a war among the stars");
  assert.deepEqual([film.id, film.metadata], ["wars", { genre: "scifi", "made.year": 1977 }]);
  assert.deepEqual(textsOf(await books.similaritySearch("war among the stars", 9)), [
    "a war among the clans",
  ]);
  const [[exact, score]] = await films.similaritySearchWithScore("a small fish is lost", 2);
  assert.equal(exact.id, "nemo");
  near(score, 1);
});

testCase("similaritySearch", "filters, and takes another namespace from the filter", async () => {
  const found = async (filter) => textsOf(await films.similaritySearch("a", 9, filter)).sort();
  assert.deepEqual(await found({ genre: "family" }), ["a small fish is lost"]);
  assert.deepEqual(await found({ "made.year": { $lt: 1980 } }), ["a war among the stars"]);
  assert.deepEqual(await found({ tags: { $in: ["dna"] } }), ["a park full of dinosaurs"]);
  assert.deepEqual(await found({ genre: "western" }), []);
  assert.deepEqual(await found({ namespace: "books" }), ["a war among the clans"]);
});

testCase("maxMarginalRelevanceSearch", "prefers what is not the same again", async () => {
  const twins = storeOf("twins");
  const texts = ["red apple tree", "red apple tree", "red brick"];
  await twins.addDocuments(texts.map((pageContent) => ({ pageContent })));
  const options = { k: 2, fetchK: 3, lambda: 0.1 };
  const found = await twins.maxMarginalRelevanceSearch("red apple tree", options);
  assert.deepEqual(textsOf(found), ["red apple tree", "red brick"]);
});

testCase("asRetriever", "of one namespace", async () => {
  const found = await films.asRetriever({ k: 1 }).invoke("dinosaurs park");
  assert.deepEqual(textsOf(found), ["a park full of dinosaurs"]);
});

testCase("fromTexts", "450 texts in batches", async () => {
  const texts = Array.from({ length: 450 }, (_, i) => `text ${i}`);
  const options = { pineconeIndex, namespace: "many" };
  await PineconeStore.fromTexts(
    texts,
    texts.map((_, i) => ({ i })),
    embeddings,
    options,
  );
  const { namespaces } = await pineconeIndex.describeIndexStats();
  assert.equal(namespaces.many.recordCount, 450);
});

testCase("delete", "by id, by filter, and all of one namespace", async () => {
  await films.delete({ ids: ["wars", "nobody"] });
  await films.delete({ filter: { genre: "family" } });
  assert.deepEqual(textsOf(await films.similaritySearch("a", 9)), ["a park full of dinosaurs"]);
  await films.delete({ deleteAll: true });
  assert.deepEqual(await films.similaritySearch("a", 9), []);
  assert.equal((await books.similaritySearch("a", 9)).length, 1);
  await assert.rejects(films.delete({ deleteAll: true }), { name: "PineconeNotFoundError" });
});

await runCases();
await pc.deleteIndex(NAME);
