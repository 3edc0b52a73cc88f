/**
 * JSON arrays of numbers to float32, faster than JSON.parse and equal to it in every bit: what is
 * accepted is what JSON.parse accepts as an array of numbers, and each value is Math.fround of what
 * JSON.parse gives. One thing is stricter: a number that rounds to infinity as float32 is refused.
 *
 * For 1,024 numbers, copying in included: 20 against 67 µs with 17 digits, 17 against 30 µs with 6
 * digits (`tsx bench/kernels.bench.ts --quick`, one run, Node 20, 2 shared cores).
 */
import { InsulaError, assert } from "../base/errors.ts";
import { BATCH_BYTES_MAX, DIMENSION_MAX } from "../base/limits.ts";
import { PAGE_BYTES, compileModule, instantiate } from "./wasm.ts";
import type { OwnMemory, WasmModule } from "./wasm.ts";

/** Where the compiled parser lies. The caller reads the file; this room touches no files. */
export const NUMBER_PARSER_FILE: { readonly beside: URL; readonly place: string } = {
  beside: new URL("./kernels/generated/number-parser.wasm", import.meta.url),
  place: "math/kernels/generated/number-parser.wasm",
};

/** Why an array was refused; these take the place of the count. */
export const PARSE_FAILURES = {
  /** Not the grammar of RFC 8259, or the text ends too soon. */
  malformed: -1,
  /** An element is a string, object, array, true, false or null. */
  notANumber: -2,
  /** More elements than asked for. */
  tooMany: -3,
  /** A number that is infinite as float32. */
  outOfRange: -4,
} as const;

/** Zero bytes behind the text: the parser stops at them and never reads past. */
const PADDING_BYTES = 64;

/** One object for all calls of a parser; read it before the next call. */
export interface ParseResult {
  /** Elements written, or one of {@link PARSE_FAILURES}. */
  count: number;
  /** Position in the body: after the `]`, or of what is wrong. */
  end: number;
}

interface ParserExports {
  readonly memory: OwnMemory;
  parse(start: number, limit: number): number;
  countMax(): number;
  textStart(): number;
  numbersStart(): number;
  slowStart(): number;
  reportStart(): number;
}

/**
 * Compiles the bytes found at {@link NUMBER_PARSER_FILE}.
 *
 * @throws InsulaError `format_unsupported`.
 */
export function loadNumberParserModule(bytes: Uint8Array): WasmModule {
  return compileModule(bytes);
}

/**
 * One for each thread: it has a memory of its own, which stays as large as the largest body was.
 */
export class NumberParser {
  readonly #exports: ParserExports;
  readonly #textStart: number;
  readonly #result: ParseResult = { count: 0, end: 0 };
  readonly #bodyBytesMax: number;
  #text: Buffer;
  #numbers: Float32Array;
  #slow: Uint32Array;
  #report: Uint32Array;
  #length = 0;

  /** @param bodyBytesMax longest body that can be loaded. */
  constructor(module: WasmModule, bodyBytesMax: number = BATCH_BYTES_MAX) {
    this.#exports = decodeExports(instantiate(module, {}));
    assert(this.#exports.countMax() === DIMENSION_MAX, "parser and engine have one DIMENSION_MAX");
    this.#textStart = this.#exports.textStart();
    this.#bodyBytesMax = bodyBytesMax;
    const { buffer } = this.#exports.memory;
    this.#text = Buffer.from(buffer, this.#textStart);
    this.#numbers = new Float32Array(buffer, this.#exports.numbersStart(), DIMENSION_MAX);
    this.#slow = new Uint32Array(buffer, this.#exports.slowStart(), DIMENSION_MAX * 3);
    this.#report = new Uint32Array(buffer, this.#exports.reportStart(), 2);
  }

  /**
   * Copies a body in, from which any number of arrays is then parsed. The source is not kept.
   *
   * @throws InsulaError `invalid_argument` / `body_too_large`.
   */
  load(body: Uint8Array): void {
    if (body.length > this.#bodyBytesMax) {
      throw new InsulaError(
        "body_too_large",
        `Cannot parse numbers: the body is too large: expected at most ${String(this.#bodyBytesMax)} bytes, received ${String(body.length)}.`,
      );
    }
    this.#length = 0;
    this.#reserve(body.length + PADDING_BYTES);
    this.#text.set(body);
    this.#text.fill(0, body.length, body.length + PADDING_BYTES);
    this.#length = body.length;
  }

  /**
   * Parses the array whose `[` is at `start` of the loaded body.
   *
   * @param target    receives the numbers; untouched when the array is refused.
   * @param countMax  elements at most, up to DIMENSION_MAX and the room in `target`.
   * @returns         the same object each time: no allocation.
   */
  parseAt(
    start: number,
    target: Float32Array,
    targetStart: number = 0,
    countMax: number = DIMENSION_MAX,
  ): ParseResult {
    assert(start >= 0 && start <= this.#length, "an array begins inside the loaded body");
    const room = Math.min(countMax, target.length - targetStart, DIMENSION_MAX);
    assert(room >= 0 && targetStart >= 0, "the target of a parse has room");
    const result = this.#result;
    result.count = this.#exports.parse(start, room);
    result.end = this.#report[0] ?? 0;
    if (result.count > 0 && this.#finishSlow(result)) {
      target.set(this.#numbers.subarray(0, result.count), targetStart);
    }
    return result;
  }

  /** {@link load} and {@link parseAt} in one. */
  parse(
    source: Uint8Array,
    start: number,
    target: Float32Array,
    targetStart: number = 0,
  ): ParseResult {
    this.load(source);
    return this.parseAt(start, target, targetStart);
  }

  /** Redoes the numbers the module was not sure of; false when one is out of range. */
  #finishSlow(result: ParseResult): boolean {
    const slowCount = this.#report[1] ?? 0;
    for (let i = 0; i < slowCount; i++) {
      const first = this.#slow[3 * i + 1] ?? 0;
      const end = this.#slow[3 * i + 2] ?? 0;
      const value = Math.fround(Number(this.#text.toString("latin1", first, end)));
      if (!Number.isFinite(value)) {
        result.count = PARSE_FAILURES.outOfRange;
        result.end = first;
        return false;
      }
      this.#numbers[this.#slow[3 * i] ?? 0] = value;
    }
    return true;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#text.length) return;
    const { memory } = this.#exports;
    const pages = Math.ceil((bytes - this.#text.length) / PAGE_BYTES);
    try {
      memory.grow(pages);
    } catch (cause) {
      throw new InsulaError(
        "memory_exhausted",
        `Cannot parse numbers: no memory for a body of ${String(bytes)} bytes.`,
        { cause },
      );
    }
    const { buffer } = memory;
    this.#text = Buffer.from(buffer, this.#textStart);
    this.#numbers = new Float32Array(buffer, this.#exports.numbersStart(), DIMENSION_MAX);
    this.#slow = new Uint32Array(buffer, this.#exports.slowStart(), DIMENSION_MAX * 3);
    this.#report = new Uint32Array(buffer, this.#exports.reportStart(), 2);
  }
}

function decodeExports(exports: Readonly<Record<string, unknown>>): ParserExports {
  const names = ["parse", "countMax", "textStart", "numbersStart", "slowStart", "reportStart"];
  for (const name of names) {
    assert(typeof exports[name] === "function", "the parser module exports its functions");
  }
  return exports as unknown as ParserExports;
}
