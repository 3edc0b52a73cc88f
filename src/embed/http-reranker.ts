/** A cross-encoder behind HTTP, in the shape of DashScope or of Cohere. */
import { InsulaError } from "../base/errors.ts";
import { membersOf } from "./http-failure.ts";
import { JsonCaller, type CallDoors, type CallLimits } from "./json-caller.ts";
import { RERANK_TEXT_LENGTH_MAX } from "./limits.ts";
import { checkRerank, type RankedDocument, type Reranker } from "./reranker.ts";

export interface HttpRerankerSettings {
  /** `cohere`: `POST {url}/rerank`, also of vLLM, Jina and others. */
  readonly kind: "dashscope" | "cohere";
  /** Base address; http or https, without credentials. */
  readonly url: string;
  readonly model: string;
  /** Visible ASCII. */
  readonly apiKey?: string | undefined;
}

interface RerankCall {
  readonly model: string;
  readonly query: string;
  readonly documents: readonly string[];
  readonly topN: number;
}

interface RerankShape {
  readonly path: string;
  request(call: RerankCall): unknown;
  /** The list of `{index, relevance_score}`, not looked at yet. */
  results(answer: unknown): unknown;
}

const SHAPES: Readonly<Record<HttpRerankerSettings["kind"], RerankShape>> = {
  dashscope: {
    path: "/services/rerank/text-rerank/text-rerank",
    request: ({ model, query, documents, topN }) => ({
      model,
      input: { query, documents },
      parameters: { top_n: topN, return_documents: false },
    }),
    results: (answer) => membersOf(membersOf(answer)["output"])["results"],
  },
  cohere: {
    path: "/rerank",
    request: ({ model, query, documents, topN }) => ({ model, query, documents, top_n: topN }),
    results: (answer) => membersOf(answer)["results"],
  },
};

/** Sends nothing before the first call. */
export function createHttpReranker(
  settings: HttpRerankerSettings,
  doors: CallDoors,
  limits?: Partial<CallLimits>,
): Reranker {
  const shape = SHAPES[settings.kind];
  const endpoint = new URL(`${settings.url.replace(/\/+$/, "")}${shape.path}`);
  const { model, apiKey } = settings;
  const caller = new JsonCaller({ endpoint, apiKey, doors, limits });
  return {
    model,
    rerank: async (query, documents, options = {}) => {
      const topN = Math.min(options.topN ?? documents.length, documents.length);
      checkRerank(query, documents, topN);
      const cut = documents.map((text) => text.slice(0, RERANK_TEXT_LENGTH_MAX));
      const answer = await caller.post(
        shape.request({ model, query, documents: cut, topN }),
        options.signal,
      );
      return decodeResults(shape.results(answer), documents.length, topN);
    },
  };
}

function decodeResults(list: unknown, documentCount: number, topN: number): RankedDocument[] {
  if (!Array.isArray(list) || list.length < topN) {
    throw malformed(`expected a list of at least ${String(topN)} results`);
  }
  const ranked = new Map<number, RankedDocument>();
  for (const item of list as readonly unknown[]) {
    const { index, relevance_score: relevance } = membersOf(item);
    const isPosition =
      typeof index === "number" && Number.isInteger(index) && index >= 0 && index < documentCount;
    if (!isPosition || ranked.has(index)) throw malformed("expected every index once");
    if (typeof relevance !== "number" || !Number.isFinite(relevance)) {
      throw malformed("expected a relevance_score for each result");
    }
    ranked.set(index, { position: index, relevance });
  }
  return [...ranked.values()]
    .sort((a, b) => b.relevance - a.relevance || a.position - b.position)
    .slice(0, topN);
}

function malformed(reason: string): InsulaError {
  return new InsulaError("embedder_unusable", `Cannot read the reranker's answer: ${reason}.`);
}
