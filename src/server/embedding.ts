/** From the configuration to the embedder and the reranker it names. */
import { readFileSync } from "node:fs";
import { InsulaError } from "../base/errors.ts";
import {
  createHttpReranker,
  openEmbedder,
  type CallDoors,
  type Embedder,
  type EmbedderSettings,
  type Reranker,
} from "../embed/index.ts";
import { toFlag, toVariable, type ServerConfig } from "./config.ts";

/** Base address of the vendor's service. */
const DASHSCOPE_URL = "https://dashscope.aliyuncs.com/api/v1";
/** Model taken when nobody names one. */
const DASHSCOPE_MODEL = "text-embedding-v4";

/**
 * What the embedder is opened with.
 *
 * @throws InsulaError `setting_invalid` when the file of the key cannot be read or holds no key.
 */
export function readEmbedderSettings(config: ServerConfig): EmbedderSettings {
  const { embedder, embedderUrl, embedderModel, embedderDimension: dimension } = config;
  switch (embedder) {
    case "built-in":
      return { kind: "built-in", dimension };
    case "local":
      return { kind: "local", model: embedderModel ?? "", dimension };
    case "dashscope":
    case "openai":
      return {
        kind: embedder,
        url: embedderUrl ?? DASHSCOPE_URL,
        model: embedderModel ?? DASHSCOPE_MODEL,
        dimension,
        apiKey: config.embedderKey ?? readKey("embedderKeyFile", config.embedderKeyFile),
      };
  }
}

/** Undefined when it is off. @throws as {@link readEmbedderSettings} */
export function createReranker(config: ServerConfig, doors: CallDoors): Reranker | undefined {
  const { reranker, rerankerUrl, rerankerModel } = config;
  if (reranker === "off") return undefined;
  return createHttpReranker(
    {
      kind: reranker,
      url: rerankerUrl ?? DASHSCOPE_URL,
      model: rerankerModel ?? "",
      apiKey: config.rerankerKey ?? readKey("rerankerKeyFile", config.rerankerKeyFile),
    },
    doors,
  );
}

/** Opens one embedder for all who ask, with the first call; a failure is forgotten. */
export function shareEmbedder(
  settings: EmbedderSettings,
  doors: CallDoors,
): () => Promise<Embedder> {
  let opening: Promise<Embedder> | undefined;
  return () => {
    opening ??= openEmbedder(settings, doors).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
}

function readKey(name: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const label = `${toFlag(name)} (${toVariable(name)})`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new InsulaError(
      "setting_invalid",
      `Cannot use ${label}: the file ${path} cannot be read.`,
      { cause },
    );
  }
  const key = (text.split("\n", 1)[0] ?? "").trim();
  if (/^[\x21-\x7e]{1,512}$/.test(key)) return key;
  throw new InsulaError(
    "setting_invalid",
    `Cannot use ${label}: expected 1 to 512 visible ASCII characters in the first line of ${path}.`,
  );
}
