import { describe, expect, it } from "vitest";
import { ManualClock } from "../io/index.ts";
import { isInsulaError } from "./errors.ts";
import { Throttle, type CallCost, type CallLimits } from "./throttle.ts";

const THROTTLED_PLACES_MAX = 1_000;

const NOTHING: CallCost = {
  ...{ queriesPerSecond: 0, writesPerSecond: 0 },
  ...{ bytesPerSecond: 0, workUnitsPerSecond: 0 },
};
const QUERY = { queriesPerSecond: 1, writesPerSecond: 0 };
const WRITE = { queriesPerSecond: 0, writesPerSecond: 1 };

/** Milliseconds to wait; 0 when the call was admitted, and has ended. */
function tryCall(
  throttle: Throttle,
  clock: ManualClock,
  limits: CallLimits,
  { asked = QUERY, cost = NOTHING, id = "a" } = {},
): number {
  try {
    throttle.admit(id, limits, asked, clock)(cost);
    return 0;
  } catch (error) {
    if (isInsulaError(error) && error.code === "limit_exceeded") return error.retryAfterMs ?? 0;
    throw error;
  }
}

describe("Throttle", () => {
  it("admits one second's worth at once after a pause, then one each interval", () => {
    const [throttle, clock] = [new Throttle(THROTTLED_PLACES_MAX), new ManualClock()];
    const limits = { queriesPerSecond: 10 };
    const admitted = (): number => {
      let count = 0;
      while (tryCall(throttle, clock, limits) === 0) count++;
      return count;
    };
    expect(admitted()).toBe(10);
    expect(tryCall(throttle, clock, limits)).toBe(100);
    clock.advance(99);
    expect(tryCall(throttle, clock, limits)).toBe(1);
    clock.advance(1);
    expect(admitted()).toBe(1);
    clock.advance(60_000);
    expect(admitted()).toBe(10);
  });

  it("admits a call when the time it told has passed, for any rate", () => {
    for (const rate of [0.01, 0.3, 1, 7, 333]) {
      const [throttle, clock] = [new Throttle(THROTTLED_PLACES_MAX), new ManualClock()];
      const limits = { writesPerSecond: rate };
      for (let i = 0; i < 50; i++) {
        const waitMs = tryCall(throttle, clock, limits, { asked: WRITE });
        if (waitMs === 0) continue;
        clock.advance(waitMs);
        expect(tryCall(throttle, clock, limits, { asked: WRITE })).toBe(0);
      }
    }
  });

  it("counts several searches of a call each, and holds each kind by itself", () => {
    const [throttle, clock] = [new Throttle(THROTTLED_PLACES_MAX), new ManualClock()];
    const limits = { queriesPerSecond: 10, writesPerSecond: 1 };
    const many = { queriesPerSecond: 30, writesPerSecond: 0 };
    expect(tryCall(throttle, clock, limits, { asked: many })).toBe(0);
    expect(tryCall(throttle, clock, limits)).toBe(2_100);
    expect(tryCall(throttle, clock, limits, { asked: WRITE })).toBe(0);
    expect(tryCall(throttle, clock, limits, { asked: WRITE })).toBe(1_000);
    // Neither: a get.
    expect(tryCall(throttle, clock, limits, { asked: { ...QUERY, queriesPerSecond: 0 } })).toBe(0);
  });

  it("lets bytes and work be paid when they are known, by whoever comes next", () => {
    const [throttle, clock] = [new Throttle(THROTTLED_PLACES_MAX), new ManualClock()];
    const limits = { workUnitsPerSecond: 100, bytesPerSecond: 1_000 };
    const cost = { ...NOTHING, workUnitsPerSecond: 500 };
    expect(tryCall(throttle, clock, limits, { cost })).toBe(0);
    // 500 are owed, 100 may be.
    expect(tryCall(throttle, clock, limits)).toBe(4_000);
    clock.advance(4_000);
    expect(tryCall(throttle, clock, limits, { cost: { ...NOTHING, bytesPerSecond: 3_000 } })).toBe(
      0,
    );
    expect(tryCall(throttle, clock, limits, { asked: WRITE })).toBe(2_000);
  });

  it("admits so many calls at once, and others when one has ended", () => {
    const [throttle, clock] = [new Throttle(THROTTLED_PLACES_MAX), new ManualClock()];
    const limits = { callsInFlight: 2 };
    const ends = [1, 2].map(() => throttle.admit("a", limits, QUERY, clock));
    expect(tryCall(throttle, clock, limits)).toBeGreaterThan(0);
    expect(tryCall(throttle, clock, limits, { id: "b" })).toBe(0);
    ends[0]?.(NOTHING);
    expect(tryCall(throttle, clock, limits)).toBe(0);
    ends[1]?.(NOTHING);
    expect(throttle.runningCount).toBe(0);
  });

  it("forgets places beyond a bound, which have full buckets then", () => {
    const [throttle, clock] = [new Throttle(THROTTLED_PLACES_MAX), new ManualClock()];
    const limits = { queriesPerSecond: 1 };
    expect(tryCall(throttle, clock, limits, { id: "first" })).toBe(0);
    for (let i = 0; i < THROTTLED_PLACES_MAX - 1; i++) {
      tryCall(throttle, clock, limits, { id: String(i) });
    }
    expect(tryCall(throttle, clock, limits, { id: "first" })).toBeGreaterThan(0);
    for (let i = 0; i < THROTTLED_PLACES_MAX; i++) {
      tryCall(throttle, clock, limits, { id: `other ${String(i)}` });
    }
    expect(tryCall(throttle, clock, limits, { id: "first" })).toBe(0);
  });
});
