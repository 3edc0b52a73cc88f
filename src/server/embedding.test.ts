import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CallDoors } from "../embed/index.ts";
import { createReranker, readEmbedderSettings, shareEmbedder } from "./embedding.ts";
import { loadConfig } from "./load-config.ts";

const DOORS: CallDoors = {
  clock: { wallMs: () => 0, after: () => ({ cancel: () => undefined }) },
  random: { bytes: (count) => new Uint8Array(count) },
};

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "insula-embedding-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("the embedder of a configuration", () => {
  test("is the built-in one without any, DashScope with its own address and model by name", () => {
    expect(readEmbedderSettings(loadConfig({}))).toEqual({ kind: "built-in" });
    expect(readEmbedderSettings(loadConfig({ flags: { embedder: "dashscope" } }))).toEqual({
      kind: "dashscope",
      url: "https://dashscope.aliyuncs.com/api/v1",
      model: "text-embedding-v4",
    });
  });

  test("takes address, model, dimension and key from the environment", () => {
    const environment = {
      INSULA_EMBEDDER: "openai",
      INSULA_EMBEDDER_URL: "http://127.0.0.1:11434/v1",
      INSULA_EMBEDDER_MODEL: "nomic-embed-text",
      INSULA_EMBEDDER_DIMENSION: "256",
      INSULA_EMBEDDER_KEY: "sk-x",
    };
    expect(readEmbedderSettings(loadConfig({ environment }))).toEqual({
      kind: "openai",
      url: "http://127.0.0.1:11434/v1",
      model: "nomic-embed-text",
      dimension: 256,
      apiKey: "sk-x",
    });
  });

  test("takes the key from the first line of a file, and names a file that is none", () => {
    const file = join(folder, "key");
    const config = loadConfig({ flags: { embedder: "dashscope", embedderKeyFile: file } });
    expect(() => readEmbedderSettings(config)).toThrow(/--embedder-key-file .*cannot be read/);
    writeFileSync(file, "sk-from-file \nmore\n");
    expect(readEmbedderSettings(config)).toMatchObject({ apiKey: "sk-from-file" });
    writeFileSync(file, "\nhush");
    expect(() => readEmbedderSettings(config)).toThrow(/first line/);
    writeFileSync(file, "hüsh");
    expect(() => readEmbedderSettings(config)).not.toThrow(/hüsh/);
  });

  test("is opened once for all, and again after a failure", async () => {
    const missing = shareEmbedder({ kind: "local", model: "m" }, DOORS);
    await expect(missing()).rejects.toMatchObject({ code: "embedder_unusable" });
    await expect(missing()).rejects.toMatchObject({ code: "embedder_unusable" });
    const shared = shareEmbedder({ kind: "built-in" }, DOORS);
    expect(await shared()).toBe(await shared());
  });
});

test("a reranker is there only when it is configured", () => {
  expect(createReranker(loadConfig({}), DOORS)).toBeUndefined();
  const flags = { reranker: "dashscope", rerankerModel: "gte-rerank-v2" };
  expect(createReranker(loadConfig({ flags }), DOORS)?.model).toBe("gte-rerank-v2");
});

test.each([
  [{ embedder: "openai", embedderModel: "m" }, "--embedder-url"],
  [{ embedder: "openai", embedderUrl: "http://x/v1" }, "--embedder-model"],
  [{ embedder: "local" }, "--embedder-model"],
  [{ embedder: "dashscope", embedderModel: "insula-lexical-1" }, "--embedder-model"],
  [{ embedderModel: "text-embedding-v4" }, "--embedder-model"],
  [{ embedderDimension: "4097" }, "--embedder-dimension"],
  [{ embedder: "dashscope", embedderUrl: "ftp://x" }, "--embedder-url"],
  [{ embedder: "dashscope", embedderUrl: "https://me:hush@x/v1" }, "--embedder-url"],
  [{ embedder: "dashscope", embedderUrl: "https://x/v1?key=hush" }, "--embedder-url"],
  [{ embedder: "dashscope", embedderKey: "hush hush" }, "--embedder-key"],
  [{ embedderKey: "hush", embedderKeyFile: "f" }, "--embedder-key-file"],
  [{ reranker: "cohere", rerankerModel: "m" }, "--reranker-url"],
  [{ reranker: "dashscope" }, "--reranker-model"],
])("the settings %j are refused by name, without their secrets", (flags, name) => {
  const load = () => loadConfig({ flags });
  expect(load).toThrow(`Cannot use ${name}:`);
  expect(load).not.toThrow(/hush/);
});
