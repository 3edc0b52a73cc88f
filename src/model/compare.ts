/**
 * Order and equality of metadata values. Exact: an int64 is never rounded to a double on the way,
 * because ECMAScript compares a number with a bigint by their mathematical values.
 */
import type { FilterScalar } from "./filter.ts";
import type { MetadataObject, MetadataValue } from "./metadata.ts";

export type ValueKind =
  "null" | "boolean" | "number" | "string" | "date" | "bytes" | "list" | "object";

/** Smallest int64 and largest uint64: what a bigint in metadata or a filter may be. */
export const INTEGER_MIN: bigint = -(2n ** 63n);
export const INTEGER_MAX: bigint = 2n ** 64n - 1n;

export function kindOf(value: MetadataValue): ValueKind {
  switch (typeof value) {
    case "boolean":
      return "boolean";
    case "number":
    case "bigint":
      return "number";
    case "string":
      return "string";
    default:
      if (value === null) return "null";
      if (value instanceof Date) return "date";
      if (value instanceof Uint8Array) return "bytes";
      return Array.isArray(value) ? "list" : "object";
  }
}

/** `Array.isArray` for lists that may not be changed. */
export function isList(value: MetadataValue): value is readonly MetadataValue[] {
  return Array.isArray(value);
}

/** A map of names to values: no list, date or bytes. */
export function isObject(value: MetadataValue): value is MetadataObject {
  return kindOf(value) === "object";
}

/**
 * Exact order of numbers by value, whatever their kinds; -0 equals 0. NaN is refused by the checks.
 */
export function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

/**
 * Order of the UTF-8 bytes of two strings, found without encoding them.
 *
 * UTF-16 order differs from it in one place only: surrogates (U+10000 and above) come before U+E000
 * to U+FFFF. Source: Unicode Standard, 5.17, binary order. Cost: one pass to the first difference.
 */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) < codePointRank(y) ? -1 : 1;
  }
  return a.length < b.length ? -1 : 1;
}

/** Order of two scalars of one kind, false before true; undefined when their kinds differ. */
export function compareScalars(a: FilterScalar, b: FilterScalar): number | undefined {
  if (typeof a === "string") return typeof b === "string" ? compareStrings(a, b) : undefined;
  if (typeof a === "boolean") return typeof b === "boolean" ? Number(a) - Number(b) : undefined;
  if (a instanceof Date) {
    return b instanceof Date ? compareNumbers(a.getTime(), b.getTime()) : undefined;
  }
  return typeof b === "number" || typeof b === "bigint" ? compareNumbers(a, b) : undefined;
}

/**
 * One JavaScript value for each number: equal numbers of different kinds become identical, so that
 * they meet in a `Map` or `Set` (which also holds -0 and 0 for the same). Integers that only int64
 * or uint64 hold exactly are `bigint`, everything else is `number`.
 */
export function toCanonicalNumber(value: number | bigint): number | bigint {
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value;
    return value >= INTEGER_MIN && value <= INTEGER_MAX ? BigInt(value) : value;
  }
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value;
}

function codePointRank(codeUnit: number): number {
  if (codeUnit < 0xd800) return codeUnit;
  return codeUnit < 0xe000 ? codeUnit + 0x2000 : codeUnit - 0x800;
}
