/**
 * Calls about records by tenant, for the few busiest: a bounded number of names, whoever calls.
 *
 * A name is shown with its calls since it is shown; the calls of all others are one sum. So every
 * number only grows, as a counter must, also when a name gives way to a busier one. Who is busy is
 * told by weights that are halved whenever too many names are known (lossy counting: Manku and
 * Motwani, VLDB 2002), so that yesterday's load fades.
 */

/** Names whose weight is known, for each that is shown. */
const KNOWN_FACTOR = 10;
/** A name takes another's place when it is this many times as busy: no flapping between equals. */
const LEAD_FACTOR = 2;

interface Shown {
  calls: number;
  weight: number;
}

export class BusyTenants {
  readonly #shownMax: number;
  readonly #shown = new Map<string, Shown>();
  /** Weights of names that are not shown. */
  readonly #waiting = new Map<string, number>();
  #otherCalls = 0;

  /** @param shownMax  at least 1. */
  constructor(shownMax: number) {
    this.#shownMax = shownMax;
  }

  /** Cost: constant on average, whatever the number of names. */
  count(name: string): void {
    const shown = this.#shown.get(name);
    if (shown !== undefined) {
      shown.calls++;
      shown.weight++;
      return;
    }
    if (this.#shown.size < this.#shownMax) {
      this.#shown.set(name, { calls: 1, weight: 1 });
      return;
    }
    this.#otherCalls++;
    const weight = (this.#waiting.get(name) ?? 0) + 1;
    this.#waiting.set(name, weight);
    // Most names are met once or twice and need no look at the others.
    if (weight > LEAD_FACTOR) this.#promote(name, weight);
    while (this.#waiting.size > this.#shownMax * KNOWN_FACTOR) this.#halve();
  }

  /** Names with their calls, and the calls of all others. */
  read(): { readonly shown: readonly (readonly [string, number])[]; readonly otherCalls: number } {
    const shown = [...this.#shown].map(([name, { calls }]) => [name, calls] as const);
    return { shown, otherCalls: this.#otherCalls };
  }

  #promote(name: string, weight: number): void {
    let idle: readonly [string, Shown] | undefined;
    for (const entry of this.#shown) {
      if (idle === undefined || entry[1].weight < idle[1].weight) idle = entry;
    }
    if (idle === undefined || weight <= idle[1].weight * LEAD_FACTOR) return;
    this.#shown.delete(idle[0]);
    this.#waiting.set(idle[0], idle[1].weight);
    this.#waiting.delete(name);
    this.#shown.set(name, { calls: 0, weight });
  }

  #halve(): void {
    for (const [name, weight] of this.#waiting) {
      if (weight === 1) this.#waiting.delete(name);
      else this.#waiting.set(name, weight >>> 1);
    }
    for (const shown of this.#shown.values()) shown.weight >>>= 1;
  }
}
