import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import { evaluateBucketPolicy, parseBucketPolicy, type PolicyRequest } from "./policy.ts";

function policy(...statements: Record<string, unknown>[]): string {
  const defaults = { Effect: "Allow", Action: ["oss:*"], Principal: ["*"], Resource: ["*"] };
  const Statement = statements.map((statement) => ({ ...defaults, ...statement }));
  return JSON.stringify({ Version: "1", Statement });
}

const OWNER = "1234567890";

function request(more: Partial<PolicyRequest> = {}, index?: string): PolicyRequest {
  const resource = { region: "cn-hangzhou", accountId: OWNER, bucket: "my-bucket" };
  return {
    operation: "PutVectors",
    accountId: "42",
    keyId: "AKID",
    resource: index === undefined ? resource : { ...resource, index },
    ...more,
  };
}

describe("decisions", () => {
  test("the documented example denies the owner writes and nothing else", () => {
    const text = JSON.stringify({
      Version: "1",
      Statement: [
        {
          Action: ["ossvector:PutVectors"],
          Effect: "Deny",
          Principal: [OWNER],
          Resource: [`acs:ossvector:cn-hangzhou:${OWNER}:*`],
        },
      ],
    });
    const parsed = parseBucketPolicy(text);
    const owner = { accountId: OWNER };
    expect(evaluateBucketPolicy(parsed, request(owner, "idx"))).toBe("deny");
    const read = request({ ...owner, operation: "GetVectors" });
    expect(evaluateBucketPolicy(parsed, read)).toBe("unstated");
    expect(evaluateBucketPolicy(parsed, request({}, "idx"))).toBe("unstated");
  });

  test("an Allow lets a stranger in, by account or by key, and a Deny wins in any order", () => {
    const allow = { Principal: ["42"] };
    const deny = { Effect: "Deny", Principal: ["AKID"], Action: "oss:PutVectors" };
    expect(evaluateBucketPolicy(parseBucketPolicy(policy(allow)), request())).toBe("allow");
    expect(evaluateBucketPolicy(parseBucketPolicy(policy(allow, deny)), request())).toBe("deny");
    expect(evaluateBucketPolicy(parseBucketPolicy(policy(deny, allow)), request())).toBe("deny");
    const query = request({ operation: "QueryVectors" });
    expect(evaluateBucketPolicy(parseBucketPolicy(policy(deny, allow)), query)).toBe("allow");
    const other = request({ accountId: "43", keyId: "OTHER" });
    expect(evaluateBucketPolicy(parseBucketPolicy(policy(allow, deny)), other)).toBe("unstated");
  });

  test.each([
    ["ossvector:PutVectors", "PutVectors", true],
    ["oss:PutVectors", "PutVectors", true],
    ["oss:putvectors", "PutVectors", true],
    ["oss:Put*", "PutVectorIndex", true],
    ["oss:*Vectors", "QueryVectors", true],
    ["*", "DeleteVectorBucket", true],
    ["oss:PutVectors", "PutVectorsX", false],
    ["oss:Put", "PutVectors", false],
  ])("the action %s about %s: %s", (Action, operation, expected) => {
    const parsed = parseBucketPolicy(policy({ Action }));
    expect(evaluateBucketPolicy(parsed, request({ operation })) === "allow").toBe(expected);
  });

  test.each([
    [`acs:ossvector:cn-hangzhou:${OWNER}:my-bucket`, undefined, true],
    [`acs:ossvector:cn-hangzhou:${OWNER}:my-bucket`, "idx", false],
    [`acs:ossvector:cn-hangzhou:${OWNER}:my-bucket/*`, "idx", true],
    [`acs:ossvector:cn-hangzhou:${OWNER}:my-bucket/idx`, "idx", true],
    [`acs:ossvector:cn-hangzhou:${OWNER}:my-bucket/idx`, "idx2", false],
    [`acs:oss:*:*:my-*`, "idx", true],
    [`acs:ossvector:::my-bucket`, undefined, true],
    [`acs:ossvector:cn-beijing:${OWNER}:*`, "idx", false],
    [`acs:ossvector:cn-hangzhou:99:*`, "idx", false],
  ])("the resource %s about index %s: %s", (Resource, index, expected) => {
    const parsed = parseBucketPolicy(policy({ Resource }));
    expect(evaluateBucketPolicy(parsed, request({}, index)) === "allow").toBe(expected);
  });
});

describe("documents that are not understood are refused whole", () => {
  test.each([
    "",
    "null",
    "[]",
    "{}",
    '{"Version":"1"}',
    '{"Version":"1","Statement":[]}',
    '{"Version":"1","Statement":{}}',
    '{"Version":"2","Statement":[{"Effect":"Allow","Action":["*"],"Principal":["*"],"Resource":["*"]}]}',
    policy({ Effect: "allow" }),
    policy({ Action: [] }),
    policy({ Action: ["s3:PutVectors"] }),
    policy({ Action: [1] }),
    policy({ Principal: undefined }),
    policy({ Principal: ["acs:ram::1:user/x"] }),
    policy({ Resource: ["arn:aws:s3:::x"] }),
    policy({ NotAction: ["oss:PutVectors"] }),
    policy({ NotPrincipal: ["1"] }),
    policy({ Condition: { IpAddress: { "acs:SourceIp": ["10.0.0.0/8"] } } }),
    policy({ Condition: null }),
    policy({ Resource: Array.from({ length: 101 }, () => "*") }),
    policy(...Array.from({ length: 101 }, () => ({}))),
    policy({ Resource: [`acs:ossvector:r:1:${"x".repeat(20_000)}`] }),
    '{"__proto__":{},"Version":"1","Statement":[]}',
  ])("%.80s", (text) => {
    expect(() => parseBucketPolicy(text)).toThrow(/^Cannot use the policy: /);
  });

  test("a condition is named in the refusal, an empty one is nothing", () => {
    const Condition = { StringEquals: { a: "b" } };
    expect(() => parseBucketPolicy(policy({ Condition }))).toThrow(/Condition is not supported/);
    expect(parseBucketPolicy(policy({ Condition: {} })).statements).toHaveLength(1);
  });

  test("any JSON is either a policy or an InsulaError", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseBucketPolicy(text);
        } catch (error) {
          expect(isInsulaError(error) && error.code).toBe("argument_invalid");
        }
      }),
    );
  });
});
