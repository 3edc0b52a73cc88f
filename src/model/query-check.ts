/** The check of a query against the schema of what it searches. */
import { InsulaError } from "../base/errors.ts";
import { MMR_CANDIDATES_MAX, TOP_K_MAX } from "../base/limits.ts";
import { checkFilter } from "./filter-check.ts";
import type { Query } from "./query.ts";
import { checkRecall } from "./recall-check.ts";
import { checkKey, checkVector } from "./record-check.ts";
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
  if (query.like === undefined) checkVector(field, query.vector);
  else checkLike(query);
  if (query.filter !== undefined) checkFilter(query.filter);
  if (query.maxDistance !== undefined && !Number.isFinite(query.maxDistance)) {
    throw queryInvalid("maxDistance: expected a finite number");
  }
  checkDiverseChoice(query);
}

/** @throws InsulaError `argument_invalid` for what only a search at one place can do. */
export function checkQueryOfMany({ like, mmr }: Pick<Query, "like" | "mmr">): void {
  if (like !== undefined) {
    throw queryInvalid("a search by record over many places: expected a vector");
  }
  if (mmr !== undefined) throw queryInvalid("mmr over many places: expected a search at one");
}

function checkLike({ like, vector }: Query): void {
  if (like === undefined) return;
  if (vector.length > 0) throw queryInvalid("expected either a vector or the key of a record");
  checkKey(like.key);
}

function checkDiverseChoice({ mmr, topK }: Query): void {
  if (mmr === undefined) return;
  const { lambda, candidates = defaultCandidates(topK) } = mmr;
  if (!(lambda >= 0 && lambda <= 1))
    throw queryInvalid("mmr.lambda: expected a number from 0 to 1");
  if (Number.isInteger(candidates) && candidates >= topK && candidates <= MMR_CANDIDATES_MAX)
    return;
  throw queryInvalid(
    `mmr.candidates: expected a whole number from topK (${String(topK)}) to ${String(MMR_CANDIDATES_MAX)}, received ${String(candidates)}`,
  );
}

function queryInvalid(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot run the query: ${reason}.`);
}

/** Candidates of `mmr` for each hit, when nobody asks for a number. */
const CANDIDATES_PER_HIT = 4;

/** The number of candidates of {@link DiverseChoice} when nobody asks for one. */
export function defaultCandidates(topK: number): number {
  return Math.max(topK, Math.min(MMR_CANDIDATES_MAX, CANDIDATES_PER_HIT * topK));
}
