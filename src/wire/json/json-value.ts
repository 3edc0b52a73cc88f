/** What a JSON text means here: as `JSON.parse`, but integers are never rounded. */
import { InsulaError } from "../../base/errors.ts";

export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | JsonObject;

/** Without prototype: members are data, also `__proto__`. */
export interface JsonObject {
  [name: string]: JsonValue;
}

/**
 * Levels of objects and lists in one text. Above all the vendors' documents, far below the stack.
 */
export const JSON_DEPTH_MAX = 64;

export interface JsonOptions {
  /** 1 to 1,000; default {@link JSON_DEPTH_MAX}. */
  readonly depthMax?: number;
}

/**
 * The error for a text that is no JSON, or none that we take.
 *
 * @param position of the byte or UTF-16 unit where it shows, whatever the caller counts.
 */
export function jsonMalformed(reason: string, position: number): InsulaError {
  return new InsulaError(
    "body_malformed",
    `Cannot parse the JSON body: ${reason} at position ${String(position)}.`,
    { details: { position, reason } },
  );
}

export function jsonTooDeep(depthMax: number, position: number): InsulaError {
  return jsonMalformed(
    `nested too deep: expected at most ${String(depthMax)} levels, received more`,
    position,
  );
}
