/** docs/errors.md says of every code what the code says. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { ERROR_KINDS, type ErrorCode } from "../../src/base/errors.ts";
import { PINECONE_ERRORS, PINECONE_FAULTS } from "../../src/dialects/pinecone/errors.ts";
import { OSS_ERRORS, OSS_FAULTS } from "../../src/dialects/vector-bucket/oss/errors.ts";
import { S3_ERRORS, S3_FAULTS } from "../../src/dialects/vector-bucket/s3/errors.ts";
import { rowsOf } from "./tables.ts";

const DOCUMENT = readFileSync(path.resolve(import.meta.dirname, "../../docs/errors.md"), "utf8");
const ROWS = rowsOf(DOCUMENT).filter((cells) => cells.length === 7);
const CODES = Object.keys(ERROR_KINDS) as ErrorCode[];

test("every code has one row, and no row another code", () => {
  const listed = ROWS.map(([code]) => code).filter((code) => code !== "code");
  expect(listed.toSorted()).toEqual(CODES.map((code) => `\`${code}\``).toSorted());
});

test.each(CODES)(
  "the row of %s has its kind, a meaning, an advice and its vendors' errors",
  (code) => {
    const row = ROWS.find(([cell]) => cell === `\`${code}\``) ?? [];
    const { status, code: name } = OSS_ERRORS[code];
    expect(row[1]).toBe(`\`${ERROR_KINDS[code]}\``);
    expect(row[2]).not.toBe("");
    expect(row[3]).not.toBe("");
    expect(row[4]).toBe(`${String(status)} \`${name}\``);
    const aws = S3_ERRORS[code];
    expect(row[5]).toBe(`${String(aws.status)} \`${aws.type}\``);
    const pinecone = PINECONE_ERRORS[code];
    expect(row[6]).toBe(`${String(pinecone.status)} \`${pinecone.code}\``);
  },
);

test("every kind is explained", () => {
  for (const kind of new Set(Object.values(ERROR_KINDS))) expect(DOCUMENT).toContain(`\`${kind}\``);
});

test("every fault of a vendor is listed with its status", () => {
  for (const { status, code } of Object.values(OSS_FAULTS)) {
    expect(DOCUMENT).toContain(`| ${String(status)} \`${code}\``);
  }
  for (const { status, type } of Object.values(S3_FAULTS)) {
    expect(DOCUMENT).toContain(`| ${String(status)} \`${type}\``);
  }
  for (const { status, code } of Object.values(PINECONE_FAULTS)) {
    expect(DOCUMENT).toContain(`| ${String(status)} \`${code}\``);
  }
});
