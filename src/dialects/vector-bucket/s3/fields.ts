/**
 * Members of a request body, decoded from JSON of any shape. What breaks a rule of the vendor's
 * model is refused in the words of the service; null is the same as absent, and unknown members are
 * left alone: clients add some over time.
 */
import { InsulaError } from "../../../base/errors.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { isWellFormed } from "../../../model/index.ts";
import { isJsonObject, isList } from "../json-kind.ts";
import { violation } from "./errors.ts";
import { S3_LIMITS } from "./limits.ts";

/** Where a value stands: `/vectors/3/key`. */
export type FieldPath = string;

/** How much a member may hold. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** @throws InsulaError `body_malformed` */
export function asObject(json: JsonValue): JsonObject {
  if (isJsonObject(json)) return json;
  throw new InsulaError("body_malformed", "Cannot read the body: expected a JSON object.");
}

/** Undefined when it is absent or null. */
export function member(object: JsonObject, name: string): JsonValue | undefined {
  return object[name] ?? undefined;
}

export function required(
  object: JsonObject,
  name: string,
  path: FieldPath = `/${name}`,
): JsonValue {
  const value = member(object, name);
  if (value === undefined) throw violation(path, "Member must not be null");
  return value;
}

export function readText(
  object: JsonObject,
  name: string,
  length: Range | undefined,
  path: FieldPath = `/${name}`,
): string {
  return asText(required(object, name, path), length, path);
}

export function readOptionalText(
  object: JsonObject,
  name: string,
  length?: Range,
): string | undefined {
  const value = member(object, name);
  return value === undefined ? undefined : asText(value, length, `/${name}`);
}

/** Lengths count Unicode characters. */
export function asText(value: JsonValue, length: Range | undefined, path: FieldPath): string {
  if (typeof value !== "string") throw violation(path, "Member must be a string");
  // A lone half of a surrogate pair has no UTF-8 form: two such texts would be one on disk.
  if (!isWellFormed(value)) throw violation(path, "Member must be valid Unicode");
  if (length !== undefined) checkLength(countCharacters(value, length.max), length, path);
  return value;
}

export function checkLength(count: number, { min, max }: Range, path: FieldPath): void {
  if (count >= min && count <= max) return;
  throw violation(
    path,
    `Member must have length between ${String(min)} and ${String(max)}, inclusive`,
    { length: count },
  );
}

export function readEnum<Value extends string>(
  object: JsonObject,
  name: string,
  values: readonly Value[],
  path: FieldPath = `/${name}`,
): Value {
  const given = required(object, name, path);
  const value = values.find((candidate) => candidate === given);
  if (value !== undefined) return value;
  throw violation(path, `Member must satisfy enum value set: [${values.join(", ")}]`);
}

export function readInteger(object: JsonObject, name: string, range: Range): number {
  return asInteger(required(object, name), name, range);
}

export function readOptionalInteger(
  object: JsonObject,
  name: string,
  range: Range,
): number | undefined {
  const value = member(object, name);
  return value === undefined ? undefined : asInteger(value, name, range);
}

/** Absent is false. */
export function readFlag(object: JsonObject, name: string): boolean {
  const value = member(object, name);
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw violation(`/${name}`, "Member must be a boolean");
}

/** A list of 1 to `max` items. */
export function readList(
  object: JsonObject,
  name: string,
  max: number,
  path: FieldPath = `/${name}`,
): readonly JsonValue[] {
  const value = required(object, name, path);
  if (!isList(value)) throw violation(path, "Member must be a list");
  checkLength(value.length, { min: 1, max }, path);
  return value;
}

export function readObject(
  object: JsonObject,
  name: string,
  path: FieldPath = `/${name}`,
): JsonObject {
  const value = required(object, name, path);
  if (isJsonObject(value)) return value;
  throw violation(path, "Member must be an object");
}

export function readOptionalObject(object: JsonObject, name: string): JsonObject | undefined {
  return member(object, name) === undefined ? undefined : readObject(object, name);
}

/** Vector keys, each once, in the order of their first mention. */
export function readKeys(object: JsonObject, max: number): readonly string[] {
  const items = readList(object, "keys", max);
  return [...new Set(items.map((item, i) => asKey(item, `/keys/${String(i)}`)))];
}

export function asKey(value: JsonValue, path: FieldPath): string {
  return asText(value, { min: 1, max: S3_LIMITS.keyCharactersMax }, path);
}

/** A prefix of names; absent: of any. */
export function readPrefix(object: JsonObject): string | undefined {
  return readOptionalText(object, "prefix", { min: 1, max: S3_LIMITS.prefixCharactersMax });
}

/** An empty token is none: clients send it back as they got it. */
export function readToken(object: JsonObject): string | undefined {
  const token = readOptionalText(object, "nextToken");
  return token === "" ? undefined : token;
}

function asInteger(value: JsonValue, name: string, { min, max }: Range): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw violation(
    `/${name}`,
    `Member must be between ${String(min)} and ${String(max)}, inclusive`,
  );
}

/** Beyond twice the maximum in UTF-16 units the exact number does not matter. */
function countCharacters(text: string, max: number): number {
  if (text.length > max * 2) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}
