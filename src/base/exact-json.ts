/**
 * Values that JSON has no word for, written as JSON: what a record carries crosses HTTP unchanged.
 *
 * An integer beyond ±(2^53-1) is `{"$int": "9007199254740993"}`, a date `{"$date": ISO 8601}`,
 * bytes are `{"$bytes": base64}`. An object of the caller that looks like one of these stands in
 * `{"$object": {…}}`. Everything else is itself; -0 becomes 0. No module of Node is used: the
 * remote client runs in browsers too.
 */
import { InsulaError, type ErrorCode } from "./errors.ts";

export type ExactValue =
  | string
  | number
  | boolean
  | bigint
  | null
  | Date
  | Uint8Array
  | readonly ExactValue[]
  | { readonly [name: string]: ExactValue };

export type PlainJson =
  string | number | boolean | null | readonly PlainJson[] | { readonly [name: string]: PlainJson };

/** Levels of one value. Source: twice what metadata may nest, so that their own check speaks. */
export const EXACT_DEPTH_MAX = 64;

const TAGS: readonly string[] = ["$int", "$date", "$bytes", "$object"];

/**
 * The members of an object, which itself is never taken for a tagged value: the same object where
 * nothing in it has to be written in another way. Members that are undefined are refused: JSON
 * would drop them.
 *
 * @param code  of the error for a value that cannot be written: not finite, a function, too deep.
 */
export function toExactMembers(
  object: Readonly<Record<string, unknown>>,
  code: ErrorCode,
): { readonly [name: string]: PlainJson } {
  return isPlain(object) ? object : encodeMembers(object, code, 1);
}

/** Most records: nothing in them needs a tag, nor a copy. */
function isPlain(
  object: Readonly<Record<string, unknown>>,
): object is { readonly [name: string]: PlainJson } {
  const prototype: unknown = Object.getPrototypeOf(object);
  // What a class says of itself in JSON is not asked for.
  if (prototype !== null && prototype !== Object.prototype) return false;
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (typeof value === "string" || typeof value === "boolean" || value === null) continue;
    if (typeof value !== "number" || !Number.isFinite(value)) return false;
  }
  return true;
}

/** The way back. @throws InsulaError of the given code for a tag whose text is wrong. */
export function fromExactMembers(
  object: Readonly<Record<string, unknown>>,
  code: ErrorCode,
): { readonly [name: string]: ExactValue } {
  return decodeMembers(object, code, 1);
}

function encode(value: unknown, code: ErrorCode, depth: number): PlainJson {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      throw refusal(code, "expected a finite number");
    case "bigint":
      return { $int: String(value) };
    case "object":
      return value === null ? null : encodeObject(value, code, depth + 1);
    default:
      throw refusal(code, `expected a value, received ${typeof value}`);
  }
}

function encodeObject(value: object, code: ErrorCode, depth: number): PlainJson {
  if (depth > EXACT_DEPTH_MAX) throw tooDeep(code);
  if (Array.isArray(value)) return value.map((item: unknown) => encode(item, code, depth));
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refusal(code, "expected a valid date");
    return { $date: value.toISOString() };
  }
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
  const members = encodeMembers(value as Readonly<Record<string, unknown>>, code, depth);
  return tagOf(members) === undefined ? members : { $object: members };
}

function encodeMembers(
  object: Readonly<Record<string, unknown>>,
  code: ErrorCode,
  depth: number,
): { readonly [name: string]: PlainJson } {
  const members = Object.create(null) as Record<string, PlainJson>;
  for (const name of Object.keys(object)) members[name] = encode(object[name], code, depth);
  return members;
}

function decode(value: unknown, code: ErrorCode, depth: number): ExactValue {
  if (typeof value !== "object" || value === null) return value as ExactValue;
  if (depth >= EXACT_DEPTH_MAX) throw tooDeep(code);
  if (Array.isArray(value)) return value.map((item: unknown) => decode(item, code, depth + 1));
  const object = value as Readonly<Record<string, unknown>>;
  const tag = tagOf(object);
  return tag === undefined
    ? decodeMembers(object, code, depth + 1)
    : decodeTagged(tag, object[tag], code, depth + 1);
}

function decodeTagged(tag: string, content: unknown, code: ErrorCode, depth: number): ExactValue {
  if (tag === "$object") {
    if (typeof content !== "object" || content === null || Array.isArray(content)) {
      throw refusal(code, "$object: expected an object");
    }
    return decodeMembers(content as Readonly<Record<string, unknown>>, code, depth);
  }
  if (typeof content !== "string") throw refusal(code, `${tag}: expected text`);
  if (tag === "$int") {
    if (/^-?\d{1,20}$/.test(content)) return toInteger(BigInt(content));
    throw refusal(code, "$int: expected an integer of at most 20 digits");
  }
  if (tag === "$bytes") return fromBase64(content, code);
  const date = new Date(content);
  if (DATE.test(content) && !Number.isNaN(date.getTime())) return date;
  throw refusal(code, "$date: expected a date in ISO 8601 with a time zone");
}

/** As `Date.prototype.toISOString` writes it; years beyond 9999 have a sign and six digits. */
const DATE = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

function decodeMembers(
  object: Readonly<Record<string, unknown>>,
  code: ErrorCode,
  depth: number,
): { readonly [name: string]: ExactValue } {
  const members = Object.create(null) as Record<string, ExactValue>;
  for (const name of Object.keys(object)) members[name] = decode(object[name], code, depth);
  return members;
}

/** The name of the only member when it is a tag. */
function tagOf(object: object): string | undefined {
  const names = Object.keys(object);
  const [name] = names;
  return names.length === 1 && name !== undefined && TAGS.includes(name) ? name : undefined;
}

/** Small integers are numbers, as everywhere in the model. */
function toInteger(value: bigint): bigint | number {
  return BigInt.asIntN(54, value) === value && value !== -(2n ** 53n) ? Number(value) : value;
}

/** In pieces: an argument list has an end. */
const BASE64_STEP = 24_576;

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += BASE64_STEP) {
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + BASE64_STEP)));
  }
  return text;
}

function fromBase64(text: string, code: ErrorCode): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw refusal(code, "$bytes: expected base64", cause);
  }
}

function tooDeep(code: ErrorCode): InsulaError {
  return refusal(code, `expected at most ${String(EXACT_DEPTH_MAX)} levels`);
}

function refusal(code: ErrorCode, reason: string, cause?: unknown): InsulaError {
  return new InsulaError(code, `Cannot use the value: ${reason}.`, { cause });
}
