/** The check of a query against the schema of what it searches. */
import { InsulaError } from "../base/errors.ts";
import { MMR_CANDIDATES_MAX, TOP_K_MAX } from "../base/limits.ts";
import { checkFilter } from "./filter-check.ts";
import type { Query } from "./query.ts";
import { checkRecall } from "./recall-check.ts";
import { checkKey, checkVector } from "./record-check.ts";
import type { Schema, VectorField } from "./schema.ts";
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
  if (query.recall !== undefined) checkRecall(query.recall, "Cannot run the query");
  checkSearched(schema, query);
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

/** What is searched for, dense, sparse or both: given, or named as a record's. */
function checkSearched(schema: Schema, query: Query): void {
  const { vector, sparse, like, field: name } = query;
  if (vector === undefined && sparse === undefined && like === undefined) {
    throw queryInvalid("nothing to search for: expected a vector, a sparse vector or both");
  }
  if (like !== undefined) {
    if (vector !== undefined) {
      throw queryInvalid("expected either a vector or the key of a record");
    }
    checkKey(like.key);
    if (isSparseField(schema, name)) {
      checkSparseLike(query);
      return;
    }
  }
  const field = schema.vectors.find((candidate) => candidate.name === name);
  if (vector !== undefined || like !== undefined) {
    if (field === undefined) {
      throw queryInvalid("unknown vector field: expected one of the schema");
    }
    if (vector !== undefined) checkVector(field, vector);
  }
  if (sparse !== undefined) checkSparse(schema, field, query);
  checkWeights(query);
}

/** A record stands for its sparse vector: there can be no second one, and no score of both. */
function checkSparseLike({ sparse, weights, mmr }: Query): void {
  if (sparse !== undefined) {
    throw queryInvalid("expected either a sparse vector or a record with one");
  }
  if (weights !== undefined) throw weightsAlone();
  if (mmr !== undefined) throw mmrOfSparse();
}

function checkSparse(schema: Schema, field: VectorField | undefined, query: Query): void {
  const { vector, sparse, like, mmr } = query;
  if (sparse === undefined) return;
  if (!isSparseField(schema, sparse.field)) {
    throw queryInvalid("unknown sparse field: expected one of the schema");
  }
  checkSparseVector(sparse.field, sparse.vector);
  if (mmr !== undefined) throw mmrOfSparse();
  if (vector === undefined && like === undefined) return;
  if (field?.metric !== "dot") {
    throw queryInvalid("one score of dense and sparse: expected a field with the metric dot");
  }
}

function checkWeights({ vector, like, sparse, weights }: Query): void {
  if (weights === undefined) return;
  if (sparse === undefined || (vector === undefined && like === undefined)) throw weightsAlone();
  for (const weight of [weights.dense, weights.sparse]) {
    // As float32, so that no product of weights and values is beyond float64.
    if (!Number.isFinite(Math.fround(weight)) || weight < 0) {
      throw queryInvalid("weights: expected finite float32 numbers that are not negative");
    }
  }
}

function isSparseField({ sparseVectors = [] }: Schema, name: string): boolean {
  return sparseVectors.some((field) => field.name === name);
}

function weightsAlone(): InsulaError {
  return queryInvalid("weights: expected a vector and a sparse one");
}

/** Records are compared with one another by their vectors of one field, all of which have one. */
function mmrOfSparse(): InsulaError {
  return queryInvalid("mmr with a sparse vector: expected a vector alone");
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
