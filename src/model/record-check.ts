/** Checks of keys, vectors and batches: all or nothing, before anything is written. */
import { InsulaError } from "../base/errors.ts";
import { BATCH_BYTES_MAX, BATCH_RECORDS_MAX, KEY_BYTES_MAX } from "../base/limits.ts";
import { scanSteps } from "../base/pace.ts";
import { checkMetadata } from "./metadata-size.ts";
import type { VectorColumn, WriteBatch } from "./record.ts";
import type { Schema, VectorField } from "./schema.ts";
import { sparseColumnsCheck } from "./sparse-check.ts";
import { isWellFormed } from "./well-formed.ts";

/** Numbers, and records, that are checked as one piece; what one of them costs. */
const PIECE_NUMBERS = 65_536;
const PIECE_RECORDS = 64;
const RECORD_STEPS = 48;

/** What a batch costs, known after its check. */
export interface BatchSize {
  /** Keys, vectors and encoded metadata. */
  readonly bytes: number;
}

/**
 * 1 to KEY_BYTES_MAX bytes of UTF-8.
 *
 * @returns the length in bytes.
 * @throws InsulaError `key_invalid`.
 */
export function checkKey(key: string): number {
  if (typeof key !== "string" || !isWellFormed(key)) {
    throw keyInvalid("expected text that can be written in UTF-8");
  }
  const byteLength = Buffer.byteLength(key);
  if (byteLength === 0 || byteLength > KEY_BYTES_MAX) {
    throw keyInvalid(
      `expected 1 to ${String(KEY_BYTES_MAX)} bytes, received ${String(byteLength)}`,
    );
  }
  return byteLength;
}

/**
 * One vector of the field: as many components as it has, all finite. A zero vector is allowed: its
 * cosine distance to anything is 1; dialects that refuse it look themselves.
 *
 * @throws InsulaError `dimension_mismatch`, `vector_invalid`.
 */
export function checkVector(field: VectorField, values: Float32Array): void {
  assertDimension(field, values.length, 1);
  assertFinite(field, values);
}

/**
 * A batch against the schema: lengths, every vector field once, keys, doubles, metadata, size. In
 * pieces, each of which says its steps before.
 *
 * @throws InsulaError `batch_too_large`, `argument_invalid`, `key_invalid`, `key_duplicate`,
 *         `dimension_mismatch`, `vector_invalid`, `metadata_invalid`, `metadata_too_large`; nothing
 *         of the batch may be written then.
 *
 * Cost: one pass over all components.
 */
export function* batchCheck(schema: Schema, batch: WriteBatch): Generator<number, BatchSize, void> {
  const { keys, metadata, vectors } = batch;
  if (keys.length > BATCH_RECORDS_MAX) {
    throw batchTooLarge(BATCH_RECORDS_MAX, keys.length, "records");
  }
  if (metadata.length !== keys.length) {
    throw batchInvalid(
      `expected metadata for ${String(keys.length)} records, received ${String(metadata.length)}`,
    );
  }
  checkColumns(schema, vectors);
  let bytes = 0;
  for (const column of vectors) bytes += column.values.byteLength;
  if (bytes > BATCH_BYTES_MAX) throw batchTooLarge(BATCH_BYTES_MAX, bytes, "bytes");
  for (const field of schema.vectors) yield* columnCheck(field, vectors, keys.length);
  bytes += yield* sparseColumnsCheck(schema, batch);
  bytes += yield* keysCheck(keys);
  for (const [i, item] of metadata.entries()) {
    if (i % PIECE_RECORDS === 0) yield PIECE_RECORDS * RECORD_STEPS;
    if (item !== undefined) bytes += checkMetadata(item);
  }
  if (bytes > BATCH_BYTES_MAX) throw batchTooLarge(BATCH_BYTES_MAX, bytes, "bytes");
  return { bytes };
}

function* keysCheck(keys: readonly string[]): Generator<number, number, void> {
  let bytes = 0;
  for (const [i, key] of keys.entries()) {
    if (i % PIECE_RECORDS === 0) yield PIECE_RECORDS * RECORD_STEPS;
    bytes += checkKey(key);
  }
  const seen = new Set<string>();
  for (const [position, key] of keys.entries()) {
    if (position % PIECE_RECORDS === 0) yield PIECE_RECORDS * RECORD_STEPS;
    if (seen.size === seen.add(key).size) {
      throw new InsulaError(
        "key_duplicate",
        `Cannot write the batch: a key stands in it twice: expected each once, received it again at position ${String(position)}.`,
        { details: { position, key } },
      );
    }
  }
  return bytes;
}

function checkColumns(schema: Schema, columns: readonly VectorColumn[]): void {
  const seen = new Set<string>();
  for (const { field } of columns) {
    if (!schema.vectors.some(({ name }) => name === field)) {
      throw batchInvalid("expected vector fields of the schema, received another");
    }
    if (seen.has(field)) throw batchInvalid("expected each vector field once, received one twice");
    seen.add(field);
  }
  if (seen.size !== schema.vectors.length) {
    throw batchInvalid(
      `expected ${String(schema.vectors.length)} vector fields, received ${String(seen.size)}`,
    );
  }
}

function* columnCheck(
  field: VectorField,
  columns: readonly VectorColumn[],
  rowCount: number,
): Generator<number, void, void> {
  const column = columns.find((candidate) => candidate.field === field.name);
  if (column === undefined) throw batchInvalid("a vector field is missing");
  const { values } = column;
  assertDimension(field, values.length, rowCount);
  for (let start = 0; start < values.length; start += PIECE_NUMBERS) {
    const piece = values.subarray(start, start + PIECE_NUMBERS);
    yield scanSteps(piece.byteLength);
    if (!isAllFinite(piece)) assertFinite(field, values);
  }
}

function assertDimension(field: VectorField, length: number, rowCount: number): void {
  if (length === field.dimension * rowCount) return;
  throw new InsulaError(
    "dimension_mismatch",
    rowCount === 1
      ? `Cannot use the vector: dimension differs: expected ${String(field.dimension)}, received ${String(length)}.`
      : `Cannot use the vectors: dimension differs: expected ${String(rowCount)} × ${String(field.dimension)} components, received ${String(length)}.`,
    {
      details: {
        expected: field.dimension * rowCount,
        received: length,
        field: field.name,
      },
    },
  );
}

function assertFinite(field: VectorField, values: Float32Array): void {
  if (isAllFinite(values)) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  const position = Math.floor(at / field.dimension);
  const component = at % field.dimension;
  throw new InsulaError(
    "vector_invalid",
    `Cannot use the vector at position ${String(position)}: expected finite numbers, received another at component ${String(component)}.`,
    { details: { position, component, field: field.name } },
  );
}

/**
 * A product with 0 is 0 for finite numbers and NaN else, and NaN stays in a sum: no branch per
 * component.
 */
function isAllFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) * 0;
  return sum === 0;
}

function keyInvalid(reason: string): InsulaError {
  return new InsulaError("key_invalid", `Cannot use the record key: ${reason}.`);
}

function batchInvalid(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot write the batch: ${reason}.`);
}

function batchTooLarge(max: number, received: number, unit: string): InsulaError {
  return new InsulaError(
    "batch_too_large",
    `Cannot write the batch: too large: expected at most ${String(max)} ${unit}, received ${String(received)}.`,
    { details: { max, received, unit } },
  );
}
