/**
 * Texts to vectors, and hits to a better order.
 *
 * For: the command line's `put` and `query` by text, the embedding endpoint of the vendors' tools,
 * searches by text and reranking in the native interface. Not for: storing or searching vectors;
 * nothing here knows a collection, and no embedder keeps a text or a vector between two calls.
 *
 * *Embedders*, one interface (embedder.ts), opened by {@link openEmbedder}:
 * - built-in: hashes words and character n-grams (feature hashing: Weinberger et al., ICML 2009;
 *   n-grams of words: Bojanowski et al., TACL 2017). It is lexical, not semantic, and says so in
 *   its name, `insula-lexical-1`. It costs no memory, no start-up time and no network; a thousand
 *   short texts take well under a second.
 * - HTTP: DashScope, or any service with the interface of OpenAI. Texts go out in calls bounded by
 *   count and bytes, a few at once; json-caller.ts holds time, size, retries and redirects.
 * - local: a model in this process, through an optional package of the user's.
 *
 * *Rerankers*: reciprocal rank fusion and maximal marginal relevance are pure functions, a
 * cross-encoder is asked over HTTP, and any embedder makes one of similarity; {@link rerankHits}
 * applies one to the hits of a search. Types of hits are structural: this room does not see the
 * model.
 *
 * Invariants: equal text, model and dimension give bit-equal vectors from the built-in embedder, on
 * every machine and in every later release under the same name; every vector has length 1 and is
 * never zero; a blank text is an error, because any vector for it would be a lie that search would
 * repeat. No error or log line holds a key, a text or what a service said in its own words.
 *
 * Sources: the embedding and rerank calls of Alibaba Cloud Model Studio, OpenAI's embeddings call,
 * Cohere's rerank call, as publicly documented.
 */
export {
  BUILT_IN_DIMENSION,
  BUILT_IN_MODEL,
  createBuiltInEmbedder,
  type BuiltInEmbedderOptions,
} from "./built-in-embedder.ts";
export { selectDiverse, type DiverseOptions } from "./diverse-selection.ts";
export type { Embedder } from "./embedder.ts";
export { openHttpEmbedder, type HttpEmbedderSettings } from "./http-embedder.ts";
export { createHttpReranker, type HttpRerankerSettings } from "./http-reranker.ts";
export type { CallDoors, CallLimits } from "./json-caller.ts";
export {
  EMBED_DIMENSION_MAX,
  EMBED_TEXT_LENGTH_MAX,
  EMBED_TEXTS_MAX,
  RERANK_DOCUMENTS_MAX,
} from "./limits.ts";
export {
  LOCAL_MODEL_PACKAGE,
  openLocalEmbedder,
  type LocalEmbedderSettings,
} from "./local-embedder.ts";
export {
  openEmbedder,
  type BuiltInEmbedderSettings,
  type EmbedderSettings,
} from "./open-embedder.ts";
export { fuseRankings, originOf, type Fused, type FusionOptions } from "./rank-fusion.ts";
export {
  rerankHits,
  type RerankedHit,
  type RerankedResult,
  type RerankOptions,
} from "./rerank-hits.ts";
export type { RankedDocument, Reranker } from "./reranker.ts";
export { createSimilarityReranker, SIMILARITY_RERANKER } from "./similarity-reranker.ts";
export { estimateTokens } from "./token-estimate.ts";
