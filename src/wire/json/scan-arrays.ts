/**
 * Takes the long lists of numbers out of a JSON body before it is parsed.
 *
 * A body of 500 vectors is nearly all digits. They are parsed elsewhere, straight from the bytes;
 * what is left is a small text for `parseJsonExact`. The scanner follows only strings, brackets,
 * colons and commas. It checks no grammar: every byte that it does not take out stays where it was,
 * and a list of numbers is replaced by a number between blanks, so the rest is well-formed exactly
 * when the body was.
 */
import { jsonMalformed, jsonTooDeep, JSON_DEPTH_MAX } from "./json-value.ts";
import { MemberPaths, type MemberPath } from "./member-paths.ts";
import { decodeText } from "./parse-json.ts";

export interface ScanOptions {
  /** Where vectors stand, e.g. `["vectors", "*", "data", "float32"]`; at most 31. */
  readonly paths: readonly MemberPath[];
  /**
   * Parses the list that starts with the "[" at an offset of the body.
   *
   * @returns the offset behind its "]". Throws when it is no list of numbers; the scan ends with
   *   that error.
   */
  parseArray(start: number): number;
  /** Default JSON_DEPTH_MAX. */
  readonly depthMax?: number;
  /**
   * Given: the text is cut between elements of the first list of the outermost object that paths
   * lead through, when so many bytes of the body have gone by.
   */
  readonly cutBytes?: number;
}

export interface ScannedBody {
  /**
   * The body without the lists that were taken out. At a path, a number is always the ordinal of
   * such a list, counted from 0 in the order of the body: a number that the client wrote there
   * itself has become a string. All other values (also lists whose first element is no number) are
   * as they were.
   */
  readonly text: string;
  /**
   * When the list was cut: `text` ends behind its "["; here are its elements, without the commas
   * where it was cut, and at last what begins with its "]". Else empty.
   */
  readonly more: readonly string[];
  /** Lists taken out. With a member written twice there are more than the parsed text refers to. */
  readonly arrayCount: number;
}

/**
 * Finds every list at one of the paths that is empty or starts with a number, and has it parsed.
 *
 * @throws InsulaError `body_malformed` for bytes that are no UTF-8, brackets that do not match or
 *   nest too deep, text
 *         without end; and what `parseArray` throws. Other faults of grammar show when the text is
 *         parsed.
 *
 * Cost: one pass over the bytes outside the lists.
 */
export function scanJsonArrays(body: Uint8Array, options: ScanOptions): ScannedBody {
  return new ArrayScanner(body, options).scan();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const LIST_START = 0x5b;
const ESCAPE = 0x5c;
const LIST_END = 0x5d;
const OBJECT_START = 0x7b;
const OBJECT_END = 0x7d;

interface Level {
  readonly isObject: boolean;
  /** Paths that lead to this object or list. */
  readonly paths: number;
}

class ArrayScanner {
  readonly #body: Uint8Array;
  readonly #options: ScanOptions;
  readonly #paths: MemberPaths;
  readonly #depthMax: number;
  readonly #levels: Level[] = [];
  #pieces: Uint8Array[] = [];
  /** Parts of the text that are finished. */
  readonly #parts: Uint8Array[][] = [];
  readonly #cutBytes: number;
  /** The list that is cut, and where the last cut is. */
  #cutList: Level | undefined;
  #cutAt = 0;
  /** Start of what is not in the pieces yet. */
  #copiedTo = 0;
  #at = 0;
  #arrayCount = 0;
  /** Paths that lead to the value which comes next. */
  #valuePaths: number;
  /** True between a separator and the first byte of the value behind it. */
  #isValueNext = true;
  /** True when the next string is the name of a member. */
  #isNameNext = false;

  constructor(body: Uint8Array, options: ScanOptions) {
    this.#body = body;
    this.#options = options;
    this.#paths = new MemberPaths(options.paths);
    this.#valuePaths = this.#paths.start;
    this.#depthMax = options.depthMax ?? JSON_DEPTH_MAX;
    this.#cutBytes = options.cutBytes ?? Number.POSITIVE_INFINITY;
  }

  scan(): ScannedBody {
    const body = this.#body;
    while (this.#at < body.length) {
      const byte = body[this.#at] ?? 0;
      if (isBlank(byte)) this.#at++;
      else this.#step(byte);
    }
    if (this.#levels.length > 0) throw jsonMalformed("expected more, received the end", this.#at);
    this.#pieces.push(body.subarray(this.#copiedTo));
    this.#parts.push(this.#pieces);
    const [text = "", ...more] = this.#parts.map((part) => decodeText(Buffer.concat(part)));
    return { text, more, arrayCount: this.#arrayCount };
  }

  #step(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#string();
        return;
      case OBJECT_START:
        this.#open(true);
        return;
      case LIST_START:
        if (this.#isVectorNext()) this.#takeArray();
        else this.#open(false);
        return;
      case OBJECT_END:
        this.#close(true);
        return;
      case LIST_END:
        this.#close(false);
        return;
      case COMMA:
        this.#separate();
        return;
      case COLON:
        this.#isValueNext = true;
        this.#isNameNext = false;
        this.#at++;
        return;
      default:
        this.#bareword(byte);
    }
  }

  /** Whether the "[" here starts a list to take out. */
  #isVectorNext(): boolean {
    if (!this.#isAtPathEnd()) return false;
    let at = this.#at + 1;
    while (isBlank(this.#body[at] ?? 0)) at++;
    const first = this.#body[at] ?? 0;
    return isNumberStart(first) || first === LIST_END;
  }

  #isAtPathEnd(): boolean {
    return this.#isValueNext && this.#paths.isEnd(this.#valuePaths, this.#levels.length);
  }

  #takeArray(): void {
    const start = this.#at;
    const end = this.#options.parseArray(start);
    const isList = Number.isInteger(end) && end > start && this.#body[end - 1] === LIST_END;
    if (!isList) throw jsonMalformed("expected a list of numbers", start);
    this.#replace(end, ` ${String(this.#arrayCount++)} `);
    this.#isValueNext = false;
  }

  #open(isObject: boolean): void {
    if (this.#levels.length >= this.#depthMax) throw jsonTooDeep(this.#depthMax, this.#at);
    const paths = this.#isValueNext ? this.#valuePaths : 0;
    const level = { isObject, paths };
    this.#levels.push(level);
    this.#at++;
    this.#enter(level);
    const isMember = this.#levels.length === 2 && this.#levels[0]?.isObject === true;
    if (isObject || !isMember || this.#valuePaths === 0) return;
    if (this.#cutList !== undefined || this.#cutBytes === Number.POSITIVE_INFINITY) return;
    this.#cutList = level;
    this.#cut(this.#at);
  }

  /** One part of the text ends at a byte, the next begins there or behind it. */
  #cut(at: number, skipped = 0): void {
    this.#pieces.push(this.#body.subarray(this.#copiedTo, at));
    this.#parts.push(this.#pieces);
    this.#pieces = [];
    this.#copiedTo = at + skipped;
    this.#cutAt = this.#copiedTo;
  }

  #close(isObject: boolean): void {
    const level = this.#levels.pop();
    if (level?.isObject !== isObject) {
      throw jsonMalformed("expected matching brackets, received another", this.#at);
    }
    if (level === this.#cutList) this.#cut(this.#at);
    this.#at++;
    this.#isValueNext = false;
    this.#isNameNext = false;
  }

  #separate(): void {
    const level = this.#levels.at(-1);
    const isDue = level === this.#cutList && this.#at - this.#cutAt >= this.#cutBytes;
    if (level !== undefined && isDue) this.#cut(this.#at, 1);
    this.#at++;
    if (level !== undefined) this.#enter(level);
  }

  /** What comes next in a level, at its start and behind each comma. */
  #enter({ isObject, paths }: Level): void {
    this.#isNameNext = isObject;
    this.#isValueNext = !isObject;
    this.#valuePaths = isObject ? 0 : this.#paths.element(paths, this.#levels.length - 1);
  }

  #string(): void {
    const start = this.#at + 1;
    const { end, hasEscape } = this.#stringEnd(start);
    this.#at = end + 1;
    const level = this.#levels.at(-1);
    if (this.#isNameNext && level !== undefined) {
      this.#isNameNext = false;
      if (level.paths === 0) return;
      const name = this.#body.subarray(start, end);
      this.#valuePaths = this.#paths.member(
        level.paths,
        this.#levels.length - 1,
        hasEscape ? unescapeName(name) : name,
      );
    } else {
      this.#isValueNext = false;
    }
  }

  #stringEnd(start: number): { readonly end: number; readonly hasEscape: boolean } {
    const body = this.#body;
    let hasEscape = false;
    for (let at = start; at < body.length; at++) {
      const byte = body[at];
      if (byte === QUOTE) return { end: at, hasEscape };
      if (byte !== ESCAPE) continue;
      hasEscape = true;
      at++;
    }
    throw jsonMalformed("expected the rest of a string, received the end", body.length);
  }

  /** A number, true, false, null, or nothing that JSON knows. */
  #bareword(first: number): void {
    const start = this.#at;
    const isOrdinalLike = isNumberStart(first) && this.#isAtPathEnd();
    while (this.#at < this.#body.length && isWordByte(this.#body[this.#at] ?? 0)) this.#at++;
    // A byte of no word at all is passed over too, or the scan would stand still.
    if (this.#at === start) this.#at++;
    this.#isValueNext = false;
    if (!isOrdinalLike) return;
    const word = Buffer.from(this.#body.subarray(start, this.#at)).toString("latin1");
    if (NUMBER_WORD.test(word)) this.#replaceFrom(start, this.#at, `"${word}"`);
  }

  /** Puts `text` for the bytes from here to `end`. */
  #replace(end: number, text: string): void {
    this.#replaceFrom(this.#at, end, text);
    this.#at = end;
  }

  #replaceFrom(start: number, end: number, text: string): void {
    this.#pieces.push(this.#body.subarray(this.#copiedTo, start), Buffer.from(text));
    this.#copiedTo = end;
  }
}

/** What the grammar calls a number: only that may become a string, or a fault would be hidden. */
const NUMBER_WORD = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isNumberStart(byte: number): boolean {
  return byte === MINUS || (byte >= 0x30 && byte <= 0x39);
}

/** Letters, digits, signs and the decimal point. */
function isWordByte(byte: number): boolean {
  return (
    isNumberStart(byte) ||
    byte === 0x2b ||
    byte === 0x2e ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a)
  );
}

/** A name with escapes as UTF-8; as it stands when it is malformed, which shows later. */
function unescapeName(name: Uint8Array): Uint8Array {
  try {
    return Buffer.from(String(JSON.parse(`"${Buffer.from(name).toString("utf8")}"`)));
  } catch {
    return name;
  }
}
