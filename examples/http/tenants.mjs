/**
 * One vector index per tenant, with nothing but HTTP and a signature.
 *
 *     export OSS_ACCESS_KEY_ID=… OSS_ACCESS_KEY_SECRET=…        # insula keys create
 *     INSULA_URL=http://127.0.0.1:8080 node examples/http/tenants.mjs
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";

const URL_BASE = process.env.INSULA_URL ?? "http://127.0.0.1:8080";
const ACCOUNT = process.env.INSULA_ACCOUNT ?? "1000000000000001";
const KEY_ID = process.env.OSS_ACCESS_KEY_ID;
const SECRET = process.env.OSS_ACCESS_KEY_SECRET;
const REGION = "cn-hangzhou";
const BUCKET = "example-http";

/** OSS signature V4: the signed resource is made of region, account and bucket, not of the path. */
function sign(method, query) {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${stamp.slice(0, 8)}/${REGION}/oss/aliyun_v4_request`;
  const headers = {
    "content-type": "application/json",
    "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
    "x-oss-date": stamp,
  };
  const canonical = [
    method,
    `/${encodeURIComponent(`acs:ossvector:${REGION}:${ACCOUNT}:${BUCKET}`)}/`,
    query,
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    "",
    "",
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
  let key = hmac(`aliyun_v4${SECRET}`, stamp.slice(0, 8));
  for (const part of [REGION, "oss", "aliyun_v4_request"]) key = hmac(key, part);
  const signature = hmac(key, ["OSS4-HMAC-SHA256", stamp, scope, hash].join("\n")).toString("hex");
  const authorization = `OSS4-HMAC-SHA256 Credential=${KEY_ID}/${scope},Signature=${signature}`;
  return { ...headers, authorization };
}

async function call(method, query, body) {
  const answer = await fetch(`${URL_BASE}/${BUCKET}/${query === "" ? "" : `?${query}`}`, {
    method,
    headers: sign(method, query),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${query}: ${answer.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

const write = (indexName, key, float32) =>
  call("POST", "putVectors", { indexName, vectors: [{ key, data: { float32 } }] });

async function search(indexName, float32) {
  const body = { indexName, queryVector: { float32 }, topK: 5, returnDistance: true };
  const { vectors } = await call("POST", "queryVectors", body);
  return vectors.map(({ key, distance }) => ({ tenant: indexName, key, distance }));
}

const TENANTS = ["acme", "globex", "initech"];
await call("PUT", "");
for (const indexName of TENANTS) {
  const settings = { indexName, dataType: "float32", dimension: 3, distanceMetric: "cosine" };
  await call("POST", "putVectorIndex", settings);
}

// The same key in two indexes: two records that know nothing of each other.
await write("acme", "doc-1", [1, 0, 0]);
await write("globex", "doc-1", [0.8, 0.6, 0]);
await write("initech", "doc-2", [0, 0, 1]);

const found = (await Promise.all(TENANTS.map((tenant) => search(tenant, [1, 0, 0])))).flat();
found.sort((a, b) => a.distance - b.distance);
for (const { tenant, key, distance } of found) console.log(distance.toFixed(4), `${tenant}/${key}`);
assert.deepEqual(
  found.map(({ tenant, key, distance }) => [tenant, key, Number(distance.toFixed(5))]),
  [
    ["acme", "doc-1", 0],
    ["globex", "doc-1", 0.2],
    ["initech", "doc-2", 1],
  ],
);

// A tenant leaves: its index goes, and nothing else.
await call("POST", "deleteVectorIndex", { indexName: "acme" });
assert.equal((await search("globex", [1, 0, 0])).length, 1);
for (const indexName of TENANTS.slice(1)) await call("POST", "deleteVectorIndex", { indexName });
await call("DELETE", "");
console.log("All as expected.");
