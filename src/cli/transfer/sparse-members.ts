/** Sparse vectors of a record in JSON Lines: `{"terms": {"indices": [4, 9], "values": [2, 1]}}`. */
import { sortSparse, type SparseVector } from "../../model/index.ts";
import { printFloat32Array, type JsonObject, type JsonValue } from "../../wire/index.ts";
import { toVector } from "./vector-member.ts";

const INDEX_MAX = 0xffff_ffff;

/** By field. @throws RangeError with a reason that follows the place in the file. */
export function toSparseVectors(value: JsonValue | undefined): ReadonlyMap<string, SparseVector> {
  const found = new Map<string, SparseVector>();
  if (value === undefined || value === null) return found;
  if (Array.isArray(value)) {
    for (const each of value) {
      const { field, ...parts } = fieldOf(each, "sparse");
      if (found.has(field)) throw new RangeError(`sparse: ${JSON.stringify(field)} stands twice`);
      found.set(field, toSparse(parts, field));
    }
    return found;
  }
  if (typeof value !== "object") {
    throw new RangeError("sparse: expected an object of sparse vectors");
  }
  for (const [field, parts] of Object.entries(value)) found.set(field, toSparse(parts, field));
  return found;
}

/** One of a list of vectors that say their fields. @throws RangeError */
export function fieldOf(value: JsonValue, name: string): JsonObject & { readonly field: string } {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const field = isObject ? value["field"] : undefined;
  if (!isObject || typeof field !== "string") {
    throw new RangeError(`${name}: expected a field in each of the list`);
  }
  return { ...value, field };
}

function toSparse(parts: JsonValue, field: string): SparseVector {
  const name = JSON.stringify(field);
  if (typeof parts !== "object" || parts === null || Array.isArray(parts)) {
    throw new RangeError(`${name}: expected an object with indices and values`);
  }
  const { indices } = parts;
  if (!Array.isArray(indices)) throw new RangeError(`${name}: expected a list of indices`);
  const read = Uint32Array.from(indices, (index) => {
    const isIndex =
      typeof index === "number" && Number.isInteger(index) && index >= 0 && index <= INDEX_MAX;
    if (isIndex) return index;
    throw new RangeError(`${name}: expected whole indices from 0 to ${String(INDEX_MAX)}`);
  });
  const values = toVector(parts["values"], field);
  if (values.length !== read.length || read.length === 0) {
    throw new RangeError(`${name}: expected as many values as indices, and at least one`);
  }
  return sortSparse({ indices: read, values });
}

/** The member `sparse` of a line; empty for none. */
export function printSparseVectors(sparse: ReadonlyMap<string, SparseVector>): string {
  const fields = Array.from(sparse, ([field, { indices, values }]) => {
    const numbers = printFloat32Array(values);
    return `${JSON.stringify(field)}:{"indices":[${indices.join()}],"values":${numbers}}`;
  });
  return `{${fields.join()}}`;
}
