/**
 * Reciprocal rank fusion: one list out of several whose scores cannot be compared, for example of
 * collections with different models or metrics.
 *
 * Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual
 * Rank Learning Methods", SIGIR 2009.
 */
import { InsulaError } from "../base/errors.ts";
import { FUSED_HITS_MAX } from "./limits.ts";

export interface FusionOptions<Item> {
  /** Equal for what is the same thing in two lists. See {@link originOf}. */
  identityOf(item: Item): string;
  /** Items returned at most; default all. */
  readonly topK?: number;
  /** Softens the first ranks; 60 in the paper. */
  readonly constant?: number;
  /** One per list, not negative; default 1 each. */
  readonly weights?: readonly number[];
}

export interface Fused<Item> {
  /** As in the first list that has it. */
  readonly item: Item;
  /** Sum of weight / (constant + rank), rank from 1; larger is better. */
  readonly score: number;
}

/** The constant of the paper. */
const CONSTANT = 60;

/**
 * Best first, ties by first appearance: list by list, rank by rank. An item twice in one list
 * counts with its better rank. Pure.
 *
 * @throws InsulaError `batch_too_large`, `argument_invalid`
 * Cost: one map entry per item and a sort.
 */
export function fuseRankings<Item>(
  rankings: readonly (readonly Item[])[],
  options: FusionOptions<Item>,
): Fused<Item>[] {
  const { constant = CONSTANT, weights, topK } = options;
  checkFusion(rankings, options);
  const fused = new Map<string, { readonly item: Item; score: number; lastList: number }>();
  for (const [list, ranking] of rankings.entries()) {
    const weight = weights?.[list] ?? 1;
    for (const [i, item] of ranking.entries()) {
      const identity = options.identityOf(item);
      const share = weight / (constant + i + 1);
      const known = fused.get(identity);
      if (known === undefined) fused.set(identity, { item, score: share, lastList: list });
      else if (known.lastList !== list) {
        known.score += share;
        known.lastList = list;
      }
    }
  }
  return [...fused.values()]
    .sort((a, b) => b.score - a.score)
    .slice(0, topK)
    .map(({ item, score }) => ({ item, score }));
}

function checkFusion<Item>(
  rankings: readonly (readonly Item[])[],
  { constant = CONSTANT, weights, topK = 1 }: FusionOptions<Item>,
): void {
  const count = rankings.reduce((sum, { length }) => sum + length, 0);
  if (count > FUSED_HITS_MAX) {
    throw new InsulaError(
      "batch_too_large",
      `Cannot fuse: expected at most ${String(FUSED_HITS_MAX)} hits, received ${String(count)}.`,
    );
  }
  const isUsable =
    constant >= 0 &&
    Number.isFinite(constant) &&
    Number.isInteger(topK) &&
    topK >= 1 &&
    (weights === undefined ||
      (weights.length === rankings.length &&
        weights.every((weight) => Number.isFinite(weight) && weight >= 0)));
  if (isUsable) return;
  throw new InsulaError(
    "argument_invalid",
    "Cannot fuse: expected a constant and weights that are not negative, one weight per list, and topK of at least 1.",
  );
}

/** Identity of a hit of a search over many places: the record key alone is not unique there. */
export function originOf(hit: {
  readonly key: string;
  readonly place: {
    readonly database: string;
    readonly collection: string;
    readonly tenant?: string | undefined;
  };
}): string {
  const { database, collection, tenant } = hit.place;
  return JSON.stringify([database, collection, tenant ?? null, hit.key]);
}
