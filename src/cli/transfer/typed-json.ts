/**
 * Metadata as JSON that comes back with its types.
 *
 * Strings, booleans, null, lists, objects and numbers are themselves; integers keep every digit up
 * to uint64. What JSON has no word for is an object with one member: `{"$date": "2024-05-01T…Z"}`,
 * `{"$bytes": "base64"}`, `{"$number": "-0"}` (and doubles above 2^53). An object of the caller's
 * that looks like one of these is wrapped: `{"$object": {"$date": 1}}`.
 */
import type { Metadata, MetadataValue } from "../../model/index.ts";
import { printJson, type JsonObject, type JsonValue, type Printable } from "../../wire/index.ts";

/** Compact JSON text. */
export function printTyped(metadata: Metadata): string {
  // The metadata as a whole is always an object: its own name needs no wrapping.
  return printJson(toMembers(metadata));
}

function toPrintable(value: MetadataValue): Printable {
  if (typeof value === "number") return isPlain(value) ? value : { $number: printNumber(value) };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: value };
  if (isList(value)) return value.map(toPrintable);
  const members = toMembers(value);
  return wrapperOf(Object.keys(value)) === undefined ? members : { $object: members };
}

/** A double above 2^53 looks like an integer, which comes back as one; -0 loses its sign. */
function isPlain(value: number): boolean {
  return !Object.is(value, -0) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

function printNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function toMembers(value: Metadata): Record<string, Printable> {
  const members = Object.create(null) as Record<string, Printable>;
  for (const name of Object.keys(value)) members[name] = toPrintable(value[name] ?? null);
  return members;
}

/** The inverse of {@link printTyped}. @throws RangeError with a reason. */
export function toMetadata(json: JsonObject): Metadata {
  const metadata = Object.create(null) as Record<string, MetadataValue>;
  for (const name of Object.keys(json)) metadata[name] = toValue(json[name] ?? null);
  return metadata;
}

function toValue(value: JsonValue): MetadataValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toValue);
  const wrapper = wrapperOf(Object.keys(value));
  return wrapper === undefined ? toMetadata(value) : unwrap(wrapper, value[wrapper] ?? null);
}

const WRAPPERS = ["$date", "$bytes", "$number", "$object"] as const;
type Wrapper = (typeof WRAPPERS)[number];

function wrapperOf(names: readonly string[]): Wrapper | undefined {
  return names.length === 1 ? WRAPPERS.find((wrapper) => wrapper === names[0]) : undefined;
}

function unwrap(wrapper: Wrapper, value: JsonValue): MetadataValue {
  switch (wrapper) {
    case "$date": {
      const date = new Date(typeof value === "string" ? value : Number.NaN);
      if (Number.isNaN(date.getTime())) throw new RangeError("$date: expected ISO 8601");
      return date;
    }
    case "$bytes": {
      const bytes = typeof value === "string" ? Buffer.from(value, "base64") : undefined;
      if (bytes?.toString("base64") !== value) throw new RangeError("$bytes: expected base64");
      return Uint8Array.from(bytes);
    }
    case "$number": {
      const number = typeof value === "string" ? Number(value) : Number.NaN;
      if (!Number.isFinite(number)) throw new RangeError("$number: expected digits in a string");
      return number;
    }
    case "$object":
      if (typeof value !== "object" || value === null || Array.isArray(value))
        throw new RangeError("$object: expected an object");
      return toMetadata(value);
  }
}

function isList(value: MetadataValue): value is readonly MetadataValue[] {
  return Array.isArray(value);
}
