/**
 * Token buckets and calls under way, of places that have limits.
 *
 * A bucket holds one second's worth and is full at first. A call is admitted while none of its
 * buckets is in debt, and pays when it ends, with what it did: its work is not known before. So a
 * single call may be larger than a second's worth, and the next one waits for it.
 *
 * A bucket is kept as the moment it is full again. One that was not asked for long is forgotten,
 * and full when it is asked again, which it would be anyway. Source: the generic cell rate
 * algorithm of ITU-T I.371.
 */
import { InsulaError } from "../base/errors.ts";
import { LruMap } from "../base/lru-map.ts";
import type { PlaceLimits } from "../model/index.ts";
import { THROTTLED_PLACES_MAX } from "./limits.ts";

/** What may come at once after a pause, ms. */
const BURST_MS = 1_000;
/** Sums of fractions of a millisecond are not exact. */
const ROUNDING_MS = 1e-6;
/** What a caller is told to wait for others to end, ms. */
const IN_FLIGHT_WAIT_MS = 100;

const RATES = [
  "queriesPerSecond",
  "writesPerSecond",
  "bytesPerSecond",
  "workUnitsPerSecond",
] as const;
type Rate = (typeof RATES)[number];

/** What a call comes to. */
export type CallCost = Readonly<Record<Rate, number>>;

interface Buckets {
  /** Moment at which each is full again, ms. */
  readonly fullAtMs: Map<Rate, number>;
}

export class Throttle {
  readonly #places = new LruMap<string, Buckets>(THROTTLED_PLACES_MAX);
  /** Calls under way, of places where they are limited. */
  readonly #running = new Map<string, number>();

  /**
   * @param id of the place.
   * @param asked what the call comes to as far as it is known; above 0: it needs that bucket.
   * @returns pays; to be called once, when the call has ended.
   * @throws InsulaError `limit_exceeded` with the time after which the call is admitted.
   */
  admit(
    id: string,
    limits: PlaceLimits,
    asked: Pick<CallCost, "queriesPerSecond" | "writesPerSecond">,
    clock: { monotonicMs(): number },
  ): (cost: CallCost) => void {
    const nowMs = clock.monotonicMs();
    const buckets = this.#places.get(id) ?? { fullAtMs: new Map<Rate, number>() };
    for (const rate of RATES) {
      const limit = limits[rate];
      const isAsked = !(rate in asked) || asked[rate as keyof typeof asked] > 0;
      if (limit === undefined || !isAsked) continue;
      const waitMs = debtOf(buckets, rate, limit) - nowMs - ROUNDING_MS;
      if (waitMs > 0) throw refusal(rate, limit, Math.ceil(waitMs));
    }
    const { callsInFlight } = limits;
    const running = this.#running.get(id) ?? 0;
    if (callsInFlight !== undefined) {
      if (running >= callsInFlight) {
        throw refusal("callsInFlight", callsInFlight, IN_FLIGHT_WAIT_MS);
      }
      this.#running.set(id, running + 1);
    }
    // Calls are paid for when they begin: many at once must not all find a full bucket.
    pay(buckets, limits, { ...NOTHING, ...asked }, nowMs);
    this.#places.set(id, buckets);
    return (cost) => {
      if (callsInFlight !== undefined) this.#leave(id);
      pay(
        buckets,
        limits,
        { ...cost, queriesPerSecond: 0, writesPerSecond: 0 },
        clock.monotonicMs(),
      );
    };
  }

  /** Places with calls under way that are limited. */
  get runningCount(): number {
    return this.#running.size;
  }

  #leave(id: string): void {
    const running = (this.#running.get(id) ?? 1) - 1;
    if (running === 0) this.#running.delete(id);
    else this.#running.set(id, running);
  }
}

const NOTHING: CallCost = {
  ...{ queriesPerSecond: 0, writesPerSecond: 0 },
  ...{ bytesPerSecond: 0, workUnitsPerSecond: 0 },
};

/** The moment at which the bucket has one again. */
function debtOf({ fullAtMs }: Buckets, rate: Rate, limit: number): number {
  const one = rate === "queriesPerSecond" || rate === "writesPerSecond" ? 1_000 / limit : 0;
  return (fullAtMs.get(rate) ?? Number.NEGATIVE_INFINITY) + one - Math.max(BURST_MS, one);
}

function pay(buckets: Buckets, limits: PlaceLimits, cost: CallCost, nowMs: number): void {
  for (const rate of RATES) {
    const limit = limits[rate];
    if (limit === undefined || cost[rate] === 0) continue;
    const fullAtMs = Math.max(nowMs, buckets.fullAtMs.get(rate) ?? nowMs);
    buckets.fullAtMs.set(rate, fullAtMs + (cost[rate] * 1_000) / limit);
  }
}

function refusal(limit: keyof PlaceLimits, value: number, retryAfterMs: number): InsulaError {
  return new InsulaError(
    "limit_exceeded",
    `Cannot take the call: ${limit} is ${String(value)} here: expected fewer, or later.`,
    { details: { limit, value }, retryAfterMs },
  );
}
