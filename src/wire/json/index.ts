/**
 * JSON without loss: exact integers in, shortest float32 out, and vectors taken out of a body
 * before it is parsed.
 *
 * For: every dialect that speaks JSON. Not for: what the members mean, and the parsing of the
 * vectors' numbers (`math`, handed in as a callback).
 *
 * Life of a body: bytes, `scanJsonArrays` with the paths where the dialect expects vectors, the
 * remaining text to `parseJsonExact`, ordinals back to vectors by the dialect. Answers:
 * `printJson`.
 *
 * Invariants: what `JSON.parse` accepts is accepted with the same values, but for integers that it
 * would round and numbers that it would make infinite; nothing that it refuses is accepted. Bounded
 * nesting. Objects have no prototype. No body makes the readers hang; what is wrong is
 * `body_malformed` with position and reason.
 *
 * Sources: RFC 8259; ECMA-262, JSON.parse.
 */
export { printFloat32, printFloat32Array } from "./print-float.ts";
export { printJson } from "./print-json.ts";
export type { Printable } from "./print-json.ts";
export { decodeText, parseJsonBytes, parseJsonExact } from "./parse-json.ts";
export { parseJsonParts } from "./parse-parts.ts";
export { JSON_DEPTH_MAX } from "./json-value.ts";
export type { JsonObject, JsonOptions, JsonValue } from "./json-value.ts";
export { scanJsonArrays } from "./scan-arrays.ts";
export type { ScannedBody, ScanOptions } from "./scan-arrays.ts";
export type { MemberPath } from "./member-paths.ts";
