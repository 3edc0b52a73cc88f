import { isUtf8 } from "node:buffer";
import { JsonDescent } from "./json-descent.ts";
import {
  JSON_DEPTH_MAX,
  jsonMalformed,
  type JsonObject,
  type JsonOptions,
  type JsonValue,
} from "./json-value.ts";

/**
 * Where an integer of 16 digits or more may start. Also found inside of strings, which costs time
 * and no more; not found behind a decimal point, where doubles have as many.
 */
const LONG_INTEGER = /(?:^|[\s:[,-])\d{16}/;

/**
 * `JSON.parse` with exact integers: those outside ±(2^53-1) that int64 or uint64 holds are
 * `bigint`. Other numbers are what `JSON.parse` makes of them, but an overflow to infinity is
 * refused. Of two members with one name the last wins. Objects have no prototype.
 *
 * @throws InsulaError `body_malformed` with `details.position` (UTF-16 units) and `details.reason`.
 *
 * Cost: `JSON.parse` and a walk over the result; texts with long integers go through a parser of
 * ours instead.
 */
export function parseJsonExact(text: string, options: JsonOptions = {}): JsonValue {
  const depthMax = options.depthMax ?? JSON_DEPTH_MAX;
  if (!LONG_INTEGER.test(text)) {
    const fast = parseNative(text, depthMax);
    if (fast !== undefined) return fast;
  }
  return new JsonDescent(text, depthMax).parse();
}

/**
 * {@link parseJsonExact} of UTF-8.
 *
 * @throws InsulaError `body_malformed` also for bytes that are no UTF-8.
 */
export function parseJsonBytes(body: Uint8Array, options: JsonOptions = {}): JsonValue {
  return parseJsonExact(decodeText(body), options);
}

/** @throws InsulaError `body_malformed`. */
export function decodeText(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw jsonMalformed("expected text in UTF-8", 0);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** Undefined when the exact parser must say what is wrong, or where. */
function parseNative(text: string, depthMax: number): JsonValue | undefined {
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
  return withoutPrototypes(parsed, depthMax, 0);
}

/**
 * Undefined when a number is infinite or the nesting too deep. Lists are changed in place, objects
 * made anew.
 */
function withoutPrototypes(
  value: JsonValue,
  depthMax: number,
  depth: number,
): JsonValue | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "object" || value === null) return value;
  if (depth >= depthMax) return undefined;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const element = withoutPrototypes(value[i] ?? null, depthMax, depth + 1);
      if (element === undefined) return undefined;
      value[i] = element;
    }
    return value;
  }
  // `JSON.parse` defines a member called __proto__ as data, and so does assigning without a
  // prototype.
  const object = Object.create(null) as JsonObject;
  for (const name of Object.keys(value)) {
    const member = withoutPrototypes(value[name] ?? null, depthMax, depth + 1);
    if (member === undefined) return undefined;
    object[name] = member;
  }
  return object;
}
