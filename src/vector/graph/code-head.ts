/**
 * How much the beginning of a code tells of a distance: measured on rows and neighbours, whose
 * distances are of the kind that a walk tells apart.
 */
import type { SharedMemory } from "../../math/index.ts";
import { NO_NODE, graphLayout } from "./graph-layout.ts";
import type { CodeHead, GraphTarget } from "./graph-view.ts";

/**
 * Shorter codes are read whole: two parts are two waits for the memory. A walk of 100,000 rows took
 * 28 % longer at 128 bytes, 18 % less at 384, 25 % less at 768 (docs/decisions/0014).
 */
const CODE_BYTES_MIN = 384;
/** Of a code, about: the shorter the less is read, and the more rows must be read whole. */
const HEAD_SHARE = 1 / 3;
const LINE_BYTES = 64;
const SAMPLE_LISTS = 64;
const SAMPLE_NEIGHBOURS = 8;
/** Bytes of codes that a sample compares: one of long codes is smaller. */
const SAMPLE_BYTES = 393_216;
/**
 * Deviations by which a row may look farther than the worst that is kept before it is left out.
 * Recall at 768 numbers: 0.9433 with whole codes, 0.9430 at 2, 0.9420 at 1.6, 0.9383 at 1.2.
 */
const MARGIN_DEVIATIONS = 2;

/** Undefined for codes that are too short, or of which the beginning says nothing. */
export function measureHead(memory: SharedMemory, target: GraphTarget): CodeHead | undefined {
  const { strideBytes, rowCount, m } = target;
  if (strideBytes < CODE_BYTES_MIN) return undefined;
  const bytes = Math.round((strideBytes * HEAD_SHARE) / LINE_BYTES) * LINE_BYTES;
  const width = 2 * m;
  const links = target.graph + graphLayout(target).links;
  const lists = Math.min(
    SAMPLE_LISTS,
    Math.ceil(SAMPLE_BYTES / (strideBytes * SAMPLE_NEIGHBOURS)),
    rowCount,
  );
  const sample = new HeadSample(memory, target, bytes);
  for (let i = 0; i < lists; i++) {
    const row = Math.floor((i * rowCount) / lists);
    const list = new Uint32Array(memory.buffer, links + row * width * 4, width);
    for (let j = 0; j < SAMPLE_NEIGHBOURS && j < width; j++) {
      const neighbour = list[j] ?? NO_NODE;
      if (neighbour === NO_NODE) break;
      sample.add(row, neighbour);
    }
  }
  return sample.finish();
}

/** What a distance from a point of this length may be guessed wrong by. */
export function headMargin({ deviation }: CodeHead, length: number): number {
  return MARGIN_DEVIATIONS * deviation * length;
}

/** A least-squares line through the origin, of whole dot products over those of beginnings. */
class HeadSample {
  readonly #codes: Int8Array;
  readonly #weights: Float32Array;
  readonly #target: GraphTarget;
  readonly #bytes: number;
  /** Of unit rows. */
  readonly #heads: number[] = [];
  readonly #wholes: number[] = [];
  #longest = 0;

  constructor({ buffer }: SharedMemory, target: GraphTarget, bytes: number) {
    const { codes, weights, rowCount, strideBytes } = target;
    this.#codes = new Int8Array(buffer, codes, rowCount * strideBytes);
    this.#weights = new Float32Array(buffer, weights, rowCount);
    this.#target = target;
    this.#bytes = bytes;
  }

  add(a: number, b: number): void {
    const { strideBytes } = this.#target;
    const [from, to] = [a * strideBytes, b * strideBytes];
    let whole = 0;
    let head = 0;
    let squaresOfA = 0;
    let squaresOfB = 0;
    for (let j = 0; j < strideBytes; j++) {
      if (j === this.#bytes) head = whole;
      const x = this.#codes[from + j] ?? 0;
      const y = this.#codes[to + j] ?? 0;
      whole += x * y;
      squaresOfA += x * x;
      squaresOfB += y * y;
    }
    const lengths = Math.sqrt(squaresOfA * squaresOfB);
    if (lengths === 0) return;
    this.#heads.push(head / lengths);
    this.#wholes.push(whole / lengths);
    // A weight is the scale of a row, for cosine over the length: that of such a row is 1.
    const length = Math.abs(this.#weights[b] ?? 0) * Math.sqrt(squaresOfB);
    this.#longest = Math.max(this.#longest, length);
  }

  finish(): CodeHead | undefined {
    let squares = 0;
    let products = 0;
    for (const [i, head] of this.#heads.entries()) {
      squares += head * head;
      products += head * (this.#wholes[i] ?? 0);
    }
    if (!(squares > 0)) return undefined;
    const ratio = products / squares;
    let rest = 0;
    for (const [i, head] of this.#heads.entries())
      rest += ((this.#wholes[i] ?? 0) - ratio * head) ** 2;
    const perDot = this.#target.bases === 0 ? 1 : 2;
    const deviation = perDot * this.#longest * Math.sqrt(rest / this.#heads.length);
    return Number.isFinite(deviation) ? { bytes: this.#bytes, ratio, deviation } : undefined;
  }
}
