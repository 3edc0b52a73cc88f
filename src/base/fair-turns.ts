/**
 * Turns of one thread, given by flow and not by arrival.
 *
 * A turn of the event loop has room for a little work. What comes while there is room and nobody
 * waits begins at once, for next to nothing; the rest waits until the loop has looked at its
 * sockets again, and then begins in the order of {@link FairQueue}: first by class, each of which
 * has a share when all are busy, then by flow within its class. So it makes no difference whether a
 * flow sends its calls one by one or all at once: others come in between.
 *
 * Nothing is taken back: what has begun runs until it asks for its next turn. How long others wait
 * is bounded by that and by their number, not by what one of them has waiting.
 */
import { InsulaError } from "./errors.ts";
import { FairQueue, pay, payAhead, type Account, type Flow, type Waiting } from "./fair-queue.ts";
import { LruMap } from "./lru-map.ts";
import { FLOW_WAITING_MAX, TURNS_WAITING_MAX } from "./limits.ts";

/** Work units begun in one turn of the event loop: about half a millisecond. */
const LOOP_COST = 4;
/** Every call costs this besides its units: what comes before and after the search. */
const CALL_COST = 0.5;
/** What a slice of a longer call is taken for; the call's end puts it right. */
const SLICE_COST = 10;
/** Weights that are not 1 and are known; about 100 bytes each. */
const WEIGHTS_MAX = 20_000;
/** What is refused may come again then at the earliest, ms; at the latest. */
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;
/** A unit is a tenth of a millisecond. */
const UNITS_PER_MS = 10;

/** Shares of the classes when all are busy. */
const SHARES = { query: 12, write: 5, background: 3 } as const;
export type TurnClass = keyof typeof SHARES;

interface Class extends Account {
  readonly queue: FairQueue<Grant>;
}

type Grant = () => void;

/** A call that has begun; to be given back by {@link FairTurns.leave}. */
export interface Turn {
  readonly of: Class;
  readonly flow: Flow<Grant>;
  /** Paid in advance. */
  readonly paid: number;
}

export interface TurnRequest {
  /** Default: query. */
  readonly kind?: TurnClass;
  /** Default 1. */
  readonly weight?: number;
  /** Whoever is aborted leaves the queue. */
  readonly signal?: AbortSignal | undefined;
}

export class FairTurns {
  readonly #pause: () => Promise<void>;
  readonly #classes: Readonly<Record<TurnClass, Class>> = {
    query: makeClass(SHARES.query),
    write: makeClass(SHARES.write),
    background: makeClass(SHARES.background),
  };
  readonly #weights = new LruMap<string, number>(WEIGHTS_MAX);
  /** As in {@link FairQueue}, of the classes. */
  #now = 0;
  #left = LOOP_COST;
  #isPlanned = false;

  /** @param pause resolves in a later turn of the event loop. */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** Calls and slices that wait. */
  get waitingCount(): number {
    const { query, write, background } = this.#classes;
    return query.queue.count + write.queue.count + background.queue.count;
  }

  /** Places that are remembered. */
  get flowCount(): number {
    return Object.values(this.#classes).reduce((sum, { queue }) => sum + queue.flowCount, 0);
  }

  /** As it was told last; 1 of whom nothing is known. */
  weightOf(name: string): number {
    return this.#weights.size === 0 ? 1 : (this.#weights.get(name) ?? 1);
  }

  /**
   * Resolves when the call may begin; is a turn at once when it need not wait.
   *
   * @param name of the flow.
   * @throws InsulaError `limit_exceeded` when too many wait, with a time; the signal's reason.
   */
  enter(name: string, { kind = "query", weight = 1, signal }: TurnRequest): Turn | Promise<Turn> {
    this.#noteWeight(name, weight);
    const of = this.#classes[kind];
    const flow = of.queue.flow(name, weight);
    if (this.#left > 0 && this.waitingCount === 0) {
      of.tag = Math.max(of.tag, this.#now);
      this.#now = of.tag;
      of.queue.begin(flow);
      const turn = this.#begin(of, flow);
      this.#plan();
      return turn;
    }
    if (flow.count >= FLOW_WAITING_MAX || this.waitingCount >= TURNS_WAITING_MAX) {
      throw tooManyWait(flow);
    }
    return this.#wait(of, flow, signal);
  }

  /** @param units the call came to. */
  leave({ of, flow, paid }: Turn, units: number): void {
    const cost = units + CALL_COST;
    flow.lastCost = cost;
    // What began for too much has that for its next call.
    flow.credit += paid;
    of.credit += paid;
    of.queue.pay(flow, cost);
    pay(of, cost);
    this.#left -= Math.max(0, cost - paid);
  }

  /** Between two slices of a call that has begun: the others' turn, then this one's again. */
  async next(name: string, kind: TurnClass): Promise<void> {
    const of = this.#classes[kind];
    const flow = of.queue.flow(name, this.weightOf(name));
    await new Promise<void>((resolve) => {
      this.#push(of, flow, () => {
        this.#left -= SLICE_COST;
        of.queue.payAhead(flow, SLICE_COST);
        payAhead(of, SLICE_COST);
        resolve();
      });
    });
  }

  #wait(of: Class, flow: Flow<Grant>, signal: AbortSignal | undefined): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        if (!of.queue.remove(waiting)) return;
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as given
        reject(signal?.reason);
      };
      const waiting = this.#push(of, flow, () => {
        signal?.removeEventListener("abort", stop);
        resolve(this.#begin(of, flow));
      });
      if (signal?.aborted === true) stop();
      else signal?.addEventListener("abort", stop, { once: true });
    });
  }

  #push(of: Class, flow: Flow<Grant>, grant: Grant): Waiting<Grant> {
    if (of.queue.count === 0) of.tag = Math.max(of.tag, this.#now);
    const waiting = of.queue.push(flow, grant);
    this.#plan();
    return waiting;
  }

  #begin(of: Class, flow: Flow<Grant>): Turn {
    const paid = flow.lastCost;
    of.queue.pay(flow, paid);
    pay(of, paid);
    this.#left -= paid;
    return { of, flow, paid };
  }

  #noteWeight(name: string, weight: number): void {
    if (weight !== 1) this.#weights.set(name, weight);
    else if (this.#weights.size > 0) this.#weights.delete(name);
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    void this.#pause().then(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isPlanned = false;
    this.#left = LOOP_COST;
    if (this.waitingCount === 0) {
      this.#forget();
      return;
    }
    do this.#grant();
    while (this.#left > 0 && this.waitingCount > 0);
    this.#plan();
  };

  #grant(): void {
    let best: Class | undefined;
    for (const each of Object.values(this.#classes)) {
      if (each.queue.count > 0 && (best === undefined || each.tag < best.tag)) best = each;
    }
    if (best === undefined) return;
    this.#now = Math.max(this.#now, best.tag);
    best.queue.shift()?.item();
  }

  /** Nobody waits: all begin anew. */
  #forget(): void {
    this.#now = 0;
    for (const each of Object.values(this.#classes)) {
      each.tag = 0;
      each.credit = 0;
      each.queue.forget();
    }
  }
}

function makeClass(weight: number): Class {
  return { queue: new FairQueue(), weight, tag: 0, credit: 0 };
}

function tooManyWait({ count, lastCost }: Flow<Grant>): InsulaError {
  const ms = Math.ceil((count * lastCost) / UNITS_PER_MS);
  return new InsulaError(
    "limit_exceeded",
    `Cannot take the call: ${String(count)} calls wait here already: expected fewer, or later.`,
    {
      details: { limit: "callsWaiting", value: FLOW_WAITING_MAX },
      retryAfterMs: Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, ms)),
    },
  );
}
