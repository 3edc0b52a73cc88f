import type { Pace } from "../../base/pace.ts";
import { sortInTurns } from "../../base/sort-in-turns.ts";

/** The k rows with the highest scores, of equal ones the smaller row: a heap, its worst on top. */
export class BestRows {
  readonly #k: number;
  readonly #scores: Float64Array;
  readonly #rows: Uint32Array;
  #size = 0;

  /** @param k at least 1. */
  constructor(k: number, rowCount: number) {
    this.#k = Math.min(k, Math.max(1, rowCount));
    this.#scores = new Float64Array(this.#k);
    this.#rows = new Uint32Array(this.#k);
  }

  /** What a score has to reach; a row with less than it is not among the best. */
  get threshold(): number {
    return this.#size < this.#k ? Number.NEGATIVE_INFINITY : (this.#scores[0] ?? 0);
  }

  offer(row: number, score: number): void {
    if (this.#size < this.#k) {
      this.#rise(this.#size++, row, score);
    } else if (this.#isWorse(this.#scores[0] ?? 0, this.#rows[0] ?? 0, score, row)) {
      this.#sink(row, score);
    }
  }

  /** Best first. @throws what the signal of the pace was aborted with. */
  async sorted(pace: Pace): Promise<{ readonly rows: Uint32Array; readonly scores: Float64Array }> {
    const compare = (a: number, b: number): number =>
      (this.#scores[b] ?? 0) - (this.#scores[a] ?? 0) ||
      (this.#rows[a] ?? 0) - (this.#rows[b] ?? 0);
    const all = Array.from({ length: this.#size }, (_, i) => i);
    const order = await sortInTurns(all, compare, pace);
    return {
      rows: Uint32Array.from(order, (i) => this.#rows[i] ?? 0),
      scores: Float64Array.from(order, (i) => this.#scores[i] ?? 0),
    };
  }

  #isWorse(score: number, row: number, than: number, thanRow: number): boolean {
    return score < than || (score === than && row > thanRow);
  }

  #rise(from: number, row: number, score: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const parentScore = this.#scores[parent] ?? 0;
      const parentRow = this.#rows[parent] ?? 0;
      if (!this.#isWorse(score, row, parentScore, parentRow)) break;
      this.#scores[at] = parentScore;
      this.#rows[at] = parentRow;
      at = parent;
    }
    this.#scores[at] = score;
    this.#rows[at] = row;
  }

  #sink(row: number, score: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (
        right < this.#size &&
        this.#isWorse(
          this.#scores[right] ?? 0,
          this.#rows[right] ?? 0,
          this.#scores[child] ?? 0,
          this.#rows[child] ?? 0,
        )
      ) {
        child = right;
      }
      const childScore = this.#scores[child] ?? 0;
      const childRow = this.#rows[child] ?? 0;
      if (!this.#isWorse(childScore, childRow, score, row)) break;
      this.#scores[at] = childScore;
      this.#rows[at] = childRow;
      at = child;
    }
    this.#scores[at] = score;
    this.#rows[at] = row;
  }
}
