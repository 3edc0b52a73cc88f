import { InsulaError } from "../base/errors.ts";
import { RERANK_DOCUMENTS_MAX, RERANK_TEXT_LENGTH_MAX } from "./limits.ts";

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

/** What all bodies ask of a call. @throws InsulaError `batch_too_large`, `argument_invalid` */
export function checkRerank(query: string, documents: readonly string[], topN: number): void {
  if (documents.length > RERANK_DOCUMENTS_MAX) {
    throw new InsulaError(
      "batch_too_large",
      `Cannot rerank: expected at most ${String(RERANK_DOCUMENTS_MAX)} documents, received ${String(documents.length)}.`,
    );
  }
  if (documents.length === 0 || !Number.isInteger(topN) || topN < 1) {
    throw new InsulaError("argument_invalid", "Cannot rerank: expected at least one document.");
  }
  if (query.trim() === "" || query.length > RERANK_TEXT_LENGTH_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot rerank: expected a query of 1 to ${String(RERANK_TEXT_LENGTH_MAX)} characters.`,
    );
  }
}
