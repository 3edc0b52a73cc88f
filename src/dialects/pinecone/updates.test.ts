import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
  await bench.withIndex("docs", { metric: "dotproduct" });
});
afterEach(() => bench.close());

const SPARSE = { indices: [3], values: [2] };
const A = { id: "a", values: [1, 0], sparseValues: SPARSE, metadata: { genre: "drama", year: 1 } };
const B = { id: "b", values: [0, 1], metadata: { genre: "comedy" } };

function post(path: string, body: object): Promise<BenchAnswer> {
  return bench.send(`POST /ix/docs${path}`, { body: { namespace: "t1", ...body } });
}

async function fetchA(): Promise<unknown> {
  const { json } = await bench.send("GET /ix/docs/vectors/fetch?ids=a&namespace=t1");
  return (json as { vectors: Record<string, unknown> }).vectors["a"];
}

describe("an update by id", () => {
  test("sets what it names; other members, and vectors it does not name, stay", async () => {
    await post("/vectors/upsert", { vectors: [A] });
    const changed = { setMetadata: { year: 2, new: ["x"] } };
    expect((await post("/vectors/update", { id: "a", ...changed })).text).toBe("{}");
    const metadata = { genre: "drama", year: 2, new: ["x"] };
    expect(await fetchA()).toEqual({ ...A, metadata });
    await post("/vectors/update", { id: "a", values: [0.5, 0.5] });
    expect(await fetchA()).toEqual({ ...A, values: [0.5, 0.5], metadata });
    const sparseValues = { indices: [9, 4], values: [1, 2] };
    await post("/vectors/update", { id: "a", sparseValues });
    expect(await fetchA()).toEqual({
      ...A,
      ...{ values: [0.5, 0.5], metadata },
      sparseValues: { indices: [4, 9], values: [2, 1] },
    });
  });

  test("that is not there writes nothing, also where the namespace is not", async () => {
    expect((await post("/vectors/update", { id: "a", values: [1, 1] })).status).toBe(200);
    const stats = await bench.send("POST /ix/docs/describe_index_stats");
    expect(stats.json).toMatchObject({ namespaces: {} });
  });

  test.each([
    {},
    { id: "a" },
    { id: "a", values: [1] },
    { id: "a", values: [0, 0] },
    { id: "a", setMetadata: { n: null } },
    { id: "a", sparseValues: { indices: [1], values: [] } },
    { id: "a", setMetadata: { n: 1 }, dryRun: true },
    { id: "a", filter: { n: 1 }, setMetadata: { n: 1 } },
    { filter: {}, setMetadata: { n: 1 } },
    { filter: { n: 1 } },
    { filter: { n: 1 }, setMetadata: { n: {} } },
    { filter: { n: 1 }, setMetadata: { n: 1 }, values: [1, 1] },
  ])("is refused with 400: %j", async (body) => {
    expect(await post("/vectors/update", body)).toMatchObject({ status: 400, json: { code: 3 } });
  });
});

test("an update by filter tells how many it found; a dry run writes nothing", async () => {
  await post("/vectors/upsert", { vectors: [A, B] });
  const body = { filter: { genre: "drama" }, setMetadata: { seen: true } };
  expect((await post("/vectors/update", { ...body, dryRun: true })).text).toBe(
    '{"matchedRecords":1}',
  );
  expect(await fetchA()).toEqual(A);
  expect((await post("/vectors/update", body)).text).toBe('{"matchedRecords":1}');
  expect(await fetchA()).toEqual({ ...A, metadata: { ...A.metadata, seen: true } });
  const nowhere = { ...body, namespace: "none" };
  expect((await post("/vectors/update", nowhere)).text).toBe('{"matchedRecords":0}');
});

test("an update by filter that changes nothing tells a count: it needs the right to count", async () => {
  await post("/vectors/upsert", { vectors: [A, B] });
  const databases = ["pinecone"];
  const write = await bench.keyWith({ actions: ["write"], databases });
  const read = await bench.keyWith({ actions: ["read"], databases });
  const both = await bench.keyWith({ actions: ["records:Upsert", "records:Count"], databases });
  const statusOf = async (apiKey: string, body: object): Promise<number> => {
    const asked = { namespace: "t1", filter: { genre: "drama" }, ...body };
    return (await bench.send("POST /ix/docs/vectors/update", { body: asked, apiKey })).status;
  };
  const seen = { setMetadata: { seen: true } };
  for (const body of [{ dryRun: true }, { ...seen, dryRun: true }, { setMetadata: {} }]) {
    expect(await statusOf(write, body)).toBe(403);
    expect(await statusOf(read, body)).toBe(403);
    expect(await statusOf(both, body)).toBe(200);
  }
  expect(await statusOf(write, seen)).toBe(200);
});

test("records are fetched by their metadata, page by page, with a token of that filter", async () => {
  const ids = ["a", "b", "c"];
  await post("/vectors/upsert", {
    vectors: ids.map((id) => ({ id, values: [1, 0], metadata: { kind: "x" } })),
  });
  const filter = { kind: "x" };
  const first = await post("/vectors/fetch_by_metadata", { filter, limit: 2 });
  expect(first.json).toMatchObject({
    vectors: { a: { id: "a", values: [1, 0], metadata: { kind: "x" } }, b: { id: "b" } },
    namespace: "t1",
    usage: { readUnits: 1 },
  });
  const { next } = (first.json as { pagination: { next: string } }).pagination;
  const more = { paginationToken: next };
  const last = await post("/vectors/fetch_by_metadata", { filter, ...more });
  expect(last.json).toMatchObject({ vectors: { c: { id: "c" } } });
  expect(last.json).not.toHaveProperty("pagination");
  for (const wrong of [
    { filter: { kind: "y" }, ...more },
    { filter, ...more, namespace: "t2" },
    { filter: {} },
    { filter, limit: 0 },
  ]) {
    expect((await post("/vectors/fetch_by_metadata", wrong)).status).toBe(400);
  }
  const nowhere = await post("/vectors/fetch_by_metadata", { filter, namespace: "none" });
  expect(nowhere.json).toMatchObject({ vectors: {} });
});

test("headers tell how far a namespace has come: a read sees what a write was told", async () => {
  const lsnOf = ({ headers }: BenchAnswer, kind: "write" | "read"): number => {
    const [one, other] =
      kind === "write"
        ? ["x-pinecone-request-lsn", "x-pinecone-lsn-committed"]
        : ["x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled"];
    expect(headers[one]).toMatch(/^\d+$/);
    expect(headers[other]).toBe(headers[one]);
    return Number(headers[one]);
  };
  const write = lsnOf(await post("/vectors/upsert", { vectors: [A] }), "write");
  await post("/vectors/upsert", { vectors: [A], namespace: "other" });
  const read = await post("/query", { vector: [1, 0], topK: 1 });
  expect(lsnOf(read, "read")).toBe(write);
  const next = lsnOf(await post("/vectors/update", { id: "a", values: [1, 1] }), "write");
  expect(next).toBeGreaterThan(write);
  const last = lsnOf(await post("/vectors/delete", { ids: ["a"] }), "write");
  expect(last).toBeGreaterThan(next);
  const fetched = await bench.send("GET /ix/docs/vectors/fetch?ids=a&namespace=t1");
  expect(lsnOf(fetched, "read")).toBe(last);
});
