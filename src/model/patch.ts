/** Changes to records that are there: what a patch does not name stays as it is. */
import { InsulaError } from "../base/errors.ts";
import { BATCH_BYTES_MAX, UPDATE_RECORDS_MAX } from "../base/limits.ts";
import type { Metadata, MetadataValue } from "./metadata.ts";
import { checkMetadata } from "./metadata-size.ts";
import { checkKey, checkVector } from "./record-check.ts";
import type { Schema } from "./schema.ts";
import { SPARSE_VALUE_BYTES, type SparseVector } from "./sparse.ts";
import { checkSparseVector } from "./sparse-check.ts";

/** The engine does not keep it after the call's promise, and does not change it. */
export interface RecordPatch {
  readonly key: string;
  /** By field: vectors to put in place of those stored. */
  readonly vectors?: ReadonlyMap<string, Float32Array>;
  readonly sparse?: ReadonlyMap<string, SparseVector>;
  /** Top-level properties to set; others stay. */
  readonly metadata?: Metadata;
}

/**
 * @throws InsulaError `batch_too_large`, `key_invalid`, `key_duplicate`, `argument_invalid` for an
 *   unknown field or a patch that names nothing, `dimension_mismatch`, `vector_invalid`,
 *   `metadata_invalid`, `metadata_too_large`.
 */
export function checkPatches(schema: Schema, patches: readonly RecordPatch[]): void {
  if (patches.length > UPDATE_RECORDS_MAX) {
    throw tooLarge(`${String(UPDATE_RECORDS_MAX)} records`, String(patches.length));
  }
  const seen = new Set<string>();
  let bytes = 0;
  for (const patch of patches) {
    bytes += checkPatch(schema, patch);
    if (seen.size === seen.add(patch.key).size) {
      throw new InsulaError(
        "key_duplicate",
        "Cannot update the records: a key stands there twice.",
      );
    }
  }
  if (bytes > BATCH_BYTES_MAX) throw tooLarge(`${String(BATCH_BYTES_MAX)} bytes`, String(bytes));
}

/** @returns its bytes. */
function checkPatch(schema: Schema, { key, vectors, sparse, metadata }: RecordPatch): number {
  let bytes = checkKey(key);
  if (vectors === undefined && sparse === undefined && metadata === undefined) {
    throw invalid("a patch names nothing: expected vectors, sparse vectors or metadata");
  }
  for (const [name, vector] of vectors ?? []) {
    const field = schema.vectors.find((one) => one.name === name);
    if (field === undefined)
      throw invalid("expected vector fields of the schema, received another");
    checkVector(field, vector);
    bytes += vector.byteLength;
  }
  for (const [name, vector] of sparse ?? []) {
    if (schema.sparseVectors?.some((one) => one.name === name) !== true) {
      throw invalid("expected sparse fields of the schema, received another");
    }
    checkSparseVector(name, vector);
    bytes += vector.indices.length * SPARSE_VALUE_BYTES;
  }
  return metadata === undefined ? bytes : bytes + checkMetadata(metadata);
}

/** Both side by side; of a property in both, the second. Undefined when both are. */
export function mergeMetadata(
  stored: Metadata | undefined,
  set: Metadata | undefined,
): Metadata | undefined {
  if (stored === undefined || set === undefined) return set ?? stored;
  const merged = Object.create(null) as Record<string, MetadataValue>;
  for (const part of [stored, set]) {
    for (const name of Object.keys(part)) merged[name] = part[name] ?? null;
  }
  return merged;
}

function invalid(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot update the records: ${reason}.`);
}

function tooLarge(max: string, received: string): InsulaError {
  return new InsulaError(
    "batch_too_large",
    `Cannot update the records: expected at most ${max}, received ${received}.`,
  );
}
