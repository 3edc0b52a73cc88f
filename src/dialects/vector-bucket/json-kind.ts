/** What sort of JSON a value is. */
import type { JsonObject, JsonValue } from "../../wire/index.ts";

/** True for objects; lists and null are none. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for lists. */
export function isList(value: JsonValue | undefined): value is JsonValue[] {
  return Array.isArray(value);
}
