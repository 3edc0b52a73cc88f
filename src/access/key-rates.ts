/** How many requests of each key are admitted. */
import { LruMap } from "../base/lru-map.ts";
import { KNOWN_KEYS_MAX } from "./limits.ts";

/** Time whose requests may come at once after a pause, ms. */
const BURST_MS = 1_000;
/** Sums of fractions of a millisecond are not exact. */
const ROUNDING_MS = 1e-6;

/**
 * A token bucket per key that has a rate: one second's worth of requests, at least one, full at
 * first. The rate is that of one node, through all protocols together.
 *
 * Kept as the moment the bucket is full again, one number a key. A key that was not heard of for
 * long starts full, which it would be anyway. Source: the generic cell rate algorithm of ITU-T
 * I.371.
 */
export class KeyRates {
  readonly #fullAtMs = new LruMap<string, number>(KNOWN_KEYS_MAX);

  /** @returns 0 when the request is admitted, else the time after which one will be, ms. */
  take(keyId: string, requestsPerSecond: number, nowMs: number): number {
    const intervalMs = 1_000 / requestsPerSecond;
    const burstMs = Math.max(BURST_MS, intervalMs);
    const fullAtMs = Math.max(nowMs, this.#fullAtMs.get(keyId) ?? nowMs) + intervalMs;
    const earlyMs = fullAtMs - burstMs - nowMs - ROUNDING_MS;
    if (earlyMs > 0) return Math.ceil(earlyMs);
    this.#fullAtMs.set(keyId, fullAtMs);
    return 0;
  }
}
