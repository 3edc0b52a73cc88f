/** docs/limits.md lists every bound with the value it has in the code. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import * as access from "../../src/access/limits.ts";
import * as base from "../../src/base/limits.ts";
import * as bodyRoom from "../../src/dialects/body-room.ts";
import { NATIVE_LIMITS } from "../../src/dialects/native/limits.ts";
import { PINECONE_LIMITS } from "../../src/dialects/pinecone/limits.ts";
import { OSS_LIMITS, OSS_SEED_QUOTAS } from "../../src/dialects/vector-bucket/oss/limits.ts";
import { S3_LIMITS, S3_QUOTAS } from "../../src/dialects/vector-bucket/s3/limits.ts";
import { DEFAULT_POLICY } from "../../src/engine/index.ts";
import * as grpc from "../../src/wire/grpc/limits.ts";
import * as engine from "../../src/engine/limits.ts";
import * as http2 from "../../src/wire/http/http2-limits.ts";
import * as http from "../../src/wire/http/limits.ts";
import * as protobuf from "../../src/wire/protobuf/limits.ts";
import { rowsOf } from "./tables.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const DOCUMENT = readFileSync(path.join(ROOT, "docs/limits.md"), "utf8");

/** The table under one title: name to value as printed. */
function tableOf(title: string): ReadonlyMap<string, string> {
  const section = DOCUMENT.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  const rows = rowsOf(section).flatMap(([name = "", value = ""]) => {
    const bare = /^`(\w+)`$/.exec(name)?.[1];
    return bare === undefined ? [] : [[bare, value] as const];
  });
  return new Map(rows);
}

function printed(limits: object): ReadonlyMap<string, string> {
  const numbers = Object.entries(limits).filter(([, value]) => typeof value === "number");
  return new Map(numbers.map(([name, value]) => [name, Number(value).toLocaleString("en")]));
}

test.each([
  ["Engine", base],
  ["Shards", DEFAULT_POLICY],
  ["Usage", engine],
  ["Keys, grants, policies", access],
  ["Our own HTTP interface", { ...NATIVE_LIMITS, ...bodyRoom }],
  ["S3 Vectors", { ...S3_LIMITS, ...S3_QUOTAS }],
  ["Pinecone", PINECONE_LIMITS],
  ["HTTP", { ...http.LISTENER_LIMITS, ...http }],
  ["HTTP/2", http2],
  ["gRPC and protobuf", { ...grpc, ...protobuf }],
])("%s: every bound is listed with its value, and no other", (title, limits) => {
  expect(tableOf(title)).toEqual(printed(limits));
});

test("OSS Vectors: every limit and quota is listed with its value", () => {
  const rows = tableOf("OSS Vectors");
  const limits = printed(OSS_LIMITS);
  const quotas = printed(OSS_SEED_QUOTAS);
  expect([...rows.keys()].toSorted()).toEqual(
    [...new Set([...limits.keys(), ...quotas.keys()])].toSorted(),
  );
  const [always = "", seed = ""] = DOCUMENT.split("`OSS_SEED_QUOTAS`");
  for (const [name, value] of limits) expect(always).toMatch(rowOf(name, value));
  for (const [name, value] of quotas) expect(seed).toMatch(rowOf(name, value));
});

function rowOf(name: string, value: string): RegExp {
  return new RegExp(`^\\| \`${name}\` +\\| +${value} \\|`, "m");
}

test("every file the page names is there", () => {
  const names = [...DOCUMENT.matchAll(/`((?:src|test)\/[\w./-]+)`/g)].map(([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(20);
  expect([...new Set(names)].filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
});
