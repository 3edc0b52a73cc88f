/** Bounds of embedders and rerankers. */

/** Texts of one `embed`. Source: ours; one batch of records, see BATCH_RECORDS_MAX. */
export const EMBED_TEXTS_MAX = 10_000;
/** UTF-16 units of one text. Source: ours; about two books, far above any chunk worth a vector. */
export const EMBED_TEXT_LENGTH_MAX = 4_194_304;
/**
 * Components of the built-in embedder. Source: 4,096 is the largest of the vendors we speak for.
 */
export const EMBED_DIMENSION_MAX = 4_096;

/** Texts of one call to an OpenAI-compatible service. Source: ours; the strictest take 96. */
export const OPENAI_TEXTS_MAX = 64;
/** Texts of one call to DashScope. Source: text-embedding-v3 and -v4. */
export const DASHSCOPE_TEXTS_MAX = 10;
/** Texts of one run of a local model: its memory grows with them. */
export const LOCAL_TEXTS_MAX = 16;
/** UTF-8 bytes of the texts of one call, more only when a single text is longer. */
export const CALL_TEXT_BYTES_MAX = 262_144;
/** Calls of one embedder or reranker under way at once. */
export const CALLS_AT_ONCE_MAX = 4;
/** Calls that wait for one of those places; beyond, a call is refused at once. */
export const CALLS_WAITING_MAX = 1_024;
/** Tries of one call, the first counted. */
export const CALL_TRIES_MAX = 4;
/** From the first byte sent to the last byte received, of one try, ms. */
export const CALL_TIMEOUT_MS = 60_000;
/** Pause before the second try, ms; doubled for each further one, then a random part is taken. */
export const RETRY_PAUSE_MS_MIN = 500;
export const RETRY_PAUSE_MS_MAX = 20_000;
/** A service that asks to wait longer is not waited for, ms; the caller is told how long. */
export const RETRY_AFTER_MS_MAX = 60_000;
/** Bytes of an answer. Source: 64 vectors of 16,384 numbers of 25 characters. */
export const ANSWER_BYTES_MAX = 33_554_432;
/** Bytes of an answer that says no. */
export const REFUSAL_BYTES_MAX = 65_536;

/** Documents of one call to a reranker. Source: 500 in DashScope, 1,000 in Cohere. */
export const RERANK_DOCUMENTS_MAX = 500;
/** UTF-16 units of a document that a reranker is shown; the rest is cut off, as the vendors do. */
export const RERANK_TEXT_LENGTH_MAX = 16_384;
/** Hits among which diverse ones are chosen: the work grows with their square. */
export const DIVERSE_HITS_MAX = 1_000;
/** Hits of all lists together that are fused. Source: ten lists of TOP_K_MAX. */
export const FUSED_HITS_MAX = 100_000;
