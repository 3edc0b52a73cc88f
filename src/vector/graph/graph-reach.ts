/**
 * Makes every row of a graph reachable on level 0.
 *
 * A list that is full drops the neighbours that others lead to, and may drop the last link to a
 * row: a walk would never find it again, not even when it is asked for its own vector.
 */
import { NO_NODE } from "./graph-layout.ts";

/** Rounds after which the few rows that are still lost are left; one is enough most often. */
const ROUNDS_MAX = 4;
/** Rows, or words of links, between two pauses: less than a millisecond. */
const PAUSE_ROWS = 4_096;
const PAUSE_WORDS = 131_072;

/**
 * @param links  lists of level 0, `width` ids each; changed where a row is linked from nowhere.
 * @param start  the row that walks begin at.
 *
 * Pauses often.
 *
 * @returns rows that no walk from there can reach; 0 but for lists that are full of last links.
 */
export function* linkLostRows(
  links: Uint32Array,
  width: number,
  start: number,
): Generator<undefined, number> {
  const rowCount = links.length / width;
  let lost = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    lost = 0;
    const reach = new Reach(links, width);
    yield* reach.count();
    yield* reach.flood(start);
    for (let row = 0; row < rowCount; row++) {
      if (row % PAUSE_ROWS === 0) yield;
      if (reach.has(row)) continue;
      lost++;
      reach.attach(row);
      yield* reach.flood(row);
    }
    if (lost === 0) return 0;
  }
  return lost;
}

class Reach {
  readonly #links: Uint32Array;
  readonly #width: number;
  readonly #reached: Uint8Array;
  /** Lists that name a row. */
  readonly #named: Uint32Array;

  constructor(links: Uint32Array, width: number) {
    this.#links = links;
    this.#width = width;
    this.#reached = new Uint8Array(links.length / width);
    this.#named = new Uint32Array(links.length / width);
  }

  /** How many lists name each row; before the first {@link attach}. */
  *count(): Generator<undefined, void> {
    for (let first = 0; first < this.#links.length; first += PAUSE_WORDS) {
      for (const id of this.#links.subarray(first, first + PAUSE_WORDS)) {
        if (id !== NO_NODE) this.#named[id] = (this.#named[id] ?? 0) + 1;
      }
      yield;
    }
  }

  has(row: number): boolean {
    return this.#reached[row] === 1;
  }

  *flood(start: number): Generator<undefined, void> {
    const waiting = [start];
    let count = 0;
    this.#reached[start] = 1;
    for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
      if (++count % PAUSE_ROWS === 0) yield;
      for (let at = row * this.#width, end = at + this.#width; at < end; at++) {
        const id = this.#links[at] ?? NO_NODE;
        if (id === NO_NODE) break;
        if (this.#reached[id] === 1) continue;
        this.#reached[id] = 1;
        waiting.push(id);
      }
    }
  }

  /** Links to a lost row from its nearest neighbour that can spare a place. */
  attach(row: number): void {
    for (let at = row * this.#width, end = at + this.#width; at < end; at++) {
      const id = this.#links[at] ?? NO_NODE;
      if (id === NO_NODE) return;
      const place = this.has(id) ? this.#placeIn(id) : undefined;
      if (place === undefined) continue;
      const dropped = this.#links[place] ?? NO_NODE;
      if (dropped !== NO_NODE) this.#named[dropped] = (this.#named[dropped] ?? 0) - 1;
      this.#links[place] = row;
      this.#named[row] = (this.#named[row] ?? 0) + 1;
      return;
    }
  }

  /** The first free place, or the last of a row that others name too. */
  #placeIn(id: number): number | undefined {
    const start = id * this.#width;
    for (let at = start; at < start + this.#width; at++) {
      if (this.#links[at] === NO_NODE) return at;
    }
    for (let at = start + this.#width - 1; at >= start; at--) {
      if ((this.#named[this.#links[at] ?? 0] ?? 0) > 1) return at;
    }
    return undefined;
  }
}
