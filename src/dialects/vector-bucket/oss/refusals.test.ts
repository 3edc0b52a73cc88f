import { beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, DOMAIN, NOW_MS, OssBench } from "../../../../test/support/oss-bench.ts";
import type { BenchAnswer } from "../../../../test/support/oss-bench.ts";
import { ERROR_KINDS, InsulaError } from "../../../base/errors.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { printErrorBody, OSS_ERRORS, OSS_FAULTS, ossFault, wireErrorOf } from "./errors.ts";
import { OSS_LIMITS } from "./limits.ts";

let bench: OssBench;
const HOST = `my-bucket-${ACCOUNT}.${DOMAIN}`;

beforeEach(async () => {
  bench = new OssBench();
  await bench.bucket({ method: "PUT" });
  const body = { indexName: "idx", dimension: 2, distanceMetric: "cosine" };
  await bench.post("putVectorIndex", {
    ...body,
    metadata: { nonFilterableMetadataKeys: ["text"] },
  });
});

describe("errors on the wire", () => {
  test("an error has the vendor's members, headers and exact content type", async () => {
    const answer = await bench.post("getVectorIndex", { indexName: "none" });
    expect(answer.status).toBe(404);
    expect(answer.text).toBe(
      '{"Error":{"Code":"NoSuchVectorIndex","Message":"The specified vector index does not exist.",' +
        `"RequestId":"6555F3A1B2C3D4E5F6071829","HostId":"${HOST}","EC":"0016-00000000",` +
        '"RecommendDoc":"https://api.aliyun.com/troubleshoot?q=0016-00000000"}}',
    );
    expect(answer.headers).toEqual({
      "x-oss-request-id": "6555F3A1B2C3D4E5F6071829",
      "x-oss-server-time": "0",
      "x-oss-ec": "0016-00000000",
      "x-oss-err": Buffer.from(answer.text).toString("base64"),
      Server: "AliyunOSS",
      "Content-Type": "application/json",
    });
  });

  test.each(Object.keys(ERROR_KINDS) as ErrorCode[])(
    "%s has a name and leaves as it",
    async (code) => {
      bench.engine.nextError = new InsulaError(code, "Cannot do it: SECRET.");
      const answer = await bench.post("getVectors", { indexName: "idx", keys: ["a"] });
      const wire = OSS_ERRORS[code];
      expect(answer).toMatchObject({ status: wire.status, code: wire.code });
      expect(answer.headers["x-oss-ec"]).toBe(wire.ec);
      expect(wire.code).not.toBe("BadRequest"); // The clients would send it three times.
      if (wire.status >= 500 && wire.code !== "QpsLimitExceeded")
        expect(answer.text).not.toContain("SECRET");
    },
  );

  test("what is not an error of ours is an InternalError that tells nothing", async () => {
    bench.engine.nextError = new TypeError("SECRET");
    const answer = await bench.post("getVectors", { indexName: "idx", keys: ["a"] });
    expect(answer).toMatchObject({ status: 500, code: "InternalError" });
    expect(answer.text).not.toContain("SECRET");
    expect(bench.observed.at(-1)).toEqual({ operation: "GetVectors", outcome: "internal" });
  });

  test.each(Object.keys(OSS_FAULTS) as (keyof typeof OSS_FAULTS)[])(
    "the fault %s keeps its name",
    (fault) => {
      expect(wireErrorOf(ossFault(fault, "x")).code).toBe(fault);
      const body = JSON.parse(
        printErrorBody(ossFault(fault, "x"), { id: "1", hostName: 'a"b' }),
      ) as object;
      expect(body).toMatchObject({ Error: { Code: fault, HostId: 'a"b' } });
    },
  );
});

describe("who asks", () => {
  test("the order is: credentials, key, signature, clock, then everything else", async () => {
    const at = { host: HOST, bucket: "my-bucket", query: "bucketInfo" };
    expect(await bench.send({ ...at, unsigned: true })).toMatchObject({
      status: 403,
      code: "AccessDenied",
    });
    const unknown = await bench.send({ ...at, keyId: "NOBODY" });
    expect(unknown).toMatchObject({ status: 403, code: "InvalidAccessKeyId" });
    expect(unknown.text).toContain(
      "The OSS Access Key Id you provided does not exist in our records.",
    );
    expect(await bench.send({ ...at, secret: "wrong" })).toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
    });
    expect(await bench.send({ ...at, nowMs: NOW_MS - 901_000 })).toMatchObject({
      status: 403,
      code: "RequestTimeTooSkewed",
    });
    expect((await bench.send({ ...at, nowMs: NOW_MS - 899_000 })).status).toBe(200);
    expect((await bench.bucket({ method: "PUT", keyId: "NOBODY" })).code).toBe(
      "InvalidAccessKeyId",
    );
  });

  test("any region may sign", async () => {
    expect((await bench.bucket({ query: "bucketInfo", region: "us-west-1" })).status).toBe(200);
    expect((await bench.bucket({ query: "bucketInfo", region: "US!" })).code).toBe(
      "InvalidArgument",
    );
  });

  test("another account in the host is refused, bucket or not", async () => {
    for (const bucket of ["my-bucket", "none"]) {
      const host = `${bucket}-9999999999.${DOMAIN}`;
      for (const request of [{ query: "bucketInfo" }, { method: "PUT" }]) {
        const answer = await bench.send({ ...request, host, bucket, accountId: "9999999999" });
        expect(answer).toMatchObject({ status: 403, code: "AccessDenied" });
      }
    }
  });

  test("a key without a right sees one answer for what is there and what is not", async () => {
    const grants = [{ actions: ["vectors:GetVectorBucket"], databases: ["team"] }];
    bench.addKey({ kind: "key", keyId: "LIMITED", accountId: ACCOUNT, grants }, "s");
    const answers: BenchAnswer[] = [];
    for (const bucket of ["my-bucket", "nothing1"]) {
      const host = `${bucket}-${ACCOUNT}.${DOMAIN}`;
      const answer = await bench.send({ keyId: "LIMITED", host, bucket, query: "bucketInfo" });
      answers.push({ ...answer, text: answer.text.replaceAll(bucket, "X") });
    }
    expect(answers[0]?.text).toBe(answers[1]?.text);
    expect(answers[0]).toMatchObject({ status: 403, code: "AccessDenied" });
    const team = {
      keyId: "LIMITED",
      host: `team-${ACCOUNT}.${DOMAIN}`,
      bucket: "team",
      query: "bucketInfo",
    };
    expect((await bench.send(team)).code).toBe("NoSuchBucket");
    const list = await bench.send({ keyId: "LIMITED" });
    expect(list.text).toContain('"Buckets":[]');
  });

  test("a stranger needs an invitation, and then reaches only the index it names", async () => {
    const grants = [{ actions: ["*"], databases: ["*"] }];
    bench.addKey({ kind: "key", keyId: "STRANGER", accountId: "9999999999", grants }, "s");
    const body = { indexName: "idx", keys: ["a"] };
    const asStranger = { keyId: "STRANGER" };
    expect((await bench.post("getVectors", body, asStranger)).code).toBe("AccessDenied");
    const statement = {
      Effect: "Allow",
      Action: ["oss:GetVectors"],
      Principal: ["9999999999"],
      Resource: [`acs:ossvector:cn-hangzhou:${ACCOUNT}:my-bucket/idx`],
    };
    const policy = { Version: "1", Statement: [statement] };
    await bench.bucket({ method: "PUT", query: "policy", body: policy });
    expect((await bench.post("getVectors", body, asStranger)).status).toBe(200);
    const other = { ...body, indexName: "other" };
    expect((await bench.post("getVectors", other, asStranger)).code).toBe("AccessDenied");
    expect((await bench.post("listVectors", body, asStranger)).code).toBe("AccessDenied");
    expect((await bench.bucket({ query: "policy", ...asStranger })).code).toBe("AccessDenied");
    const path = {
      host: "127.0.0.1:8080",
      path: "/my-bucket/",
      bucket: "my-bucket",
      query: "bucketInfo",
    };
    const own = await bench.send({ ...path, ...asStranger, accountId: "9999999999" });
    expect(own.code).toBe("NoSuchBucket");
  });
});

describe("routing", () => {
  test.each([
    ["GET", "nonsense"],
    ["POST", "putVectorIndexFusion"],
    ["POST", ""],
    ["POST", "putVectors&getVectors"],
    ["POST", "putVectors&putVectors"],
    ["GET", "%ff"],
    ["GET", "bucketInfo&prefix=a"],
  ])("%s ?%s is a clean 4xx", async (method, query) => {
    const answer = await bench.bucket({ method, query });
    expect([400, 405]).toContain(answer.status);
    expect(bench.observed.at(-1)?.operation).toBe("Unknown");
  });

  test("a verb with another method is named as such", async () => {
    expect(await bench.bucket({ method: "GET", query: "putVectors" })).toMatchObject({
      status: 405,
      code: "MethodNotAllowed",
    });
    expect((await bench.send({ query: "bucketInfo" })).code).toBe("InvalidArgument");
    expect((await bench.send({ query: "max-keys=0" })).code).toBe("InvalidArgument");
    expect((await bench.send({ query: "max-keys=1001" })).code).toBe("InvalidArgument");
    expect((await bench.send({ query: "max-keys=1000" })).status).toBe(200);
  });

  test("path style with an IP address reaches the same bucket, with and without the last slash", async () => {
    for (const path of ["/my-bucket/", "/my-bucket"]) {
      const at = { host: "127.0.0.1:8080", path, bucket: "my-bucket", query: "bucketInfo" };
      const answer = await bench.send(at);
      expect(answer.text).toContain(
        '"ExtranetEndpoint":"127.0.0.1:8080","IntranetEndpoint":"127.0.0.1:8080"',
      );
    }
    const at = { host: "127.0.0.1:8080", path: "/my-bucket/object", bucket: "my-bucket" };
    expect((await bench.send(at)).code).toBe("InvalidArgument");
  });
});

describe("bodies", () => {
  const vector = { key: "a", data: { float32: [1, 2] } };
  const query = { indexName: "idx", queryVector: { float32: [1, 2] }, topK: 1 };

  test.each([
    "",
    " ",
    "{",
    "[]",
    "null",
    '"x"',
    '{"indexName":"idx",}',
    "{'a':1}",
    "\ufeff{}",
    '{"a":01}',
    '{"a":1e999}',
    `{"a":${"[".repeat(100)}${"]".repeat(100)}}`,
  ])("%.20j is MalformedJson", async (body) => {
    for (const verb of ["putVectors", "getVectors", "queryVectors", "putVectorIndex"]) {
      expect((await bench.post(verb, body)).code).toBe("MalformedJson");
    }
  });

  test.each([
    ["putVectors", {}],
    ["putVectors", { indexName: "idx" }],
    ["putVectors", { indexName: "idx", vectors: [{ data: { float32: [1, 2] } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ key: "a" }] }],
    ["putVectors", { indexName: "idx", vectors: [{ key: "a", data: {} }] }],
    ["getVectors", { indexName: "idx" }],
    ["deleteVectors", { keys: ["a"] }],
    ["queryVectors", { indexName: "idx" }],
    ["queryVectors", { indexName: "idx", queryVector: {} }],
    ["getVectorIndex", {}],
    ["deleteVectorIndex", {}],
    ["putVectorIndex", { dimension: 2 }],
  ])("%s of %j misses a member", async (verb, body) => {
    expect(await bench.post(verb, body)).toMatchObject({ status: 400, code: "MalformedJson" });
  });

  test.each([
    ["putVectors", { indexName: 1, vectors: [vector] }],
    ["putVectors", { indexName: "idx", vectors: {} }],
    ["putVectors", { indexName: "idx", vectors: [1] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, key: 1 }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, key: "\ud800" }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, data: [1, 2] }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, data: { float32: "NaN" } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, data: { float32: ["NaN", 1] } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, data: { float32: null } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, data: { float32: [1e39, 1] } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, data: { float32: [0, 0] } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, data: { float32: [] } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, metadata: 1 }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, metadata: { a: null } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, metadata: { a: { b: [null] } } }] }],
    ["putVectors", { indexName: "idx", vectors: [{ ...vector, metadata: { "": 1 } }] }],
    ["putVectors", { indexName: "idx", vectors: [vector, { key: "b", data: { float32: 0 } }] }],
    ["getVectors", { indexName: "idx", keys: "a" }],
    ["getVectors", { indexName: "idx", keys: [null] }],
    ["getVectors", { indexName: "idx", keys: ["a"], returnData: "true" }],
    ["getVectors", { indexName: "idx", keys: ["a"], returnMetadata: 1 }],
    ["listVectors", { indexName: "idx", maxResults: "5" }],
    ["listVectors", { indexName: "idx", nextToken: 5 }],
    ["listVectors", { indexName: "idx", segmentIndex: 1 }],
    ["listVectors", { indexName: "idx", segmentCount: 2, segmentIndex: 2 }],
    ["listVectors", { indexName: "idx", filter: [] }],
    ["queryVectors", { ...query, topK: 1.5 }],
    ["queryVectors", { ...query, topK: "5" }],
    ["queryVectors", { ...query, queryVector: [1, 2] }],
    ["queryVectors", { ...query, queryVector: { float32: [0, 0] } }],
    ["queryVectors", { ...query, queryVector: { float32: [1] } }],
    ["queryVectors", { ...query, returnDistance: "yes" }],
    ["queryVectors", { ...query, filter: { text: "x" } }],
    ["putVectorIndex", { indexName: "new", dimension: "2" }],
    ["putVectorIndex", { indexName: "new", dimension: 0 }],
    ["putVectorIndex", { indexName: "new", dimension: 2.5 }],
    ["putVectorIndex", { indexName: "new", dataType: "float64" }],
    ["putVectorIndex", { indexName: "new", distanceMetric: "dot" }],
    ["putVectorIndex", { indexName: "new", metadata: [] }],
    ["putVectorIndex", { indexName: "new", metadata: { nonFilterableMetadataKeys: "a" } }],
    ["putVectorIndex", { indexName: "new", metadata: { nonFilterableMetadataKeys: ["a", "a"] } }],
    ["putVectorIndex", { indexName: "1abc" }],
    ["putVectorIndex", { indexName: "a-b" }],
    ["putVectorIndex", { indexName: "" }],
    ["getVectorIndex", { indexName: "a/b" }],
  ])("%s refuses %j", async (verb, body) => {
    const answer = await bench.post(verb, body);
    expect(answer).toMatchObject({ status: 400, code: "VectorIndexParameterInvalid" });
  });

  test("a body that is not the one its digest names is refused", async () => {
    const headers = { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" };
    expect(await bench.post("queryVectors", query, { headers })).toMatchObject({
      status: 400,
      code: "InvalidDigest",
    });
  });

  test("a body that is not UTF-8 text is MalformedJson, and a huge one EntityTooLarge", async () => {
    const body = `{"indexName":"${"x".repeat(OSS_LIMITS.indexBodyBytesMax)}"}`;
    expect((await bench.post("getVectorIndex", body)).code).toBe("EntityTooLarge");
  });
});
