/** Sparse vectors between JSON and the model: indices in any order, each once. */
import { SPARSE_VALUES_MAX } from "../../base/limits.ts";
import {
  joinSparse,
  sortSparse,
  type Schema as CollectionSchema,
  type ScoreWeights,
  type SparseColumn,
  type SparseQuery,
  type SparseVector,
} from "../../model/index.ts";
import { printFloat32Array } from "../../wire/index.ts";
import { number, object, refusal, text, vector, type Schema } from "./schema.ts";

const INDEX_MAX = 0xffff_ffff;

/** A list of dimensions; its order and doubles are for the check of the model. */
const indices: Schema<Uint32Array> = {
  json: {
    type: "array",
    items: { type: "integer", minimum: 0, maximum: INDEX_MAX },
    minItems: 1,
    maxItems: SPARSE_VALUES_MAX,
    description: "dimensions, in any order, each once",
  },
  read: (value, at) => {
    if (!Array.isArray(value)) throw refusal(at, "expected a list");
    if (value.length > SPARSE_VALUES_MAX) {
      throw refusal(
        at,
        `expected at most ${String(SPARSE_VALUES_MAX)} items, received ${String(value.length)}`,
      );
    }
    const read = new Uint32Array(value.length);
    for (const [i, index] of value.entries()) {
      const isIndex =
        typeof index === "number" && Number.isInteger(index) && index >= 0 && index <= INDEX_MAX;
      if (!isIndex) {
        throw refusal(
          `${at}[${String(i)}]`,
          `expected a whole number from 0 to ${String(INDEX_MAX)}`,
        );
      }
      read[i] = index;
    }
    return read;
  },
};

const parts = object(
  { field: text("its name"), indices, values: vector("one number for each index") },
  "a sparse vector",
);

/** Read with its indices ascending. */
export const SPARSE: Schema<SparseQuery> = {
  json: parts.json,
  read: (value, at, lists) => {
    const { field, indices: dimensions, values } = parts.read(value, at, lists);
    if (dimensions.length !== values.length) {
      throw refusal(
        `${at}.values`,
        `expected ${String(dimensions.length)} numbers, received ${String(values.length)}`,
      );
    }
    return { field, vector: sortSparse({ indices: dimensions, values }) };
  },
};

export const WEIGHTS: Schema<ScoreWeights> = object(
  { dense: number("of the vector"), sparse: number("of the sparse vector") },
  "what each counts in the one score of a vector and a sparse vector; default 1 each",
);

/** Columns of the fields that any record has; empty ones are left out. */
export function toSparseColumns(
  { sparseVectors = [] }: CollectionSchema,
  records: readonly { readonly sparse: readonly SparseQuery[] | undefined }[],
): readonly SparseColumn[] {
  for (const [position, { sparse = [] }] of records.entries()) {
    for (const [i, { field }] of sparse.entries()) {
      const isKnown = sparseVectors.some(({ name }) => name === field);
      const isFirst = sparse.findIndex((other) => other.field === field) === i;
      if (isKnown && isFirst) continue;
      throw refusal(
        `records[${String(position)}].sparse[${String(i)}].field`,
        isKnown ? "expected each field once" : "expected a sparse field of the collection",
      );
    }
  }
  return sparseVectors
    .map(({ name }) => {
      const rows = records.map(({ sparse }) => sparse?.find(({ field }) => field === name)?.vector);
      return { field: name, ...joinSparse(rows) };
    })
    .filter((column) => column.indices.length > 0);
}

/** `{"field":…,"indices":[…],"values":[…]}` */
export function printSparse(field: string, { indices: dimensions, values }: SparseVector): string {
  const numbers = printFloat32Array(values);
  return `{"field":${JSON.stringify(field)},"indices":[${dimensions.join()}],"values":${numbers}}`;
}
