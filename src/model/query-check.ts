/** The check of a query against the schema of what it searches. */
import { InsulaError } from "../base/errors.ts";
import { TOP_K_MAX } from "../base/limits.ts";
import { checkFilter } from "./filter-check.ts";
import type { Query } from "./query.ts";
import { checkRecall } from "./recall-check.ts";
import { checkVector } from "./record-check.ts";
import type { Schema } from "./schema.ts";

/**
 * Filters on unfilterable properties pass: they are right, only slow; dialects refuse them by their
 * rules.
 *
 * @throws InsulaError `argument_invalid`, `dimension_mismatch`, `vector_invalid`, `filter_invalid`.
 */
export function checkQuery(schema: Schema, query: Query): void {
  const field = schema.vectors.find(({ name }) => name === query.field);
  if (field === undefined) {
    throw queryInvalid("unknown vector field: expected one of the schema");
  }
  const { topK } = query;
  if (!Number.isInteger(topK) || topK < 1 || topK > TOP_K_MAX) {
    throw queryInvalid(
      `topK out of range: expected 1 to ${String(TOP_K_MAX)}, received ${String(topK)}`,
    );
  }
  if (query.recall !== undefined) checkRecall(query.recall, "Cannot run the query");
  checkVector(field, query.vector);
  if (query.filter !== undefined) checkFilter(query.filter);
}

function queryInvalid(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot run the query: ${reason}.`);
}
