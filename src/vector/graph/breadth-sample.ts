/**
 * What the recall check of a graph has found: for each query the breadths with which a walk meets
 * its neighbours. From it the breadths that the header names are chosen, and those of an older
 * graph of nearly the same rows are kept while nothing speaks against them.
 */
import { GRAPH_RECALLS } from "./graph-layout.ts";

/** Narrower walks cannot hold the neighbours that are looked for. */
export const EF_MIN = 10;
/**
 * Standard errors that the recall of a kept breadth may be measured below what is wanted, or above
 * what it may have too much: one check in fifty is farther off by chance.
 */
const ERRORS_MAX = 2;
/** What a kept breadth may find more than wanted, and the share of what a search may miss. */
const SURPLUS_MAX = 0.01;
const SURPLUS_SHARE = 0.2;

export class BreadthSample {
  /** Of all neighbours that were met, rising. */
  readonly #breadths: Uint32Array;
  /** Of each query, rising; those that no walk met are missing. */
  readonly #byQuery: readonly Uint32Array[];
  readonly #wanted: number;
  readonly #scale: number;

  /**
   * @param byQuery rising breadths of each query.
   * @param of      `wanted`: neighbours that all queries have together; `scale`: how much broader
   *   a walk of the whole graph must be than one of the graph that was asked.
   */
  constructor(
    byQuery: readonly Uint32Array[],
    { wanted, scale = 1 }: { readonly wanted: number; readonly scale?: number },
  ) {
    this.#byQuery = byQuery;
    this.#wanted = wanted;
    this.#scale = scale;
    this.#breadths = Uint32Array.from(byQuery.flatMap((breadths) => [...breadths])).sort();
  }

  /** The smallest breadth with this recall; 0 when none was found that has it. */
  efFor(recall: number): number {
    if (this.#wanted === 0) return EF_MIN;
    const place = Math.max(1, Math.ceil(recall * this.#wanted));
    const breadth = this.#breadths[place - 1] ?? 0;
    if (breadth === 0) return 0;
    let ef = Math.ceil(breadth * this.#scale);
    while (ef > EF_MIN && this.recallAt(ef - 1).recall >= recall) ef--;
    return Math.max(EF_MIN, ef);
  }

  /** Recall of walks of this breadth, and how far it may be off by the choice of the queries. */
  recallAt(ef: number): { readonly recall: number; readonly error: number } {
    const count = this.#byQuery.length;
    if (this.#wanted === 0) return { recall: 1, error: 0 };
    const mean = this.#wanted / count;
    let found = 0;
    let squares = 0;
    for (const breadths of this.#byQuery) {
      const met = metBy(breadths, ef / this.#scale);
      found += met;
      squares += met * met;
    }
    const variance = Math.max(0, squares / count - (found / count) ** 2);
    return { recall: found / this.#wanted, error: Math.sqrt(variance / count) / mean };
  }
}

/** How many of rising breadths a walk has; between two breadths that are whole as a line goes. */
function metBy(breadths: Uint32Array, ef: number): number {
  let narrower = 0;
  while (narrower < breadths.length && (breadths[narrower] ?? 0) <= Math.floor(ef)) narrower++;
  let broader = narrower;
  while (broader < breadths.length && (breadths[broader] ?? 0) <= Math.ceil(ef)) broader++;
  return narrower + (broader - narrower) * (ef - Math.floor(ef));
}

/**
 * A breadth for each of {@link GRAPH_RECALLS}, rising; 0 where none is known.
 *
 * Breadths of the graph before are kept unless the check says otherwise: two checks of the same
 * rows are apart by what their queries are, and searches should not find less for that. What a
 * breadth is too small by is raised at once, what it is too large by is left when it costs little.
 *
 * @param kept          of the graph that most of these rows were in; undefined when there is none.
 * @param isRaisedOnly  a breadth that is too large is left. Rows of a graph find more than
 *   strangers do, and where dead rows are merged away others come.
 */
export function chooseEfs(
  sample: BreadthSample,
  kept: readonly number[] | undefined,
  isRaisedOnly: boolean,
): readonly number[] {
  let widest = 0;
  return GRAPH_RECALLS.map((recall, i) => {
    const old = kept?.[i] ?? 0;
    const ef =
      old > 0 && isGood(sample, { ef: old, recall, isRaisedOnly }) ? old : sample.efFor(recall);
    if (ef === 0) return 0;
    widest = Math.max(widest, ef);
    return widest;
  });
}

function isGood(
  sample: BreadthSample,
  {
    ef,
    recall,
    isRaisedOnly,
  }: { readonly ef: number; readonly recall: number; readonly isRaisedOnly: boolean },
): boolean {
  const measured = sample.recallAt(ef);
  const margin = ERRORS_MAX * measured.error;
  const surplus = Math.min(SURPLUS_MAX, (1 - recall) * SURPLUS_SHARE);
  const isTooNarrow = measured.recall < recall - margin;
  const isTooBroad = measured.recall > recall + surplus + margin;
  return !isTooNarrow && (isRaisedOnly || !isTooBroad);
}
