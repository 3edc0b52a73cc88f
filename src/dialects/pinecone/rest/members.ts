/**
 * Members of a JSON body, decoded from any shape. null is the same as absent, and unknown members
 * are left alone: clients add some over time.
 */
import { InsulaError } from "../../../base/errors.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import type { ParsedVectorBody } from "../../dialect.ts";
import { refusal } from "../errors.ts";
import type { SparseValues } from "../operations/messages.ts";

/** @throws InsulaError `body_malformed` */
export function asObject(json: JsonValue, what = "The body"): JsonObject {
  if (isObject(json)) return json;
  throw new InsulaError("body_malformed", `${what} must be a JSON object`);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined when it is absent or null. */
export function member(object: JsonObject, name: string): JsonValue | undefined {
  return object[name] ?? undefined;
}

export function readText(object: JsonObject, name: string): string | undefined {
  const value = member(object, name);
  if (value === undefined || typeof value === "string") return value;
  throw refusal(`${name} must be a string`);
}

export function requireText(object: JsonObject, name: string): string {
  const value = readText(object, name);
  if (value !== undefined) return value;
  throw refusal(`${name} is required`);
}

export function readFlag(object: JsonObject, name: string): boolean {
  const value = member(object, name);
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw refusal(`${name} must be a boolean`);
}

/** Whole numbers; their bounds are looked at elsewhere. */
export function readInteger(object: JsonObject, name: string): number | undefined {
  const value = member(object, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw refusal(`${name} must be a whole number`);
}

export function readObject(object: JsonObject, name: string): JsonObject | undefined {
  const value = member(object, name);
  if (value === undefined || isObject(value)) return value;
  throw refusal(`${name} must be an object`);
}

export function readList(object: JsonObject, name: string): readonly JsonValue[] {
  const value = member(object, name);
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw refusal(`${name} must be a list`);
}

export function readTexts(object: JsonObject, name: string): readonly string[] {
  return readList(object, name).map((item) => {
    if (typeof item === "string") return item;
    throw refusal(`${name} must be a list of strings`);
  });
}

/** The list of numbers that was taken out of a body; undefined when there is none. */
export function readNumbers(
  body: ParsedVectorBody,
  object: JsonObject,
  name: string,
): Float32Array | undefined {
  const place = member(object, name);
  if (place === undefined) return undefined;
  const values = typeof place === "number" ? body.arrays[place] : undefined;
  if (values === undefined) {
    throw new InsulaError("vector_invalid", `Invalid vector: ${name} must be a list of numbers`);
  }
  return values;
}

const INDEX_MAX = 0xffff_ffff;

export function readSparse(
  body: ParsedVectorBody,
  object: JsonObject,
  name: string,
): SparseValues | undefined {
  const sparse = readObject(object, name);
  if (sparse === undefined) return undefined;
  const indices = readList(sparse, "indices").map((index) => {
    const isIndex =
      typeof index === "number" && Number.isInteger(index) && index >= 0 && index <= INDEX_MAX;
    if (isIndex) return index;
    throw refusal(`${name}.indices must be whole numbers from 0 to ${String(INDEX_MAX)}`);
  });
  const values = readNumbers(body, sparse, "values") ?? new Float32Array(0);
  return { indices: Uint32Array.from(indices), values };
}

/** A name in a path. @throws InsulaError `argument_invalid` */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw refusal("The path must be percent-encoded UTF-8");
  }
}

/** Values of a query string by their name, each as often as it stands there. */
export class QueryValues {
  readonly #values: URLSearchParams;

  /** @throws InsulaError `argument_invalid` for what is not UTF-8 behind the percent signs. */
  constructor(query: string) {
    try {
      decodeURIComponent(query.replaceAll("+", " "));
    } catch (cause) {
      throw new InsulaError("argument_invalid", "The query must be percent-encoded UTF-8", {
        cause,
      });
    }
    this.#values = new URLSearchParams(query);
  }

  all(name: string): readonly string[] {
    return this.#values.getAll(name);
  }

  /** The first; an empty one is none. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === null || value === "" ? undefined : value;
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (/^\d{1,9}$/.test(value)) return Number(value);
    throw refusal(`${name} must be a whole number`);
  }
}

/** With undefined members left out, for types whose members are absent instead. */
export function present<Members extends object>(
  members: Members,
): { [Name in keyof Members]?: Exclude<Members[Name], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as ReturnType<typeof present<Members>>;
}
