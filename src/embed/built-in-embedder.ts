import { InsulaError } from "../base/errors.ts";
import { checkTexts, type Embedder } from "./embedder.ts";
import { addWord, countWords, fallbackComponent, occurrenceWeight } from "./lexical-features.ts";
import { EMBED_DIMENSION_MAX } from "./limits.ts";

/**
 * Name of the built-in model. ON DISK: collections remember it; a change of any feature, weight or
 * hash needs a new number.
 */
export const BUILT_IN_MODEL = "insula-lexical-1";

/** Dimension taken when nobody asks for another. */
export const BUILT_IN_DIMENSION = 1_024;

export interface BuiltInEmbedderOptions {
  /**
   * 1 to {@link EMBED_DIMENSION_MAX}, default {@link BUILT_IN_DIMENSION}; below about 256 unrelated
   * texts collide.
   */
  readonly dimension?: number;
  /**
   * Gives the thread back; called between texts after every {@link REST_AFTER_LENGTH} UTF-16 units.
   */
  readonly rest?: () => Promise<void>;
}

/** UTF-16 units embedded in one go, about 5 ms of work. */
const REST_AFTER_LENGTH = 65_536;

/**
 * The embedder that needs no model, no network and no second process.
 *
 * It is *lexical*: it finds texts that share words, parts of words and misspellings. It does not
 * know that "car" and "automobile" mean the same; for meaning, bring vectors of a trained model.
 *
 * Deterministic over machines and versions: sums are made in float64 in the order of the text, of
 * operations that IEEE 754 defines to the last bit, and rounded to float32 at the end.
 *
 * @throws InsulaError `argument_invalid` for a dimension outside the bounds.
 */
export function createBuiltInEmbedder(options: BuiltInEmbedderOptions = {}): Embedder {
  const dimension = options.dimension ?? BUILT_IN_DIMENSION;
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > EMBED_DIMENSION_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot create the built-in embedder: dimension: expected a whole number from 1 to ${String(EMBED_DIMENSION_MAX)}, received ${String(dimension)}.`,
    );
  }
  return {
    model: BUILT_IN_MODEL,
    dimension,
    embed: (texts, signal) => embedAll(texts, dimension, options.rest, signal),
  };
}

async function embedAll(
  texts: readonly string[],
  dimension: number,
  rest: (() => Promise<void>) | undefined,
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  checkTexts(texts);
  const vectors: Float32Array[] = [];
  let lengthSinceRest = 0;
  for (const text of texts) {
    signal?.throwIfAborted();
    vectors.push(embedOne(text, dimension));
    lengthSinceRest += text.length;
    if (rest !== undefined && lengthSinceRest >= REST_AFTER_LENGTH) {
      lengthSinceRest = 0;
      await rest();
    }
  }
  return vectors;
}

function embedOne(text: string, dimension: number): Float32Array {
  const words = countWords(text);
  const sums = new Float64Array(dimension);
  for (const [word, occurrences] of words) addWord(sums, word, occurrenceWeight(occurrences));
  return toUnitLength(sums, text);
}

function toUnitLength(sums: Float64Array, text: string): Float32Array {
  let squares = 0;
  for (const sum of sums) squares += sum * sum;
  if (squares === 0) {
    const vector = new Float32Array(sums.length);
    vector[fallbackComponent(text, sums.length)] = 1;
    return vector;
  }
  const factor = 1 / Math.sqrt(squares);
  return Float32Array.from(sums, (sum) => sum * factor);
}
