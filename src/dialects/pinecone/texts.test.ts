import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";
import { createBuiltInEmbedder, type Embedder } from "../../embed/index.ts";

let bench: PineconeBench;
/** The embedder of the configuration; undefined: the built-in one. */
let configured: Embedder | undefined;

beforeEach(async () => {
  configured = undefined;
  bench = await PineconeBench.open(undefined, {
    openEmbedder: () => Promise.resolve(configured ?? createBuiltInEmbedder()),
  });
});
afterEach(() => bench.close());

const CLOUD = { cloud: "aws", region: "us-east-1" };
const EMBED = { model: "multilingual-e5-large", field_map: { text: "body" } };
const PLACE = "/ix/texts/records/namespaces";

function make(embed: object = {}, more: object = {}): Promise<BenchAnswer> {
  const body = { name: "texts", ...CLOUD, embed: { ...EMBED, ...embed }, ...more };
  return bench.send("POST /indexes/create-for-model", { body });
}

function upsert(records: readonly object[], namespace = "t1"): Promise<BenchAnswer> {
  const body = records.map((record) => JSON.stringify(record)).join("\n");
  return bench.send(`POST ${PLACE}/${namespace}/upsert`, { body });
}

function search(body: object, namespace = "t1"): Promise<BenchAnswer> {
  return bench.send(`POST ${PLACE}/${namespace}/search`, { body });
}

const RECORDS = [
  { _id: "a", body: "The radiator stays cold", floor: 3 },
  { _id: "b", body: "Fresh bread and butter", floor: 1, tags: ["food"] },
  { id: "c", body: "The heating of the house", floor: 3 },
];

interface Found {
  readonly result: {
    readonly hits: readonly { readonly _id: string; readonly _score: number; fields: object }[];
  };
}

function hitsOf({ json }: BenchAnswer): Found["result"]["hits"] {
  return (json as Found).result.hits;
}

function idsOf(answer: BenchAnswer): readonly string[] {
  return hitsOf(answer).map((hit) => hit._id);
}

describe("an index for a model", () => {
  test("has the dimension of the model and says how it takes texts, in both shapes", async () => {
    const readParameters = { input_type: "query" };
    const made = await make({ read_parameters: readParameters }, { tags: { a: "b" } });
    const embed = {
      ...{ model: EMBED.model, metric: "cosine", dimension: 1_024, vector_type: "dense" },
      ...{ field_map: EMBED.field_map, read_parameters: readParameters, write_parameters: {} },
    };
    const model = { name: "texts", dimension: 1_024, metric: "cosine", embed, tags: { a: "b" } };
    expect(made).toMatchObject({ status: 201, json: { ...model, spec: { serverless: CLOUD } } });
    const { json } = await bench.send("GET /indexes/texts", { version: "2026-07" });
    expect((json as { schema: object }).schema).toEqual({
      fields: {
        body: {
          ...{ type: "semantic_text", model: EMBED.model, dimension: 1_024, metric: "cosine" },
          ...{ read_parameters: readParameters, write_parameters: {} },
        },
      },
    });
    const info = await bench.engine.getCollection("pinecone", "texts");
    expect(info?.embeddingModel).toBe("insula-lexical-1");
  });

  test("is made by a field of the type semantic_text too, in the dimension that is asked", async () => {
    const field = { type: "semantic_text", model: "llama-text-embed-v2", dimension: 384 };
    const deployment = { deployment_type: "managed", ...CLOUD };
    const body = { name: "texts", deployment, schema: { fields: { body: field } } };
    expect((await bench.send("POST /indexes", { body, version: "2026-07" })).status).toBe(201);
    const { json } = await bench.send("GET /indexes/texts");
    expect(json).toMatchObject({ embed: { field_map: { text: "body" }, dimension: 384 } });
  });

  test.each([
    [{ model: "gone" }, 404],
    [{ model: undefined }, 400],
    [{ dimension: 7 }, 400],
    [{ metric: "manhattan" }, 400],
    [{ field_map: undefined }, 400],
    [{ field_map: { text: "_id" } }, 400],
    [{ field_map: { text: "a", image: "b" } }, 400],
    [{ read_parameters: { truncate: "NEVER" } }, 400],
  ])("cannot be made with %j", async (wrong, status) => {
    expect((await make(wrong)).status).toBe(status);
    expect((await bench.send("GET /indexes")).json).toEqual({ indexes: [] });
  });

  test("keeps its model, and changes its field and parameters", async () => {
    await make();
    const patch = (embed: object): Promise<BenchAnswer> =>
      bench.send("PATCH /indexes/texts", { body: { embed } });
    const changed = { field_map: { text: "title" }, read_parameters: { truncate: "NONE" } };
    expect(await patch(changed)).toMatchObject({ status: 200, json: { embed: changed } });
    expect((await patch({ model: "llama-text-embed-v2" })).status).toBe(400);
    const fields = { body: { type: "semantic_text", write_parameters: { truncate: "END" } } };
    const newer = { body: { schema: { fields } }, version: "2026-07" };
    expect((await bench.send("PATCH /indexes/texts", newer)).json).toMatchObject({
      schema: { fields: { body: { read_parameters: { truncate: "NONE" } } } },
    });
    await bench.send("PATCH /indexes/texts", { body: { tags: { a: "b" } } });
    expect((await bench.send("GET /indexes/texts")).json).toMatchObject({
      embed: { model: EMBED.model, field_map: { text: "body" } },
    });
  });

  test("comes of one without when its dimension is one of the model's", async () => {
    await bench.withIndex("texts", { dimension: 1_024 });
    await bench.withIndex("short");
    expect((await upsert(RECORDS)).status).toBe(400);
    const body = { embed: EMBED };
    expect((await bench.send("PATCH /indexes/texts", { body })).json).toMatchObject(body);
    expect((await upsert(RECORDS)).status).toBe(201);
    expect((await bench.send("PATCH /indexes/short", { body })).status).toBe(400);
  });
});

describe("records with texts", () => {
  beforeEach(() => make());

  test("are found by a text, in their namespace alone, with their fields", async () => {
    const written = await upsert(RECORDS);
    expect(written).toMatchObject({ status: 201, text: "" });
    expect(written.headers["x-pinecone-request-lsn"]).toMatch(/^\d+$/);
    const query = { inputs: { text: "cold radiator" }, top_k: 2 };
    const found = await search({ query });
    expect(found.status).toBe(200);
    expect(hitsOf(found)[0]).toEqual({
      ...{ _id: "a", _score: expect.any(Number) as number },
      fields: { body: "The radiator stays cold", floor: 3 },
    });
    expect(hitsOf(found)).toHaveLength(2);
    expect(found.json).toMatchObject({ usage: { read_units: 1, embed_total_tokens: 4 } });
    expect(hitsOf(await search({ query }, "t2"))).toEqual([]);
  });

  test("are the same records for every other call", async () => {
    await upsert(RECORDS, "__default__");
    const fetched = await bench.send("GET /ix/texts/vectors/fetch?ids=c");
    expect(fetched.json).toMatchObject({
      vectors: { c: { metadata: { body: "The heating of the house", floor: 3 } } },
    });
    const [vector] = await createBuiltInEmbedder().embed(["The heating of the house"]);
    const body = { vector: Array.from(vector ?? []), topK: 1 };
    expect((await bench.send("POST /ix/texts/query", { body })).json).toMatchObject({
      matches: [{ id: "c" }],
    });
  });

  test("are found by a filter, an id and a vector, with the fields that are named", async () => {
    await upsert(RECORDS);
    const inputs = { text: "bread" };
    const filter = { floor: { $gte: 3 } };
    expect(idsOf(await search({ query: { inputs, top_k: 9, filter } })).toSorted()).toEqual([
      "a",
      "c",
    ]);
    const byId = await search({ query: { id: "b", top_k: 1 }, fields: ["floor", "none"] });
    expect(hitsOf(byId)).toMatchObject([{ _id: "b", fields: { floor: 1 } }]);
    expect(hitsOf(byId)[0]?.fields).not.toHaveProperty("body");
    const all = await search({ query: { id: "b", top_k: 1 }, fields: ["*"] });
    expect(hitsOf(all)[0]?.fields).toHaveProperty("body");
    const [vector] = await createBuiltInEmbedder().embed(["bread"]);
    const values = Array.from(vector ?? []);
    const byVector = await search({ query: { vector: { values }, top_k: 1 }, fields: [] });
    expect(hitsOf(byVector)).toMatchObject([{ _id: "b", fields: {} }]);
  });

  test("come in the order of the reranker, with its scores", async () => {
    await upsert(RECORDS);
    const query = { id: "b", top_k: 3 };
    const rerank = {
      ...{ model: "bge-reranker-v2-m3", rank_fields: ["body"], top_n: 2 },
      query: "heating of the house",
    };
    const found = await search({ query, rerank });
    expect(hitsOf(found)[0]).toMatchObject({ _id: "c" });
    expect(hitsOf(found)).toHaveLength(2);
    expect(found.json).toMatchObject({ usage: { rerank_units: 1 } });
    const same = { query: { inputs: { text: rerank.query }, top_k: 3 } };
    const own = { model: rerank.model, rank_fields: ["body"] };
    expect(idsOf(await search({ ...same, rerank: own }))[0]).toBe("c");
    for (const wrong of [{ rank_fields: ["floor"] }, { query: undefined }, { model: "gone" }]) {
      const { status } = await search({ query, rerank: { ...rerank, ...wrong } });
      expect(status).toBe("model" in wrong ? 404 : 400);
    }
  });

  test("replace the record of their id as a whole, and the last of one request counts", async () => {
    await upsert([...RECORDS, { _id: "a", body: "A new text", id: "other" }]);
    const { json } = await bench.send("GET /ix/texts/vectors/fetch?ids=a&namespace=t1");
    expect((json as { vectors: { a: { metadata: object } } }).vectors.a.metadata).toEqual({
      ...{ body: "A new text", id: "other" },
    });
  });

  test.each([
    [{ body: "without an id" }],
    [{ _id: 7, body: "a number for an id" }],
    [{ _id: "x" }],
    [{ _id: "x", body: 7 }],
    [{ _id: "x", body: " " }],
    [{ _id: "x", body: "nested", more: { a: 1 } }],
  ])("such as %j are refused, and none of the request is written", async (wrong) => {
    expect((await upsert([...RECORDS, wrong])).status).toBe(400);
    const place = { database: "pinecone", collection: "texts", tenant: "t1" };
    expect(await bench.engine.getTenant(place)).toBeUndefined();
  });

  test("that are no lines of JSON are refused", async () => {
    for (const body of ["", "{", "[]", '{"_id":"a","body":"b"}{"_id":"c","body":"d"}']) {
      expect((await bench.send(`POST ${PLACE}/t1/upsert`, { body })).status).toBe(400);
    }
  });

  test.each([
    [{}],
    [{ top_k: 1 }],
    [{ top_k: 0, inputs: { text: "a" } }],
    [{ top_k: 1, inputs: {} }],
    [{ top_k: 1, inputs: { text: " " } }],
    [{ top_k: 1, inputs: { text: "a" }, id: "a" }],
    [{ top_k: 1, vector: { values: [1] } }],
  ])("are not searched with %j", async (query) => {
    await upsert(RECORDS);
    expect((await search({ query })).status).toBe(400);
  });

  test("are not searched by terms, which is said", async () => {
    const query = { inputs: { text: "a" }, top_k: 1, match_terms: { strategy: "all", terms: [] } };
    expect((await search({ query })).status).toBe(501);
  });

  test("need the rights of records in the namespace", async () => {
    await upsert(RECORDS);
    const grant = { databases: ["pinecone"], collections: ["texts"], tenants: ["t1"] };
    const reader = await bench.keyWith({ actions: ["records:Search"], ...grant });
    const query = { inputs: { text: "bread" }, top_k: 1 };
    const at = (namespace: string, verb: string, body: unknown): Promise<BenchAnswer> =>
      bench.send(`POST ${PLACE}/${namespace}/${verb}`, { apiKey: reader, body });
    expect((await at("t1", "search", { query })).status).toBe(200);
    expect((await at("t2", "search", { query })).status).toBe(403);
    expect((await at("t1", "upsert", JSON.stringify(RECORDS[0]))).status).toBe(403);
  });
});

test("an index keeps its model when the server is given another, or is refused when it is gone", async () => {
  const vectors = { embed: (texts: readonly string[]) => Promise.resolve(texts.map(() => UNIT)) };
  const UNIT = Float32Array.of(0, 1, 0);
  await make();
  configured = { model: "letters", dimension: 3, ...vectors };
  expect((await upsert(RECORDS)).status).toBe(201);
  await bench.send("DELETE /indexes/texts");
  await make({ model: "multilingual-e5-large" });
  expect((await bench.send("GET /indexes/texts")).json).toMatchObject({ dimension: 3 });
  expect((await upsert(RECORDS)).status).toBe(201);
  configured = { model: "words", dimension: 3, ...vectors };
  expect(await upsert(RECORDS)).toMatchObject({ status: 412, json: { code: 9 } });
});
