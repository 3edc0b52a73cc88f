/**
 * Every HTTP operation there is, and the common errors, through Pinecone's client for TypeScript.
 *
 * Runs with the lines 7 to 9 of one package. Prints one JSON line for each case. Address and key
 * come from the environment, as test/clients/pinecone-suite.ts sets them.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";

const LINE = process.env.INSULA_TEST_LINE;
const KEY = process.env.INSULA_TEST_KEY;
const URL_BASE = process.env.INSULA_TEST_URL;
/** The clients are installed under .cache, where an `import` of this file would not look. */
const load = createRequire(process.env.INSULA_TEST_NODE ?? import.meta.url);
const { Pinecone, Errors } = load(`pinecone-${LINE}`);
const NAME = `node-${LINE}`;
const SPEC = { serverless: { cloud: "aws", region: "us-east-1" } };
const cases = [];

function testCase(operation, title, body) {
  cases.push({ operation, title, body });
}

/** The call must fail with the client's own class for the status. */
async function refused(name, call, word = "") {
  let error;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  assert(error !== undefined, `expected ${name}, but the call succeeded`);
  assert.equal(error.name, name, error.stack);
  if (Errors?.[name] !== undefined) assert(error instanceof Errors[name]);
  assert(error.message.includes(word), `expected ${word} in ${error.message}`);
}

const pc = new Pinecone({ apiKey: KEY, controllerHostUrl: URL_BASE });
const index = pc.index({ name: NAME });
const t1 = index.namespace("t1");
const A = { id: "a", values: [0.1, 0.2, 0.3, 0.4], metadata: { year: 2020, tags: ["x", "y"] } };
const B = { id: "b", values: [0.4, 0.3, 0.2, 0.1], metadata: { year: 1999, fresh: true } };
const C = { id: "z/ %", values: [1, 0, 0, 0] };
/** Members that the client leaves undefined are none. */
const shown = (record) => JSON.parse(JSON.stringify(record));
const idsOf = ({ matches }) => matches.map(({ id }) => id);

testCase("createIndex", "is ready at once, and described as it was asked for", async () => {
  for (const { name } of (await pc.listIndexes()).indexes ?? []) await pc.deleteIndex(name);
  const asked = { name: NAME, dimension: 4, metric: "cosine", spec: SPEC, tags: { a: "b" } };
  await pc.createIndex({ ...asked, waitUntilReady: true });
  const model = await pc.describeIndex(NAME);
  assert.equal(model.name, NAME);
  assert.deepEqual([model.dimension, model.metric], [4, "cosine"]);
  assert(model.status.ready && model.host.endsWith(`/ix/${NAME}`));
  assert.deepEqual(
    (await pc.listIndexes()).indexes.map(({ name }) => name),
    [NAME],
  );
  await refused("PineconeConflictError", () => pc.createIndex(asked));
  await pc.createIndex({ ...asked, suppressConflicts: true });
  await refused("PineconeNotFoundError", () => pc.describeIndex("none"));
});

testCase("configureIndex", "merges tags, and protects against deletion", async () => {
  const changed = { deletionProtection: "enabled", tags: { a: "", c: "d" } };
  await pc.configureIndex({ name: NAME, ...changed });
  const model = await pc.describeIndex(NAME);
  assert.deepEqual([model.deletionProtection, model.tags], ["enabled", { c: "d" }]);
  await refused("PineconeBadRequestError", () => pc.deleteIndex(NAME), "Deletion protection");
  await pc.configureIndex({ name: NAME, deletionProtection: "disabled" });
});

testCase("upsert", "writes records", async () => {
  await t1.upsert({ records: [A, B, C] });
  await index.upsert({ records: [A] });
  const wrong = { records: [{ id: "a", values: [1] }] };
  await refused("PineconeBadRequestError", () => t1.upsert(wrong), "dimension");
});

testCase("query", "finds by a vector, nearest first, with values and metadata", async () => {
  const included = { includeValues: true, includeMetadata: true };
  const found = await t1.query({ vector: A.values, topK: 2, ...included });
  assert.deepEqual(idsOf(found), ["a", "b"]);
  const [first] = found.matches;
  assert(Math.abs(first.score - 1) < 1e-6);
  assert.deepEqual([first.values, first.metadata], [A.values, A.metadata]);
  assert.deepEqual([found.namespace, found.usage], ["t1", { readUnits: 1 }]);
});

testCase("query", "obeys filters, and finds by an id, in one namespace alone", async () => {
  const found = async (more) => idsOf(await t1.query({ topK: 10, ...more }));
  const vector = A.values;
  assert.deepEqual(await found({ vector, filter: { year: { $lt: 2000 } } }), ["b"]);
  const either = { $or: [{ fresh: true }, { tags: { $in: ["y"] } }] };
  assert.deepEqual(await found({ vector, filter: either }), ["a", "b"]);
  assert.deepEqual((await found({ id: "b" })).sort(), ["a", "b", "z/ %"]);
  assert.deepEqual(await found({ id: "none" }), []);
  assert.deepEqual(idsOf(await index.namespace("none").query({ topK: 1, vector })), []);
  await refused("PineconeBadRequestError", () => found({ vector: [1] }), "ector");
});

testCase("fetch", "gives records by their ids", async () => {
  const { records } = await t1.fetch({ ids: ["z/ %", "none"] });
  assert.deepEqual(Object.keys(records), ["z/ %"]);
  assert.deepEqual(shown(records["z/ %"]), C);
});

testCase("update", "sets what it names and leaves the rest, by id and by filter", async () => {
  await t1.update({ id: "a", values: [0.4, 0.4, 0.4, 0.4] });
  await t1.update({ id: "a", metadata: { year: 2021 } });
  const changed = { ...A.metadata, year: 2021 };
  const { records } = await t1.fetch({ ids: ["a"] });
  assert.deepEqual(shown(records.a), { id: "a", values: [0.4, 0.4, 0.4, 0.4], metadata: changed });
  await t1.update({ filter: { year: { $gte: 2000 } }, metadata: { seen: true } });
  const seen = await t1.fetchByMetadata({ filter: { seen: true } });
  assert.deepEqual(Object.keys(seen.records), ["a"]);
});

testCase("listPaginated", "gives ids page by page", async () => {
  const list = index.namespace("list");
  const records = [0, 1, 2].map((i) => ({ id: `p${i}`, values: [1, 0, 0, 0] }));
  await list.upsert({ records });
  const first = await list.listPaginated({ prefix: "p", limit: 2 });
  assert.deepEqual(first.vectors, [{ id: "p0" }, { id: "p1" }]);
  const paginationToken = first.pagination.next;
  const last = await list.listPaginated({ prefix: "p", paginationToken });
  assert.deepEqual([last.vectors, last.pagination?.next], [[{ id: "p2" }], undefined]);
  const other = { prefix: "q", paginationToken };
  await refused("PineconeBadRequestError", () => list.listPaginated(other), "prefix");
});

testCase("describeIndexStats", "counts records of all namespaces", async () => {
  const stats = await index.describeIndexStats();
  assert.deepEqual([stats.dimension, stats.totalRecordCount], [4, 7]);
  const counts = { "": { recordCount: 1 }, list: { recordCount: 3 }, t1: { recordCount: 3 } };
  assert.deepEqual(stats.namespaces, counts);
});

testCase("namespaces", "are made, listed, described and deleted", async () => {
  await index.createNamespace({ name: "made" });
  await refused("PineconeConflictError", () => index.createNamespace({ name: "made" }));
  const { namespaces, totalCount } = await index.listNamespaces();
  const names = ["__default__", "list", "made", "t1"];
  assert.deepEqual([namespaces.map(({ name }) => name), totalCount], [names, 4]);
  assert.equal((await index.describeNamespace("list")).recordCount, "3");
  for (const name of ["made", "list"]) await index.deleteNamespace(name);
  await refused("PineconeNotFoundError", () => index.describeNamespace("made"));
});

testCase("delete", "deletes by id, by filter and all", async () => {
  await t1.deleteOne({ id: "z/ %" });
  await t1.deleteMany({ filter: { year: 1999 } });
  assert.equal((await index.describeIndexStats()).namespaces.t1.recordCount, 1);
  await t1.deleteAll();
  assert.equal((await index.describeIndexStats()).namespaces.t1, undefined);
  await refused("PineconeNotFoundError", () => t1.deleteAll());
});

testCase("sparse vectors", "alone, and with a dense one in one score", async () => {
  const sparseValues = { indices: [4, 9], values: [2, 1] };
  const dot = { metric: "dotproduct", spec: SPEC };
  await pc.createIndex({ name: "sparse", vectorType: "sparse", ...dot });
  const sparse = pc.index({ name: "sparse" });
  await sparse.upsert({ records: [{ id: "s", sparseValues }] });
  const alone = { topK: 1, sparseVector: { indices: [4], values: [0.5] } };
  assert.equal((await sparse.query(alone)).matches[0].score, 1);
  await pc.createIndex({ name: "hybrid", dimension: 2, ...dot });
  const hybrid = pc.index({ name: "hybrid" });
  await hybrid.upsert({ records: [{ id: "h", values: [1, 1], sparseValues }] });
  const both = { topK: 1, vector: [1, 0], sparseVector: { indices: [4], values: [2] } };
  assert.equal((await hybrid.query(both)).matches[0].score, 5);
  for (const name of ["sparse", "hybrid"]) await pc.deleteIndex(name);
});

const MODEL = "multilingual-e5-large";
const RERANKER = "bge-reranker-v2-m3";

testCase("embed", "gives a vector for each text", async () => {
  const parameters = { inputType: "passage", truncate: "END" };
  const made = await pc.inference.embed({ model: MODEL, inputs: ["cold", "bread"], parameters });
  assert.deepEqual([made.model, made.vectorType, made.data.length], [MODEL, "dense", 2]);
  assert.equal(made.data[0].values.length, 1024);
  assert(made.usage.totalTokens > 0);
  const unknown = { model: "none", inputs: ["a"], parameters };
  await refused("PineconeNotFoundError", () => pc.inference.embed(unknown));
});

testCase("rerank", "puts documents into an order", async () => {
  const asked = { model: RERANKER, query: "cold radiator", topN: 1 };
  const texts = await pc.inference.rerank({ ...asked, documents: ["bread", "a cold radiator"] });
  assert.deepEqual([texts.data.length, texts.data[0].index], [1, 1]);
  const documents = [{ title: "cold radiator" }, { title: "bread" }];
  const titled = await pc.inference.rerank({ ...asked, documents, rankFields: ["title"] });
  assert.deepEqual([titled.data[0].index, titled.data[0].document], [0, documents[0]]);
  assert.equal(titled.usage.rerankUnits, 1);
});

testCase("models", "are listed and described", async () => {
  const { models } = await pc.inference.listModels({ type: "embed" });
  const names = models.map(({ model }) => model);
  assert(names.includes(MODEL) && !names.includes(RERANKER));
  const model = await pc.inference.getModel(MODEL);
  assert.deepEqual(
    [model.type, model.vectorType, model.defaultDimension],
    ["embed", "dense", 1024],
  );
});

testCase("createIndexForModel", "embeds what is written and what is asked", async () => {
  const embed = { model: MODEL, fieldMap: { text: "body" } };
  const where = { cloud: "aws", region: "us-east-1" };
  await pc.createIndexForModel({ name: "texts", ...where, embed, waitUntilReady: true });
  const described = await pc.describeIndex("texts");
  assert.deepEqual([described.dimension, described.metric], [1024, "cosine"]);
  assert.deepEqual([described.embed.model, described.embed.fieldMap], [MODEL, { text: "body" }]);
  const texts = pc.index({ name: "texts" }).namespace("t1");
  await texts.upsertRecords({
    records: [
      { id: "cold", body: "The radiator stays cold", floor: 3 },
      { _id: "bread", body: "Fresh bread and butter", floor: 1 },
      { id: "warm", body: "The heating of the house", floor: 3 },
    ],
  });
  const hits = async (options) => (await texts.searchRecords(options)).result.hits;
  const query = { topK: 3, inputs: { text: "cold radiator" } };
  const [first] = await hits({ query });
  assert.equal(first._id, "cold");
  assert.deepEqual(first.fields, { body: "The radiator stays cold", floor: 3 });
  const filtered = await hits({ query: { ...query, filter: { floor: 1 } }, fields: ["floor"] });
  assert.deepEqual(
    filtered.map(({ _id, fields }) => [_id, fields]),
    [["bread", { floor: 1 }]],
  );
  const rerank = { model: RERANKER, rankFields: ["body"], topN: 1, query: "heating of the house" };
  const ranked = await hits({ query: { id: "bread", topK: 3 }, rerank });
  assert.deepEqual(
    ranked.map(({ _id }) => _id),
    ["warm"],
  );
  const wrong = { records: [{ id: "x", other: "a" }] };
  await refused("PineconeBadRequestError", () => texts.upsertRecords(wrong), "body");
  await pc.deleteIndex("texts");
});

/** What is under way when a call returns is asked for until it is done. */
async function settled(describe, pending) {
  for (let i = 0; i < 1_200; i++) {
    const found = await describe();
    if (!pending.includes(found.status)) return found;
    await setTimeout(50);
  }
  throw new Error("it is never done");
}

testCase("backups", "are made, listed, brought back as another index and deleted", async () => {
  await pc.createIndex({ name: "source", dimension: 4, metric: "cosine", spec: SPEC });
  await pc
    .index({ name: "source" })
    .namespace("t1")
    .upsert({ records: [A, B] });
  const begun = await pc.createBackup({ indexName: "source", name: "first" });
  const { backupId } = begun;
  assert.deepEqual([begun.sourceIndexName, begun.name], ["source", "first"]);
  const made = await settled(() => pc.describeBackup(backupId), ["Initializing"]);
  assert.deepEqual([made.status, made.recordCount, made.namespaceCount], ["Ready", 2, 1]);
  const listed = await pc.listBackups({ indexName: "source" });
  assert.equal(listed.data.at(-1).backupId, backupId);
  await pc.deleteIndex("source");
  const { restoreJobId } = await pc.createIndexFromBackup({ backupId, name: "copy" });
  const job = await settled(() => pc.describeRestoreJob(restoreJobId), ["Pending", "InProgress"]);
  assert.deepEqual([job.status, job.targetIndexName], ["Completed", "copy"]);
  const jobs = await pc.listRestoreJobs({ limit: 100 });
  assert(jobs.data.some((row) => row.restoreJobId === restoreJobId));
  assert.equal((await pc.describeIndex("copy")).dimension, 4);
  const { records } = await pc
    .index({ name: "copy" })
    .namespace("t1")
    .fetch({ ids: ["a"] });
  assert.deepEqual(shown(records.a), A);
  await refused("PineconeConflictError", () =>
    pc.createIndexFromBackup({ backupId, name: "copy" }),
  );
  await pc.deleteBackup(backupId);
  await refused("PineconeNotFoundError", () => pc.describeBackup(backupId));
  await pc.deleteIndex("copy");
});

testCase("errors", "a wrong key", async () => {
  const stranger = new Pinecone({ apiKey: "wrong", controllerHostUrl: URL_BASE });
  await refused("PineconeAuthorizationError", () => stranger.listIndexes());
});

testCase("deleteIndex", "takes it away, with everything in it", async () => {
  await pc.deleteIndex(NAME);
  assert.deepEqual((await pc.listIndexes()).indexes, []);
});

for (const { operation, title, body } of cases) {
  const line = { operation, case: title, pass: true };
  try {
    await body();
  } catch (error) {
    line.pass = false;
    line.detail = `${error.name}: ${error.message}`.slice(0, 600);
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
