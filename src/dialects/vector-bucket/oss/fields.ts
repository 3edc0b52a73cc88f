/**
 * Members of a request body, decoded from JSON of any shape. A missing required member is
 * MalformedJson, a member of another type or outside its range VectorIndexParameterInvalid, as the
 * vendor's error table has it. Unknown members are left alone: clients add some over time.
 */
import { InsulaError } from "../../../base/errors.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { isJsonObject, isList } from "../json-kind.ts";
import { checkKey, isIndexName } from "../vector-index.ts";
import { OSS_LIMITS } from "./limits.ts";

const NEW_NAME = /^[A-Za-z][A-Za-z0-9]*$/;

/** The index a call is about. */
export function readIndexName(body: JsonObject): string {
  const name = readString(body, "indexName");
  if (isIndexName(name)) return name;
  throw invalid("indexName", `expected ${INDEX_NAME_RULE}`);
}

/** The name of an index to be made. */
export function readNewIndexName(body: JsonObject): string {
  const name = readString(body, "indexName");
  if (name.length <= OSS_LIMITS.indexNameCharactersMax && NEW_NAME.test(name)) return name;
  throw invalid("indexName", `expected ${INDEX_NAME_RULE}`);
}

const INDEX_NAME_RULE =
  `1 to ${String(OSS_LIMITS.indexNameCharactersMax)} letters and digits, ` + "the first a letter";

export function readString(body: JsonObject, name: string): string {
  const value = readRequired(body, name);
  if (typeof value === "string") return value;
  throw invalid(name, "expected a string");
}

export function readOptionalString(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || typeof value === "string") return value;
  throw invalid(name, "expected a string");
}

/** Absent is false. */
export function readFlag(body: JsonObject, name: string): boolean {
  const value = body[name];
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw invalid(name, "expected true or false");
}

export function readInteger(
  body: JsonObject,
  name: string,
  range: { readonly min: number; readonly max: number; readonly default: number },
): number {
  const value = body[name];
  if (value === undefined) return range.default;
  if (
    typeof value === "number" &&
    Number.isInteger(value) &&
    value >= range.min &&
    value <= range.max
  ) {
    return value;
  }
  throw invalid(name, `expected an integer from ${String(range.min)} to ${String(range.max)}`);
}

/** A list of 1 to `countMax` items. */
export function readList(body: JsonObject, name: string, countMax: number): readonly JsonValue[] {
  const value = readRequired(body, name);
  if (!isList(value)) throw invalid(name, "expected a list");
  if (value.length === 0 || value.length > countMax) {
    throw invalid(
      name,
      `expected 1 to ${String(countMax)} items, received ${String(value.length)}`,
    );
  }
  return value;
}

/** Vector keys, each once, in the order of their first mention. */
export function readKeys(body: JsonObject, countMax: number): readonly string[] {
  const keys = new Set<string>();
  for (const item of readList(body, "keys", countMax)) keys.add(asKey(item));
  return [...keys];
}

export function asKey(json: JsonValue | undefined): string {
  if (json === undefined) throw missing("key");
  if (typeof json !== "string") throw invalid("key", "expected a string");
  checkKey(json, OSS_LIMITS.keyCharactersMax);
  return json;
}

export function readOptionalObject(body: JsonObject, name: string): JsonObject | undefined {
  const value = body[name];
  if (value === undefined || isJsonObject(value)) return value;
  throw invalid(name, "expected an object");
}

export function readObject(body: JsonObject, name: string): JsonObject {
  const value = readOptionalObject(body, name);
  if (value === undefined) throw missing(name);
  return value;
}

/** An empty token is none: clients send it back as they got it. */
export function readToken(body: JsonObject): string | undefined {
  const token = readOptionalString(body, "nextToken");
  return token === "" ? undefined : token;
}

export function invalid(name: string, reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot use ${name}: ${reason}.`);
}

export function missing(name: string): InsulaError {
  return new InsulaError("body_malformed", `Cannot read the body: ${name} is missing.`);
}

function readRequired(body: JsonObject, name: string): JsonValue {
  const value = body[name];
  if (value === undefined) throw missing(name);
  return value;
}
