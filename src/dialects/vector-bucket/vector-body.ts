/**
 * Bodies with vectors: the numbers come apart from the rest, as float32, so that a thousand of them
 * are never a JavaScript list.
 */
import { InsulaError } from "../../base/errors.ts";
import type { JsonValue } from "../../wire/index.ts";
import type { ParsedVectorBody } from "../dialect.ts";

/**
 * Rows as one column of a batch: where they already lie one behind the other no number is copied.
 *
 * @param rows  at least one, all of one length.
 */
export function joinRows(rows: readonly Float32Array[]): Float32Array {
  const [first] = rows;
  if (first === undefined) return new Float32Array();
  const { buffer, byteOffset, length, byteLength } = first;
  const isOneBlock = rows.every(
    (row, i) => row.buffer === buffer && row.byteOffset === byteOffset + i * byteLength,
  );
  if (isOneBlock) return new Float32Array(buffer, byteOffset, rows.length * length);
  const values = new Float32Array(rows.length * length);
  for (const [i, row] of rows.entries()) values.set(row, i * length);
  return values;
}

/**
 * The list of numbers that was taken out of a body.
 *
 * @param place  what stands where the list should be.
 * @throws InsulaError `vector_invalid` for anything but a list of numbers.
 */
export function takeVector(body: ParsedVectorBody, place: JsonValue): Float32Array {
  const values = typeof place === "number" ? body.arrays[place] : undefined;
  if (values !== undefined) return values;
  throw new InsulaError("vector_invalid", "Cannot use a vector: expected a list of numbers.");
}
