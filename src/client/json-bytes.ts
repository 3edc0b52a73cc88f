/** JSON written as bytes: what a large body of vectors is made of. */

/** From here to 1 lie the numbers of embeddings; the nine digits of others are `toPrecision`'s. */
const PLAIN_MIN = 1e-5;
/** `10 ** n` is exact up to 22. */
const POWERS = Float64Array.from({ length: 16 }, (_, n) => 10 ** n);
/** Integers below are float32 exactly, and print as themselves. */
const INTEGER_LIMIT = 2 ** 24;
/** Bytes of one number at most: `-0.0000123456789`, `-1.23456789e-45`. */
const NUMBER_BYTES_MAX = 20;
const [ZERO, MINUS, POINT, COMMA, OPEN, CLOSE] = [48, 45, 46, 44, 91, 93] as const;

const encoder = new TextEncoder();

/** Grows as needed; {@link JsonBytes.take} hands over what was written and begins anew. */
export class JsonBytes {
  readonly #sizeMin: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param sizeMin  bytes held from the beginning. */
  constructor(sizeMin: number) {
    this.#sizeMin = sizeMin;
    this.#bytes = new Uint8Array(sizeMin);
  }

  get length(): number {
    return this.#length;
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** A JSON list; a number that is not finite becomes null. */
  numbers(values: Float32Array): void {
    this.#reserve(values.length * NUMBER_BYTES_MAX + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = OPEN;
    for (let i = 0; i < values.length; i++) {
      if (i > 0) bytes[at++] = COMMA;
      at = writeNumber(values[i] ?? 0, bytes, at);
    }
    bytes[at++] = CLOSE;
    this.#length = at;
  }

  /** The bytes belong to the caller. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(this.#sizeMin);
    this.#length = 0;
    return taken;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/**
 * Nine digits tell all float32 apart (C standard, FLT_DECIMAL_DIG). They are taken from the number
 * times a power of ten, which a double has to 16 digits: off by at most one unit in the ninth, and
 * neighbours among the float32 are at least five of them apart.
 *
 * @returns the place behind it.
 */
function writeNumber(value: number, bytes: Uint8Array, start: number): number {
  const size = Math.abs(value);
  if (size >= PLAIN_MIN && size < 1) {
    let at = start;
    if (value < 0) bytes[at++] = MINUS;
    bytes[at++] = ZERO;
    bytes[at++] = POINT;
    let decimals = 9;
    for (let bound = 0.1; size < bound; bound = BOUNDS[++decimals - 9] ?? 0) bytes[at++] = ZERO;
    at = writeNine(Math.round(size * (POWERS[decimals] ?? 0)), bytes, at);
    while (bytes[at - 1] === ZERO) at--;
    return at;
  }
  if (size < INTEGER_LIMIT && size === Math.floor(size)) {
    return writeText(Object.is(value, -0) ? "-0" : String(value), bytes, start);
  }
  return writeText(Number.isFinite(value) ? value.toPrecision(9) : "null", bytes, start);
}

/** Where the numbers begin that have one zero more behind the point, as doubles. */
const BOUNDS = Float64Array.from({ length: 7 }, (_, zeros) => 1 / 10 ** (zeros + 1));
/** The three digits of 0 to 999. */
const TRIPLES = encoder.encode(
  Array.from({ length: 1_000 }, (_, i) => String(i).padStart(3, "0")).join(""),
);

/** Nine digits, zeros before them. */
function writeNine(number: number, bytes: Uint8Array, at: number): number {
  const millions = (number / 1_000_000) | 0;
  const rest = number - millions * 1_000_000;
  const thousands = (rest / 1_000) | 0;
  writeThree(millions, bytes, at);
  writeThree(thousands, bytes, at + 3);
  writeThree(rest - thousands * 1_000, bytes, at + 6);
  return at + 9;
}

function writeThree(number: number, bytes: Uint8Array, at: number): void {
  const from = number * 3;
  bytes[at] = TRIPLES[from] ?? 0;
  bytes[at + 1] = TRIPLES[from + 1] ?? 0;
  bytes[at + 2] = TRIPLES[from + 2] ?? 0;
}

function writeText(text: string, bytes: Uint8Array, start: number): number {
  return start + encoder.encodeInto(text, bytes.subarray(start)).written;
}
