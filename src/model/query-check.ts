/** The check of a query against the schema of what it searches. */
import { InsulaError } from "../base/errors.ts";
import { TOP_K_MAX } from "../base/limits.ts";
import { checkFilter } from "./filter-check.ts";
import type { Query } from "./query.ts";
import { checkVector } from "./record-check.ts";
import type { Schema } from "./schema.ts";
import { checkSparseVector } from "./sparse-check.ts";

/**
 * Filters on unfilterable properties pass: they are right, only slow; dialects refuse them by their
 * rules.
 *
 * @throws InsulaError `argument_invalid`, `dimension_mismatch`, `vector_invalid`, `filter_invalid`.
 */
export function checkQuery(schema: Schema, query: Query): void {
  const { topK } = query;
  if (!Number.isInteger(topK) || topK < 1 || topK > TOP_K_MAX) {
    throw queryInvalid(
      `topK out of range: expected 1 to ${String(TOP_K_MAX)}, received ${String(topK)}`,
    );
  }
  checkSearched(schema, query);
  if (query.filter !== undefined) checkFilter(query.filter);
}

function checkSearched(schema: Schema, query: Query): void {
  const { vector, sparse, weights } = query;
  if (vector === undefined && sparse === undefined) {
    throw queryInvalid("nothing to search for: expected a vector, a sparse vector or both");
  }
  const field = schema.vectors.find(({ name }) => name === query.field);
  if (vector !== undefined) {
    if (field === undefined) {
      throw queryInvalid("unknown vector field: expected one of the schema");
    }
    checkVector(field, vector);
  }
  if (sparse === undefined) {
    if (weights !== undefined) throw queryInvalid("weights: expected a vector and a sparse one");
    return;
  }
  if (schema.sparseVectors?.some(({ name }) => name === sparse.field) !== true) {
    throw queryInvalid("unknown sparse field: expected one of the schema");
  }
  checkSparseVector(sparse.field, sparse.vector);
  if (vector === undefined) {
    if (weights !== undefined) throw queryInvalid("weights: expected a vector and a sparse one");
    return;
  }
  if (field?.metric !== "dot") {
    throw queryInvalid("one score of dense and sparse: expected a field with the metric dot");
  }
  if (weights === undefined) return;
  for (const weight of [weights.dense, weights.sparse]) {
    // As float32, so that no product of weights and values is beyond float64.
    if (!Number.isFinite(Math.fround(weight)) || weight < 0) {
      throw queryInvalid("weights: expected finite float32 numbers that are not negative");
    }
  }
}

function queryInvalid(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot run the query: ${reason}.`);
}
