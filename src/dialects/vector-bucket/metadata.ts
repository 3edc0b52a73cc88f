/**
 * Metadata as OSS and S3 Vectors write it, checked and handed to the model as it came.
 *
 * Strings, numbers, booleans and lists can be filtered by; nested objects are kept and returned,
 * and of filters only `$exists` sees them. `null` and empty names are refused: both vendors do, and
 * a filter could not tell a null from a missing property.
 */
import { InsulaError } from "../../base/errors.ts";
import { METADATA_DEPTH_MAX } from "../../base/limits.ts";
import type { Metadata } from "../../model/index.ts";
import type { JsonObject, JsonValue } from "../../wire/index.ts";
import { isJsonObject } from "./json-kind.ts";
import { printJson } from "../../wire/index.ts";

/** What a vendor allows in the metadata of one vector. */
export interface MetadataRules {
  /** UTF-8 bytes of all of it as compact JSON. */
  readonly bytesMax: number;
  /** UTF-8 bytes of the filterable part as compact JSON. */
  readonly filterableBytesMax: number;
  /** Names that count towards `bytesMax` only. */
  readonly unfilterable: readonly string[];
}

/**
 * The value is not copied: a JSON object of our parser is metadata as it stands.
 *
 * @param key  of the vector, for messages.
 * @throws InsulaError `metadata_invalid`, `metadata_too_large`
 */
export function parseMetadata(json: JsonValue, rules: MetadataRules, key: string): Metadata {
  if (!isJsonObject(json)) throw invalid(key, "expected an object");
  checkObject(json, key, 1);
  const byteCount = Buffer.byteLength(printJson(json));
  if (byteCount > rules.bytesMax) throw tooLarge(key, { byteCount, bytesMax: rules.bytesMax });
  if (byteCount > rules.filterableBytesMax) checkFilterable(json, rules, key);
  return json;
}

function checkFilterable(json: JsonObject, rules: MetadataRules, key: string): void {
  let byteCount = 1; // The braces and the commas between members: one more than there are members.
  for (const [name, value] of Object.entries(json)) {
    if (rules.unfilterable.includes(name)) continue;
    byteCount += Buffer.byteLength(printJson(name)) + Buffer.byteLength(printJson(value)) + 2;
  }
  const bytesMax = rules.filterableBytesMax;
  if (byteCount > bytesMax) throw tooLarge(key, { byteCount, bytesMax, part: "filterable " });
}

function checkObject(json: JsonObject, key: string, depth: number): void {
  for (const [name, value] of Object.entries(json)) {
    if (name === "") throw invalid(key, "expected names of at least one character");
    checkValue(value, key, depth);
  }
}

function checkValue(value: JsonValue, key: string, depth: number): void {
  if (value === null) throw invalid(key, "null is not a value");
  if (typeof value !== "object") return;
  if (depth >= METADATA_DEPTH_MAX) {
    throw invalid(key, `expected at most ${String(METADATA_DEPTH_MAX)} nested levels`);
  }
  if (isJsonObject(value)) {
    checkObject(value, key, depth + 1);
    return;
  }
  for (const item of value) checkValue(item, key, depth + 1);
}

function invalid(key: string, reason: string): InsulaError {
  return new InsulaError(
    "metadata_invalid",
    `Cannot store the metadata of vector ${quote(key)}: ${reason}.`,
    { details: { reason } },
  );
}

function tooLarge(
  key: string,
  size: { readonly byteCount: number; readonly bytesMax: number; readonly part?: string },
): InsulaError {
  return new InsulaError(
    "metadata_too_large",
    `Cannot store the metadata of vector ${quote(key)}: expected at most ` +
      `${String(size.bytesMax)} ${size.part ?? ""}bytes, received ${String(size.byteCount)}.`,
    { details: { bytesMax: size.bytesMax, isFilterablePart: size.part !== undefined } },
  );
}

function quote(key: string): string {
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key);
}
