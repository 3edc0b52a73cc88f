/** Puts the hits of a search, of one place or merged from many, into the order of a reranker. */
import { RERANK_DOCUMENTS_MAX } from "./limits.ts";
import type { Reranker } from "./reranker.ts";

export interface RerankOptions<Hit> {
  readonly query: string;
  readonly reranker: Reranker;
  /** The text a hit is judged by; undefined: it has none. */
  textOf(hit: Hit): string | undefined;
  /** Hits returned at most, at least 1. */
  readonly topK: number;
  readonly signal?: AbortSignal;
}

export type RerankedHit<Hit> = Hit & {
  /** As the reranker says; absent for hits it was not shown. */
  readonly relevance?: number;
};

type HitOf<Result extends { readonly hits: readonly object[] }> = Result["hits"][number];

export type RerankedResult<Result extends { readonly hits: readonly object[] }> = Omit<
  Result,
  "hits"
> & { readonly hits: readonly RerankedHit<HitOf<Result>>[] };

/**
 * The result with its hits in the order of their relevance and cut to `topK`; everything else in it
 * (failures of places, plans) stays. Hits without a text, and those behind the first
 * {@link RERANK_DOCUMENTS_MAX} with one, follow in their old order. The result given is not
 * changed.
 *
 * @throws as {@link Reranker.rerank}; then the caller still has the order of distances.
 */
export async function rerankHits<Result extends { readonly hits: readonly object[] }>(
  result: Result,
  options: RerankOptions<HitOf<Result>>,
): Promise<RerankedResult<Result>> {
  const { query, reranker, topK, signal } = options;
  const shown: { readonly hit: HitOf<Result>; readonly text: string }[] = [];
  const others: HitOf<Result>[] = [];
  for (const hit of result.hits as readonly HitOf<Result>[]) {
    const text = options.textOf(hit);
    const isShown = text !== undefined && text.trim() !== "" && shown.length < RERANK_DOCUMENTS_MAX;
    if (isShown) shown.push({ hit, text });
    else others.push(hit);
  }
  const hits: RerankedHit<HitOf<Result>>[] = [];
  if (shown.length > 0) {
    const ranked = await reranker.rerank(
      query,
      shown.map(({ text }) => text),
      { topN: Math.min(topK, shown.length), ...(signal === undefined ? {} : { signal }) },
    );
    for (const { position, relevance } of ranked) {
      const place = shown[position];
      if (place !== undefined) hits.push({ ...place.hit, relevance });
    }
  }
  return { ...result, hits: [...hits, ...others].slice(0, topK) };
}
