/** Checks of sparse vectors: order, doubles, numbers, lengths. */
import { InsulaError } from "../base/errors.ts";
import { SPARSE_VALUES_MAX } from "../base/limits.ts";
import type { WriteBatch } from "./record.ts";
import type { Schema } from "./schema.ts";
import {
  SPARSE_VALUE_BYTES,
  type SparseColumn,
  type SparseRows,
  type SparseVector,
} from "./sparse.ts";

/** Of a row, besides its values. */
const ROW_STEPS = 16;

/**
 * A vector by itself: 1 to SPARSE_VALUES_MAX finite values, dimensions strictly ascending.
 *
 * @throws InsulaError `vector_invalid`.
 */
export function checkSparseVector(field: string, { indices, values }: SparseVector): void {
  if (indices.length === 0) {
    throw vectorInvalid("expected at least one value, received none", { field, position: 0 });
  }
  if (indices.length !== values.length) {
    throw vectorInvalid(
      `expected as many values as indices, received ${String(values.length)} for ${String(indices.length)}`,
      { field, position: 0 },
    );
  }
  checkRow(field, { starts: Uint32Array.of(0, indices.length), indices, values }, 0);
}

/**
 * The sparse columns of a batch against the schema. Fields may be left out, and rows of a field may
 * be empty; where the schema has no dense field, each record has a sparse vector. In pieces, each
 * of which says its steps before.
 *
 * @returns their bytes.
 * @throws InsulaError `argument_invalid`, `vector_invalid`.
 */
export function* sparseColumnsCheck(
  schema: Schema,
  batch: WriteBatch,
): Generator<number, number, void> {
  const { sparse = [], keys } = batch;
  const known = schema.sparseVectors ?? [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const column of sparse) {
    if (!known.some(({ name }) => name === column.field)) {
      throw batchInvalid("expected sparse fields of the schema, received another");
    }
    if (seen.size === seen.add(column.field).size) {
      throw batchInvalid("expected each sparse field once, received one twice");
    }
    yield* columnCheck(column, keys.length);
    bytes += column.indices.length * SPARSE_VALUE_BYTES;
  }
  if (schema.vectors.length === 0) assertEachHasOne(sparse, keys.length);
  return bytes;
}

function* columnCheck(column: SparseColumn, rowCount: number): Generator<number, void, void> {
  const { starts, indices, values, field } = column;
  const isWhole =
    starts.length === rowCount + 1 &&
    starts[0] === 0 &&
    starts[rowCount] === indices.length &&
    indices.length === values.length &&
    starts.every((start, i) => i === 0 || start >= (starts[i - 1] ?? 0));
  if (!isWhole) {
    throw batchInvalid(
      `expected sparse rows of ${String(rowCount)} records, received starts, indices and values that do not fit together`,
    );
  }
  for (let row = 0; row < rowCount; row++) {
    yield ROW_STEPS + (starts[row + 1] ?? 0) - (starts[row] ?? 0);
    checkRow(field, column, row);
  }
}

function checkRow(field: string, rows: SparseRows, position: number): void {
  const start = rows.starts[position] ?? 0;
  const end = rows.starts[position + 1] ?? 0;
  if (end - start > SPARSE_VALUES_MAX) {
    throw vectorInvalid(
      `expected at most ${String(SPARSE_VALUES_MAX)} values, received ${String(end - start)}`,
      { field, position },
    );
  }
  let previous = -1;
  for (let at = start; at < end; at++) {
    const index = rows.indices[at] ?? 0;
    if (index <= previous) {
      const wrong = index === previous ? "one twice" : "them out of order";
      throw vectorInvalid(`expected strictly ascending indices, received ${wrong}`, {
        field,
        position,
        component: at - start,
      });
    }
    previous = index;
    if (!Number.isFinite(rows.values[at])) {
      throw vectorInvalid(
        `expected finite numbers, received another at value ${String(at - start)}`,
        { field, position, component: at - start },
      );
    }
  }
}

function assertEachHasOne(columns: readonly SparseRows[], rowCount: number): void {
  for (let row = 0; row < rowCount; row++) {
    if (columns.some(({ starts }) => (starts[row + 1] ?? 0) > (starts[row] ?? 0))) continue;
    throw new InsulaError(
      "vector_invalid",
      `Cannot write the batch: record ${String(row)} has no vector: expected at least one sparse vector.`,
      { details: { position: row } },
    );
  }
}

function vectorInvalid(
  reason: string,
  details: Readonly<Record<string, string | number>> & { readonly position: number },
): InsulaError {
  return new InsulaError(
    "vector_invalid",
    `Cannot use the sparse vector at position ${String(details.position)}: ${reason}.`,
    { details },
  );
}

function batchInvalid(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot write the batch: ${reason}.`);
}
