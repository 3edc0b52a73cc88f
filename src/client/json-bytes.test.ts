import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonBytes } from "./json-bytes.ts";

function print(values: readonly number[]): string {
  const bytes = new JsonBytes(0);
  bytes.numbers(Float32Array.from(values));
  return new TextDecoder().decode(bytes.take());
}

describe("JsonBytes", () => {
  it("prints numbers that are read back as the same float32", () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true })), (values) => {
        const read = (JSON.parse(print(values)) as number[]).map(Math.fround);
        expect(read).toStrictEqual(values);
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps numbers next to powers of ten and of two", () => {
    const bits = new Int32Array(1);
    const value = new Float32Array(bits.buffer);
    const values: number[] = [];
    for (const base of [2, 10]) {
      for (let power = -45; power < 38; power++) {
        for (let step = -3; step <= 3; step++) {
          value[0] = base ** power;
          bits[0] = (bits[0] ?? 0) + step;
          if (Number.isFinite(value[0])) values.push(value[0], -value[0]);
        }
      }
    }
    const read = (JSON.parse(print(values)) as number[]).map(Math.fround);
    expect(read).toStrictEqual(values);
  });

  it("prints short numbers short and what is no number as null", () => {
    const values = [0, -0, 1, -3, 0.5, -1.25, 0.1, 16_777_215, 99_999_992, 1e-7, NaN, Infinity];
    expect(print(values)).toBe(
      "[0,-0,1,-3,0.5,-1.25000000,0.100000001,16777215,99999992.0,1.00000001e-7,null,null]",
    );
  });

  it("grows, and begins anew after it was taken", () => {
    const bytes = new JsonBytes(1);
    bytes.text('"å');
    bytes.text(`${"x".repeat(100)}"`);
    expect(new TextDecoder().decode(bytes.take())).toBe(`"å${"x".repeat(100)}"`);
    expect(bytes.length).toBe(0);
    bytes.numbers(new Float32Array(0));
    expect(new TextDecoder().decode(bytes.take())).toBe("[]");
  });
});
