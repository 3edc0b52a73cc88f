/** Limits of a namespace: what is beyond them is refused, over HTTP and gRPC, with the time. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";
import { ProtoWriter } from "../../wire/index.ts";

const LIMITED = { database: "pinecone", collection: "docs", tenant: "limited" };
const vector = [1, 0];

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
  await bench.withIndex("docs");
  for (const namespace of ["limited", "free"]) await upsert(namespace, "a");
});
afterEach(() => bench.close());

function upsert(namespace: string, id: string): Promise<BenchAnswer> {
  const body = { namespace, vectors: [{ id, values: vector }] };
  return bench.send("POST /ix/docs/vectors/upsert", { body });
}

function query(namespace: string): Promise<BenchAnswer> {
  return bench.send("POST /ix/docs/query", { body: { namespace, topK: 1, vector } });
}

test("a query beyond the rate of its namespace is refused with the seconds to wait", async () => {
  await bench.engine.setLimits(LIMITED, { queriesPerSecond: 0.1 });
  expect((await query("limited")).status).toBe(200);
  const { status, headers, json } = await query("limited");
  expect(status).toBe(429);
  expect(json).toMatchObject({ code: 8 });
  expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(1);
  expect(Number(headers["retry-after"])).toBeLessThanOrEqual(10);
  expect((await query("free")).status).toBe(200);
});

test("over gRPC it is RESOURCE_EXHAUSTED, with the time for clients and programs", async () => {
  await bench.engine.setLimits(LIMITED, { queriesPerSecond: 0.1 });
  await query("limited");
  const writer = new ProtoWriter();
  writer.text(1, "limited");
  writer.uint(2, 1);
  writer.floats(7, Float32Array.from(vector));
  const { status, headers } = await bench.grpc("/VectorService/Query", writer.written);
  expect(status).toBe(8);
  expect(Number(headers["grpc-retry-pushback-ms"])).toBeGreaterThan(0);
  const details = Buffer.from(headers["grpc-status-details-bin"] ?? "", "base64").toString();
  expect(details).toContain("type.googleapis.com/google.rpc.RetryInfo");
});

test("calls beyond the limits of a key are refused alike, over HTTP and gRPC", async () => {
  const grants = [{ actions: ["*"], databases: ["*"] }];
  const limits = { queriesPerSecond: 0.1, writesPerSecond: 0.1 };
  const { id, secret } = await bench.access.createKey({ grants, limits });
  const apiKey = `${id}.${secret}`;
  const ask = (operation: string, body: object): Promise<BenchAnswer> =>
    bench.send(`POST /ix/docs/${operation}`, { body, apiKey });
  const asked = { namespace: "free", topK: 1, vector };
  expect((await ask("query", asked)).status).toBe(200);
  const { status, headers, json } = await ask("query", { ...asked, namespace: "limited" });
  expect(status).toBe(429);
  expect(json).toMatchObject({ code: 8 });
  expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(1);
  const writer = new ProtoWriter();
  writer.text(1, "free");
  writer.uint(2, 1);
  writer.floats(7, Float32Array.from(vector));
  expect(
    (await bench.grpc("/VectorService/Query", writer.written, { "api-key": apiKey })).status,
  ).toBe(8);
  const vectors = [{ id: "b", values: vector }];
  expect((await ask("vectors/upsert", { namespace: "free", vectors })).status).toBe(200);
  expect((await ask("vectors/upsert", { namespace: "free", vectors })).status).toBe(429);
  await bench.access.limitKey(id, { limits: { queriesPerSecond: null } });
  expect((await ask("query", asked)).status).toBe(200);
  expect((await query("free")).status).toBe(200);
});

test("a record beyond the quota of its namespace is refused without a time", async () => {
  await bench.engine.setLimits(LIMITED, { storedRecords: 1 });
  const { status, headers } = await upsert("limited", "b");
  expect(status).toBe(403);
  expect(headers).not.toHaveProperty("retry-after");
  expect((await upsert("limited", "a")).status).toBe(200);
  expect((await upsert("free", "b")).status).toBe(200);
});
