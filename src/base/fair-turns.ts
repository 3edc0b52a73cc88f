/**
 * Turns of one thread, given by flow and not by arrival.
 *
 * A turn of the event loop has room for a little work. What comes while there is room and nobody
 * waits begins at once, for next to nothing; the rest waits until the loop has looked at its
 * sockets again, and then begins in the order of {@link FairQueue}: first by class, each of which
 * has a share when all are busy, then by flow within its class. So it makes no difference whether a
 * flow sends its calls one by one or all at once: others come in between.
 *
 * Nothing is taken back: what has begun runs until it asks for its next turn. So not more of one
 * flow begins than keeps the machine busy; its other calls are held until one of those is through.
 * How long others wait is bounded by that and by their number, not by what one of them has waiting.
 */
import { InsulaError } from "./errors.ts";
import { FairQueue, pay, payAhead, type Account, type Flow, type Waiting } from "./fair-queue.ts";
import { LruMap } from "./lru-map.ts";
import { FLOW_WAITING_MAX, TURNS_WAITING_MAX } from "./limits.ts";

/** A flow of any weight has at most so many windows. */
const WINDOW_FACTOR_MAX = 4;
/** Work units begun in one turn of the event loop: about half a millisecond. */
const LOOP_COST = 4;
/** Every call costs this besides its units: what comes before and after the search. */
const CALL_COST = 0.5;
/** What a slice of a longer call is taken for, as long as it is; the call's end puts it right. */
const SLICE_COST = 2.5;
/** Weights that are not 1 and are known; about 100 bytes each. */
const WEIGHTS_MAX = 20_000;
/** What is refused may come again then at the earliest, ms; at the latest. */
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;
/** A unit is a tenth of a millisecond. */
const UNITS_PER_MS = 10;

/**
 * Shares of the classes when all are busy. `waking`: calls of tenants that sleep, and what is
 * loaded for them: ten thousand that come at once are each as entitled to a turn as anybody else,
 * and those that are awake would wait for all of them.
 */
const SHARES = { query: 12, waking: 5, write: 5, background: 3 } as const;
export type TurnClass = keyof typeof SHARES;

/**
 * Of one flow and class, what may be in the queue or under way: so many units, but so many calls at
 * least. Source: a few keep the disk and the threads busy; a hundred of them that come back from
 * there at once hold up everybody. Writes wait for a sync together.
 */
const WINDOWS = {
  query: { units: 32, callsMin: 4 },
  waking: { units: 32, callsMin: 4 },
  write: { units: 256, callsMin: 4 },
  background: { units: 32, callsMin: 4 },
} as const;

interface Class extends Account {
  readonly queue: FairQueue<Grant>;
  /** Of flows with calls that wait or are under way. */
  readonly windows: Map<string, Window>;
  readonly unitsMax: number;
  readonly callsMin: number;
}

/** What of a flow waits for its turn or is under way. */
interface Window {
  calls: number;
  units: number;
  /** Calls for which there is no room; first come, first served. */
  readonly held: Set<Grant>;
}

type Grant = () => void;

interface Wait {
  /** There is no room in the window. */
  readonly isHeld: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A call that has begun; to be given back by {@link FairTurns.leave}. */
export interface Turn {
  readonly of: Class;
  readonly name: string;
  readonly flow: Flow<Grant>;
  /** Paid in advance. */
  readonly paid: number;
  /** Units of its flow's window. */
  readonly reserved: number;
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
    query: makeClass("query"),
    waking: makeClass("waking"),
    write: makeClass("write"),
    background: makeClass("background"),
  };
  readonly #weights = new LruMap<string, number>(WEIGHTS_MAX);
  /** As in {@link FairQueue}, of the classes. */
  #now = 0;
  #left = LOOP_COST;
  #heldCount = 0;
  #isPlanned = false;

  /** @param pause resolves in a later turn of the event loop. */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** Calls and slices that wait. */
  get waitingCount(): number {
    return this.#readyCount + this.#heldCount;
  }

  /** Places that are remembered, for what they were given and for what they have under way. */
  get flowCount(): number {
    return Object.values(this.#classes).reduce(
      (sum, { queue, windows }) => sum + queue.flowCount + windows.size,
      0,
    );
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
    const window = windowOf(of, name);
    const isHeld = window.held.size > 0 || isFull(window, of, flow);
    if (!isHeld && this.#left > 0 && this.#readyCount === 0) {
      this.#serve(of, flow);
      const turn = this.#begin(of, name, reserve(window, flow));
      this.#plan();
      return turn;
    }
    const count = flow.count + window.held.size;
    if (count >= FLOW_WAITING_MAX || this.waitingCount >= TURNS_WAITING_MAX) {
      if (window.calls === 0) of.windows.delete(name);
      throw tooManyWait(flow, count);
    }
    return this.#wait(of, name, { isHeld, signal });
  }

  /** @param units the call came to. */
  leave({ of, name, flow, paid, reserved }: Turn, units: number): void {
    const cost = units + CALL_COST;
    flow.lastCost = cost;
    // What began for too much has that for its next call.
    flow.credit += paid;
    of.credit += paid;
    of.queue.pay(flow, cost);
    pay(of, cost);
    this.#left -= Math.max(0, cost - paid);
    this.#release(of, name, reserved);
  }

  /**
   * Between two slices of a call that has begun: the others' turn, then this one's again; at once
   * while there is room and nobody waits.
   */
  async next(name: string, kind: TurnClass): Promise<void> {
    const of = this.#classes[kind];
    const flow = of.queue.flow(name, this.weightOf(name));
    if (this.#left > 0 && this.#readyCount === 0) {
      this.#serve(of, flow);
      this.#beginSlice(of, flow);
      this.#plan();
      return;
    }
    await new Promise<void>((resolve) => {
      this.#push(of, flow, () => {
        this.#beginSlice(of, flow);
        resolve();
      });
    });
  }

  /** It did not wait: nobody does. */
  #serve(of: Class, flow: Flow<Grant>): void {
    of.tag = Math.max(of.tag, this.#now);
    this.#now = of.tag;
    of.queue.begin(flow);
  }

  #beginSlice(of: Class, flow: Flow<Grant>): void {
    this.#left -= SLICE_COST;
    of.queue.payAhead(flow, SLICE_COST);
    payAhead(of, SLICE_COST);
  }

  #wait(of: Class, name: string, { isHeld, signal }: Wait): Promise<Turn> {
    const window = windowOf(of, name);
    return new Promise((resolve, reject) => {
      let queued: { readonly waiting: Waiting<Grant>; readonly reserved: number } | undefined;
      const push = (): void => {
        const flow = this.#flow(of, name);
        const reserved = reserve(window, flow);
        const waiting = this.#push(of, flow, () => {
          signal?.removeEventListener("abort", stop);
          resolve(this.#begin(of, name, reserved));
        });
        queued = { waiting, reserved };
      };
      const stop = (): void => {
        if (queued === undefined) {
          if (!window.held.delete(push)) return;
          this.#heldCount--;
        } else {
          if (!of.queue.remove(queued.waiting)) return;
          this.#release(of, name, queued.reserved);
        }
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as given
        reject(signal?.reason);
      };
      if (isHeld) {
        window.held.add(push);
        this.#heldCount++;
      } else push();
      if (signal?.aborted === true) stop();
      else signal?.addEventListener("abort", stop, { once: true });
    });
  }

  #flow(of: Class, name: string): Flow<Grant> {
    return of.queue.flow(name, this.weightOf(name));
  }

  #push(of: Class, flow: Flow<Grant>, grant: Grant): Waiting<Grant> {
    if (of.queue.count === 0) of.tag = Math.max(of.tag, this.#now);
    const waiting = of.queue.push(flow, grant);
    this.#plan();
    return waiting;
  }

  #begin(of: Class, name: string, reserved: number): Turn {
    const flow = this.#flow(of, name);
    const paid = flow.lastCost;
    of.queue.pay(flow, paid);
    pay(of, paid);
    this.#left -= paid;
    return { of, name, flow, paid, reserved };
  }

  /** Something of the flow is through: what was held waits for its turn now. */
  #release(of: Class, name: string, reserved: number): void {
    const window = windowOf(of, name);
    window.calls--;
    window.units -= reserved;
    for (const push of window.held) {
      if (isFull(window, of, this.#flow(of, name))) break;
      window.held.delete(push);
      this.#heldCount--;
      push();
    }
    if (window.calls === 0) of.windows.delete(name);
  }

  get #readyCount(): number {
    const { query, waking, write, background } = this.#classes;
    const first = query.queue.count + waking.queue.count;
    return first + write.queue.count + background.queue.count;
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
    if (this.#readyCount === 0) {
      if (this.#heldCount === 0) this.#forget();
      return;
    }
    do this.#grant();
    while (this.#left > 0 && this.#readyCount > 0);
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

function makeClass(kind: TurnClass): Class {
  const { units, callsMin } = WINDOWS[kind];
  const account = { weight: SHARES[kind], tag: 0, credit: 0 };
  return { queue: new FairQueue(), windows: new Map(), unitsMax: units, callsMin, ...account };
}

function windowOf({ windows }: Class, name: string): Window {
  const known = windows.get(name);
  if (known !== undefined) return known;
  const window: Window = { calls: 0, units: 0, held: new Set() };
  windows.set(name, window);
  return window;
}

/** @returns to be given back: a call is counted as what the last one cost. */
function reserve(window: Window, { lastCost }: Flow<Grant>): number {
  window.calls++;
  window.units += lastCost;
  return lastCost;
}

/** A flow that weighs more has more under way, as it has more turns, but not a flood. */
function isFull({ calls, units }: Window, of: Class, { lastCost, weight }: Flow<Grant>): boolean {
  if (calls < of.callsMin) return false;
  return units + lastCost > of.unitsMax * Math.min(WINDOW_FACTOR_MAX, Math.max(1, weight));
}

function tooManyWait({ lastCost }: Flow<Grant>, count: number): InsulaError {
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
