/**
 * Recursive descent over a JSON text: the exact way, taken when `JSON.parse` would round or fails.
 * Accepts the texts that `JSON.parse` accepts (RFC 8259), less those it would round to infinity.
 */
import { jsonMalformed, jsonTooDeep, type JsonObject, type JsonValue } from "./json-value.ts";

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
/** All that needs no escape: from the blank on, without the quote and the backslash. */
const PLAIN_TEXT = /[ !#-[\]-\uffff]*/y;
const BLANKS = /[ \t\n\r]*/y;
const HEX4 = /[0-9a-fA-F]{4}/y;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Digits of an integer that a double holds whatever they are: 10^15 is below 2^53. */
const SAFE_DIGITS = 15;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;
/** Digits of the largest uint64; longer integers are not looked at as such. */
const UINT64_DIGITS = 20;

export class JsonDescent {
  readonly #text: string;
  readonly #depthMax: number;
  #at = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  /** @throws InsulaError `body_malformed` with position and reason. */
  parse(): JsonValue {
    const value = this.#value(0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#unexpected("the end");
    return value;
  }

  #value(depth: number): JsonValue {
    this.#skipBlanks();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth + 1);
      case "[":
        return this.#list(depth + 1);
      case '"':
        return this.#string();
      case "t":
        return this.#literal("true", true);
      case "f":
        return this.#literal("false", false);
      case "n":
        return this.#literal("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    this.#assertDepth(depth);
    const object = Object.create(null) as JsonObject;
    this.#at++;
    this.#skipBlanks();
    if (this.#take("}")) return object;
    do {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') throw this.#unexpected("a member name");
      const name = this.#string();
      this.#skipBlanks();
      if (!this.#take(":")) throw this.#unexpected('":"');
      object[name] = this.#value(depth);
      this.#skipBlanks();
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#unexpected('"," or "}"');
    return object;
  }

  #list(depth: number): JsonValue[] {
    this.#assertDepth(depth);
    const list: JsonValue[] = [];
    this.#at++;
    this.#skipBlanks();
    if (this.#take("]")) return list;
    do {
      list.push(this.#value(depth));
      this.#skipBlanks();
    } while (this.#take(","));
    if (!this.#take("]")) throw this.#unexpected('"," or "]"');
    return list;
  }

  #string(): string {
    this.#at++;
    let text = this.#match(PLAIN_TEXT) ?? "";
    for (;;) {
      if (this.#take('"')) return text;
      if (!this.#take("\\")) throw this.#unexpected("the rest of a string");
      text += this.#escape() + (this.#match(PLAIN_TEXT) ?? "");
    }
  }

  #escape(): string {
    if (this.#take("u")) {
      const hex = this.#match(HEX4);
      if (hex === undefined) throw this.#unexpected("four hexadecimal digits");
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const escaped = ESCAPES[this.#text[this.#at] ?? ""];
    if (escaped === undefined) throw this.#unexpected("an escape");
    this.#at++;
    return escaped;
  }

  #number(): number | bigint {
    const start = this.#at;
    NUMBER.lastIndex = start;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#unexpected("a value");
    const [digits, fraction, exponent] = match;
    this.#at += digits.length;
    const value = Number(digits);
    if (!Number.isFinite(value)) {
      throw jsonMalformed("number out of range: expected a float64", start);
    }
    if (fraction !== undefined || exponent !== undefined) return value;
    return digits.length <= SAFE_DIGITS || Number.isSafeInteger(value)
      ? value
      : toInteger(digits, value);
  }

  #literal<Value>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected("a value");
    this.#at += word.length;
    return value;
  }

  #skipBlanks(): void {
    this.#match(BLANKS);
  }

  /** Text that a sticky expression finds here; passes over it. */
  #match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #assertDepth(depth: number): void {
    if (depth > this.#depthMax) throw jsonTooDeep(this.#depthMax, this.#at);
  }

  /** Names what stands there only as a kind: a body may hold secrets. */
  #unexpected(wanted: string): Error {
    const found = this.#at >= this.#text.length ? "the end" : "something else";
    return jsonMalformed(`expected ${wanted}, received ${found}`, this.#at);
  }
}

/**
 * A bigint when int64 or uint64 holds the integer, else the double nearest to it, as `JSON.parse`.
 */
function toInteger(digits: string, nearest: number): number | bigint {
  if (digits.length > UINT64_DIGITS) return nearest;
  const exact = BigInt(digits);
  return exact >= INT64_MIN && exact <= UINT64_MAX ? exact : nearest;
}
