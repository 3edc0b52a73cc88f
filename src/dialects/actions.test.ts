import { expect, test } from "vitest";
import { classOf } from "../access/index.ts";
import { NATIVE_ROUTES } from "./native/index.ts";
import { DATA_OPERATIONS } from "./pinecone/operations/table.ts";
import { OSS_OPERATIONS } from "./vector-bucket/oss/operations.ts";
import { S3_OPERATIONS } from "./vector-bucket/s3/operations.ts";

test("every operation of the native interface is read, write or admin", () => {
  const actions = NATIVE_ROUTES.filter(({ area }) => area === "admin" || area === "records").map(
    ({ area, operation }) => `${area}:${operation}`,
  );
  expect(actions.length).toBeGreaterThan(20);
  expect(actions.filter((action) => classOf(action) === undefined)).toEqual([]);
});

test("every operation of the bucket dialects is, and the same under both vendors' names", () => {
  const operations = [...OSS_OPERATIONS, ...S3_OPERATIONS];
  for (const { name, rights } of operations) {
    expect(classOf(`vectors:${name}`), name).toBeDefined();
    expect(classOf(`vectors:${rights.oss}`)).toBe(classOf(`vectors:${rights.aws}`));
  }
});

test("every operation on records of Pinecone asks for a right of the native interface", () => {
  for (const [name, { right }] of Object.entries(DATA_OPERATIONS)) {
    expect(classOf(right), name).toBeDefined();
  }
});
