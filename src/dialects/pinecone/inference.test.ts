import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";
import { createBuiltInEmbedder, type Embedder, type Reranker } from "../../embed/index.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
});
afterEach(() => bench.close());

/** A service with three dimensions, which counts letters. */
const SERVICE: Embedder = {
  ...{ model: "letters", dimension: 3 },
  embed: (texts) => Promise.resolve(texts.map(() => Float32Array.of(1, 0, 0))),
};
/** Takes the longest for the best. */
const LONGEST: Reranker = {
  model: "longest",
  rerank: (_, documents, { topN } = {}) =>
    Promise.resolve(
      documents
        .map((text, position) => ({ position, relevance: text.length / 100 }))
        .sort((a, b) => b.relevance - a.relevance)
        .slice(0, topN),
    ),
};

async function withService(): Promise<void> {
  await bench.close();
  const more = { openEmbedder: () => Promise.resolve(SERVICE), reranker: LONGEST };
  bench = await PineconeBench.open(undefined, more);
}

function refused(status: number, code: string): object {
  return { status, json: { status, error: { code, message: expect.any(String) as string } } };
}

function embed(body: object): Promise<BenchAnswer> {
  const asked = { model: "multilingual-e5-large", inputs: [{ text: "a cold radiator" }], ...body };
  return bench.send("POST /embed", { body: asked });
}

interface Embedded {
  readonly model: string;
  readonly data: readonly { readonly values: readonly number[]; readonly vector_type: string }[];
  readonly usage: { readonly total_tokens: number };
}

describe("embed", () => {
  test("gives each text the vector of the built-in model, under the name that was asked", async () => {
    const inputs = [{ text: "a cold radiator" }, { text: "bread" }];
    const parameters = { input_type: "passage", truncate: "END" };
    const answer = await embed({ inputs, parameters });
    expect(answer).toMatchObject({ status: 200, json: { vector_type: "dense" } });
    const { model, data, usage } = answer.json as Embedded;
    expect([model, usage]).toEqual(["multilingual-e5-large", { total_tokens: 6 }]);
    const vectors = await createBuiltInEmbedder({ dimension: 1_024 }).embed(
      inputs.map(({ text }) => text),
    );
    expect(data.map(({ values }) => Float32Array.from(values))).toEqual(vectors);
    expect(data.map((item) => item.vector_type)).toEqual(["dense", "dense"]);
  });

  test("has as many numbers as are asked for where the model may have them", async () => {
    const lengthOf = async (model: string, dimension?: number): Promise<number | undefined> => {
      const answer = await embed({ model, parameters: { dimension } });
      return (answer.json as Partial<Embedded>).data?.[0]?.values.length;
    };
    expect(await lengthOf("llama-text-embed-v2")).toBe(1_024);
    expect(await lengthOf("llama-text-embed-v2", 384)).toBe(384);
    expect(await lengthOf("llama-text-embed-v2", 385)).toBeUndefined();
    expect(await lengthOf("insula-lexical-1", 385)).toBe(385);
    expect(await lengthOf("insula-lexical-1", 4_097)).toBeUndefined();
  });

  test("is answered by the embedder of the configuration under every vendor's name", async () => {
    await withService();
    for (const model of ["letters", "multilingual-e5-large"]) {
      const { json } = await embed({ model });
      expect(json).toMatchObject({ model, data: [{ values: [1, 0, 0] }] });
    }
    const parameters = { dimension: 1_024 };
    expect(await embed({ parameters })).toMatchObject(refused(400, "INVALID_ARGUMENT"));
    const builtIn = await embed({ model: "insula-lexical-1" });
    expect((builtIn.json as Embedded).data[0]?.values).toHaveLength(1_024);
  });

  test.each([
    [{ model: undefined }],
    [{ inputs: [] }],
    [{ inputs: [{ text: " " }] }],
    [{ inputs: [{ words: "a" }] }],
    [{ inputs: Array.from({ length: 97 }, () => ({ text: "a" })) }],
    [{ parameters: { input_type: "other" } }],
  ])("refuses %j", async (wrong) => {
    expect(await embed(wrong)).toMatchObject(refused(400, "INVALID_ARGUMENT"));
  });

  test("of a model that is not here is refused with the names of those that are", async () => {
    const answer = await embed({ model: "gone" });
    expect(answer).toMatchObject(refused(404, "NOT_FOUND"));
    expect(answer.text).toContain("insula-lexical-1");
  });
});

describe("rerank", () => {
  const DOCUMENTS = [{ text: "bread" }, { text: "radiators are cold" }, { text: "warm bread" }];

  function rerank(body: object): Promise<BenchAnswer> {
    const asked = { model: "bge-reranker-v2-m3", query: "warm bread", documents: DOCUMENTS };
    return bench.send("POST /rerank", { body: { ...asked, ...body } });
  }

  test("puts documents into the order of their similarity where there is no service", async () => {
    const { status, json } = await rerank({ top_n: 2 });
    expect(status).toBe(200);
    const { data, usage } = json as { data: { index: number; score: number }[]; usage: object };
    expect(data).toMatchObject([
      { index: 2, score: expect.closeTo(1, 6) as number, document: DOCUMENTS[2] },
      { index: 0, document: DOCUMENTS[0] },
    ]);
    expect(data).toHaveLength(2);
    expect(usage).toEqual({ rerank_units: 1 });
  });

  test("asks the service there is, about the fields that are named", async () => {
    await withService();
    const documents = [
      { title: "a", body: "long enough" },
      { title: "bb", body: "short" },
    ];
    const asked = { documents, rank_fields: ["title"], return_documents: false };
    const { json } = await rerank({ model: "longest", ...asked });
    expect(json).toMatchObject({ data: [{ index: 1, score: 0.02 }, { index: 0 }] });
    expect(JSON.stringify(json)).not.toContain("document");
    const both = await rerank({ documents, rank_fields: ["title", "body"] });
    expect(both.json).toMatchObject({ model: "bge-reranker-v2-m3", data: [{ index: 0 }, {}] });
  });

  test("gives a blank document no relevance, and takes documents that are texts", async () => {
    const { json } = await rerank({ documents: [" ", "warm"] });
    expect(json).toMatchObject({ data: [{ index: 1 }, { index: 0, score: 0 }] });
  });

  test.each([
    [{ query: "" }],
    [{ documents: [] }],
    [{ documents: [{ body: "a" }] }],
    [{ top_n: 0 }],
    [{ documents: Array.from({ length: 501 }, () => "a") }],
  ])("refuses %j", async (wrong) => {
    expect(await rerank(wrong)).toMatchObject(refused(400, "INVALID_ARGUMENT"));
  });

  test("by a model that is not here is refused", async () => {
    expect(await rerank({ model: "gone" })).toMatchObject(refused(404, "NOT_FOUND"));
  });
});

describe("models", () => {
  async function names(query = ""): Promise<readonly string[]> {
    const { json } = await bench.send(`GET /models${query}`);
    return (json as { models: { model: string }[] }).models.map(({ model }) => model);
  }

  test("are listed by their type, and say which model answers for them", async () => {
    const embedders = ["insula-lexical-1", "multilingual-e5-large", "llama-text-embed-v2"];
    expect(await names("?type=embed")).toEqual(embedders);
    expect(await names("?vector_type=dense")).toEqual(embedders);
    expect(await names("?type=rerank")).toContain("bge-reranker-v2-m3");
    expect(await names()).toEqual([...embedders, ...(await names("?type=rerank"))]);
    const { json } = await bench.send("GET /models/llama-text-embed-v2");
    expect(json).toMatchObject({
      ...{ type: "embed", vector_type: "dense", default_dimension: 1_024 },
      short_description: expect.stringContaining("answered by insula-lexical-1") as string,
      supported_dimensions: [384, 512, 768, 1_024, 2_048],
    });
    expect(await bench.send("GET /models/gone")).toMatchObject(refused(404, "NOT_FOUND"));
    expect((await bench.send("GET /models?type=other")).status).toBe(400);
  });

  test("of a configured service stand first", async () => {
    await withService();
    expect((await names())[0]).toBe("letters");
    expect((await names("?type=rerank"))[0]).toBe("longest");
    const { json } = await bench.send("GET /models/multilingual-e5-large");
    expect(json).toMatchObject({ default_dimension: 3, supported_dimensions: [3] });
  });
});
