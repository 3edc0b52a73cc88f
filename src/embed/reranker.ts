/** Puts documents into the order of their relevance to a query. */
export interface Reranker {
  readonly model: string;
  /**
   * @param documents  1 to {@link RERANK_DOCUMENTS_MAX} texts; long ones are cut at
   *                   {@link RERANK_TEXT_LENGTH_MAX} units.
   * @returns          the `topN` most relevant (default: all), best first, ties by position.
   * @throws InsulaError `batch_too_large`, `argument_invalid`, `embedder_unavailable`,
   *         `embedder_unusable`; the signal's reason when it is aborted.
   */
  rerank(
    query: string,
    documents: readonly string[],
    options?: { readonly topN?: number; readonly signal?: AbortSignal },
  ): Promise<readonly RankedDocument[]>;
}

export interface RankedDocument {
  /** Position in the documents given. */
  readonly position: number;
  /** Larger is more relevant; comparable within one answer only. */
  readonly relevance: number;
}
