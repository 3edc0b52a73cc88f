import fc from "fast-check";
import { expect, test } from "vitest";
import {
  compareNumbers,
  compareScalars,
  compareStrings,
  kindOf,
  toCanonicalNumber,
} from "./compare.ts";

const wide = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.constantFrom(2 ** 53, 2 ** 63, 2 ** 64, -(2 ** 63), -0, 0, 0.5, -0.5, 1e300, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);

/** The sign of a - b with all fractions scaled away. */
function exactOrder(a: number | bigint, b: number | bigint): number {
  const [x, y] = [toFraction(a), toFraction(b)];
  const difference = x.top * y.bottom - y.top * x.bottom;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function toFraction(value: number | bigint): { top: bigint; bottom: bigint } {
  if (typeof value === "bigint") return { top: value, bottom: 1n };
  let bottom = 1n;
  let top = value;
  while (!Number.isInteger(top)) {
    top *= 2;
    bottom *= 2n;
  }
  return { top: BigInt(top), bottom };
}

test("numbers of all kinds compare by their exact values", () => {
  fc.assert(
    fc.property(wide, wide, (a, b) => {
      expect(compareNumbers(a, b)).toBe(exactOrder(a, b));
      expect(compareNumbers(a, b) === 0).toBe(
        Object.is(toKey(toCanonicalNumber(a)), toKey(toCanonicalNumber(b))),
      );
    }),
    { numRuns: 1000 },
  );
  expect(compareNumbers(2 ** 53, 2n ** 53n + 1n)).toBe(-1);
  expect(compareNumbers(2 ** 63, 2n ** 63n - 1n)).toBe(1);
  expect(compareNumbers(-0, 0)).toBe(0);
});

function toKey(value: number | bigint): number | bigint {
  return value === 0 ? 0 : value;
}

test("strings compare as their UTF-8 bytes", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
      .array(fc.constantFrom("a", "\u00e9", "\uffff", "\ue000", "\ud7ff", "\u{10000}", "😀"))
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(compareStrings(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 1000 },
  );
  expect(compareStrings("\uffff", "😀")).toBe(-1);
});

test("scalars of different kinds have no order", () => {
  const date = new Date(5);
  expect(compareScalars("5", 5)).toBeUndefined();
  expect(compareScalars(5, "5")).toBeUndefined();
  expect(compareScalars(true, 1)).toBeUndefined();
  expect(compareScalars(date, 5)).toBeUndefined();
  expect(compareScalars(5n, 5)).toBe(0);
  expect(compareScalars(false, true)).toBe(-1);
  expect(compareScalars(date, new Date(4))).toBe(1);
});

test("kinds of values are told apart", () => {
  const values = [null, true, 1, 1n, "a", new Date(0), new Uint8Array(1), [], {}];
  expect(values.map(kindOf)).toEqual([
    "null",
    "boolean",
    "number",
    "number",
    "string",
    "date",
    "bytes",
    "list",
    "object",
  ]);
});
