/**
 * The parser of bodies with vectors in its slowest form, for tests: lists are read by JSON.parse.
 */
import { createHash } from "node:crypto";
import { InsulaError } from "../../src/base/errors.ts";
import type { ParsedVectorBody } from "../../src/dialects/index.ts";
import { parseJsonExact, scanJsonArrays } from "../../src/wire/index.ts";

/** As DialectContext.parseVectorBody, at once. */
export function parseVectorBodyPlainly(
  body: Buffer,
  patterns: readonly (readonly string[])[],
  md5?: string,
): ParsedVectorBody {
  if (md5 !== undefined && createHash("md5").update(body).digest("base64") !== md5) {
    return { isIntact: false, json: null, arrays: [] };
  }
  const arrays: Float32Array[] = [];
  const { text } = scanJsonArrays(body, {
    paths: patterns,
    parseArray: (start) => {
      const end = body.indexOf("]", start) + 1;
      arrays.push(readNumbers(body.subarray(start, end).toString()));
      return end;
    },
  });
  return { isIntact: true, json: parseJsonExact(text), arrays };
}

function readNumbers(text: string): Float32Array {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new InsulaError("vector_invalid", "Cannot use a vector: it is no list of numbers.");
  }
  if (Array.isArray(list) && list.every((item) => typeof item === "number")) {
    const values = Float32Array.from(list);
    if (values.every(Number.isFinite)) return values;
  }
  throw new InsulaError("vector_invalid", "Cannot use a vector: expected finite numbers.");
}
