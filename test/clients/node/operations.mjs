/** Every operation of S3 Vectors that @aws-sdk/client-s3vectors has, with the client unmodified. */
import assert from "node:assert/strict";
import {
  ACCOUNT,
  collect,
  makeClient,
  near,
  refused,
  REGION,
  row,
  runCases,
  sdk,
  sender,
  testCase,
  URL_BASE,
} from "./harness.mjs";

const client = makeClient();
const send = sender(client);
const BUCKET = "js-operations";
const BUCKET_ARN = `arn:aws:s3vectors:${REGION}:${ACCOUNT}:bucket/${BUCKET}`;
const INDEX_ARN = `${BUCKET_ARN}/index/notes.v1`;
const AT_BUCKET = { vectorBucketName: BUCKET };
const AT = { ...AT_BUCKET, indexName: "notes.v1" };
const KMS = { sseType: "aws:kms", kmsKeyArn: `arn:aws:kms:${REGION}:111122223333:key/one` };

function makeIndex(indexName, options = {}) {
  const defaults = { dataType: "float32", dimension: 4, distanceMetric: "cosine" };
  return send("CreateIndex", { ...AT_BUCKET, indexName, ...defaults, ...options });
}

function query(options) {
  return send("QueryVectors", { ...AT, topK: 10, ...options });
}

function keysOf({ vectors }) {
  return vectors.map(({ key }) => key);
}

testCase(
  "CreateVectorBucket",
  "answers the ARN; a second time is a ConflictException",
  async () => {
    const made = await send("CreateVectorBucket", { ...AT_BUCKET, tags: { team: "search" } });
    assert.equal(made.vectorBucketArn, BUCKET_ARN);
    assert.equal(made.$metadata.httpStatusCode, 200);
    assert.match(made.$metadata.requestId, /^[0-9A-F]{24}$/);
    const again = () => send("CreateVectorBucket", AT_BUCKET);
    const error = await refused("ConflictException", 409, again);
    assert.equal(error.message, "A vector bucket with the specified name already exists");
  },
);

testCase("CreateVectorBucket", "an encryption configuration is kept and shown", async () => {
  const at = { vectorBucketName: `${BUCKET}-kms` };
  await send("CreateVectorBucket", { ...at, encryptionConfiguration: KMS });
  const { vectorBucket } = await send("GetVectorBucket", at);
  assert.deepEqual(vectorBucket.encryptionConfiguration, KMS);
  await send("DeleteVectorBucket", at);
});

testCase("GetVectorBucket", "by name and by ARN, with a time between two looks", async () => {
  const at = { vectorBucketName: `${BUCKET}-time` };
  const before = Date.now();
  await send("CreateVectorBucket", at);
  const after = Date.now();
  const { vectorBucket } = await send("GetVectorBucket", at);
  assert(vectorBucket.creationTime instanceof Date);
  const time = vectorBucket.creationTime.getTime();
  assert(time >= before && time <= after, `${before} ${time} ${after}`);
  assert.deepEqual(vectorBucket.encryptionConfiguration, { sseType: "AES256" });
  const byArn = await send("GetVectorBucket", { vectorBucketArn: vectorBucket.vectorBucketArn });
  assert.deepEqual(byArn.vectorBucket, vectorBucket);
  await send("DeleteVectorBucket", at);
});

testCase("ListVectorBuckets", "pages by prefix, with the client's paginator", async () => {
  const names = ["a", "b", "c", "d", "e"].map((end) => `js-listed-${end}`);
  for (const vectorBucketName of names) await send("CreateVectorBucket", { vectorBucketName });
  const options = { client, pageSize: 2 };
  const pages = sdk.paginateListVectorBuckets(options, { prefix: "js-listed-" });
  const { items, sizes } = await collect(pages, "vectorBuckets");
  assert.deepEqual(
    items.map(({ vectorBucketName }) => vectorBucketName),
    names,
  );
  assert.deepEqual(sizes, [2, 2, 1]);
  assert(items.every(({ creationTime }) => creationTime instanceof Date));
  for (const vectorBucketName of names) await send("DeleteVectorBucket", { vectorBucketName });
  const { vectorBuckets } = await send("ListVectorBuckets", { prefix: "js-listed-" });
  assert.deepEqual(vectorBuckets, []);
});

testCase("CreateIndex", "answers the ARN; a second time is a ConflictException", async () => {
  const made = await makeIndex("notes.v1", {
    metadataConfiguration: { nonFilterableMetadataKeys: ["text"] },
    tags: { stage: "test" },
  });
  assert.equal(made.indexArn, INDEX_ARN);
  await refused("ConflictException", 409, () => makeIndex("notes.v1"));
});

testCase("GetIndex", "all that was given, by names and by ARN", async () => {
  const { index } = await send("GetIndex", AT);
  assert(index.creationTime instanceof Date);
  assert.deepEqual(index, {
    ...AT,
    creationTime: index.creationTime,
    indexArn: INDEX_ARN,
    dataType: "float32",
    dimension: 4,
    distanceMetric: "cosine",
    metadataConfiguration: { nonFilterableMetadataKeys: ["text"] },
  });
  assert.deepEqual((await send("GetIndex", { indexArn: INDEX_ARN })).index, index);
  await makeIndex("kms", { encryptionConfiguration: KMS });
  const kms = await send("GetIndex", { ...AT_BUCKET, indexName: "kms" });
  assert.deepEqual(kms.index.encryptionConfiguration, KMS);
  await send("DeleteIndex", { ...AT_BUCKET, indexName: "kms" });
});

testCase("ListIndexes", "pages by prefix, with the client's paginator", async () => {
  const names = ["page-1", "page-2", "page-3"];
  for (const name of names) await makeIndex(name);
  const pages = sdk.paginateListIndexes({ client, pageSize: 2 }, { ...AT_BUCKET, prefix: "page-" });
  const { items, sizes } = await collect(pages, "indexes");
  assert.deepEqual(
    items.map(({ indexName }) => indexName),
    names,
  );
  assert.deepEqual(sizes, [2, 1]);
  const all = await send("ListIndexes", { vectorBucketArn: BUCKET_ARN });
  assert.deepEqual(
    all.indexes.map(({ indexName }) => indexName),
    ["notes.v1", ...names],
  );
});

testCase("DeleteIndex", "gone with its vectors, and its name is free", async () => {
  for (const indexName of ["page-1", "page-2", "page-3"]) {
    await send("DeleteIndex", { ...AT_BUCKET, indexName });
  }
  const at = { ...AT_BUCKET, indexName: "page-1" };
  await refused("NotFoundException", 404, () => send("GetIndex", at));
  await makeIndex("page-1");
  await send("PutVectors", { ...at, vectors: [row("a", [1, 0, 0, 0])] });
  await send("DeleteIndex", at);
  await makeIndex("page-1");
  assert.deepEqual((await send("ListVectors", at)).vectors, []);
  await send("DeleteIndex", at);
});

const VECTORS = [
  row("a", [1, 0, 0, 0], { kind: "guide", year: 2020, tags: ["x", "y"], draft: false }),
  row("b", [1, 1, 0, 0], { kind: "faq", year: 2021.5, text: "long" }),
  row("ключ/键 ?&", [0, 1, 0, 0], { title: "Ünïcödé ☃ <&>" }),
];

testCase("PutVectors", "metadata of all kinds; a key is replaced as a whole", async () => {
  await send("PutVectors", { ...AT, vectors: [row("a", [0, 0, 1, 0], { old: true })] });
  await send("PutVectors", { indexArn: INDEX_ARN, vectors: VECTORS });
  const { vectors } = await send("GetVectors", { ...AT, keys: ["a"], returnMetadata: true });
  assert.deepEqual(vectors, [{ key: "a", metadata: VECTORS[0].metadata }]);
});

testCase("GetVectors", "only what is asked for; unknown keys are left out", async () => {
  const keys = ["nobody", ...VECTORS.map(({ key }) => key)];
  const bare = await send("GetVectors", { ...AT, keys });
  assert.deepEqual(
    bare.vectors,
    keys.slice(1).map((key) => ({ key })),
  );
  const whole = await send("GetVectors", { ...AT, keys, returnData: true, returnMetadata: true });
  assert.deepEqual(whole.vectors, VECTORS);
  await send("PutVectors", { ...AT, vectors: [row("bare", [0.1, 0.2, 0.3, 0.4])] });
  const get = { ...AT, keys: ["bare"], returnData: true, returnMetadata: true };
  const [found] = (await send("GetVectors", get)).vectors;
  assert.deepEqual(found.metadata, {});
  assert.deepEqual(found.data.float32.map(Math.fround), [0.1, 0.2, 0.3, 0.4].map(Math.fround));
  await send("DeleteVectors", { ...AT, keys: ["bare"] });
});

testCase("ListVectors", "pages, and segments that share nothing and miss nothing", async () => {
  await makeIndex("listed");
  const at = { ...AT_BUCKET, indexName: "listed" };
  const keys = Array.from({ length: 25 }, (_, i) => `key-${String(i).padStart(3, "0")}`);
  await send("PutVectors", { ...at, vectors: keys.map((key, i) => row(key, [1, 2, 3, i + 1])) });
  const options = { client, pageSize: 10 };
  const whole = await collect(
    sdk.paginateListVectors(options, { ...at, returnData: true, returnMetadata: true }),
    "vectors",
  );
  assert.deepEqual(whole.sizes, [10, 10, 5]);
  assert.deepEqual(
    whole.items.map(({ key }) => key),
    keys,
  );
  assert.deepEqual(whole.items[3], { ...row("key-003", [1, 2, 3, 4]), metadata: {} });
  const parts = [];
  for (const segmentIndex of [0, 1, 2]) {
    const part = { ...at, segmentCount: 3, segmentIndex };
    parts.push(...(await collect(sdk.paginateListVectors(options, part), "vectors")).items);
  }
  assert.deepEqual(parts.map(({ key }) => key).sort(), keys);
  await send("DeleteIndex", at);
});

testCase("QueryVectors", "cosine distances ascending, with the metric", async () => {
  const queryVector = { float32: [1, 0, 0, 0] };
  const answer = await query({ queryVector, returnDistance: true });
  assert.deepEqual(keysOf(answer), ["a", "b", "ключ/键 ?&"]);
  for (const [i, expected] of [0, 1 - Math.SQRT1_2, 1].entries()) {
    near(answer.vectors[i].distance, expected);
  }
  assert.equal(answer.distanceMetric, "cosine");
  assert.equal(answer.nextToken, undefined);
});

testCase("QueryVectors", "euclidean distances are roots", async () => {
  await makeIndex("euclidean", { dimension: 2, distanceMetric: "euclidean" });
  const at = { ...AT_BUCKET, indexName: "euclidean" };
  await send("PutVectors", { ...at, vectors: [row("near", [3, 4]), row("far", [6, 8])] });
  const queryVector = { float32: [0, 0] };
  const answer = await send("QueryVectors", { ...at, queryVector, topK: 2, returnDistance: true });
  assert.deepEqual(answer.vectors, [
    { key: "near", distance: 5 },
    { key: "far", distance: 10 },
  ]);
  assert.equal(answer.distanceMetric, "euclidean");
  await send("DeleteIndex", at);
});

testCase("QueryVectors", "only what is asked for, and no more than topK", async () => {
  const queryVector = { float32: [1, 0, 0, 0] };
  assert.deepEqual((await query({ queryVector, topK: 1 })).vectors, [{ key: "a" }]);
  const { vectors } = await query({ queryVector, topK: 2, returnMetadata: true });
  assert.deepEqual(vectors, [
    { key: "a", metadata: VECTORS[0].metadata },
    { key: "b", metadata: VECTORS[1].metadata },
  ]);
});

testCase("QueryVectors", "every operator of filters", async () => {
  const third = "ключ/键 ?&";
  const expected = [
    [{ kind: "faq" }, ["b"]],
    [{ kind: { $eq: "guide" } }, ["a"]],
    [{ tags: "y" }, ["a"]],
    [{ draft: false }, ["a"]],
    [{ kind: { $ne: "faq" } }, ["a", third]],
    [{ year: { $gt: 2020 } }, ["b"]],
    [{ year: { $gte: 2020, $lt: 2021 } }, ["a"]],
    [{ year: { $lte: 2021.5 } }, ["a", "b"]],
    [{ kind: { $in: ["guide", "faq"] } }, ["a", "b"]],
    [{ kind: { $nin: ["guide"] } }, ["b", third]],
    [{ title: { $exists: true } }, [third]],
    [{ title: { $exists: false } }, ["a", "b"]],
    [{ $and: [{ kind: "guide" }, { year: 2020 }] }, ["a"]],
    [{ $or: [{ kind: "faq" }, { title: { $exists: true } }] }, ["b", third]],
    [{ kind: "guide", year: 1999 }, []],
    [{ year: "2020" }, []],
  ];
  for (const [filter, keys] of expected) {
    const answer = await query({ queryVector: { float32: [1, 0, 0, 0] }, filter });
    assert.deepEqual(keysOf(answer), keys, JSON.stringify(filter));
  }
});

testCase("QueryVectors", "topK 10,000 in pages, with the client's paginator", async () => {
  await makeIndex("wide", { dimension: 2, distanceMetric: "euclidean" });
  const at = { ...AT_BUCKET, indexName: "wide" };
  for (let start = 0; start < 11_000; start += 500) {
    const vectors = Array.from({ length: 500 }, (_, i) => row(`k${start + i}`, [start + i + 1, 0]));
    await send("PutVectors", { ...at, vectors });
  }
  const ask = { ...at, queryVector: { float32: [0, 0] }, topK: 10_000, returnDistance: true };
  const { items, sizes } = await collect(
    sdk.paginateQueryVectors({ client }, { ...ask }),
    "vectors",
  );
  assert.deepEqual(
    items.map(({ key }) => key),
    Array.from({ length: 10_000 }, (_, i) => `k${i}`),
  );
  assert(sizes.length > 1 && sizes.every((size) => size >= 100), String(sizes));
  const one = await send("QueryVectors", { ...ask, topK: 100 });
  assert.equal(one.vectors.length, 100);
  assert.equal(one.nextToken, undefined);
  const first = await send("QueryVectors", ask);
  const { nextToken } = first;
  const other = () => send("QueryVectors", { ...ask, topK: 9_000, nextToken });
  await refused("ValidationException", 400, other);
  await send("DeleteIndex", at);
});

testCase("DeleteVectors", "success also for keys that are not there", async () => {
  await send("DeleteVectors", { ...AT, keys: ["b", "nobody", "b"] });
  const answer = await query({ queryVector: { float32: [1, 0, 0, 0] } });
  assert.deepEqual(keysOf(answer), ["a", "ключ/键 ?&"]);
});

const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "read-only",
      Effect: "Deny",
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: ["s3vectors:PutVectors", "s3vectors:DeleteVectors"],
      Resource: `${BUCKET_ARN}/index/*`,
    },
  ],
});

testCase("PutVectorBucketPolicy", "holds at once", async () => {
  await send("PutVectorBucketPolicy", { ...AT_BUCKET, policy: POLICY });
  const put = () => send("PutVectors", { ...AT, vectors: [row("c", [1, 0, 0, 0])] });
  await refused("AccessDeniedException", 403, put);
  assert.equal((await query({ queryVector: { float32: [1, 0, 0, 0] } })).vectors.length, 2);
});

testCase("GetVectorBucketPolicy", "byte for byte, by name and by ARN", async () => {
  assert.equal((await send("GetVectorBucketPolicy", AT_BUCKET)).policy, POLICY);
  const byArn = await send("GetVectorBucketPolicy", { vectorBucketArn: BUCKET_ARN });
  assert.equal(byArn.policy, POLICY);
});

testCase("DeleteVectorBucketPolicy", "and what it denied is allowed again", async () => {
  await send("DeleteVectorBucketPolicy", AT_BUCKET);
  const get = () => send("GetVectorBucketPolicy", AT_BUCKET);
  const error = await refused("NotFoundException", 404, get);
  assert.equal(error.message, "The specified vector bucket policy could not be found");
  await send("PutVectors", { ...AT, vectors: [row("c", [1, 0, 0, 0])] });
});

testCase("TagResource", "adds and replaces, on buckets and indexes", async () => {
  await send("TagResource", { resourceArn: BUCKET_ARN, tags: { team: "web", "a b/c": "=@" } });
  await send("TagResource", { resourceArn: INDEX_ARN, tags: { stage: "live" } });
});

testCase("ListTagsForResource", "of a bucket and of an index", async () => {
  const bucket = await send("ListTagsForResource", { resourceArn: BUCKET_ARN });
  assert.deepEqual(bucket.tags, { team: "web", "a b/c": "=@" });
  const index = await send("ListTagsForResource", { resourceArn: INDEX_ARN });
  assert.deepEqual(index.tags, { stage: "live" });
});

testCase("UntagResource", "several at once; names that are none are no error", async () => {
  const tagKeys = ["a b/c", "team", "none"];
  await send("UntagResource", { resourceArn: BUCKET_ARN, tagKeys });
  const { tags } = await send("ListTagsForResource", { resourceArn: BUCKET_ARN });
  assert.deepEqual(tags, {});
});

testCase(
  "addresses",
  "an endpoint with a path, one with a slash at its end, a host name",
  async () => {
    const byName = URL_BASE.replace("127.0.0.1", "localhost");
    for (const endpoint of [
      `${URL_BASE}/vectors`,
      `${URL_BASE}/vectors/`,
      `${URL_BASE}/`,
      byName,
    ]) {
      const there = sender(makeClient({ endpoint }));
      assert.equal((await there("GetIndex", AT)).index.indexArn, INDEX_ARN, endpoint);
      const { tags } = await there("ListTagsForResource", { resourceArn: INDEX_ARN });
      assert.deepEqual(tags, { stage: "live" }, endpoint);
    }
  },
);

testCase("DeleteVectorBucket", "not with indexes; success also when it is not there", async () => {
  const remove = () => send("DeleteVectorBucket", AT_BUCKET);
  await refused("ConflictException", 409, remove);
  await send("DeleteIndex", AT);
  await remove();
  await refused("NotFoundException", 404, () => send("GetVectorBucket", AT_BUCKET));
  await remove();
});

await runCases();
client.destroy();
