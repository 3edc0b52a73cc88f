/**
 * Texts to vectors.
 *
 * For: the command line's `put` and `query` by text, the embedding endpoint of the vendors' tools,
 * later searches by text in the native interface. Not for: storing or searching vectors; nothing
 * here knows a collection, and no embedder keeps anything between two calls.
 *
 * The built-in embedder hashes words and character n-grams (feature hashing: Weinberger et al.,
 * ICML 2009; n-grams of words: Bojanowski et al., TACL 2017). It is lexical, not semantic, and says
 * so in its name, `insula-lexical-1`. It costs no memory, no start-up time and no network; a
 * thousand short texts take well under a second.
 *
 * Invariants: equal text, model and dimension give bit-equal vectors, on every machine and in every
 * later release under the same name; every vector has length 1 and is never zero; a blank text is
 * an error, because any vector for it would be a lie that search would repeat.
 */
export { EMBED_DIMENSION_MAX, EMBED_TEXT_LENGTH_MAX, EMBED_TEXTS_MAX } from "./embedder.ts";
export type { Embedder } from "./embedder.ts";
export { BUILT_IN_DIMENSION, BUILT_IN_MODEL, createBuiltInEmbedder } from "./built-in-embedder.ts";
export type { BuiltInEmbedderOptions } from "./built-in-embedder.ts";
