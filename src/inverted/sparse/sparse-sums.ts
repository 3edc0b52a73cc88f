/**
 * Sums of all rows of a segment for a sparse vector, list after list: every posting is read once,
 * in order. In ascending order of the dimension, so that each sum has the bits of `sparseDot`.
 */
import type { Pace } from "../../base/pace.ts";
import type { SparseVector } from "../../model/index.ts";
import { BLOCK_SHIFT, type SparseList } from "./sparse-format.ts";
import type { SparseReader } from "./sparse-reader.ts";

/** Blocks of a list added at a time: at most 65,536 postings, a step each. */
const BLOCKS_AT_ONCE = 1_024;

export interface QueryTerm {
  readonly weight: number;
  readonly list: SparseList;
}

/** In ascending order of the dimension, as the query has them; without those that no row has. */
export async function termsOf(
  reader: SparseReader,
  query: SparseVector,
): Promise<readonly QueryTerm[]> {
  const lists = await Promise.all(Array.from(query.indices, async (index) => reader.list(index)));
  const terms: QueryTerm[] = [];
  for (const [i, list] of lists.entries()) {
    if (list !== undefined) terms.push({ weight: query.values[i] ?? 0, list });
  }
  return terms;
}

export interface SparseSums {
  /** Not rounded; 0 for rows without a shared dimension. */
  readonly sums: Float64Array;
  /** 1 for rows that share a dimension with the query. */
  readonly touched: Uint8Array;
}

export async function addTerms(
  terms: readonly QueryTerm[],
  rowCount: number,
  pace: Pace,
): Promise<SparseSums> {
  const all: SparseSums = {
    sums: new Float64Array(rowCount),
    touched: new Uint8Array(rowCount),
  };
  for (const term of terms) {
    const { length } = term.list.blockNumbers;
    for (let first = 0; first < length; first += BLOCKS_AT_ONCE) {
      if (pace.left === 0) await pace.rest();
      const last = Math.min(length, first + BLOCKS_AT_ONCE);
      pace.add(addBlocks(all, term, first, last) + last - first);
    }
  }
  return all;
}

/** How many postings were added. */
function addBlocks(
  { sums, touched }: SparseSums,
  { weight, list }: QueryTerm,
  first: number,
  last: number,
): number {
  const { blockNumbers, blockEnds, values, rows } = list;
  const start = first === 0 ? 0 : (blockEnds[first - 1] ?? 0);
  let at = start;
  for (let block = first; block < last; block++) {
    const base = (blockNumbers[block] ?? 0) << BLOCK_SHIFT;
    const end = blockEnds[block] ?? 0;
    for (; at < end; at++) {
      const row = base + (rows[at] ?? 0);
      sums[row] = (sums[row] ?? 0) + weight * (values[at] ?? 0);
      touched[row] = 1;
    }
  }
  return at - start;
}

/**
 * The sum of every row that shares a dimension with the query, not rounded: for one score of dense
 * and sparse. Rows without are 0.
 *
 * @throws InsulaError `data_damaged`; what the signal was aborted with.
 */
export async function scoreAllSparse(
  reader: SparseReader,
  query: SparseVector,
  pace: Pace,
): Promise<Float64Array> {
  const terms = await termsOf(reader, query);
  return (await addTerms(terms, reader.rowCount, pace)).sums;
}
