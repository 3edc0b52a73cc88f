import { describe, expect, test } from "vitest";
import { isSampled, parseTraceParent } from "./trace-parent.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("a traceparent header", () => {
  test("names trace, parent and decision", () => {
    const parent = { traceId: TRACE, spanId: SPAN };
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`)).toEqual({ ...parent, isSampled: true });
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-02`)).toEqual({ ...parent, isSampled: false });
    // A later version may say more after the flags.
    expect(parseTraceParent(`cc-${TRACE}-${SPAN}-09-more`)).toEqual({ ...parent, isSampled: true });
  });

  test.each([
    undefined,
    "",
    "00",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-1`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-${"x".repeat(10_000)}`,
  ])("that is not as the standard has it begins a new trace: %s", (header) => {
    expect(parseTraceParent(header)).toBeUndefined();
  });
});

describe("the sampler", () => {
  const parent = { traceId: TRACE, spanId: SPAN, isSampled: false };

  test("obeys a caller only when it is based on parents", () => {
    expect(isSampled({ ratio: 1, isParentBased: true }, parent, TRACE)).toBe(false);
    expect(isSampled({ ratio: 1, isParentBased: false }, parent, TRACE)).toBe(true);
    const sampled = { ...parent, isSampled: true };
    expect(isSampled({ ratio: 0, isParentBased: true }, sampled, TRACE)).toBe(true);
    expect(isSampled({ ratio: 0, isParentBased: true }, undefined, TRACE)).toBe(false);
  });

  test("takes the share asked for, and with a larger share all that a smaller one takes", () => {
    const ids = Array.from({ length: 1_000 }, (_, i) =>
      (BigInt(i) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834n + 1n)
        .toString(16)
        .slice(-32)
        .padStart(32, "0"),
    );
    const taken = (ratio: number) =>
      ids.filter((id) => isSampled({ ratio, isParentBased: false }, undefined, id));
    expect(taken(0)).toEqual([]);
    expect(taken(1)).toEqual(ids);
    expect(taken(0.1).length).toBeGreaterThan(50);
    expect(taken(0.1).length).toBeLessThan(200);
    const half = new Set(taken(0.5));
    expect(taken(0.1).every((id) => half.has(id))).toBe(true);
  });
});
