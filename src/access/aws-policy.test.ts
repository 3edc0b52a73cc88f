import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import { parseAwsBucketPolicy } from "./aws-policy.ts";
import { evaluateBucketPolicy } from "./policy.ts";

function policy(...statements: Record<string, unknown>[]): string {
  const defaults = { Effect: "Allow", Action: "s3vectors:*", Principal: "*", Resource: "*" };
  const Statement = statements.map((statement) => ({ ...defaults, ...statement }));
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

function says(text: string, more: { operation?: string; index?: string } = {}): string {
  const { operation = "PutVectors", index } = more;
  const place = { region: "eu-central-1", accountId: "123456789012", bucket: "my-bucket" };
  return evaluateBucketPolicy(parseAwsBucketPolicy(text), {
    operation,
    accountId: "42",
    keyId: "AKID",
    resource: index === undefined ? place : { ...place, index },
  });
}

const ARN = "arn:aws:s3vectors:eu-central-1:123456789012:bucket/my-bucket";

describe("decisions", () => {
  test.each<[unknown, string]>([
    ["*", "allow"],
    [{ AWS: "*" }, "allow"],
    [{ AWS: "42" }, "allow"],
    [{ AWS: ["arn:aws:iam::42:root"] }, "allow"],
    [{ AWS: "arn:aws-cn:iam::42:user/AKID" }, "allow"],
    [{ AWS: ["1", "arn:aws:iam::42:user/AKID"] }, "allow"],
    [{ AWS: "43" }, "unstated"],
    [{ AWS: "arn:aws:iam::42:user/OTHER" }, "unstated"],
    [{ AWS: "arn:aws:iam::43:user/AKID" }, "unstated"],
  ])("the principal %j: %s", (Principal, expected) => {
    expect(says(policy({ Principal }))).toBe(expected);
  });

  test.each([
    ["s3vectors:PutVectors", "PutVectors", "allow"],
    ["S3Vectors:putvectors", "PutVectors", "allow"],
    ["s3vectors:*Vectors", "QueryVectors", "allow"],
    ["*", "CreateIndex", "allow"],
    ["s3vectors:Put", "PutVectors", "unstated"],
  ])("the action %s about %s: %s", (Action, operation, expected) => {
    expect(says(policy({ Action }), { operation })).toBe(expected);
  });

  test.each([
    [ARN, undefined, "allow"],
    [ARN, "idx", "unstated"],
    [`${ARN}/*`, "idx", "allow"],
    [`${ARN}/index/idx`, "idx", "allow"],
    [`${ARN}/index/idx`, "idx2", "unstated"],
    ["arn:aws-cn:s3vectors:*:*:bucket/my-*", "idx", "allow"],
    ["arn:*:s3vectors:*:*:*", "idx", "allow"],
    [ARN.replace("eu-central-1", "us-east-1"), undefined, "unstated"],
    [ARN.replace("123456789012", "1"), undefined, "unstated"],
  ])("the resource %s about index %s: %s", (Resource, index, expected) => {
    expect(says(policy({ Resource }), index === undefined ? {} : { index })).toBe(expected);
  });

  test("a Deny wins in any order", () => {
    const deny = { Effect: "Deny", Action: "s3vectors:PutVectors" };
    expect(says(policy({}, deny))).toBe("deny");
    expect(says(policy(deny, {}))).toBe("deny");
  });

  test("one statement may stand alone, and Sid, Id and the older version say nothing", () => {
    const Statement = { Sid: "x", Effect: "Allow", Action: "*", Principal: "*", Resource: "*" };
    expect(says(JSON.stringify({ Version: "2008-10-17", Id: "y", Statement }))).toBe("allow");
    expect(says(JSON.stringify({ Statement }))).toBe("allow");
  });
});

describe("documents that are not understood are refused whole", () => {
  test.each([
    "",
    "null",
    "[]",
    "{}",
    '{"Version":"2012-10-17","Statement":[]}',
    '{"Version":"2012-10-17","Statement":null}',
    policy({}).replace("2012-10-17", "1"),
    policy({ Effect: "allow" }),
    policy({ Action: [] }),
    policy({ Action: ["s3:GetObject"] }),
    policy({ Action: ["s3vectors:Put?ectors"] }),
    policy({ Principal: undefined }),
    policy({ Principal: ["*"] }),
    policy({ Principal: "42" }),
    policy({ Principal: { Service: "lambda.amazonaws.com" } }),
    policy({ Principal: { AWS: "arn:aws:iam::42:role/x" } }),
    policy({ Principal: { AWS: "*", Federated: "x" } }),
    policy({ Resource: ["arn:aws:s3:::x"] }),
    policy({ Resource: ["arn:aws:s3vectors:r:1:index/x"] }),
    policy({ Resource: ["arn:aws:s3vectors:r:1:bucket/?"] }),
    policy({ NotAction: ["*"] }),
    policy({ NotPrincipal: "*" }),
    policy({ NotResource: "*" }),
    policy({ Sid: 1 }),
    policy({ Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } } }),
    policy(...Array.from({ length: 101 }, () => ({}))),
    policy({ Sid: "x".repeat(20_000) }),
  ])("%.80s", (text) => {
    expect(() => parseAwsBucketPolicy(text)).toThrow(/^Cannot use the policy: /);
  });

  test("any JSON is either a policy or an InsulaError", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseAwsBucketPolicy(text);
        } catch (error) {
          expect(isInsulaError(error) && error.code).toBe("argument_invalid");
        }
      }),
    );
  });
});
