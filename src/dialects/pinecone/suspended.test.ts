import { afterEach, beforeEach, expect, test } from "vitest";
import { PineconeBench } from "../../../test/support/pinecone-bench.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
  await bench.withIndex("docs");
});
afterEach(() => bench.close());

test("a suspended customer is refused in the vendor's words, and served when resumed", async () => {
  const upsert = { namespace: "acme", vectors: [{ id: "a", values: [1, 0] }] };
  const query = { namespace: "acme", vector: [1, 0], topK: 1 };
  await bench.send("POST /ix/docs/vectors/upsert", { body: upsert });
  const customer = { database: "pinecone", tenant: "acme" };
  await bench.engine.customers.suspend(customer);
  for (const [call, body] of [
    ["POST /ix/docs/vectors/upsert", upsert],
    ["POST /ix/docs/query", query],
  ] as const) {
    expect(await bench.send(call, { body })).toMatchObject({
      status: 403,
      json: { code: 7, message: "The namespace is suspended until an operator resumes it" },
    });
  }
  const other = { ...upsert, namespace: "other" };
  expect((await bench.send("POST /ix/docs/vectors/upsert", { body: other })).status).toBe(200);
  await bench.engine.customers.resume(customer);
  expect(await bench.send("POST /ix/docs/query", { body: query })).toMatchObject({
    status: 200,
    json: { matches: [{ id: "a" }] },
  });
});
