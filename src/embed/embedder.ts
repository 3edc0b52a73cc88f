/**
 * Turns texts into vectors. One interface, several bodies: built-in now, HTTP and local models
 * later.
 */
export interface Embedder {
  /**
   * Name that a collection remembers, so that texts are never searched with vectors of another
   * model. Two embedders with one name and one dimension give equal vectors for equal texts.
   */
  readonly model: string;
  /** Components of every vector. */
  readonly dimension: number;
  /**
   * @param texts   0 to {@link EMBED_TEXTS_MAX}; not kept.
   * @returns       one vector of length 1 per text, in order, `dimension` finite float32 each,
   *                owned by the caller.
   * @throws InsulaError `batch_too_large`, or `argument_invalid` for a text that is blank or too
   *         long; then nothing is returned. The signal's reason when it is aborted.
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
}

/** Texts of one call. Source: ours; one batch of records, see BATCH_RECORDS_MAX. */
export const EMBED_TEXTS_MAX = 10_000;
/** UTF-16 units of one text. Source: ours; about two books, far above any chunk worth a vector. */
export const EMBED_TEXT_LENGTH_MAX = 4_194_304;
/**
 * Components of the built-in embedder. Source: 4,096 is the largest of the vendors we speak for.
 */
export const EMBED_DIMENSION_MAX = 4_096;
