/**
 * How far walks of a breadth must reach to meet neighbours, as the recall check of a graph has
 * found.
 */

/** Of one query's neighbours that a walk met, in the order in which it did. */
export interface MetNeighbours {
  /** Breadths of a walk that meets them, rising. */
  readonly breadths: Uint32Array;
  /** How far beyond the last of the neighbours it must reach for each, rising. */
  readonly reaches: Float32Array;
}

/** A reach that is known is not 0, which says that none is. */
const REACH_MIN = 2 ** -126;

export class ReachSample {
  /** Of all neighbours that walks of the breadth meet, rising. */
  readonly #reaches: Float32Array;
  readonly #wanted: number;

  /**
   * @param of `wanted`: neighbours that all queries have together; `breadth`: rows that a walk
   *   keeps.
   */
  constructor(
    byQuery: readonly MetNeighbours[],
    { wanted, breadth }: { readonly wanted: number; readonly breadth: number },
  ) {
    const met = byQuery.flatMap(({ breadths, reaches }) => {
      const beyond = breadths.findIndex((needed) => needed > breadth);
      return [...(beyond < 0 ? reaches : reaches.subarray(0, beyond))];
    });
    this.#reaches = Float32Array.from(met).sort();
    this.#wanted = wanted;
  }

  /** The smallest reach with this recall; 0 when none has it. */
  leastFor(recall: number): number {
    if (this.#wanted === 0) return REACH_MIN;
    // A share of them that was computed from a count is to give that count.
    const count = Math.ceil(recall * this.#wanted - 1e-6);
    const reach = this.#reaches[Math.max(1, count) - 1];
    return reach === undefined || !Number.isFinite(reach) ? 0 : Math.max(REACH_MIN, reach);
  }
}
