import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
  expect((await bench.withIndex("docs")).status).toBe(201);
});
afterEach(() => bench.close());

const A = { id: "a", values: [0.6, 0.8], metadata: { genre: "drama", year: 2020 } };
const B = { id: "b", values: [1, 0], metadata: { genre: "comedy", tags: ["x", "y"] } };

function upsert(namespace: string, ...vectors: object[]): Promise<BenchAnswer> {
  return bench.send("POST /ix/docs/vectors/upsert", { body: { namespace, vectors } });
}

function query(body: object): Promise<BenchAnswer> {
  return bench.send("POST /ix/docs/query", { body: { topK: 10, ...body } });
}

function idsOf(answer: BenchAnswer): string[] {
  expect(answer.status, answer.text).toBe(200);
  return (answer.json as { matches: { id: string }[] }).matches.map(({ id }) => id);
}

function stats(): Promise<BenchAnswer> {
  return bench.send("POST /ix/docs/describe_index_stats", { body: {} });
}

/** A refusal in the shape of the data plane. */
function refused(code: number, message: unknown = expect.any(String)): object {
  return { json: { code, message, details: [] } };
}

describe("upsert and query", () => {
  test("matches come most similar first, with what was asked for and the namespace as it was spelt", async () => {
    expect(await upsert("t1", A, B)).toMatchObject({ status: 200, text: '{"upsertedCount":2}' });
    const asked = { vector: [1, 0], includeValues: true, includeMetadata: true };
    expect((await query({ namespace: "t1", ...asked })).text).toBe(
      '{"results":[],"matches":[' +
        '{"id":"b","score":1,"values":[1,0],"metadata":{"genre":"comedy","tags":["x","y"]}},' +
        '{"id":"a","score":0.6,"values":[0.6,0.8],"metadata":{"genre":"drama","year":2020}}' +
        '],"namespace":"t1","usage":{"readUnits":1}}',
    );
    expect((await query({ namespace: "t1", vector: [1, 0], topK: 1 })).text).toBe(
      '{"results":[],"matches":[{"id":"b","score":1,"values":[]}],"namespace":"t1",' +
        '"usage":{"readUnits":1}}',
    );
  });

  test("both spellings of the default namespace are one namespace, and no other sees it", async () => {
    await upsert("", A);
    await upsert("__default__", B);
    expect(idsOf(await query({ vector: [1, 0] }))).toEqual(["b", "a"]);
    const spelt = await query({ namespace: "__default__", vector: [1, 0] });
    expect(spelt.json).toMatchObject({ namespace: "__default__" });
    expect(idsOf(await query({ namespace: "t1", vector: [1, 0] }))).toEqual([]);
  });

  test("the last of two records with one id is written, and nothing of the one before stays", async () => {
    await upsert("t1", { ...A, metadata: { old: true } });
    await upsert("t1", { id: "a", values: [1, 0] }, B, { id: "a", values: [0, 1] });
    const fetched = await bench.send("GET /ix/docs/vectors/fetch?ids=a&namespace=t1");
    expect(fetched.text).toBe(
      '{"vectors":{"a":{"id":"a","values":[0,1]}},"namespace":"t1","usage":{"readUnits":1}}',
    );
  });

  test("a record stands for its vector, in its own namespace; one that is not there has no matches", async () => {
    await upsert("t1", A, B);
    expect(idsOf(await query({ namespace: "t1", id: "a" }))).toEqual(["a", "b"]);
    expect(idsOf(await query({ namespace: "t1", id: "none" }))).toEqual([]);
    expect(idsOf(await query({ namespace: "t2", id: "a" }))).toEqual([]);
  });

  test("a vector of zeros finds any records, all alike; none is written with one", async () => {
    await upsert("t1", A, B);
    const asked = { namespace: "t1", vector: [0, 0], filter: { genre: "drama" } };
    expect((await query(asked)).json).toMatchObject({ matches: [{ id: "a", score: 0 }] });
    expect(idsOf(await query({ namespace: "t1", vector: [0, 0] }))).toEqual(["a", "b"]);
    expect((await upsert("t1", { id: "c", values: [0, 0] })).status).toBe(400);
  });

  test("euclidean scores are squared distances, the nearest first; of dot products the greatest is", async () => {
    for (const [metric, scores] of [
      ["euclidean", [0, 4]],
      ["dotproduct", [9, 3]],
    ] as const) {
      await bench.withIndex(metric, { metric });
      const vectors = [
        { id: "near", values: [3, 0] },
        { id: "far", values: [1, 0] },
      ];
      await bench.send(`POST /ix/${metric}/vectors/upsert`, { body: { vectors } });
      const { json } = await bench.send(`POST /ix/${metric}/query`, {
        body: { vector: [3, 0], topK: 2 },
      });
      expect(json).toMatchObject({
        matches: [
          { id: "near", score: scores[0] },
          { id: "far", score: scores[1] },
        ],
      });
    }
  });

  test.each([
    [
      "a vector of another length",
      { vectors: [{ id: "a", values: [1] }] },
      /dimension 1 .* index 2/,
    ],
    ["a vector of zeros", { vectors: [{ id: "a", values: [0, 0] }] }, /non-zero/],
    ["no vector at all", { vectors: [{ id: "a" }] }, /dimension 0/],
    ["no records", { vectors: [] }, /1 to 1000/],
    ["an empty id", { vectors: [{ id: "", values: [1, 0] }] }, /ID/],
    ["an id that is too long", { vectors: [{ id: "i".repeat(513), values: [1, 0] }] }, /512/],
    ["words for numbers", { vectors: [{ id: "a", values: ["x", 1] }] }, /vector/i],
    ["metadata with null", { vectors: [{ ...A, metadata: { n: null } }] }, /"n"/],
    ["nested metadata", { vectors: [{ ...A, metadata: { n: {} } }] }, /"n"/],
    ["a list of numbers in metadata", { vectors: [{ ...A, metadata: { n: [1] } }] }, /"n"/],
    ["a name with $", { vectors: [{ ...A, metadata: { $n: 1 } }] }, /\$/],
    ["metadata of 41 KB", { vectors: [{ ...A, metadata: { n: "x".repeat(41_000) } }] }, /limit/],
    [
      "sparse values of two lengths",
      { vectors: [{ ...A, sparseValues: { indices: [1, 2], values: [1] } }] },
      /same length/,
    ],
    [
      "an index twice",
      { vectors: [{ ...A, sparseValues: { indices: [1, 1], values: [1, 2] } }] },
      /unique/,
    ],
    [
      "an index beyond 32 bits",
      { vectors: [{ ...A, sparseValues: { indices: [2 ** 32], values: [1] } }] },
      /whole numbers/,
    ],
    ["a body that is no object", [1], /object/],
  ])("an upsert with %s writes nothing", async (_, body, message) => {
    const answer = await bench.send("POST /ix/docs/vectors/upsert", { body });
    expect(answer).toMatchObject({ status: 400, ...refused(3, expect.stringMatching(message)) });
    expect((await stats()).json).toMatchObject({ namespaces: {}, totalVectorCount: 0 });
  });

  test.each([
    ["topK 0", { topK: 0, vector: [1, 0] }],
    ["topK above 10,000", { topK: 10_001, vector: [1, 0] }],
    ["neither vector nor id", {}],
    ["a vector and an id", { vector: [1, 0], id: "a" }],
    ["a vector of another length", { vector: [1, 0, 0] }],
    [
      "a sparse vector where the metric is cosine",
      { vector: [1, 0], sparseVector: { indices: [1], values: [1] } },
    ],
    ["a filter that is no object", { vector: [1, 0], filter: "x" }],
    ["an unknown operator", { vector: [1, 0], filter: { a: { $like: "x" } } }],
    ["an unknown junction", { vector: [1, 0], filter: { $nor: [] } }],
    ["a list without filters", { vector: [1, 0], filter: { $and: [] } }],
    ["no values behind $in", { vector: [1, 0], filter: { a: { $in: [] } } }],
    ["a text behind $gt", { vector: [1, 0], filter: { a: { $gt: "x" } } }],
  ])("a query with %s is refused with 400", async (_, body) => {
    expect(await query(body)).toMatchObject({ status: 400, ...refused(3) });
  });

  test("a vector of another length is refused in a sentence with the word vector", async () => {
    const { json } = await query({ vector: [1] });
    expect((json as { message: string }).message.toLowerCase()).toContain("vector");
  });
});

describe("filters", () => {
  test.each([
    [{ genre: "drama" }, ["a"]],
    [{ genre: { $eq: "drama" } }, ["a"]],
    [{ genre: ["drama", "comedy"] }, ["b", "a"]],
    [{ genre: { $ne: "drama" } }, ["b"]],
    [{ year: { $ne: 2020 } }, ["b"]],
    [{ year: { $gte: 2020, $lt: 2021 } }, ["a"]],
    [{ year: "2020" }, []],
    [{ tags: "x" }, ["b"]],
    [{ tags: { $nin: ["x"] } }, ["a"]],
    [{ $and: [{ tags: "x" }, { tags: "y" }] }, ["b"]],
    [{ $or: [{ year: 2020 }, { tags: "y" }] }, ["b", "a"]],
    [{ year: { $exists: false } }, ["b"]],
    [{ $not: { genre: "drama" } }, ["b"]],
    [{ genre: "drama", year: 1999 }, []],
    [{}, ["b", "a"]],
  ])("%j", async (filter, ids) => {
    await upsert("t1", A, B);
    expect(idsOf(await query({ namespace: "t1", vector: [1, 0], filter }))).toEqual(ids);
  });
});

describe("sparse vectors", () => {
  const terms = { indices: [9, 4], values: [1, 2] };

  test("an index of sparse vectors takes nothing else, and is searched by them and by records", async () => {
    const made = await bench.send("POST /indexes", {
      body: { name: "words", vector_type: "sparse", metric: "dotproduct", spec: SERVERLESS },
    });
    expect(made.json).toMatchObject({ vector_type: "sparse", metric: "dotproduct" });
    expect(made.json).not.toHaveProperty("dimension");
    const vectors = [
      { id: "a", sparseValues: terms },
      { id: "b", sparseValues: { indices: [4], values: [1] } },
    ];
    await bench.send("POST /ix/words/vectors/upsert", { body: { vectors } });
    const found = await bench.send("POST /ix/words/query", {
      body: { topK: 2, sparseVector: { indices: [4], values: [0.5] }, includeValues: true },
    });
    expect(found.json).toMatchObject({
      matches: [
        { id: "a", score: 1, values: [], sparseValues: { indices: [4, 9], values: [2, 1] } },
        { id: "b", score: 0.5 },
      ],
    });
    const like = await bench.send("POST /ix/words/query", { body: { topK: 1, id: "b" } });
    expect(idsOf(like)).toEqual(["a"]);
    for (const body of [{ topK: 1, vector: [1, 0] }, { topK: 1 }]) {
      expect((await bench.send("POST /ix/words/query", { body })).status).toBe(400);
    }
    for (const wrong of [{ id: "c" }, { id: "c", values: [1], sparseValues: terms }]) {
      const answer = await bench.send("POST /ix/words/vectors/upsert", {
        body: { vectors: [wrong] },
      });
      expect(answer.status).toBe(400);
    }
  });

  test("with the metric dotproduct a score is the sum of both products", async () => {
    await bench.withIndex("hybrid", { metric: "dotproduct" });
    const vectors = [
      { id: "both", values: [1, 1], sparseValues: terms },
      { id: "dense", values: [3, 0] },
    ];
    await bench.send("POST /ix/hybrid/vectors/upsert", { body: { vectors } });
    const body = { topK: 2, vector: [1, 0], sparseVector: { indices: [4], values: [2] } };
    expect((await bench.send("POST /ix/hybrid/query", { body })).json).toMatchObject({
      matches: [
        { id: "both", score: 5 },
        { id: "dense", score: 3 },
      ],
    });
  });

  test("with another metric sparse values are kept and come back", async () => {
    await upsert("t1", { ...A, sparseValues: terms });
    const { json } = await bench.send("GET /ix/docs/vectors/fetch?ids=a&namespace=t1");
    expect(json).toMatchObject({
      vectors: { a: { values: [0.6, 0.8], sparseValues: { indices: [4, 9], values: [2, 1] } } },
    });
  });
});

const SERVERLESS = { serverless: { cloud: "aws", region: "us-east-1" } };

describe("fetch, list and delete", () => {
  test("ids come as they are in the query, and those that are not there are missing", async () => {
    await upsert("t/1 x", { id: "a/b c%", values: [1, 0] }, { id: "é", values: [1, 0] });
    const ids = ["a/b c%", "é", "none"].map((id) => `ids=${encodeURIComponent(id)}`).join("&");
    const { json } = await bench.send(`GET /ix/docs/vectors/fetch?${ids}&namespace=t%2F1%20x`);
    expect(Object.keys((json as { vectors: object }).vectors)).toEqual(["a/b c%", "é"]);
    const nowhere = await bench.send("GET /ix/docs/vectors/fetch?ids=a&namespace=none");
    expect(nowhere.json).toMatchObject({ vectors: {}, namespace: "none" });
    const many = Array.from({ length: 1_001 }, (_, i) => `ids=${String(i)}`).join("&");
    expect((await bench.send(`GET /ix/docs/vectors/fetch?${many}`)).status).toBe(400);
    expect((await bench.send("GET /ix/docs/vectors/fetch")).status).toBe(400);
  });

  test("pages go by bytes, and a token is good for the prefix and namespace it was made for", async () => {
    const ids = Array.from({ length: 5 }, (_, i) => `doc#${String(i)}`);
    await upsert("t1", ...["other", ...ids].map((id) => ({ id, values: [1, 0] })));
    const first = await bench.send("GET /ix/docs/vectors/list?prefix=doc%23&limit=3&namespace=t1");
    const page = first.json as { vectors: object[]; pagination: { next: string } };
    expect(page.vectors).toEqual(ids.slice(0, 3).map((id) => ({ id })));
    const token = encodeURIComponent(page.pagination.next);
    const more = `paginationToken=${token}`;
    const last = await bench.send(`GET /ix/docs/vectors/list?prefix=doc%23&namespace=t1&${more}`);
    expect(last.text).toBe(
      '{"vectors":[{"id":"doc#3"},{"id":"doc#4"}],"namespace":"t1","usage":{"readUnits":1}}',
    );
    for (const [wrong, word] of [
      ["prefix=do&namespace=t1", "prefix"],
      ["prefix=doc%23&namespace=t2", "namespace"],
    ]) {
      const answer = await bench.send(`GET /ix/docs/vectors/list?${String(wrong)}&${more}`);
      expect(answer).toMatchObject({
        status: 400,
        ...refused(3, expect.stringContaining(String(word))),
      });
    }
    for (const wrong of ["x", token.slice(0, -2), "a".repeat(20_000)]) {
      const answer = await bench.send(`GET /ix/docs/vectors/list?paginationToken=${wrong}`);
      expect(answer.status).toBe(400);
    }
    expect((await bench.send("GET /ix/docs/vectors/list?limit=x")).status).toBe(400);
  });

  test("records go by ids, by a filter, or all; a namespace that is not there is 404", async () => {
    const erase = (body: object) => bench.send("POST /ix/docs/vectors/delete", { body });
    await upsert("t1", A, B, { id: "c", values: [1, 1] });
    expect((await erase({ namespace: "t1", ids: ["a", "none"] })).text).toBe("{}");
    expect((await erase({ namespace: "t1", filter: { genre: "comedy" } })).text).toBe("{}");
    expect(idsOf(await query({ namespace: "t1", vector: [1, 0] }))).toEqual(["c"]);
    expect((await erase({ namespace: "t1", deleteAll: true })).text).toBe("{}");
    expect((await stats()).json).toMatchObject({ namespaces: {} });
    expect(await erase({ namespace: "t1", deleteAll: true })).toMatchObject({
      status: 404,
      json: { code: 5, message: "Namespace not found", details: [] },
    });
    await upsert("t1", A);
    for (const wrong of [{}, { ids: ["a"], deleteAll: true }, { ids: [] }, { filter: {} }]) {
      expect((await erase({ namespace: "t1", ...wrong })).status).toBe(400);
    }
    expect(idsOf(await query({ namespace: "t1", vector: [1, 0] }))).toEqual(["a"]);
  });

  test("a namespace that was emptied by one call keeps nothing on disk that can be read", async () => {
    await upsert("t1", A);
    await upsert("t2", B);
    const place = { database: "pinecone", collection: "docs", tenant: "t1" };
    const before = await bench.engine.locate(place);
    expect(before.extents.length).toBeGreaterThan(0);
    await bench.send("POST /ix/docs/vectors/delete", {
      body: { namespace: "t1", deleteAll: true },
    });
    expect(await bench.engine.getTenant(place)).toBeUndefined();
    expect(idsOf(await query({ namespace: "t2", vector: [1, 0] }))).toEqual(["b"]);
  });
});

describe("statistics", () => {
  test("name every namespace with its records; the default one is the empty name", async () => {
    await upsert("t1", A, B);
    await upsert("__default__", A);
    expect((await stats()).text).toBe(
      '{"namespaces":{"":{"vectorCount":1},"t1":{"vectorCount":2}},"dimension":2,' +
        '"indexFullness":0,"totalVectorCount":3,"metric":"cosine","vectorType":"dense"}',
    );
    expect((await bench.send("GET /ix/docs/describe_index_stats")).status).toBe(200);
  });

  test("with a filter are refused, and do not name an empty default namespace", async () => {
    await upsert("", A);
    await bench.send("POST /ix/docs/vectors/delete", { body: { ids: ["a"] } });
    expect((await stats()).json).toMatchObject({ namespaces: {}, totalVectorCount: 0 });
    const body = { filter: { genre: "drama" } };
    expect(await bench.send("POST /ix/docs/describe_index_stats", { body })).toMatchObject({
      status: 400,
      ...refused(3),
    });
  });
});
