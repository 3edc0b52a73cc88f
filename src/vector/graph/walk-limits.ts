/** When a walk of a graph ends. */

/** A walk among all rows ends where the next lies too far beyond a neighbour that it has met. */
export interface WalkReach {
  /** Place of that neighbour among all that were met, from 1 on. */
  readonly near: number;
  /** Rows that it goes on from anyway, at least `near`. */
  readonly kept: number;
  /** How far, for a point of length 1. */
  readonly distance: number;
}

/** How far a walk goes. */
export interface WalkLimits {
  /** Rows kept: the breadth of the search; with a reach, of one that costs as much. */
  readonly ef: number;
  /** Undefined where nothing is known; among allowed rows it is not heeded. */
  readonly reach?: WalkReach | undefined;
  /** Rows scored before a walk among allowed rows is given up. */
  readonly scoredMax: number;
}
