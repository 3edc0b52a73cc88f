/**
 * Token buckets and calls under way, of places and of keys that have limits.
 *
 * A bucket holds one second's worth and is full at first. A call is admitted while none of its
 * buckets is in debt, and pays when it ends, with what it did: its work is not known before. So a
 * single call may be larger than a second's worth, and the next one waits for it.
 *
 * A bucket is kept as the moment it is full again. One that was not asked for long is forgotten,
 * and full when it is asked again, which it would be anyway. Source: the generic cell rate
 * algorithm of ITU-T I.371.
 */
import { InsulaError } from "./errors.ts";
import { LruMap } from "./lru-map.ts";

/** What may come at once after a pause, ms. */
const BURST_MS = 1_000;
/** Sums of fractions of a millisecond are not exact. */
const ROUNDING_MS = 1e-6;
/** What a caller is told to wait for others to end, ms. */
const IN_FLIGHT_WAIT_MS = 100;

/** What may be done in a second, and at once; each absent one is no limit. */
export type CallLimits = { readonly [Name in Rate | "callsInFlight"]?: number };

const RATES = [
  "queriesPerSecond",
  "writesPerSecond",
  "bytesPerSecond",
  "workUnitsPerSecond",
] as const;
type Rate = (typeof RATES)[number];

/** What a call comes to. */
export type CallCost = Readonly<Record<Rate, number>>;

/** What is known of a call before it begins. */
export type AskedCost = Pick<CallCost, "queriesPerSecond" | "writesPerSecond">;

/**
 * Who makes a call, beside the place it is about: held to limits of its own. One for each call of
 * the engine, however many places that is about.
 */
export interface CallPayer {
  /**
   * @returns pays for one place, with what was done there.
   * @throws InsulaError `limit_exceeded` before anything is done anywhere.
   */
  admit(asked: AskedCost): (cost: CallCost) => void;
}

interface Buckets {
  /** Moment at which each is full again, ms. */
  readonly fullAtMs: Map<Rate, number>;
}

export class Throttle {
  readonly #places: LruMap<string, Buckets>;
  /** Calls under way, of places where they are limited. */
  readonly #running = new Map<string, number>();
  /** Whose limits they are, for the message. */
  readonly #whose: string;

  /** @param countMax whose buckets are remembered; a forgotten one is full. */
  constructor(countMax: number, whose = "here") {
    this.#places = new LruMap(countMax);
    this.#whose = whose;
  }

  /**
   * @param id of the place, or of the key.
   * @param asked what the call comes to as far as it is known; above 0: it needs that bucket.
   * @returns pays; to be called once, when the call has ended.
   * @throws InsulaError `limit_exceeded` with the time after which the call is admitted.
   */
  admit(
    id: string,
    limits: CallLimits,
    asked: AskedCost,
    clock: { monotonicMs(): number },
  ): (cost: CallCost) => void {
    const nowMs = clock.monotonicMs();
    const buckets = this.#places.get(id) ?? { fullAtMs: new Map<Rate, number>() };
    for (const rate of RATES) {
      const limit = limits[rate];
      const isAsked = !(rate in asked) || asked[rate as keyof typeof asked] > 0;
      if (limit === undefined || !isAsked) continue;
      const waitMs = debtOf(buckets, rate, limit) - nowMs - ROUNDING_MS;
      if (waitMs > 0) throw this.#refusal(rate, limit, Math.ceil(waitMs));
    }
    const { callsInFlight } = limits;
    const running = this.#running.get(id) ?? 0;
    if (callsInFlight !== undefined) {
      if (running >= callsInFlight) {
        throw this.#refusal("callsInFlight", callsInFlight, IN_FLIGHT_WAIT_MS);
      }
      this.#running.set(id, running + 1);
    }
    // Calls are paid for when they begin: many at once must not all find a full bucket.
    pay(buckets, limits, { ...NO_COST, ...asked }, nowMs);
    this.#places.set(id, buckets);
    return (cost) => {
      if (callsInFlight !== undefined) this.#leave(id);
      const paid = { ...cost, queriesPerSecond: 0, writesPerSecond: 0 };
      pay(buckets, limits, paid, clock.monotonicMs());
    };
  }

  /** Of a call that was admitted: what it comes to besides. */
  pay(id: string, limits: CallLimits, cost: CallCost, nowMs: number): void {
    const buckets = this.#places.get(id) ?? { fullAtMs: new Map<Rate, number>() };
    pay(buckets, limits, cost, nowMs);
    this.#places.set(id, buckets);
  }

  /** Places with calls under way that are limited. */
  get runningCount(): number {
    return this.#running.size;
  }

  #refusal(limit: keyof CallLimits, value: number, retryAfterMs: number): InsulaError {
    return new InsulaError(
      "limit_exceeded",
      `Cannot take the call: ${limit} is ${String(value)} ${this.#whose}: ` +
        "expected fewer, or later.",
      { details: { limit, value }, retryAfterMs },
    );
  }

  #leave(id: string): void {
    const running = (this.#running.get(id) ?? 1) - 1;
    if (running === 0) this.#running.delete(id);
    else this.#running.set(id, running);
  }
}

export const NO_COST: CallCost = {
  ...{ queriesPerSecond: 0, writesPerSecond: 0 },
  ...{ bytesPerSecond: 0, workUnitsPerSecond: 0 },
};

/** The moment at which the bucket has one again. */
function debtOf({ fullAtMs }: Buckets, rate: Rate, limit: number): number {
  const one = rate === "queriesPerSecond" || rate === "writesPerSecond" ? 1_000 / limit : 0;
  return (fullAtMs.get(rate) ?? Number.NEGATIVE_INFINITY) + one - Math.max(BURST_MS, one);
}

function pay(buckets: Buckets, limits: CallLimits, cost: CallCost, nowMs: number): void {
  for (const rate of RATES) {
    const limit = limits[rate];
    if (limit === undefined || cost[rate] === 0) continue;
    const fullAtMs = Math.max(nowMs, buckets.fullAtMs.get(rate) ?? nowMs);
    buckets.fullAtMs.set(rate, fullAtMs + (cost[rate] * 1_000) / limit);
  }
}
