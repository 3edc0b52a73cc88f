/** The check of metadata, and how long it will be when encoded, in one pass without encoding. */
import { METADATA_BYTES_MAX } from "../base/limits.ts";
import { INTEGER_MAX, INTEGER_MIN, isList } from "./compare.ts";
import type { Metadata, MetadataObject, MetadataValue } from "./metadata.ts";
import { assertDepth, metadataInvalid, tooLarge } from "./metadata-encode.ts";
import { isWellFormed } from "./well-formed.ts";

/**
 * Checks that every value can be stored and returned as it is: strings without lone surrogates,
 * finite numbers, integers within int64 or uint64, valid dates, nesting and size within the limits.
 *
 * @returns the exact number of bytes `encodeMetadata` will make.
 * @throws InsulaError `metadata_invalid`, `metadata_too_large`.
 */
export function checkMetadata(metadata: Metadata): number {
  if (!isPlainObject(metadata)) {
    throw metadataInvalid("expected an object of names and values");
  }
  const byteLength = 1 + bodySize(metadata, 1);
  if (byteLength > METADATA_BYTES_MAX) throw tooLarge(byteLength);
  return byteLength;
}

/** Looks at what the types promise: the metadata comes from outside. */
function isPlainObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return !(Array.isArray(value) || value instanceof Date || value instanceof Uint8Array);
}

function bodySize(object: MetadataObject, depth: number): number {
  assertDepth(depth);
  let size = 0;
  let count = 0;
  for (const name of Object.keys(object)) {
    size += textSize(name) + valueSize(object[name], depth);
    count++;
  }
  return size + varintSize(count);
}

/** Tag included. */
function valueSize(value: MetadataValue | undefined, depth: number): number {
  switch (typeof value) {
    case "string":
      return 1 + textSize(value);
    case "number":
      return 1 + numberSize(value);
    case "boolean":
      return 1;
    case "bigint":
      return 1 + bigintSize(value);
    case "object":
      return 1 + objectSize(value, depth);
    default:
      throw metadataInvalid(`expected a value, received ${typeof value}`);
  }
}

function objectSize(
  value: Exclude<MetadataValue, string | number | bigint | boolean>,
  depth: number,
): number {
  if (value === null) return 0;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw metadataInvalid("expected a valid date");
    return 8;
  }
  if (value instanceof Uint8Array) return varintSize(value.length) + value.length;
  if (!isList(value)) return 4 + bodySize(value, depth + 1);
  assertDepth(depth + 1);
  let size = 4 + varintSize(value.length);
  for (const element of value) size += valueSize(element, depth + 1);
  return size;
}

function textSize(text: string): number {
  if (!isWellFormed(text)) {
    throw metadataInvalid("expected text that can be written in UTF-8, received a lone surrogate");
  }
  const byteLength = Buffer.byteLength(text);
  return varintSize(byteLength) + byteLength;
}

function numberSize(value: number): number {
  if (!Number.isFinite(value)) throw metadataInvalid("expected a finite number");
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return 8;
  return varintSize(value >= 0 ? value : -1 - value);
}

function bigintSize(value: bigint): number {
  if (value < INTEGER_MIN || value > INTEGER_MAX) {
    throw metadataInvalid("integer out of range: expected an int64 or uint64");
  }
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return isSafe ? numberSize(Number(value)) : 8;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}
