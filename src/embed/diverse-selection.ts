/**
 * Maximal marginal relevance: hits that are near the query and far from one another.
 *
 * Source: Carbonell, Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998.
 */
import { InsulaError } from "../base/errors.ts";
import { DIVERSE_HITS_MAX } from "./limits.ts";

export interface DiverseOptions<Hit> {
  readonly query: Float32Array;
  /** The hit's vector, of the query's dimension. */
  vectorOf(hit: Hit): Float32Array | undefined;
  /** 1: relevance only, 0: difference only; default 0.5. */
  readonly balance?: number;
  /** Hits returned at most, at least 1. */
  readonly topK: number;
  /** Gives the thread back; called after about two milliseconds of work. */
  readonly rest?: () => Promise<void>;
  readonly signal?: AbortSignal;
}

/** Multiplications between two rests. */
const REST_AFTER_STEPS = 2_097_152;

/**
 * Chooses `topK` hits one by one: each time the one with the greatest
 * balance × cosine(query, hit) - (1 - balance) × the greatest cosine to a chosen hit.
 * Ties go to the hit that stood earlier. The hits are not changed.
 *
 * @throws InsulaError `batch_too_large` above {@link DIVERSE_HITS_MAX} hits; `argument_invalid` for
 *         a hit without a vector of the query's dimension, or a balance outside 0 to 1.
 * Cost: topK × hits × dimension multiplications.
 */
export async function selectDiverse<Hit>(
  hits: readonly Hit[],
  options: DiverseOptions<Hit>,
): Promise<Hit[]> {
  const { query, balance = 0.5, topK } = options;
  checkOptions(hits.length, balance, topK);
  const rows = hits.map((hit, i) => toUnit(options.vectorOf(hit), query.length, i));
  const unitQuery = toUnit(query, query.length, -1);
  const relevance = rows.map((row) => dot(row, unitQuery));
  const nearest = new Float64Array(rows.length);
  const open = new Set(rows.keys());
  const chosen: number[] = [];
  let steps = 0;
  while (chosen.length < topK && open.size > 0) {
    const best = findBest(open, (i) => {
      const penalty = chosen.length === 0 ? 0 : (nearest[i] ?? 0);
      return balance * (relevance[i] ?? 0) - (1 - balance) * penalty;
    });
    chosen.push(best);
    open.delete(best);
    for (const i of open) {
      const similarity = dot(rows[i] ?? unitQuery, rows[best] ?? unitQuery);
      nearest[i] = chosen.length === 1 ? similarity : Math.max(nearest[i] ?? 0, similarity);
      steps += query.length;
      if (steps < REST_AFTER_STEPS) continue;
      steps = 0;
      await options.rest?.();
      options.signal?.throwIfAborted();
    }
  }
  return chosen.flatMap((i) => hits.slice(i, i + 1));
}

function findBest(open: ReadonlySet<number>, scoreOf: (i: number) => number): number {
  let best = -1;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const i of open) {
    const score = scoreOf(i);
    if (score > bestScore || best < 0) {
      best = i;
      bestScore = score;
    }
  }
  return best;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** A vector of zeros stays one: it is similar to nothing. */
function toUnit(vector: Float32Array | undefined, dimension: number, i: number): Float32Array {
  if (vector?.length !== dimension) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot choose diverse hits: expected a vector of ${String(dimension)} numbers with hit ${String(i)}: ask the search for vectors.`,
    );
  }
  const length = Math.sqrt(dot(vector, vector));
  return length > 0 ? vector.map((value) => value / length) : vector;
}

function checkOptions(hitCount: number, balance: number, topK: number): void {
  if (hitCount > DIVERSE_HITS_MAX) {
    throw new InsulaError(
      "batch_too_large",
      `Cannot choose diverse hits: expected at most ${String(DIVERSE_HITS_MAX)}, received ${String(hitCount)}.`,
    );
  }
  if (balance >= 0 && balance <= 1 && Number.isInteger(topK) && topK >= 1) return;
  throw new InsulaError(
    "argument_invalid",
    "Cannot choose diverse hits: expected a balance from 0 to 1 and topK of at least 1.",
  );
}
