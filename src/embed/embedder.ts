/** The one face of everything that turns texts into vectors, and the checks all bodies share. */
import { InsulaError } from "../base/errors.ts";
import { EMBED_TEXT_LENGTH_MAX, EMBED_TEXTS_MAX } from "./limits.ts";

/** Turns texts into vectors. One interface, several bodies: built-in, HTTP, a local model. */
export interface Embedder {
  /**
   * Name that a collection remembers, so that texts are never searched with vectors of another
   * model. Two embedders with one name and one dimension give equal vectors for equal texts (a
   * service may differ in the last bits).
   */
  readonly model: string;
  /** Components of every vector. */
  readonly dimension: number;
  /**
   * @param texts   0 to {@link EMBED_TEXTS_MAX}; not kept.
   * @returns       one vector of length 1 per text, in order, `dimension` finite float32 each,
   *                owned by the caller.
   * @throws InsulaError `batch_too_large`, or `argument_invalid` for a text that is blank or too
   *         long; `embedder_unavailable` (worth another try after `retryAfterMs`) or
   *         `embedder_unusable` (a setting is wrong) from a service or a local model; then nothing
   *         is returned. The signal's reason when it is aborted.
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
}

/** Something to see; a text of blanks and control characters has no meaning to be near to. */
const VISIBLE = /[^\s\p{C}]/u;

/** @throws InsulaError `batch_too_large`, `argument_invalid`; the message never holds the text. */
export function checkTexts(texts: readonly string[]): void {
  if (texts.length > EMBED_TEXTS_MAX) {
    throw new InsulaError(
      "batch_too_large",
      `Cannot embed: expected at most ${String(EMBED_TEXTS_MAX)} texts, received ${String(texts.length)}.`,
    );
  }
  for (const [position, text] of texts.entries()) checkText(text, position);
}

function checkText(text: string, position: number): void {
  if (text.length > EMBED_TEXT_LENGTH_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot embed text ${String(position)}: expected at most ${String(EMBED_TEXT_LENGTH_MAX)} characters, received ${String(text.length)}.`,
      { details: { position } },
    );
  }
  if (!VISIBLE.test(text)) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot embed text ${String(position)}: expected at least one visible character, received a blank text.`,
      { details: { position } },
    );
  }
}

/**
 * A vector of a model as float32 of length 1.
 *
 * @param values  decoded JSON or numbers of a runtime; anything.
 * @throws InsulaError `embedder_unusable`: no list of finite numbers, another dimension, or zeros.
 */
export function toUnitVector(values: unknown, dimension: number, model: string): Float32Array {
  if (!Array.isArray(values) && !(values instanceof Float32Array)) {
    throw unusable(model, "it answered with something that is no list of numbers");
  }
  if (values.length !== dimension) {
    throw new InsulaError(
      "embedder_unusable",
      `Cannot embed with ${model}: expected vectors of ${String(dimension)} numbers, received ${String(values.length)}.`,
      { details: { expected: dimension, received: values.length } },
    );
  }
  let squares = 0;
  for (const value of values as ArrayLike<unknown> & Iterable<unknown>) {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw unusable(model, "it answered with a vector that is not all finite numbers");
    }
    squares += value * value;
  }
  const factor = 1 / Math.sqrt(squares);
  if (!Number.isFinite(factor) || factor === 0) {
    throw unusable(model, "it answered with a vector that has no direction");
  }
  return Float32Array.from(values as ArrayLike<number>, (value) => value * factor);
}

export function unusable(model: string, reason: string): InsulaError {
  return new InsulaError("embedder_unusable", `Cannot embed with ${model}: ${reason}.`);
}
