/** Records as a program has them, to the columns every body takes. */
import { InsulaError } from "../base/errors.ts";
import type { Metadata, VectorColumn, WriteBatch } from "../model/index.ts";
import { toSparseColumns } from "./sparse.ts";
import type { Batch, NewRecord, VectorLike } from "./insula.ts";

/** Name of the vector of collections with one unnamed vector, as in the model. */
const UNNAMED = "";

/**
 * @throws InsulaError `argument_invalid` when records have different vector fields, or columns are
 *   not as long as the keys; `dimension_mismatch` when rows of one field differ in length.
 */
export function toWriteBatch(records: Batch<object>): WriteBatch {
  const batch = isList(records) ? fromRecords(records) : (records as WriteBatch);
  const count = batch.keys.length;
  if (batch.metadata.length !== count) {
    throw refusal(`expected metadata for ${String(count)} records`);
  }
  for (const { field, values } of batch.vectors) {
    if (count === 0 || values.length % count === 0) continue;
    throw new InsulaError(
      "dimension_mismatch",
      `Cannot use the vectors: expected rows of one length for ${String(count)} records, received ${String(values.length)} components.`,
      { details: { field, received: values.length } },
    );
  }
  return batch;
}

/** Anything but a number becomes NaN, which every body refuses as `vector_invalid`. */
export function toFloat32(vector: VectorLike): Float32Array {
  if (vector instanceof Float32Array) return vector;
  return Float32Array.from(vector, (value: unknown) =>
    typeof value === "number" ? value : Number.NaN,
  );
}

function fromRecords(records: readonly NewRecord<object>[]): WriteBatch {
  const rows = records.map(vectorsOf);
  const fields = [...(rows[0]?.keys() ?? [])];
  const vectors = fields.map((field): VectorColumn => {
    const dimension = rows[0]?.get(field)?.length ?? 0;
    const values = new Float32Array(dimension * rows.length);
    for (const [i, row] of rows.entries()) {
      const vector = row.get(field);
      if (vector === undefined || row.size !== fields.length) {
        throw refusal("expected the same vector fields in all records");
      }
      if (vector.length !== dimension) throw ragged(field, dimension, vector.length);
      values.set(vector, i * dimension);
    }
    return { field, values };
  });
  return {
    keys: records.map(({ key }) => key),
    vectors,
    ...toSparseColumns(records),
    metadata: records.map(({ metadata }) => metadata as Metadata | undefined),
  };
}

function vectorsOf({ vector, vectors }: NewRecord<object>): ReadonlyMap<string, Float32Array> {
  const found = new Map<string, Float32Array>();
  if (vector !== undefined) found.set(UNNAMED, toFloat32(vector));
  const named = vectors instanceof Map ? vectors : Object.entries(vectors ?? {});
  for (const [field, values] of named as Iterable<readonly [string, VectorLike]>) {
    found.set(field, toFloat32(values));
  }
  return found;
}

function isList(records: Batch<object>): records is readonly NewRecord<object>[] {
  return Array.isArray(records);
}

function ragged(field: string, expected: number, received: number): InsulaError {
  return new InsulaError(
    "dimension_mismatch",
    `Cannot use the vectors: dimension differs: expected ${String(expected)} as in the first record, received ${String(received)}.`,
    { details: { expected, received, field } },
  );
}

function refusal(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot write the batch: ${reason}.`);
}
