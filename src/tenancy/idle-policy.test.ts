import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keepsUsesEveryMs, stateAfterIdle, unusedSince } from "./idle-policy.ts";

const HOUR = 3_600_000;

describe("what becomes of a tenant that nobody uses", () => {
  const rules = { setAtMs: 0, inactiveAfterMs: 2 * HOUR, offloadAfterMs: 5 * HOUR };

  it.each([
    ["ACTIVE", 2 * HOUR - 1, undefined],
    ["ACTIVE", 2 * HOUR, "INACTIVE"],
    ["ACTIVE", 5 * HOUR, "OFFLOADED"],
    ["INACTIVE", 2 * HOUR, undefined],
    ["INACTIVE", 5 * HOUR - 1, undefined],
    ["INACTIVE", 5 * HOUR, "OFFLOADED"],
    ["OFFLOADED", 9 * HOUR, undefined],
    ["OFFLOADING", 9 * HOUR, undefined],
    ["ONLOADING", 9 * HOUR, undefined],
  ] as const)("%s, idle for %i ms: %s", (state, idleMs, becomes) => {
    expect(stateAfterIdle(state, idleMs, rules)).toBe(becomes);
  });

  it("is nothing without a policy, however long it takes", () => {
    expect(stateAfterIdle("ACTIVE", 1e15, { setAtMs: 0 })).toBeUndefined();
  });
});

describe("how exactly uses are kept", () => {
  it("is a sixteenth of the shortest time of the policy, and an hour at most", () => {
    expect(keepsUsesEveryMs({ setAtMs: 0 })).toBe(HOUR);
    expect(keepsUsesEveryMs({ setAtMs: 0, inactiveAfterMs: 400 * HOUR })).toBe(HOUR);
    const both = { setAtMs: 0, inactiveAfterMs: 8 * HOUR, offloadAfterMs: 80 * HOUR };
    expect(keepsUsesEveryMs(both)).toBe(HOUR / 2);
  });

  it("no tenant counts as idle since before its last use", () => {
    const uses = fc.array(fc.integer({ min: 0, max: 9 * HOUR }), { minLength: 1, maxLength: 40 });
    const setAtMs = fc.integer({ min: 0, max: 9 * HOUR });
    const inactiveAfterMs = fc.integer({ min: 60_000, max: 20 * HOUR });
    fc.assert(
      fc.property(uses, fc.record({ setAtMs, inactiveAfterMs }), (times, rules) => {
        // As they are noted: what is kept changes when it is too old for the policy of then.
        let keptAtMs = 0;
        for (const atMs of times.sort((a, b) => a - b)) {
          const every = keepsUsesEveryMs(atMs < rules.setAtMs ? { setAtMs: 0 } : rules);
          if (atMs - keptAtMs >= every) keptAtMs = atMs;
        }
        expect(unusedSince(keptAtMs, rules)).toBeGreaterThanOrEqual(times.at(-1) ?? 0);
      }),
    );
  });
});
