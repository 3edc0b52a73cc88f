/**
 * A rotation that looks random and costs n log n: after it every component of a vector carries
 * about the same share of it, so that one bit of each says as much as it can.
 *
 * Three rounds of random signs, Hadamard transforms of equal blocks and a random permutation, as in
 * Ailon and Chazelle's fast Johnson-Lindenstrauss transform (2009). It keeps lengths and angles.
 * ON DISK: the numbers drawn depend on the dimension alone and never change, because codes in
 * segments were made with them.
 */
import { LruMap } from "../base/lru-map.ts";
import { BIT_COMPONENT_STEP } from "./bit-codes.ts";

const ROUNDS = 3;
/** Dimensions whose rotations are kept; the largest takes 400 KiB. */
const KEPT_MAX = 8;

interface Round {
  /** 1 or -1, divided by the square root of the block: the transform keeps lengths. */
  readonly signs: Float32Array;
  /** Where each component goes. */
  readonly places: Uint32Array;
}

export class Rotation {
  /** Components after the rotation: the dimension, rounded up. */
  readonly length: number;
  readonly #block: number;
  readonly #rounds: readonly Round[];
  readonly #other: Float32Array;

  constructor(dimension: number) {
    this.length = Math.ceil(dimension / BIT_COMPONENT_STEP) * BIT_COMPONENT_STEP;
    // The largest power of two that divides the length.
    this.#block = this.length & -this.length;
    const draw = numbers(dimension);
    this.#rounds = Array.from({ length: ROUNDS }, () => drawRound(this.length, this.#block, draw));
    this.#other = new Float32Array(this.length);
  }

  /**
   * @param vector at most `length` components; those that are missing are 0.
   * @param out    `length` components; may not be `vector`.
   */
  apply(vector: Float32Array, out: Float32Array): void {
    let from = this.#other;
    let to = out;
    to.set(vector);
    to.fill(0, vector.length);
    for (const { signs, places } of this.#rounds) {
      [from, to] = [to, from];
      for (let j = 0; j < from.length; j++) from[j] = (from[j] ?? 0) * (signs[j] ?? 0);
      for (let at = 0; at < from.length; at += this.#block) transform(from, at, this.#block);
      for (let j = 0; j < from.length; j++) to[places[j] ?? 0] = from[j] ?? 0;
    }
    if (to !== out) out.set(to);
  }
}

/** Fast Walsh-Hadamard transform of a block in place, without scaling. */
function transform(values: Float32Array, start: number, length: number): void {
  for (let half = 1; half < length; half *= 2) {
    for (let at = start; at < start + length; at += 2 * half) {
      for (let j = at; j < at + half; j++) {
        const a = values[j] ?? 0;
        const b = values[j + half] ?? 0;
        values[j] = a + b;
        values[j + half] = a - b;
      }
    }
  }
}

function drawRound(length: number, block: number, draw: () => number): Round {
  const size = 1 / Math.sqrt(block);
  const signs = Float32Array.from({ length }, () => ((draw() & 1) === 0 ? size : -size));
  const places = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = draw() % (i + 1);
    const place = places[i] ?? 0;
    places[i] = places[j] ?? 0;
    places[j] = place;
  }
  return { signs, places };
}

/** SplitMix32: whole numbers below 2 ** 32. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

const kept = new LruMap<number, Rotation>(KEPT_MAX);

/** The rotation of a dimension; made once a thread while it is in use. */
export function rotationOf(dimension: number): Rotation {
  const known = kept.get(dimension);
  if (known !== undefined) return known;
  const made = new Rotation(dimension);
  kept.set(dimension, made);
  return made;
}
