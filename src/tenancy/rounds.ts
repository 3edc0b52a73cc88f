/**
 * Whom a round of tending looks at, of very many that are awake: those that were used since the
 * round before, those whose upkeep may come due, and those that nobody has used for long. Of the
 * others nothing can be due, and they cost nothing.
 */

/** One that is awake. */
export interface Tended {
  /** Of {@link Rounds} alone: where it waits for a later round; undefined when it does not. */
  waitsFor: number | undefined;
}

export class Rounds<Each extends Tended> {
  readonly #intervalMs: number;
  #next = new Set<Each>();
  /** By interval since the clock began. */
  readonly #later = new Map<number, Set<Each>>();

  /** @param intervalMs between two rounds, about. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** The next round looks at it. */
  soon(each: Each): void {
    this.#next.add(each);
  }

  /** A round looks at it that is not later than the first one at or after `atMs`. */
  later(each: Each, atMs: number): void {
    // It may be looked at too soon: then it is put off again. A use costs nothing here.
    if (each.waitsFor !== undefined) return;
    each.waitsFor = Math.floor(atMs / this.#intervalMs);
    const waiting = this.#later.get(each.waitsFor);
    if (waiting === undefined) this.#later.set(each.waitsFor, new Set([each]));
    else waiting.add(each);
  }

  /** It sleeps. */
  forget(each: Each): void {
    this.#next.delete(each);
    if (each.waitsFor === undefined) return;
    this.#later.get(each.waitsFor)?.delete(each);
    each.waitsFor = undefined;
  }

  /** Whom to look at now; to be given back by `soon` or `later`. */
  take(nowMs: number): ReadonlySet<Each> {
    const taken = this.#next;
    this.#next = new Set();
    const number = Math.floor(nowMs / this.#intervalMs);
    for (const [due, waiting] of this.#later) {
      if (due > number) continue;
      this.#later.delete(due);
      for (const each of waiting) {
        each.waitsFor = undefined;
        taken.add(each);
      }
    }
    return taken;
  }
}
