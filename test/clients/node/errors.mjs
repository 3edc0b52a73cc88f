/** Errors in the classes of @aws-sdk/client-s3vectors, and each limit of the protocol. */
import assert from "node:assert/strict";
import { makeClient, refused, row, runCases, sender, testCase } from "./harness.mjs";

const client = makeClient();
const send = sender(client);
const BUCKET = "js-errors";
const AT_BUCKET = { vectorBucketName: BUCKET };
const AT = { ...AT_BUCKET, indexName: "limits" };
const INVALID = "ValidationException";
const NEW = { dataType: "float32", dimension: 2, distanceMetric: "cosine" };

await send("CreateVectorBucket", AT_BUCKET);
const metadataConfiguration = { nonFilterableMetadataKeys: ["body"] };
await send("CreateIndex", { ...AT, ...NEW, metadataConfiguration });

function put(vectors, by = send) {
  return by("PutVectors", { ...AT, vectors });
}

function query(options) {
  return send("QueryVectors", { ...AT, topK: 10, queryVector: { float32: [1, 0] }, ...options });
}

/** What is wrong with one member stands in the message, and in the list of fields. */
async function invalidAt(path, rule, call) {
  const error = await refused(INVALID, 400, call);
  assert.equal(error.message, `1 validation error detected. ${rule}`);
  const [field] = error.fieldList;
  assert.equal(field.path, path);
  assert(rule.endsWith(field.message) || rule === field.message, field.message);
}

async function saysInvalid(message, call) {
  const error = await refused(INVALID, 400, call);
  assert.equal(error.message, message);
}

testCase("errors", "UnrecognizedClientException for an unknown key", async () => {
  const credentials = { accessKeyId: "STRANGER", secretAccessKey: "secret" };
  const stranger = sender(makeClient({ credentials }));
  await refused("UnrecognizedClientException", 403, () => stranger("ListVectorBuckets"));
});

testCase("errors", "InvalidSignatureException for a wrong secret", async () => {
  const accessKeyId = process.env.AWS_ACCESS_KEY_ID;
  const liar = sender(makeClient({ credentials: { accessKeyId, secretAccessKey: "wrong" } }));
  await refused("InvalidSignatureException", 403, () => liar("ListVectorBuckets"));
});

testCase("errors", "the token of a session is refused, not ignored", async () => {
  const credentials = {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID,
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
    sessionToken: "token",
  };
  const guest = sender(makeClient({ credentials }));
  await refused("UnrecognizedClientException", 403, () => guest("ListVectorBuckets"));
});

testCase(
  "errors",
  "a clock that is wrong by an hour: the client corrects it and goes on",
  async () => {
    const RealDate = Date;
    globalThis.Date = class extends RealDate {
      constructor(...parts) {
        super(...(parts.length === 0 ? [RealDate.now() + 3_600_000] : parts));
      }

      static now() {
        return RealDate.now() + 3_600_000;
      }
    };
    try {
      const answer = await sender(makeClient({ maxAttempts: 2 }))("ListVectorBuckets");
      assert.equal(answer.$metadata.attempts, 2);
    } finally {
      globalThis.Date = RealDate;
    }
  },
);

testCase("errors", "AccessDeniedException, the same for a bucket that is not there", async () => {
  const credentials = {
    accessKeyId: process.env.INSULA_TEST_LIMITED_ID,
    secretAccessKey: process.env.INSULA_TEST_LIMITED_SECRET,
  };
  const limited = sender(makeClient({ credentials }));
  const first = await refused("AccessDeniedException", 403, () => put([row("a", [1, 0])], limited));
  const nowhere = { ...AT, vectorBucketName: "js-nowhere", vectors: [row("a", [1, 0])] };
  const put2 = () => limited("PutVectors", nowhere);
  assert.equal((await refused("AccessDeniedException", 403, put2)).message, first.message);
  // QueryVectors is granted, but metadata and filters need GetVectors as well.
  const ask = { ...AT, topK: 1, queryVector: { float32: [1, 0] } };
  assert.deepEqual((await limited("QueryVectors", ask)).vectors, []);
  for (const more of [{ returnMetadata: true }, { filter: { a: 1 } }]) {
    const call = () => limited("QueryVectors", { ...ask, ...more });
    await refused("AccessDeniedException", 403, call);
  }
});

testCase("errors", "NotFoundException says what is missing", async () => {
  const index = "The specified index could not be found";
  const bucket = "The specified vector bucket could not be found";
  const nowhere = { vectorBucketName: "js-nowhere", indexName: "limits" };
  const missing = { ...AT, indexName: "missing" };
  const arn = `arn:aws:s3vectors:us-east-1:${process.env.INSULA_TEST_ACCOUNT}:bucket/js-nowhere`;
  for (const [message, name, input] of [
    [index, "GetIndex", missing],
    [index, "GetIndex", nowhere],
    [index, "DeleteIndex", missing],
    [index, "PutVectors", { ...nowhere, vectors: [row("a", [1, 0])] }],
    [index, "GetVectors", { ...missing, keys: ["a"] }],
    [index, "ListVectors", nowhere],
    [index, "DeleteVectors", { ...missing, keys: ["a"] }],
    [index, "QueryVectors", { ...missing, topK: 1, queryVector: { float32: [1, 0] } }],
    [bucket, "GetVectorBucket", { vectorBucketName: "js-nowhere" }],
    [bucket, "ListIndexes", { vectorBucketName: "js-nowhere" }],
    [bucket, "CreateIndex", { ...nowhere, ...NEW }],
    [bucket, "GetVectorBucketPolicy", { vectorBucketName: "js-nowhere" }],
    [bucket, "ListTagsForResource", { resourceArn: arn }],
    [bucket, "TagResource", { resourceArn: arn, tags: { a: "b" } }],
    [bucket, "UntagResource", { resourceArn: arn, tagKeys: ["a"] }],
  ]) {
    const error = await refused("NotFoundException", 404, () => send(name, input));
    assert.equal(error.message, message, name);
  }
});

testCase("errors", "ValidationException with fieldList for values outside the model", async () => {
  const make = (options) => () =>
    send("CreateIndex", { ...AT_BUCKET, indexName: "new", ...NEW, ...options });
  const constraint = (path) => `Value at '${path}' failed to satisfy constraint:`;
  await invalidAt(
    "/dataType",
    `${constraint("/dataType")} Member must satisfy enum value set: [float32]`,
    make({ dataType: "float64" }),
  );
  await invalidAt(
    "/distanceMetric",
    `${constraint("/distanceMetric")} Member must satisfy enum value set: [euclidean, cosine]`,
    make({ distanceMetric: "dot" }),
  );
  for (const dimension of [0, 4_097]) {
    await invalidAt(
      "/dimension",
      `${constraint("/dimension")} Member must be between 1 and 4096, inclusive`,
      make({ dimension }),
    );
  }
  await invalidAt(
    "/vectorBucketName",
    "Value with length 2 at '/vectorBucketName' failed to satisfy constraint: " +
      "Member must have length between 3 and 63, inclusive",
    () => send("CreateVectorBucket", { vectorBucketName: "ab" }),
  );
});

testCase("errors", "ValidationException in the words of the service", async () => {
  const upper = () => send("CreateVectorBucket", { vectorBucketName: "Upper_Case" });
  await saysInvalid("Invalid vector bucket name", upper);
  const half = "Must specify either indexArn or both vectorBucketName and indexName";
  await saysInvalid(half, () => send("GetIndex", { indexName: "limits" }));
  const arn = (await send("GetIndex", AT)).index.indexArn;
  await saysInvalid(half, () => send("GetIndex", { ...AT, indexArn: arn }));
  const both = "Must specify either vectorBucketName or vectorBucketArn but not both";
  const vectorBucketArn = arn.slice(0, arn.indexOf("/index"));
  await saysInvalid(both, () => send("GetVectorBucket", { ...AT_BUCKET, vectorBucketArn }));
  await saysInvalid(
    "Invalid record for key 'short': vector must have length 2, but has length 1",
    () => put([row("short", [1])]),
  );
  const wrong = () => query({ queryVector: { float32: [1, 2, 3] } });
  await saysInvalid("Invalid query vector: vector must have length 2, but has length 3", wrong);
});

testCase("limits", "500 vectors a put, 500 keys a delete, 100 keys a get", async () => {
  const rows = Array.from({ length: 501 }, (_, i) => row(`k${i}`, [1, i + 1]));
  const keys = rows.map(({ key }) => key);
  await refused(INVALID, 400, () => put(rows));
  await refused(INVALID, 400, () => put([]));
  await put(rows.slice(0, 500));
  await refused(INVALID, 400, () => send("GetVectors", { ...AT, keys: keys.slice(0, 101) }));
  const got = await send("GetVectors", { ...AT, keys: keys.slice(0, 100) });
  assert.equal(got.vectors.length, 100);
  await refused(INVALID, 400, () => send("DeleteVectors", { ...AT, keys }));
  await send("DeleteVectors", { ...AT, keys: keys.slice(0, 500) });
  assert.deepEqual((await send("ListVectors", AT)).vectors, []);
});

testCase("limits", "keys of 1 to 1024 characters, no key twice in a batch", async () => {
  await refused(INVALID, 400, () => put([row("", [1, 0])]));
  await refused(INVALID, 400, () => put([row("k".repeat(1_025), [1, 0])]));
  await refused(INVALID, 400, () => put([row("twice", [1, 0]), row("twice", [0, 1])]));
  const key = "界".repeat(1_024);
  await put([row(key, [1, 0])]);
  assert.deepEqual((await send("ListVectors", AT)).vectors, [{ key }]);
  await send("DeleteVectors", { ...AT, keys: [key] });
});

testCase("limits", "a batch with one wrong vector writes nothing", async () => {
  for (const wrong of [[1], [1, 0, 0], [0, 0], [NaN, 1], [1, Infinity]]) {
    await refused(INVALID, 400, () => put([row("fine", [1, 0]), row("wrong", wrong)]));
  }
  assert.deepEqual((await send("ListVectors", AT)).vectors, []);
});

testCase("limits", "metadata: 40 KB and 50 names together, 2 KB filterable", async () => {
  const whole = { a: "x".repeat(2_000), body: "y".repeat(37_000) };
  await put([row("m", [1, 0], whole)]);
  const get = { ...AT, keys: ["m"], returnMetadata: true };
  assert.deepEqual((await send("GetVectors", get)).vectors[0].metadata, whole);
  await saysInvalid(
    "Invalid record for key 'm': Filterable metadata must have at most 2048 bytes",
    () => put([row("m", [1, 0], { a: "x".repeat(2_100) })]),
  );
  await refused(INVALID, 400, () => put([row("m", [1, 0], { body: "y".repeat(41_000) })]));
  const names = (count) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, i]));
  await put([row("m", [1, 0], names(50))]);
  await saysInvalid("Invalid record for key 'm': Metadata object must have at most 50 keys", () =>
    put([row("m", [1, 0], names(51))]),
  );
  for (const metadata of [{ a: null }, { "": "x" }, "text", ["list"]]) {
    await refused(INVALID, 400, () => put([row("m", [1, 0], metadata)]));
  }
  await send("DeleteVectors", { ...AT, keys: ["m"] });
});

testCase("limits", "topK, pages, segments and tokens", async () => {
  for (const topK of [0, -1, 10_001]) await refused(INVALID, 400, () => query({ topK }));
  for (const options of [
    { maxResults: 0 },
    { maxResults: 1_001 },
    { segmentCount: 17, segmentIndex: 0 },
    { segmentCount: 2, segmentIndex: 2 },
    { segmentCount: 2 },
    { segmentIndex: 0 },
    { nextToken: "invented" },
  ]) {
    await refused(INVALID, 400, () => send("ListVectors", { ...AT, ...options }));
  }
  await refused(INVALID, 400, () => send("ListVectorBuckets", { maxResults: 501 }));
  await refused(INVALID, 400, () => send("ListIndexes", { ...AT_BUCKET, prefix: "p".repeat(64) }));
});

testCase("limits", "filters that cannot be meant are refused, never ignored", async () => {
  const nest = (levels) => (levels === 0 ? { a: "x" } : { $and: [nest(levels - 1)] });
  await query({ filter: nest(5) });
  for (const filter of [
    nest(9),
    { a: { $like: "x" } },
    { a: { $not: { $eq: "x" } } },
    { $xor: [{ a: "x" }] },
    { $and: [] },
    { $or: { a: "x" } },
    { a: { $in: [] } },
    { a: { $gt: "text" } },
    { a: { $eq: ["x"] } },
    { a: { $exists: "yes" } },
    { body: "x" },
    { $or: Array.from({ length: 1_025 }, () => ({ a: "x" })) },
  ]) {
    await refused(INVALID, 400, () => query({ filter }));
  }
});

testCase("limits", "names, non-filterable keys, tags, encryption", async () => {
  const make = (options) =>
    send("CreateIndex", { ...AT_BUCKET, indexName: "new", ...NEW, ...options });
  for (const indexName of ["ab", "x".repeat(64), "-abc", "Upper", "a_b", "a b"]) {
    await refused(INVALID, 400, () => make({ indexName }));
  }
  const unfilterable = (nonFilterableMetadataKeys) => ({
    metadataConfiguration: { nonFilterableMetadataKeys },
  });
  const eleven = Array.from({ length: 11 }, (_, i) => `k${i}`);
  for (const keys of [eleven, ["k".repeat(64)], [""], ["a", "a"]]) {
    await refused(INVALID, 400, () => make(unfilterable(keys)));
  }
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, "x"]));
  for (const tags of [many, { "": "x" }, { a: "x".repeat(257) }, { "a?": "x" }]) {
    await refused(INVALID, 400, () => make({ tags }));
  }
  const encryptionConfiguration = { sseType: "AES256", kmsKeyArn: "arn:aws:kms:r:1:key/x" };
  await refused(INVALID, 400, () => make({ encryptionConfiguration }));
  for (const policy of ["", "no JSON", "{}", '{"Version":"2012-10-17","Statement":[]}']) {
    await refused(INVALID, 400, () => send("PutVectorBucketPolicy", { ...AT_BUCKET, policy }));
  }
  await refused("NotFoundException", 404, () =>
    send("GetIndex", { ...AT_BUCKET, indexName: "new" }),
  );
});

await runCases();
client.destroy();
