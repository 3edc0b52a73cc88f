/**
 * How many of the rows that codes rank first must be compared exactly, as measured on some rows of
 * a segment: for each of {@link GRAPH_RECALLS} the first so many that hold that share of the true
 * neighbours.
 */
import { CANDIDATES_MAX } from "../math/index.ts";
import { GRAPH_RECALLS, efForRecall } from "./graph/graph-layout.ts";

/** Neighbours that the counts are measured for. */
export const RESCORE_K = 10;
/** The most that a check looks at. */
export const RESCORE_MAX = 2_048;
/** What a check on these rows may say too little for others, as a share. */
const MARGIN = 1.25;
/**
 * Share of what a search may miss that int8 codes may miss; the rest is left to the walk of a
 * graph.
 */
const CODE_SHARE = 1 / 8;
const CODE_RECALL_MAX = GRAPH_RECALLS.at(-1) ?? 1;
/**
 * Up to this recall, and {@link RESCORE_K} neighbours, a check's few rows show how many must be
 * compared; beyond it twice as many as are asked for are compared at least.
 */
const SHOWN_RECALL_MAX = 0.95;

/**
 * @param ranks     the place of each true neighbour in the order of the codes, from 1.
 * @param countMin  no count is below it.
 * @returns         a count for each of {@link GRAPH_RECALLS}; 0 where RESCORE_MAX is too few.
 */
export function countsOf(ranks: readonly number[], countMin: number): number[] {
  const sorted = [...ranks].sort((a, b) => a - b);
  return GRAPH_RECALLS.map((recall) => {
    const rank = sorted[Math.max(0, Math.ceil(recall * sorted.length) - 1)] ?? 0;
    const count = Math.max(countMin, Math.ceil(rank * MARGIN));
    return count > RESCORE_MAX ? 0 : count;
  });
}

/**
 * Rows that must be compared exactly to find that share of the `k` nearest; undefined when that is
 * more than the codes are good for.
 */
export function rescoreCount(
  counts: readonly number[],
  k: number,
  recall: number,
): number | undefined {
  const measured = efForRecall(counts, recall);
  const count = Math.ceil(measured * Math.max(1, k / RESCORE_K));
  return measured === 0 || count > CANDIDATES_MAX ? undefined : count;
}

/** Rows to compare exactly after int8 codes have chosen. */
export interface CodeRescore {
  /** As many as are compared, where there are so many. */
  readonly wanted: number;
  /**
   * A walk that finds fewer has not found enough: 0 where the codes' order is good, so that the
   * check asks for 2 k at most. There as many as the measured breadth has are enough.
   */
  readonly needed: number;
}

/**
 * @param counts  undefined for a segment that was not checked. There 2 k + 16 are compared: 20 for
 *   k = 10 lost nothing at any setting measured (100,000 vectors of 128 and 768 dimensions).
 * @returns       undefined when the codes are not good enough: rows are to be compared.
 */
export function codeRescore(
  counts: readonly number[] | undefined,
  k: number,
  recall: number,
): CodeRescore | undefined {
  const usual = Math.min(CANDIDATES_MAX, 2 * k + 16);
  if (counts === undefined) return { needed: 0, wanted: usual };
  const aim = Math.min(CODE_RECALL_MAX, 1 - (1 - recall) * CODE_SHARE);
  const count = rescoreCount(counts, k, aim);
  if (count !== undefined) {
    const isShown = k <= RESCORE_K && recall <= SHOWN_RECALL_MAX;
    const least = Math.min(CANDIDATES_MAX, isShown ? k : 2 * k);
    return { needed: count <= 2 * k ? 0 : count, wanted: Math.max(least, count) };
  }
  // Of very many neighbours not more can be looked at; codes that are good are good enough there.
  const measured = efForRecall(counts, aim);
  return measured > 0 && measured <= 2 * RESCORE_K ? { needed: 0, wanted: usual } : undefined;
}
