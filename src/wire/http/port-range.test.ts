import { expect, test } from "vitest";
import { PORT_RANGE_PORTS_MAX } from "./limits.ts";
import { isInRange, parsePortRange } from "./port-range.ts";

test.each([
  ["9000-9099", { first: 9_000, last: 9_099 }],
  ["1-1", { first: 1, last: 1 }],
  ["64536-65535", { first: 64_536, last: 65_535 }],
])("%s is a range", (text, range) => {
  expect(parsePortRange(text)).toEqual(range);
});

test.each(["", "9000", "9000-", "-9000", "9001-9000", "0-5", "65000-65536", "9000 - 9001", "a-b"])(
  "%j is none",
  (text) => {
    expect(parsePortRange(text)).toBeUndefined();
  },
);

test("a range has at most so many ports", () => {
  const last = (count: number): string => `2000-${String(2_000 + count - 1)}`;
  expect(parsePortRange(last(PORT_RANGE_PORTS_MAX))).toBeDefined();
  expect(parsePortRange(last(PORT_RANGE_PORTS_MAX + 1))).toBeUndefined();
});

test("the ports of a range are its first, its last and those between", () => {
  const range = { first: 5, last: 7 };
  expect([4, 5, 6, 7, 8].filter((port) => isInRange(range, port))).toEqual([5, 6, 7]);
});
