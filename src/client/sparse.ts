/** Sparse vectors as a program has them, to what every body takes. */
import { InsulaError } from "../base/errors.ts";
import type { SparseColumn, SparseVector } from "../model/index.ts";
import type { NewRecord, SparseLike } from "./insula.ts";

const INDEX_MAX = 0xffff_ffff;

/**
 * With its indices ascending.
 *
 * @throws InsulaError `vector_invalid` for an index that is no whole number of 32 bits, for lists
 *   of different lengths; doubles and numbers that are not finite are refused by every body.
 */
export function toSparse({ indices, values }: SparseLike): SparseVector {
  if (indices.length !== values.length) {
    throw refusal(`expected ${String(indices.length)} values, received ${String(values.length)}`);
  }
  const order = Array.from({ length: indices.length }, (_, i) => i);
  order.sort((a, b) => (indices[a] ?? 0) - (indices[b] ?? 0));
  return {
    indices: Uint32Array.from(order, (i) => toIndex(indices[i])),
    values: Float32Array.from(order, (i) => {
      const value: unknown = values[i];
      return typeof value === "number" ? value : Number.NaN;
    }),
  };
}

/** Nothing where no record has any. */
export function toSparseColumns(records: readonly NewRecord<object>[]): {
  readonly sparse?: readonly SparseColumn[];
} {
  const rows = records.map(sparseOf);
  const fields = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  if (fields.length === 0) return {};
  return { sparse: fields.map((field) => toColumn(field, rows)) };
}

function sparseOf({ sparse }: NewRecord<object>): ReadonlyMap<string, SparseVector> {
  const named = sparse instanceof Map ? sparse : Object.entries(sparse ?? {});
  const found = new Map<string, SparseVector>();
  for (const [field, vector] of named as Iterable<readonly [string, SparseLike]>) {
    if (vector.indices.length === 0) throw refusal("expected at least one value, received none");
    found.set(field, toSparse(vector));
  }
  return found;
}

function toColumn(field: string, rows: readonly ReadonlyMap<string, SparseVector>[]): SparseColumn {
  const starts = new Uint32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) {
    starts[i + 1] = (starts[i] ?? 0) + (row.get(field)?.indices.length ?? 0);
  }
  const indices = new Uint32Array(starts[rows.length] ?? 0);
  const values = new Float32Array(indices.length);
  for (const [i, row] of rows.entries()) {
    const vector = row.get(field);
    if (vector === undefined) continue;
    indices.set(vector.indices, starts[i]);
    values.set(vector.values, starts[i]);
  }
  return { field, starts, indices, values };
}

function toIndex(index: unknown): number {
  if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index <= INDEX_MAX) {
    return index;
  }
  throw refusal(`expected whole indices from 0 to ${String(INDEX_MAX)}, received another`);
}

function refusal(reason: string): InsulaError {
  return new InsulaError("vector_invalid", `Cannot use the sparse vector: ${reason}.`);
}
