import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseJsonExact,
  printFloat32,
  printFloat32Array,
  printJson,
  type Printable,
} from "./index.ts";

describe("printJson", () => {
  test("equals JSON.stringify on what both know", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(printJson(value as Printable)).toBe(JSON.stringify(value));
      }),
    );
  });

  test("prints what JSON.stringify does not", () => {
    const value = {
      big: 18446744073709551615n,
      at: new Date(0),
      bytes: Uint8Array.from([1, 2, 255]),
      vector: Float32Array.from([0.1, -0, 1]),
      left: undefined,
      odd: [NaN, Infinity, new Date(NaN)],
    };
    expect(printJson(value)).toBe(
      '{"big":18446744073709551615,"at":"1970-01-01T00:00:00.000Z","bytes":"AQL/","vector":[0.1,-0,1],"odd":[null,null,null]}',
    );
  });

  test("what was read exactly is printed exactly", () => {
    const text = '{"a":[18446744073709551615,-9223372036854775808,"\\u2028\\ud800",1e+21]}';
    assert.deepStrictEqual(parseJsonExact(printJson(parseJsonExact(text))), parseJsonExact(text));
  });

  test("a circle is a broken invariant, not a hang", () => {
    const circle: Record<string, Printable> = {};
    circle["a"] = circle;
    expect(() => printJson(circle)).toThrow("Invariant");
  });
});

describe("printFloat32", () => {
  const float = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes).readFloatLE()),
    fc.integer({ min: -149, max: 127 }).map((exponent) => Math.fround(2 ** exponent)),
    fc.double({ min: -1, max: 1, noNaN: true }).map(Math.fround),
  );

  test("reads back as the same float32, with the fewest digits", () => {
    fc.assert(
      fc.property(float.filter(Number.isFinite), (value) => {
        const text = printFloat32(value);
        expect(Object.is(Math.fround(JSON.parse(text) as number), value)).toBe(true);
        expect(Object.is(Math.fround(Number(text)), value)).toBe(true);
        const digits = text
          .replace(/e.*/, "")
          .replace(/^-?[0.]*/, "")
          .replace(".", "")
          .replace(/0+$/, "");
        for (let fewer = 1; fewer < digits.length; fewer++) {
          expect(Math.fround(Number(value.toPrecision(fewer)))).not.toBe(value);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [-2.5, "-2.5"],
    [Math.fround(0.1), "0.1"],
    [Math.fround(1 / 3), "0.33333334"],
    [16_777_216, "16777216"],
    [Math.fround(1e-45), "1e-45"],
    [3.4028234663852886e38, "3.4028235e+38"],
    [NaN, "null"],
    [-Infinity, "null"],
  ])("%s is %s", (value, text) => {
    expect(printFloat32(value)).toBe(text);
  });

  test("a list is a JSON list", () => {
    expect(printFloat32Array(new Float32Array(0))).toBe("[]");
    expect(printFloat32Array(Float32Array.from([0.1, 2]))).toBe("[0.1,2]");
  });
});
