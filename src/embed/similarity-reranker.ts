/** A reranker made of an embedder, for whoever has no cross-encoder. */
import type { Embedder } from "./embedder.ts";
import { RERANK_TEXT_LENGTH_MAX } from "./limits.ts";
import { checkRerank, type Reranker } from "./reranker.ts";

/** Name under which it is served. */
export const SIMILARITY_RERANKER = "insula-similarity-1";

/**
 * Documents by the cosine of their vectors and the query's, 0 where it is negative.
 *
 * It knows what its embedder knows and no more: with the built-in one that is shared words. A
 * cross-encoder, which reads query and document together, is better at the same task.
 *
 * A blank document has relevance 0: no embedder takes it.
 *
 * Cost: one call of the embedder with all texts.
 */
export function createSimilarityReranker(openEmbedder: () => Promise<Embedder>): Reranker {
  return {
    model: SIMILARITY_RERANKER,
    rerank: async (query, documents, { topN = documents.length, signal } = {}) => {
      checkRerank(query, documents, topN);
      const embedder = await openEmbedder();
      const cut = documents.map((text) => text.slice(0, RERANK_TEXT_LENGTH_MAX));
      const shown = [...cut.entries()].filter(([, text]) => VISIBLE.test(text));
      const texts = [query, ...shown.map(([, text]) => text)];
      const [asked = NO_VECTOR, ...vectors] = await embedder.embed(texts, signal);
      const relevances = new Map(
        shown.map(([position], i) => [position, cosine(asked, vectors[i] ?? NO_VECTOR)]),
      );
      return documents
        .map((_, position) => ({ position, relevance: relevances.get(position) ?? 0 }))
        .sort((a, b) => b.relevance - a.relevance || a.position - b.position)
        .slice(0, topN);
    },
  };
}

const NO_VECTOR = new Float32Array(0);
/** As embedders see it: something other than blanks and control characters. */
const VISIBLE = /[^\s\p{C}]/u;

/** Of two vectors of length 1. */
function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return Math.min(1, Math.max(0, sum));
}
