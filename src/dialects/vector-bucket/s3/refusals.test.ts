import { beforeEach, describe, expect, test } from "vitest";
import {
  ACCOUNT,
  BUCKET_ARN,
  INDEX_ARN,
  NOW_MS,
  REQUEST_ID,
  S3Bench,
} from "../../../../test/support/s3-bench.ts";
import type { S3BenchAnswer } from "../../../../test/support/s3-bench.ts";
import { ERROR_KINDS, InsulaError } from "../../../base/errors.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { AWS4_S3_VECTORS, signQuery } from "../../../wire/index.ts";
import { printErrorBody, S3_ERRORS, S3_FAULTS, s3Fault, wireErrorOf } from "./errors.ts";
import { S3_LIMITS } from "./limits.ts";
import { S3_OPERATIONS } from "./operations.ts";

let bench: S3Bench;
const NAME = { vectorBucketName: "my-bucket" };
const AT = { ...NAME, indexName: "idx" };
const NOWHERE = { vectorBucketName: "nowhere", indexName: "idx" };
const NEW = { ...AT, dataType: "float32", dimension: 2, distanceMetric: "cosine" };
const ROW = { key: "a", data: { float32: [1, 2] } };
const QUERY = { ...AT, queryVector: { float32: [1, 2] }, topK: 1 };

beforeEach(async () => {
  bench = new S3Bench();
  await bench.call("CreateVectorBucket", NAME);
  const metadataConfiguration = { nonFilterableMetadataKeys: ["text"] };
  expect((await bench.call("CreateIndex", { ...NEW, metadataConfiguration })).status).toBe(200);
});

describe("errors on the wire", () => {
  test("the type is in a header, message and place in the body", async () => {
    const answer = await bench.call("CreateIndex", { ...NEW, dimension: 0 });
    const what =
      "Value at '/dimension' failed to satisfy constraint: Member must be between 1 and 4096, inclusive";
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({
      message: `1 validation error detected. ${what}`,
      fieldList: [{ path: "/dimension", message: what }],
    });
    expect(answer.headers).toEqual({
      "content-type": "application/json",
      "x-amzn-requestid": REQUEST_ID,
      "x-amz-id-2": REQUEST_ID,
      "x-amzn-errortype": "ValidationException",
    });
  });

  test.each(Object.keys(ERROR_KINDS) as ErrorCode[])(
    "%s has a type and leaves as it",
    async (code) => {
      bench.engine.nextError = new InsulaError(code, "Cannot do it: SECRET.");
      const answer = await bench.call("GetVectors", { ...AT, keys: ["a"] });
      const wire = S3_ERRORS[code];
      expect(answer).toMatchObject({ status: wire.status, type: wire.type });
      if (wire.status >= 500) expect(answer.text).not.toContain("SECRET");
    },
  );

  test("what is not an error of ours is an internal one that tells nothing", async () => {
    bench.engine.nextError = new TypeError("SECRET");
    const answer = await bench.call("GetVectors", { ...AT, keys: ["a"] });
    expect(answer).toMatchObject({ status: 500, type: "InternalServerException" });
    expect(answer.text).not.toContain("SECRET");
    expect(bench.observed.at(-1)).toEqual({ operation: "GetVectors", outcome: "internal" });
  });

  test.each(Object.keys(S3_FAULTS) as (keyof typeof S3_FAULTS)[])(
    "the fault %s keeps its name",
    (fault) => {
      expect(wireErrorOf(s3Fault(fault, "x")).type).toBe(fault);
      expect(JSON.parse(printErrorBody(s3Fault(fault, "x")))).toHaveProperty("message");
    },
  );
});

describe("the texts that suites compare", () => {
  const VALUE = "1 validation error detected. Value";
  const REFS = "Must specify either indexArn or both vectorBucketName and indexName";
  const BOTH = "Must specify either vectorBucketName or vectorBucketArn but not both";
  const arns = { indexArn: INDEX_ARN.replace("my-bucket", "nowhere") };

  test.each<[string, object, string]>([
    [
      "CreateIndex",
      { ...NEW, dataType: "float64" },
      `${VALUE} at '/dataType' failed to satisfy constraint: Member must satisfy enum value set: [float32]`,
    ],
    [
      "CreateIndex",
      { ...NEW, vectorBucketName: "nowhere", distanceMetric: "dot" },
      `${VALUE} at '/distanceMetric' failed to satisfy constraint: Member must satisfy enum value set: [euclidean, cosine]`,
    ],
    [
      "CreateIndex",
      { ...NEW, dimension: 4_097 },
      `${VALUE} at '/dimension' failed to satisfy constraint: Member must be between 1 and 4096, inclusive`,
    ],
    [
      "CreateVectorBucket",
      { vectorBucketName: "ab" },
      `${VALUE} with length 2 at '/vectorBucketName' failed to satisfy constraint: Member must have length between 3 and 63, inclusive`,
    ],
    ["CreateVectorBucket", { vectorBucketName: "My_Bucket" }, "Invalid vector bucket name"],
    ["GetVectorBucket", { vectorBucketName: "-ab" }, "Invalid vector bucket name"],
    ["CreateIndex", { ...NEW, indexName: "no_1" }, "Invalid index name"],
    ["GetIndex", { ...NOWHERE, ...arns }, REFS],
    ["PutVectors", { ...arns, indexName: "x", vectors: [ROW] }, REFS],
    ["QueryVectors", { ...QUERY, indexName: undefined }, REFS],
    ["DeleteIndex", {}, REFS],
    ["GetVectorBucket", { ...NAME, vectorBucketArn: BUCKET_ARN }, BOTH],
    ["ListIndexes", { vectorBucketName: "nowhere", vectorBucketArn: "x" }, BOTH],
    [
      "PutVectors",
      { ...AT, vectors: [{ key: "my_first_vector", data: { float32: [1] } }] },
      "Invalid record for key 'my_first_vector': vector must have length 2, but has length 1",
    ],
    [
      "PutVectors",
      { ...AT, vectors: [{ ...ROW, metadata: { a: "x".repeat(2_048) } }] },
      "Invalid record for key 'a': Filterable metadata must have at most 2048 bytes",
    ],
  ])("%s %j", async (name, body, message) => {
    expect(await bench.call(name, body)).toMatchObject({
      status: 400,
      type: "ValidationException",
      message,
    });
  });

  test.each<[string, object, number, string]>([
    ["CreateVectorBucket", NAME, 409, "A vector bucket with the specified name already exists"],
    ["CreateIndex", NEW, 409, "An index with the specified name already exists"],
    ["GetIndex", { ...AT, indexName: "none" }, 404, "The specified index could not be found"],
    ["GetIndex", NOWHERE, 404, "The specified index could not be found"],
    ["GetVectors", { ...NOWHERE, keys: ["a"] }, 404, "The specified index could not be found"],
    ["PutVectors", { ...NOWHERE, vectors: [ROW] }, 404, "The specified index could not be found"],
    ["DeleteIndex", { ...AT, indexName: "none" }, 404, "The specified index could not be found"],
    [
      "ListIndexes",
      { vectorBucketName: "nowhere" },
      404,
      "The specified vector bucket could not be found",
    ],
    [
      "CreateIndex",
      { ...NEW, vectorBucketName: "nowhere" },
      404,
      "The specified vector bucket could not be found",
    ],
    [
      "GetVectorBucketPolicy",
      { vectorBucketName: "nowhere" },
      404,
      "The specified vector bucket could not be found",
    ],
  ])("%s %j: %i", async (name, body, status, message) => {
    const type = status === 404 ? "NotFoundException" : "ConflictException";
    expect(await bench.call(name, body)).toMatchObject({ status, type, message });
  });
});

describe("who asks", () => {
  test("the order is: credentials, key, signature, clock, then everything else", async () => {
    const more = { unsigned: true };
    expect(await bench.call("GetIndex", AT, more)).toMatchObject({
      status: 403,
      type: "MissingAuthenticationTokenException",
    });
    const late = { nowMs: NOW_MS - 901_000 };
    expect(await bench.call("GetIndex", AT, { ...late, keyId: "NOBODY" })).toMatchObject({
      status: 403,
      type: "UnrecognizedClientException",
    });
    expect(await bench.call("GetIndex", AT, { ...late, secret: "wrong" })).toMatchObject({
      status: 403,
      type: "InvalidSignatureException",
    });
    expect(await bench.call("Nothing", AT, late)).toMatchObject({
      status: 403,
      type: "RequestTimeTooSkewed",
    });
    expect(await bench.call("Nothing", AT)).toMatchObject({
      status: 404,
      type: "UnknownOperationException",
    });
  });

  test("no body is read for a stranger, nor for a wrong signature that names the body's hash", async () => {
    bench.bodiesRead = 0;
    await bench.call("PutVectors", AT, { keyId: "NOBODY" });
    await bench.call("PutVectors", AT, { keyId: "NOBODY", withHash: false });
    await bench.call("PutVectors", AT, { secret: "wrong" });
    expect(bench.bodiesRead).toBe(0);
  });

  test("the body is proven with the hash in a header and without, or said to be unsigned", async () => {
    for (const withHash of [true, false]) {
      const sent = bench.sign({ path: "/GetIndex", body: AT, withHash });
      expect((await bench.exchange(sent)).status).toBe(200);
      const other = Buffer.from(JSON.stringify({ ...AT, indexName: "two" }));
      expect((await bench.exchange({ ...sent, body: other })).type).toBe(
        "InvalidSignatureException",
      );
    }
  });

  test("a session token is refused, whatever it says", async () => {
    expect(await bench.call("GetIndex", AT, { securityToken: "FwoGZX" })).toMatchObject({
      status: 403,
      type: "UnrecognizedClientException",
      message: "The security token included in the request is invalid.",
    });
  });

  test("any region may sign, and names the ARNs of what it makes", async () => {
    const more = { region: "mars-north-1" };
    const made = await bench.call("CreateVectorBucket", { vectorBucketName: "marsian" }, more);
    expect(made.json["vectorBucketArn"]).toBe(
      `arn:aws:s3vectors:mars-north-1:${ACCOUNT}:bucket/marsian`,
    );
    expect((await bench.call("GetIndex", AT, more)).status).toBe(200);
    expect((await bench.call("GetIndex", AT, { region: "US!" })).status).toBe(400);
  });

  test("a signature in the query is taken until it expires", async () => {
    const body = Buffer.from(JSON.stringify(AT));
    const request = { method: "POST", path: "/GetIndex", headers: { host: "h" } };
    const query = signQuery({
      scheme: AWS4_S3_VECTORS,
      request: { ...request, query: "" },
      credentials: { keyId: "AKID", secret: "AKSECRET" },
      region: "us-east-1",
      payload: body,
      nowMs: NOW_MS,
      expiresSeconds: 60,
    });
    const sent = { ...request, query, body };
    expect((await bench.exchange(sent)).status).toBe(200);
    expect((await bench.exchange({ ...sent, body: Buffer.from("{}") })).status).toBe(403);
    bench.wallMs += 61_000;
    expect((await bench.exchange(sent)).type).toBe("ExpiredTokenException");
  });
});

describe("rights", () => {
  const asLimited = { keyId: "LIMITED" };

  function addLimited(...actions: string[]): void {
    const grants = [{ actions: actions.map((name) => `vectors:${name}`), databases: ["*"] }];
    bench.addKey({ kind: "key", keyId: "LIMITED", accountId: ACCOUNT, grants }, "s");
  }

  test("a key without a right sees one answer for what is there and what is not", async () => {
    addLimited("GetVectors");
    const answers: S3BenchAnswer[] = [];
    for (const at of [AT, NOWHERE, { ...AT, indexName: "none" }]) {
      answers.push(await bench.call("QueryVectors", { ...QUERY, ...at }, asLimited));
    }
    answers.push(
      await bench.call("DeleteVectorBucket", { vectorBucketName: "nowhere" }, asLimited),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 403, type: "AccessDeniedException" });
      expect(answer.text).toBe(answers[0]?.text);
    }
    const own = await bench.call("GetVectors", { ...NOWHERE, keys: ["a"] }, asLimited);
    expect(own.status).toBe(404);
    expect((await bench.call("ListVectorBuckets", {}, asLimited)).json["vectorBuckets"]).toEqual(
      [],
    );
  });

  test("a filter or metadata in a query need the right to get vectors too", async () => {
    addLimited("QueryVectors");
    const ask = (more: object): Promise<S3BenchAnswer> =>
      bench.call("QueryVectors", { ...QUERY, ...more }, asLimited);
    expect((await ask({ returnDistance: true })).status).toBe(200);
    expect((await ask({ returnMetadata: true })).type).toBe("AccessDeniedException");
    expect((await ask({ filter: { a: 1 } })).type).toBe("AccessDeniedException");
    addLimited("QueryVectors", "GetVectors");
    expect((await ask({ returnMetadata: true, filter: { a: 1 } })).status).toBe(200);
  });

  test("data or metadata in a listing need it too, by grant and by policy", async () => {
    addLimited("ListVectors");
    const ask = (more: object): Promise<S3BenchAnswer> =>
      bench.call("ListVectors", { ...AT, ...more }, asLimited);
    expect((await ask({})).status).toBe(200);
    expect((await ask({ returnData: true })).status).toBe(403);
    expect((await ask({ returnMetadata: true })).status).toBe(403);
    addLimited("ListVectors", "GetVectors");
    expect((await ask({ returnData: true })).status).toBe(200);
    const statement = {
      Effect: "Deny",
      Principal: "*",
      Action: "s3vectors:GetVectors",
      Resource: "*",
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await bench.call("PutVectorBucketPolicy", { ...NAME, policy });
    expect((await ask({})).status).toBe(200);
    expect((await ask({ returnData: true })).status).toBe(403);
  });

  test("a grant may use either vendor's name of an operation", async () => {
    addLimited("GetVectorIndex");
    expect((await bench.call("GetIndex", AT, asLimited)).status).toBe(200);
    addLimited("GetIndex");
    expect((await bench.call("GetIndex", AT, asLimited)).status).toBe(200);
    addLimited("DeleteIndex");
    expect((await bench.call("GetIndex", AT, asLimited)).status).toBe(403);
  });

  test("a stranger needs an invitation and the owner's ARN, and reaches only the index it names", async () => {
    const grants = [{ actions: ["*"], databases: ["*"] }];
    bench.addKey({ kind: "key", keyId: "STRANGER", accountId: "999999999999", grants }, "s");
    const as = { keyId: "STRANGER" };
    const get = (indexArn: string): Promise<S3BenchAnswer> =>
      bench.call("GetVectors", { indexArn, keys: ["a"] }, as);
    expect((await get(INDEX_ARN)).status).toBe(403);
    const statement = {
      Effect: "Allow",
      Principal: { AWS: ["arn:aws:iam::999999999999:root"] },
      Action: ["s3vectors:GetVectors"],
      Resource: [INDEX_ARN],
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    expect((await bench.call("PutVectorBucketPolicy", { ...NAME, policy })).status).toBe(200);
    expect((await get(INDEX_ARN)).status).toBe(200);
    expect((await get(`${INDEX_ARN}2`)).status).toBe(403);
    expect((await bench.call("GetIndex", { indexArn: INDEX_ARN }, as)).status).toBe(403);
    expect((await bench.tags("GET", INDEX_ARN, as)).status).toBe(403);
    // By name their own account is meant, where there is no such bucket.
    expect((await bench.call("GetVectors", { ...AT, keys: ["a"] }, as)).status).toBe(404);
  });

  test("the admin key can take away a policy that denies everything", async () => {
    const statement = { Effect: "Deny", Principal: "*", Action: "*", Resource: "*" };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: statement });
    await bench.call("PutVectorBucketPolicy", { ...NAME, policy });
    expect((await bench.call("GetVectorBucket", NAME)).status).toBe(403);
    expect((await bench.call("GetVectorBucketPolicy", NAME)).status).toBe(200);
    expect((await bench.call("DeleteVectorBucketPolicy", NAME)).status).toBe(200);
    expect((await bench.call("GetVectorBucket", NAME)).status).toBe(200);
  });
});

describe("routing", () => {
  test.each([
    ["GET", "/GetIndex"],
    ["PUT", "/PutVectors"],
    ["POST", "/"],
    ["POST", "/my-bucket"],
    ["POST", "/RenameIndex"],
    ["PUT", `/tags/${encodeURIComponent(BUCKET_ARN)}`],
  ])("%s %s is no operation", async (method, path) => {
    const answer = await bench.send({ method, path, body: {} });
    expect(answer).toMatchObject({ status: 404, type: "UnknownOperationException" });
    expect(bench.observed.at(-1)).toEqual({ operation: "Unknown", outcome: "invalid_argument" });
  });

  test.each([
    "arn:aws:s3:::my-bucket",
    `${BUCKET_ARN}/index/`,
    `${BUCKET_ARN}/index/idx/more`,
    BUCKET_ARN.replace(ACCOUNT, "x"),
    `${BUCKET_ARN}/index/${"i".repeat(1_011)}`,
  ])("tags of %.60s are refused", async (arn) => {
    for (const method of ["GET", "POST", "DELETE"]) {
      const more = { query: "tagKeys=a", body: method === "POST" ? { tags: {} } : undefined };
      expect((await bench.tags(method, arn, more)).type).toBe("ValidationException");
    }
    const missing = `arn:aws:s3vectors:r:${ACCOUNT}:bucket/nowhere`;
    for (const method of ["GET", "POST", "DELETE"]) {
      const more = {
        query: "tagKeys=a",
        body: method === "POST" ? { tags: { a: "b" } } : undefined,
      };
      expect((await bench.tags(method, missing, more)).type).toBe("NotFoundException");
    }
  });
});

describe("bodies", () => {
  test.each([
    " ",
    "{",
    "[]",
    "null",
    '"x"',
    '{"indexName":"idx",}',
    "\ufeff{}",
    '{"a":01}',
    '{"a":1e999}',
    `{"a":${"[".repeat(100)}${"]".repeat(100)}}`,
  ])("%.20j is refused by every operation", async (body) => {
    for (const { name, path } of S3_OPERATIONS) {
      if (path === "tags") continue;
      const answer = await bench.call(name, body);
      expect([name, answer.status, answer.type]).toEqual([name, 400, "ValidationException"]);
    }
  });

  test("null is as good as absent, and unknown members are left alone", async () => {
    const answer = await bench.call("ListVectors", { ...AT, nextToken: null, later: { x: 1 } });
    expect(answer.status).toBe(200);
  });

  test.each<[string, object]>([
    ["PutVectors", AT],
    ["PutVectors", { ...AT, vectors: {} }],
    ["PutVectors", { ...AT, vectors: [1] }],
    ["PutVectors", { ...AT, vectors: [{ data: ROW.data }] }],
    ["PutVectors", { ...AT, vectors: [{ key: "a" }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, key: 1 }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, key: "" }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, key: "\ud800" }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: [1, 2] }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: {} }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: { float32: "NaN" } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: { float32: ["NaN", 1] } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: { float32: [1, "Infinity"] } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: { float32: ["-Infinity"] } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: { float32: [1e39, 1] } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: { float32: [0, 0] } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, data: { float32: [] } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, metadata: 1 }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, metadata: { a: null } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, metadata: { a: { b: [null] } } }] }],
    ["PutVectors", { ...AT, vectors: [{ ...ROW, metadata: { "": 1 } }] }],
    ["PutVectors", { ...AT, vectors: [ROW, { ...ROW, data: { float32: [3, 4] } }] }],
    ["GetVectors", AT],
    ["GetVectors", { ...AT, keys: "a" }],
    ["GetVectors", { ...AT, keys: [1] }],
    ["GetVectors", { ...AT, keys: ["a"], returnData: "true" }],
    ["DeleteVectors", { ...AT, keys: [""] }],
    ["ListVectors", { ...AT, maxResults: "5" }],
    ["ListVectors", { ...AT, nextToken: 5 }],
    ["ListVectors", { ...AT, nextToken: "x" }],
    ["ListVectors", { ...AT, segmentIndex: 0 }],
    ["ListVectors", { ...AT, segmentCount: 2 }],
    ["ListVectors", { ...AT, segmentCount: 2, segmentIndex: 2 }],
    ["QueryVectors", { ...QUERY, topK: undefined }],
    ["QueryVectors", { ...QUERY, topK: 1.5 }],
    ["QueryVectors", { ...QUERY, topK: "5" }],
    ["QueryVectors", { ...QUERY, queryVector: undefined }],
    ["QueryVectors", { ...QUERY, queryVector: {} }],
    ["QueryVectors", { ...QUERY, queryVector: [1, 2] }],
    ["QueryVectors", { ...QUERY, queryVector: { float32: [0, 0] } }],
    ["QueryVectors", { ...QUERY, queryVector: { float32: [1] } }],
    ["QueryVectors", { ...QUERY, queryVector: { float32: ["NaN", 1] } }],
    ["QueryVectors", { ...QUERY, queryText: [{ text: "a", metadataKey: "b" }] }],
    ["QueryVectors", { ...QUERY, queryTexts: [{ text: "a", metadataKey: "b" }] }],
    ["QueryVectors", { ...QUERY, queryMode: "CLASSIC" }],
    ["QueryVectors", { ...QUERY, queryMode: "FAST" }],
    ["QueryVectors", { ...QUERY, filter: { text: "x" } }],
    ["QueryVectors", { ...QUERY, filter: { $not: { a: 1 } } }],
    ["QueryVectors", { ...QUERY, filter: { a: { $eq: [1] } } }],
    ["QueryVectors", { ...QUERY, filter: "a" }],
    ["CreateIndex", { ...NEW, indexName: undefined }],
    ["CreateIndex", { ...NEW, dataType: undefined }],
    ["CreateIndex", { ...NEW, dimension: "2" }],
    ["CreateIndex", { ...NEW, distanceMetric: undefined }],
    ["CreateIndex", { ...NEW, metadataConfiguration: [] }],
    ["CreateIndex", { ...NEW, metadataConfiguration: { nonFilterableMetadataKeys: "a" } }],
    ["CreateIndex", { ...NEW, metadataConfiguration: { nonFilterableMetadataKeys: ["a", "a"] } }],
    ["CreateIndex", { ...NEW, metadataConfiguration: { textSearchConfigurations: ["a"] } }],
    ["UpdateIndexMode", { ...AT, indexMode: "CLASSIC" }],
    ["UpdateIndexMode", AT],
    ["PutVectorBucketDefaultIndexMode", { ...NAME, defaultIndexMode: "CLASSIC" }],
    ["PutVectorBucketDefaultIndexMode", { ...NAME, defaultIndexMode: 1 }],
    ["UpdateMetadataConfiguration", { ...AT, delete: {} }],
    ["CreateIndex", { ...NEW, encryptionConfiguration: { sseType: "AES128" } }],
    ["CreateIndex", { ...NEW, encryptionConfiguration: { sseType: "AES256", kmsKeyArn: "x" } }],
    ["CreateIndex", { ...NEW, encryptionConfiguration: { kmsKeyArn: "x" } }],
    ["CreateVectorBucket", { vectorBucketName: "new-one", tags: { a: 1 } }],
    ["CreateVectorBucket", { vectorBucketName: "new-one", tags: { "a!": "b" } }],
    ["CreateVectorBucket", { vectorBucketName: 1 }],
    ["GetVectorBucket", { vectorBucketArn: INDEX_ARN }],
    ["GetIndex", { indexArn: BUCKET_ARN }],
    ["GetIndex", { indexArn: "arn" }],
    ["GetIndex", { ...AT, indexName: "a/b" }],
    ["PutVectorBucketPolicy", NAME],
    ["PutVectorBucketPolicy", { ...NAME, policy: "{}" }],
    ["PutVectorBucketPolicy", { ...NAME, policy: "{" }],
    ["PutVectorBucketPolicy", { ...NAME, policy: { Version: "2012-10-17" } }],
  ])("%s refuses %j", async (name, body) => {
    const answer = await bench.call(name, body);
    expect([answer.status, answer.type]).toEqual([400, "ValidationException"]);
    expect(String(answer.message).length).toBeGreaterThan(10);
  });

  test("a batch with one wrong record writes nothing", async () => {
    const vectors = [ROW, { key: "b", data: { float32: [1] } }];
    await bench.call("PutVectors", { ...AT, vectors });
    expect((await bench.call("ListVectors", AT)).json["vectors"]).toEqual([]);
  });

  test("a body above its bound is refused", async () => {
    const body = `{"indexArn":"${"x".repeat(S3_LIMITS.smallBodyBytesMax)}"}`;
    expect((await bench.call("GetIndex", body)).type).toBe("ValidationException");
    const vectors = `{"vectors":"${"x".repeat(S3_LIMITS.putVectorsBodyBytesMax)}"}`;
    expect((await bench.call("PutVectors", vectors)).type).toBe("ValidationException");
  });
});
