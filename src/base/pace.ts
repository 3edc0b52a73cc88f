/**
 * The pace of one call on the control thread: its steps are counted, and when a slice of them is
 * full the thread is given back. Counted, never timed: the same call takes the same turns
 * everywhere, and a test can say how much lies between two of them.
 *
 * A step is about 4 ns, so that a slice is about a quarter of a millisecond. What a loop costs in
 * steps is a constant beside the loop; only orders of magnitude matter. All parts of a call share
 * one slice, also those that go on at the same time.
 */

/** Steps of a slice. */
export const SLICE_STEPS = 65_536;

/** Bytes of rows or codes that are scanned in a step. */
const SCANNED_BYTES = 16;

export function scanSteps(bytes: number): number {
  return Math.ceil(bytes / SCANNED_BYTES);
}

/** What the parts of a call share. */
class Slice {
  steps = 0;
  readonly #turn: () => Promise<void>;
  #turning: Promise<void> | undefined;

  constructor(turn: () => Promise<void>) {
    this.#turn = turn;
  }

  get left(): number {
    return this.#turning === undefined ? Math.max(0, SLICE_STEPS - this.steps) : 0;
  }

  /** Whoever comes while the thread is given back waits for the same turn. */
  next(): Promise<void> {
    return (this.#turning ??= this.#giveBack());
  }

  async #giveBack(): Promise<void> {
    try {
      await this.#turn();
    } finally {
      this.steps = 0;
      this.#turning = undefined;
    }
  }
}

export class Pace {
  readonly #slice: Slice;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param turn resolves when others had their turn; or the pace whose slices are shared.
   * @param signal ends the work at its next turn.
   */
  constructor(turn: Pace | (() => Promise<void>), signal?: AbortSignal) {
    this.#slice = turn instanceof Pace ? turn.#slice : new Slice(turn);
    this.#signal = signal;
  }

  /** Steps that may follow at once; 0 while the thread is given back. */
  get left(): number {
    return this.#slice.left;
  }

  /** Counts what was done. */
  add(steps: number): void {
    this.#slice.steps += steps;
  }

  /** True: so many steps may follow at once, and are counted. Else {@link Pace.take} them. */
  fits(steps: number): boolean {
    if (steps > this.#slice.left) return false;
    this.#slice.steps += steps;
    return true;
  }

  /**
   * Resolves when so many steps may follow at once; of more than a slice, when one begins.
   *
   * @throws what the signal was aborted with.
   */
  async take(steps: number): Promise<void> {
    const wanted = Math.min(steps, SLICE_STEPS);
    do await this.rest();
    while (!this.fits(wanted));
  }

  /** Gives the thread back. @throws what the signal was aborted with. */
  async rest(): Promise<void> {
    this.check();
    await this.#slice.next();
    this.check();
  }

  /** @throws what the signal was aborted with. */
  check(): void {
    this.#signal?.throwIfAborted();
  }
}

/** For work beside which nobody waits: all of it at once. */
export function unpaced(): Pace {
  return new Pace(() => Promise.resolve());
}

/**
 * Does work that says, before each of its pieces, how many steps that has: at once as far as they
 * fit, so that what is short stays in the order of its calls; the rest at the pace given.
 *
 * @throws what the work throws, and what the pace's signal was aborted with.
 */
export function inTurns<Value>(
  work: Generator<number, Value, void>,
  pace: Pace,
): Value | Promise<Value> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (!pace.fits(value)) return goOn(work, pace, value);
  }
}

async function goOn<Value>(
  work: Generator<number, Value, void>,
  pace: Pace,
  steps: number,
): Promise<Value> {
  await pace.take(steps);
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (!pace.fits(value)) await pace.take(value);
  }
}
