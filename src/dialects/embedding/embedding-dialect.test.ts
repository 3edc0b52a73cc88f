import { describe, expect, it } from "vitest";
import { InsulaError } from "../../base/errors.ts";
import type { HttpAnswer, HttpRequest } from "../../wire/index.ts";
import type { DialectContext } from "../dialect.ts";
import { createEmbeddingDialect } from "./index.ts";

const TEXT = "/api/v1/services/embeddings/text-embedding/text-embedding";
const MULTIMODAL = "/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding";

const observed: string[] = [];

/** The parts of the context this dialect may use; touching any other throws. */
function createContext(embedder?: DialectContext["openEmbedder"]): DialectContext {
  const context: Pick<DialectContext, "clock" | "observe"> & { access: unknown } = {
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    observe: (operation, outcome) => void observed.push(`${operation} ${outcome}`),
    ...(embedder === undefined ? {} : { openEmbedder: embedder }),
    access: {
      findToken: (token: string) =>
        Promise.resolve(
          token === "right" ? { kind: "key", keyId: "K", accountId: "1", grants: [] } : undefined,
        ),
    },
  };
  return context as unknown as DialectContext;
}

async function post(
  path: string,
  body: unknown,
  options: {
    readonly authorization?: string;
    readonly method?: string;
    readonly embedder?: DialectContext["openEmbedder"];
  } = {},
): Promise<{
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
  readonly answer: HttpAnswer;
}> {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const request: HttpRequest = {
    id: "0123456789ABCDEF01234567",
    method: options.method ?? "POST",
    target: path,
    scheme: "http",
    host: "127.0.0.1",
    path,
    query: "",
    headers: { authorization: options.authorization ?? "Bearer right" },
    remoteAddress: "127.0.0.1",
    readBody: (bytesMax) =>
      bytes.length > bytesMax
        ? Promise.reject(new InsulaError("body_too_large", "Cannot read the body: too large."))
        : Promise.resolve(bytes),
    signal: new AbortController().signal,
  };
  const answer = await createEmbeddingDialect(createContext(options.embedder)).handle(request);
  const text = Buffer.from(answer.body ?? "").toString();
  return { status: answer.status, text, json: JSON.parse(text), answer };
}

function ask(model: string, parameters: object, texts: unknown = ["Hello"]): unknown {
  return { model, parameters, input: { texts } };
}

function dimensionOf(json: unknown): number {
  const { output } = json as { output: { embeddings: { embedding: number[] }[] } };
  return output.embeddings[0]?.embedding.length ?? 0;
}

describe("embedding dialect", () => {
  it("answers texts in order with the embedding as first member", async () => {
    const { status, text, json, answer } = await post(
      TEXT,
      ask("text-embedding-v4", { dimensions: 8 }, ["a", "b"]),
    );
    expect(status).toBe(200);
    expect(text.startsWith('{"output":{"embeddings":[{"embedding":[')).toBe(true);
    expect(json).toMatchObject({
      output: { embeddings: [{ text_index: 0 }, { text_index: 1 }] },
      usage: { total_tokens: 2 },
      request_id: "0123456789ABCDEF01234567",
    });
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(observed.at(-1)).toBe("Embed ok");
  });

  it.each([
    ["text-embedding-v4", { dimensions: 1024 }, 1024],
    ["text-embedding-v4", { dimension: 64 }, 64],
    ["text-embedding-v4", { dimension: "64", dimensions: 1024 }, 64],
    ["text-embedding-v3", { dimensions: "33" }, 33],
    ["text-embedding-v3", {}, 1024],
    ["text-embedding-v1", {}, 1536],
    ["text-embedding-v2", { dimensions: "1536" }, 1536],
    ["insula-lexical-1", { dimension: 4096 }, 4096],
  ])("gives %s with %j the dimension %d", async (model, parameters, dimension) => {
    const { json } = await post(TEXT, ask(model, parameters));
    expect(dimensionOf(json)).toBe(dimension);
  });

  it.each([
    ["multimodal-embedding-v1", 1024],
    ["tongyi-embedding-vision-flash", 768],
    ["tongyi-embedding-vision-plus", 1152],
  ])("answers texts of the multimodal model %s in %d dimensions", async (model, dimension) => {
    const body = { model, parameters: { inputType: "text" }, input: { contents: [{ text: "q" }] } };
    const { status, json } = await post(MULTIMODAL, body);
    expect(status).toBe(200);
    expect(dimensionOf(json)).toBe(dimension);
  });

  it.each(["image", "video", "multi_images"])(
    "says plainly that it cannot see the %s",
    async (medium) => {
      const body = {
        model: "qwen2.5-vl-embedding",
        input: { contents: [{ [medium]: "https://x/y" }] },
      };
      const { status, json } = await post(MULTIMODAL, body);
      expect(status).toBe(400);
      expect(json).toMatchObject({ code: "UnsupportedOperation" });
      expect(json).toHaveProperty("message", expect.stringContaining("text only"));
    },
  );

  it.each([
    ["malformed JSON", "{"],
    ["a list", "[]"],
    ["an unknown model", ask("gpt-9", {})],
    ["a model of the other endpoint", ask("qwen2.5-vl-embedding", {})],
    ["no texts", ask("text-embedding-v4", {}, [])],
    ["26 texts", ask("text-embedding-v4", {}, new Array(26).fill("a"))],
    ["a text that is a number", ask("text-embedding-v4", {}, [1])],
    ["a blank text", ask("text-embedding-v4", {}, [" "])],
    ["an invisible text", ask("text-embedding-v4", {}, ["\u200b"])],
    ["a huge text", ask("text-embedding-v4", {}, ["a".repeat(65_537)])],
    ["dimension 0", ask("text-embedding-v4", { dimension: 0 })],
    ["dimension 4097", ask("text-embedding-v4", { dimension: 4097 })],
    ["dimension 1e3 as text", ask("text-embedding-v4", { dimension: "1e3" })],
    ["another dimension for a fixed model", ask("text-embedding-v1", { dimension: 1024 })],
    [
      "parameters that are a list",
      { model: "text-embedding-v4", parameters: [], input: { texts: "a" } },
    ],
  ])("refuses %s with InvalidParameter", async (_, body) => {
    const { status, json } = await post(TEXT, body);
    expect(status).toBe(400);
    expect(json).toMatchObject({
      code: "InvalidParameter",
      request_id: "0123456789ABCDEF01234567",
    });
  });

  it.each(["", "Bearer", "Bearer wrong", "Basic right"])(
    "refuses the authorization %j",
    async (authorization) => {
      const { status, json } = await post(TEXT, ask("text-embedding-v4", {}), { authorization });
      expect(status).toBe(401);
      expect(json).toMatchObject({ code: "InvalidApiKey" });
    },
  );

  it("refuses a huge body, another method and another path", async () => {
    expect((await post(TEXT, `"${"a".repeat(5_000_000)}"`)).status).toBe(413);
    expect((await post(TEXT, {}, { method: "PUT" })).status).toBe(404);
    expect((await post("/api/v1/services/other", {})).status).toBe(404);
  });
});

describe("embedding dialect with an embedder of its own", () => {
  const embedder = () =>
    Promise.resolve({
      model: "own-model",
      dimension: 3,
      embed: (texts: readonly string[]) =>
        Promise.resolve(texts.map(({ length }) => Float32Array.of(length, 0, 0))),
    });

  it.each([
    ["own-model", {}],
    ["own-model", { dimension: 3 }],
    ["text-embedding-v4", {}],
    ["text-embedding-v4", { dimensions: "3" }],
  ])("answers %s with %j by it", async (model, parameters) => {
    const { status, json } = await post(TEXT, ask(model, parameters), { embedder });
    expect(status).toBe(200);
    expect(json).toMatchObject({ output: { embeddings: [{ embedding: [5, 0, 0] }] } });
  });

  it.each([
    ["text-embedding-v4", { dimension: 1024 }],
    ["text-embedding-v1", {}],
    ["another-model", {}],
  ])("refuses %s with %j", async (model, parameters) => {
    const { status, json } = await post(TEXT, ask(model, parameters), { embedder });
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: "InvalidParameter" });
  });

  it("still serves the built-in model by its name, in any dimension", async () => {
    const { json } = await post(TEXT, ask("insula-lexical-1", { dimension: 7 }), { embedder });
    expect(dimensionOf(json)).toBe(7);
  });

  it("says when its service can be asked again", async () => {
    const busy = () =>
      Promise.reject(new InsulaError("embedder_unavailable", "busy", { retryAfterMs: 2_500 }));
    const { status, json, answer } = await post(TEXT, ask("own-model", {}), { embedder: busy });
    expect(status).toBe(503);
    expect(json).toMatchObject({ code: "ServiceUnavailable" });
    expect(answer.headers["retry-after"]).toBe("3");
  });

  it("asks the configured built-in embedder for its own dimension when nobody chooses", async () => {
    const builtIn = () =>
      Promise.resolve({
        model: "insula-lexical-1",
        dimension: 9,
        embed: () => Promise.resolve([]),
      });
    const { json } = await post(TEXT, ask("text-embedding-v4", {}), { embedder: builtIn });
    expect(dimensionOf(json)).toBe(9);
  });
});
