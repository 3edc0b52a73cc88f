/**
 * What a namespace may do in a second, as Pinecone's client for TypeScript meets it: it tries no
 * refused call again by itself. Runs with the lines 7 to 9 of one package.
 */
import assert from "node:assert/strict";
import { load, runCases, testCase } from "./cases.mjs";

const LINE = process.env.INSULA_TEST_LINE;
const KEY = process.env.INSULA_TEST_KEY;
const URL_BASE = process.env.INSULA_TEST_URL;
const { Pinecone, Errors } = load(`pinecone-${LINE}`);
const REFUSED = "PineconeUnmappedHttpError";
const NAME = `node-limits-${LINE}`;

const pc = new Pinecone({ apiKey: KEY, controllerHostUrl: URL_BASE });
const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
await pc.createIndex({ name: NAME, dimension: 2, spec, waitUntilReady: true });
const index = pc.index({ name: NAME });
const record = { id: "a", values: [1, 0] };
for (const namespace of ["slow", "full", "free"]) {
  await index.namespace(namespace).upsert({ records: [record] });
}
const query = (namespace) => index.namespace(namespace).query({ topK: 1, vector: [1, 0] });

/** Through our own interface: the vendor's has no word for it. */
async function setLimits(namespace, limits) {
  const place = `databases/pinecone/collections/${NAME}/tenants/${namespace}/limits`;
  const { ok } = await fetch(`${URL_BASE}/insula/v1/${place}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${KEY}` },
    body: JSON.stringify(limits),
  });
  assert(ok);
}

testCase("limits", "a query beyond the rate is the client's own error", async () => {
  await setLimits("slow", { queriesPerSecond: 0.1 });
  assert.equal((await query("slow")).matches[0].id, "a");
  const error = await query("slow").then(
    () => assert.fail("the query was answered"),
    (thrown) => thrown,
  );
  assert.equal(error.name, REFUSED);
  if (Errors?.[REFUSED] !== undefined) assert(error instanceof Errors[REFUSED]);
  assert.match(error.message, /429|limit/);
  assert.equal((await query("free")).matches[0].id, "a");
});

testCase("limits", "a record beyond the quota is refused, replacing one is not", async () => {
  await setLimits("full", { storedRecords: 1 });
  const full = index.namespace("full");
  await full.upsert({ records: [record] });
  await assert.rejects(full.upsert({ records: [{ ...record, id: "b" }] }), /quota|records/i);
});

await runCases();
await pc.deleteIndex(NAME);
