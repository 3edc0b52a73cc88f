/** How the services want texts and give vectors: one shape each, requests out, answers decoded. */
import { InsulaError } from "../base/errors.ts";
import { membersOf } from "./http-failure.ts";
import { DASHSCOPE_TEXTS_MAX, OPENAI_TEXTS_MAX } from "./limits.ts";

export interface ServiceShape {
  /** Below the base address. */
  readonly path: string;
  readonly textsMax: number;
  /** @param dimension  asked for; undefined: what the model has. */
  request(model: string, texts: readonly string[], dimension: number | undefined): unknown;
  /**
   * The lists of numbers in the order of the texts, not looked at yet.
   * @throws InsulaError `embedder_unusable`
   */
  decode(answer: unknown, textCount: number): readonly unknown[];
}

/**
 * `POST {base}/embeddings`, as OpenAI, Ollama, vLLM, LM Studio and many others have it.
 *
 * `dimensions` is sent only when somebody set one: vLLM refuses it for models that cannot shorten
 * their vectors.
 */
export const OPENAI_SHAPE: ServiceShape = {
  path: "/embeddings",
  textsMax: OPENAI_TEXTS_MAX,
  request: (model, texts, dimension) => ({
    model,
    input: texts,
    ...(dimension === undefined ? {} : { dimensions: dimension }),
  }),
  decode: (answer, textCount) =>
    inOrder(membersOf(answer)["data"], { textCount, positionName: "index" }),
};

/** The text embedding call of DashScope (Alibaba Cloud Model Studio). */
export const DASHSCOPE_SHAPE: ServiceShape = {
  path: "/services/embeddings/text-embedding/text-embedding",
  textsMax: DASHSCOPE_TEXTS_MAX,
  request: (model, texts, dimension) => ({
    model,
    input: { texts },
    parameters: dimension === undefined ? {} : { dimension },
  }),
  decode: (answer, textCount) =>
    inOrder(membersOf(membersOf(answer)["output"])["embeddings"], {
      textCount,
      positionName: "text_index",
    }),
};

/** Services may answer in any order: each element says which text it belongs to. */
function inOrder(
  list: unknown,
  expected: { readonly textCount: number; readonly positionName: string },
): readonly unknown[] {
  const { textCount, positionName } = expected;
  if (!Array.isArray(list)) throw malformed("expected a list of embeddings");
  if (list.length !== textCount) {
    throw malformed(`expected ${String(textCount)} embeddings, received ${String(list.length)}`);
  }
  const vectors = new Map<number, unknown>();
  for (const [i, item] of list.entries()) {
    const members = membersOf(item);
    const position = members[positionName] ?? i;
    const isOwn = typeof position === "number" && position in list && !vectors.has(position);
    if (!isOwn) throw malformed(`expected every ${positionName} once`);
    vectors.set(position, members["embedding"]);
  }
  return list.map((_, i) => vectors.get(i));
}

function malformed(reason: string): InsulaError {
  return new InsulaError("embedder_unusable", `Cannot read the model's answer: ${reason}.`);
}
