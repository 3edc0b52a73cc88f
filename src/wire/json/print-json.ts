import { assert } from "../../base/errors.ts";
import { printFloat32Array } from "./print-float.ts";

/** What can be printed. Members that are undefined are left out, as by `JSON.stringify`. */
export type Printable =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | Float32Array
  | readonly Printable[]
  | { readonly [name: string]: Printable | undefined };

/** Values nested deeper are a bug of ours: what comes in is bounded lower. */
const PRINT_DEPTH_MAX = 1_000;

/**
 * JSON text of a value: bigint as digits, dates in ISO 8601 with milliseconds, bytes in base64,
 * float32 with the fewest digits, everything else as `JSON.stringify` (which writes -0 as 0, and
 * null for what is not finite).
 */
export function printJson(value: Printable): string {
  return print(value, 0);
}

function print(value: Printable, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Number.isFinite(value) ? String(value) : "null";
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return value === null ? "null" : printObject(value, depth + 1);
  }
}

function printObject(
  value: Exclude<Printable, string | number | bigint | boolean | null>,
  depth: number,
): string {
  assert(depth <= PRINT_DEPTH_MAX, "a value that ends");
  if (isList(value)) {
    return `[${value.map((element) => print(element, depth)).join(",")}]`;
  }
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? "null" : `"${value.toISOString()}"`;
  if (value instanceof Float32Array) return printFloat32Array(value);
  if (value instanceof Uint8Array) return `"${toBase64(value)}"`;
  let text = "";
  for (const name of Object.keys(value)) {
    const member = value[name];
    if (member === undefined) continue;
    text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${print(member, depth)}`;
  }
  return `{${text}}`;
}

function isList(value: Printable): value is readonly Printable[] {
  return Array.isArray(value);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
