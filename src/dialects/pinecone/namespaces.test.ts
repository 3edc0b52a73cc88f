import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
  await bench.withIndex("docs");
});
afterEach(() => bench.close());

function upsert(namespace: string, apiKey?: string): Promise<BenchAnswer> {
  const body = { namespace, vectors: [{ id: "a", values: [1, 0] }] };
  return bench.send(
    "POST /ix/docs/vectors/upsert",
    apiKey === undefined ? { body } : { body, apiKey },
  );
}

function namesOf({ json }: BenchAnswer): string[] {
  return (json as { namespaces: { name: string }[] }).namespaces.map(({ name }) => name);
}

describe("namespaces", () => {
  test("are made, described, listed and deleted by name, with counts as texts", async () => {
    const body = { name: "t/1 x", schema: { fields: { genre: { filterable: true } } } };
    const made = await bench.send("POST /ix/docs/namespaces", { body });
    const empty = { name: "t/1 x", record_count: "0", size_bytes: "0" };
    expect(made).toMatchObject({ status: 200, json: empty });
    expect(await bench.send("POST /ix/docs/namespaces", { body })).toMatchObject({
      status: 409,
      json: { code: 6 },
    });
    await upsert("t/1 x");
    const path = "/ix/docs/namespaces/t%2F1%20x";
    expect((await bench.send(`GET ${path}`)).json).toEqual({
      ...{ name: "t/1 x", record_count: "1", size_bytes: "9" },
    });
    expect((await bench.send(`DELETE ${path}`)).text).toBe("{}");
    for (const method of ["GET", "DELETE"]) {
      expect(await bench.send(`${method} ${path}`)).toMatchObject({
        status: 404,
        json: { code: 5, message: "Namespace not found" },
      });
    }
    const wrong = { name: "x", schema: { fields: { genre: { filterable: false } } } };
    expect((await bench.send("POST /ix/docs/namespaces", { body: wrong })).status).toBe(400);
    expect((await bench.send("POST /ix/docs/namespaces", { body: {} })).status).toBe(400);
  });

  test("are listed page by page, by prefix, with the number of all of them", async () => {
    for (const name of ["a1", "a2", "a3", "b1", ""]) await upsert(name);
    const first = await bench.send("GET /ix/docs/namespaces?prefix=a&limit=2");
    expect(namesOf(first)).toEqual(["a1", "a2"]);
    const { pagination, total_count: total } = first.json as {
      pagination: { next: string };
      total_count: number;
    };
    expect(total).toBe(3);
    const more = `paginationToken=${encodeURIComponent(pagination.next)}`;
    const last = await bench.send(`GET /ix/docs/namespaces?prefix=a&${more}`);
    expect(namesOf(last)).toEqual(["a3"]);
    expect(last.json).toMatchObject({ pagination: null, total_count: 3 });
    expect((await bench.send(`GET /ix/docs/namespaces?prefix=b&${more}`)).status).toBe(400);
    const all = await bench.send("GET /ix/docs/namespaces");
    expect(namesOf(all)).toEqual(["__default__", "a1", "a2", "a3", "b1"]);
    expect(all.json).toMatchObject({ total_count: 5 });
  });

  test("of an index without tenants are the default one", async () => {
    const dense = { name: "", dimension: 2, metric: "euclidean" } as const;
    await bench.engine.createCollection("pinecone", "plain", {
      schema: { vectors: [dense], identity: "key", unfilterable: [] },
    });
    expect(namesOf(await bench.send("GET /ix/plain/namespaces"))).toEqual(["__default__"]);
    expect((await bench.send("GET /ix/plain/namespaces/__default__")).status).toBe(200);
    expect((await bench.send("GET /ix/plain/namespaces/t1")).status).toBe(404);
    const body = { name: "t1" };
    expect((await bench.send("POST /ix/plain/namespaces", { body })).status).toBe(400);
    expect((await bench.send("DELETE /ix/plain/namespaces/t1")).status).toBe(404);
    expect((await bench.send("DELETE /ix/plain/namespaces/__default__")).status).toBe(200);
  });
});

describe("a key that is bound to namespaces", () => {
  const OWN = ["mine", "team-1", "team-2"];
  const OTHERS = ["", "mine2", "other", "team"];

  /** Every operation that names a namespace, on one of them. */
  const CALLS: Readonly<Record<string, (namespace: string) => [string, object?]>> = {
    upsert: (namespace) => [
      "POST /ix/docs/vectors/upsert",
      { namespace, vectors: [{ id: "b", values: [1, 0] }] },
    ],
    query: (namespace) => ["POST /ix/docs/query", { namespace, vector: [1, 0], topK: 1 }],
    "query by id": (namespace) => ["POST /ix/docs/query", { namespace, id: "a", topK: 1 }],
    fetch: (namespace) => [`GET /ix/docs/vectors/fetch?ids=a&namespace=${namespace}`],
    list: (namespace) => [`GET /ix/docs/vectors/list?namespace=${namespace}`],
    update: (namespace) => ["POST /ix/docs/vectors/update", { namespace, id: "a", values: [1, 1] }],
    "update by filter": (namespace) => [
      "POST /ix/docs/vectors/update",
      { namespace, filter: { a: 1 }, setMetadata: { a: 2 } },
    ],
    "fetch by metadata": (namespace) => [
      "POST /ix/docs/vectors/fetch_by_metadata",
      { namespace, filter: { a: 1 } },
    ],
    "delete by id": (namespace) => ["POST /ix/docs/vectors/delete", { namespace, ids: ["none"] }],
    "delete by filter": (namespace) => [
      "POST /ix/docs/vectors/delete",
      { namespace, filter: { a: 1 } },
    ],
    "delete all": (namespace) => ["POST /ix/docs/vectors/delete", { namespace, deleteAll: true }],
    describe: (namespace) => [`GET /ix/docs/namespaces/${namespace || "__default__"}`],
  };

  async function boundKey(): Promise<string> {
    for (const name of [...OWN, ...OTHERS]) await upsert(name);
    return bench.keyWith({
      actions: ["read", "write"],
      databases: ["pinecone"],
      collections: ["docs"],
      tenants: ["mine", "team-*"],
    });
  }

  test.each(Object.keys(CALLS))("may %s in its own and in no other, there or not", async (name) => {
    const apiKey = await boundKey();
    const send = (namespace: string): Promise<BenchAnswer> => {
      const [line, body] = CALLS[name]?.(namespace) ?? [""];
      return bench.send(line, { apiKey, ...(body === undefined ? {} : { body }) });
    };
    for (const own of OWN) expect((await send(own)).status, own).toBe(200);
    const answers: string[] = [];
    for (const other of [...OTHERS, "nowhere", "Mine"]) {
      const answer = await send(other);
      expect(answer.status, other).toBe(403);
      answers.push(answer.text);
    }
    expect(new Set(answers).size).toBe(1);
  });

  test("finds the host of its index, and no other index", async () => {
    const apiKey = await boundKey();
    await bench.withIndex("secret");
    const { json } = await bench.send("GET /indexes", { apiKey });
    expect(json).toMatchObject({ indexes: [{ name: "docs" }] });
    expect((json as { indexes: object[] }).indexes).toHaveLength(1);
    expect((await bench.send("GET /indexes/docs", { apiKey })).status).toBe(200);
    const [secret, missing] = await Promise.all([
      bench.send("GET /indexes/secret", { apiKey }),
      bench.send("GET /indexes/missing", { apiKey }),
    ]);
    expect(secret).toEqual(missing);
    expect(secret.status).toBe(403);
    for (const [line, body] of [
      ["DELETE /indexes/docs"],
      ["PATCH /indexes/docs", { tags: { a: "b" } }],
      [
        "POST /indexes",
        { name: "new", dimension: 2, spec: { serverless: { cloud: "aws", region: "x" } } },
      ],
      ["POST /ix/docs/namespaces", { name: "mine3" }],
      ["DELETE /ix/docs/namespaces/mine"],
    ] as const) {
      const answer = await bench.send(line, { apiKey, ...(body === undefined ? {} : { body }) });
      expect(answer.status, line).toBe(403);
    }
  });

  test("is told of its own namespaces only, in statistics and in lists", async () => {
    const apiKey = await boundKey();
    const stats = await bench.send("POST /ix/docs/describe_index_stats", { apiKey });
    expect(stats.json).toMatchObject({ totalVectorCount: 3 });
    expect(Object.keys((stats.json as { namespaces: object }).namespaces)).toEqual(OWN);
    const pages = [await bench.send("GET /ix/docs/namespaces?limit=2", { apiKey })];
    const { next } = (pages[0]?.json as { pagination: { next: string } }).pagination;
    pages.push(await bench.send(`GET /ix/docs/namespaces?paginationToken=${next}`, { apiKey }));
    expect(pages.flatMap(namesOf)).toEqual(OWN);
    expect(pages[1]?.json).toMatchObject({ pagination: null, total_count: 3 });
    const foreign = await bench.send(`GET /ix/docs/namespaces?paginationToken=${next}`);
    expect(foreign.status).toBe(400);
  });

  test("that may not delete tenants empties a namespace, which then is still there", async () => {
    const apiKey = await boundKey();
    const body = { namespace: "mine", deleteAll: true };
    await bench.send("POST /ix/docs/vectors/delete", { apiKey, body });
    const place = { database: "pinecone", collection: "docs", tenant: "mine" };
    expect(await bench.engine.getTenant(place)).toMatchObject({ rowCount: 0 });
    await bench.send("POST /ix/docs/vectors/delete", { body });
    expect(await bench.engine.getTenant(place)).toBeUndefined();
  });
});
