import { beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, OssBench } from "../../../../test/support/oss-bench.ts";
import type { BenchAnswer } from "../../../../test/support/oss-bench.ts";

let bench: OssBench;

beforeEach(() => {
  bench = new OssBench();
});

async function withBucket(): Promise<void> {
  expect((await bench.bucket({ method: "PUT" })).status).toBe(200);
}

async function withIndex(more: object = {}): Promise<void> {
  await withBucket();
  const body = { indexName: "idx", dataType: "float32", dimension: 2, distanceMetric: "cosine" };
  const answer = await bench.post("putVectorIndex", { ...body, ...more });
  expect(answer.text).toBe("");
  expect(answer.status).toBe(200);
}

function vector(key: string, float32: readonly number[], metadata?: unknown): object {
  return { key, data: { float32 }, ...(metadata === undefined ? {} : { metadata }) };
}

async function put(...vectors: object[]): Promise<BenchAnswer> {
  return bench.post("putVectors", { indexName: "idx", vectors });
}

describe("policy and logging", () => {
  const policy = `{ "Version":"1",\n"Statement":[{"Action":["ossvector:PutVectors"],"Effect":"Deny","Principal":["${ACCOUNT}"],"Resource":["acs:ossvector:cn-hangzhou:${ACCOUNT}:*"]}]}`;

  test("a policy comes back byte for byte and holds while it is there", async () => {
    await withIndex();
    expect(await bench.bucket({ query: "policy" })).toMatchObject({
      status: 404,
      code: "NoSuchBucketPolicy",
    });
    expect(await bench.bucket({ method: "PUT", query: "policy", body: policy })).toMatchObject({
      status: 200,
      text: "",
    });
    expect((await bench.bucket({ query: "policy" })).text).toBe(policy);
    expect((await put(vector("a", [1, 0]))).code).toBe("AccessDenied");
    expect((await bench.bucket({ method: "DELETE", query: "policy" })).status).toBe(204);
    expect((await put(vector("a", [1, 0]))).status).toBe(200);
  });

  test("the admin key can take away a policy that denies everything", async () => {
    await withBucket();
    const body = {
      Version: "1",
      Statement: [{ Effect: "Deny", Action: ["*"], Principal: ["*"], Resource: ["*"] }],
    };
    await bench.bucket({ method: "PUT", query: "policy", body });
    expect((await bench.bucket({ query: "bucketInfo" })).code).toBe("AccessDenied");
    expect((await bench.bucket({ method: "DELETE", query: "policy" })).status).toBe(204);
    expect((await bench.bucket({ query: "bucketInfo" })).status).toBe(200);
  });

  test.each([
    ["", "MissingArgument"],
    ["{", "MalformedJson"],
    ["{}", "InvalidPolicyDocument"],
    [" ".repeat(16_385), "EntityTooLarge"],
  ])("the policy %.20j is refused", async (body, code) => {
    await withBucket();
    expect((await bench.bucket({ method: "PUT", query: "policy", body })).code).toBe(code);
  });

  test("logging comes back as written, and empty after it was deleted", async () => {
    await withBucket();
    const empty = '{"BucketLoggingStatus":{"LoggingEnabled":{}}}';
    expect((await bench.bucket({ query: "logging" })).text).toBe(empty);
    const body =
      '{"BucketLoggingStatus": {"LoggingEnabled":{"TargetBucket":"logs","TargetPrefix":"p/"}}}';
    expect((await bench.bucket({ method: "PUT", query: "logging", body })).status).toBe(200);
    expect((await bench.bucket({ query: "logging" })).text).toBe(body);
    expect((await bench.bucket({ method: "DELETE", query: "logging" })).status).toBe(204);
    expect((await bench.bucket({ query: "logging" })).text).toBe(empty);
    for (const [wrong, code] of [
      ["", "MissingArgument"],
      ["{}", "MalformedJson"],
      ['{"BucketLoggingStatus":{"LoggingEnabled":{"TargetPrefix":"p"}}}', "MalformedJson"],
      [
        '{"BucketLoggingStatus":{"LoggingEnabled":{"TargetBucket":1}}}',
        "VectorIndexParameterInvalid",
      ],
    ] as const) {
      const answer = await bench.bucket({ method: "PUT", query: "logging", body: wrong });
      expect(answer.code).toBe(code);
    }
  });
});
