import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bitmapBytes,
  exactDistance,
  inverseNorm,
  rowStrideBytes,
  squaredNorm,
} from "./distance.ts";
import type { KernelMetric } from "./distance.ts";
import { codeStrideBytes, int8Layout, signBytes, signWords } from "./quantizer.ts";

function distance(metric: KernelMetric, a: readonly number[], b: readonly number[]): number {
  const [query, row] = [Float32Array.from(a), Float32Array.from(b)];
  return exactDistance(
    metric,
    { vector: query, inverseNorm: inverseNorm(query) },
    { vector: row, inverseNorm: inverseNorm(row) },
  );
}

describe("exactDistance", () => {
  it("rounds a cosine before it subtracts it, as vendors do", () => {
    expect(distance("cosine", [1, 0], [0.8, 0.6])).toBe(0.19999998807907104);
  });

  it("gives the textbook values where they are exact", () => {
    expect(distance("dot", [1, 2, 3], [4, 5, 6])).toBe(-32);
    expect(distance("euclidean", [1, 2, 3], [4, 6, 3])).toBe(25);
    expect(distance("cosine", [2, 0], [-3, 0])).toBe(2);
    expect(distance("cosine", [0, 1], [1, 0])).toBe(1);
    expect(distance("dot", [1, 1], [1, -1])).toBe(0);
  });

  it("treats a zero vector as at a right angle to everything", () => {
    expect(distance("cosine", [0, 0], [3, 4])).toBe(1);
    expect(distance("cosine", [0, 0], [0, 0])).toBe(1);
  });

  it("stays near the double-precision distance and inside the range of its metric", () => {
    const component = fc.float({ min: -2, max: 2, noNaN: true });
    const pair = fc.array(fc.tuple(component, component), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(pair, (components) => {
        const a = components.map(([value]) => value);
        const b = components.map(([, value]) => value);
        const dot = a.reduce((sum, value, j) => sum + value * (b[j] ?? 0), 0);
        const squares = a.reduce((sum, value, j) => sum + (value - (b[j] ?? 0)) ** 2, 0);
        const size = components.length * 4e-6 + 1e-30;
        expect(Math.abs(distance("dot", a, b) + dot)).toBeLessThanOrEqual(size);
        expect(Math.abs(distance("euclidean", a, b) - squares)).toBeLessThanOrEqual(4 * size);
        const cosine = distance("cosine", a, b);
        expect(cosine).toBeGreaterThanOrEqual(0);
        expect(cosine).toBeLessThanOrEqual(2);
      }),
    );
  });

  it("is infinite, not undefined, when components overflow", () => {
    expect(distance("dot", [3e38, 3e38], [3e38, -3e38])).toBe(Infinity);
    expect(distance("euclidean", [3e38], [-3e38])).toBe(Infinity);
  });

  it("refuses vectors of two lengths", () => {
    expect(() => distance("dot", [1], [1, 2])).toThrow(/one dimension/);
  });
});

describe("norms", () => {
  it("neither overflow nor vanish for any float32", () => {
    expect(inverseNorm(Float32Array.of(3e38, 3e38))).toBeGreaterThan(0);
    expect(inverseNorm(Float32Array.of(1e-45))).toBe(3.4028234663852886e38);
    expect(squaredNorm(Float32Array.of(1e-30))).toBeGreaterThan(0);
    expect(inverseNorm(Float32Array.of(3, 4))).toBe(Math.fround(0.2));
  });
});

describe("layouts", () => {
  it("keep rows, codes and columns at multiples of 16 bytes", () => {
    expect([1, 4, 5, 768].map(rowStrideBytes)).toEqual([16, 16, 32, 3_072]);
    expect([1, 16, 17, 768].map(codeStrideBytes)).toEqual([16, 16, 32, 768]);
    expect([1, 64, 65, 1_024].map(signWords)).toEqual([1, 1, 2, 16]);
    expect(signBytes(65)).toBe(16);
    expect([0, 1, 128, 129].map(bitmapBytes)).toEqual([0, 16, 16, 32]);
    expect(int8Layout(5, 3)).toEqual({
      codes: 0,
      scales: 48,
      squaredNorms: 64,
      inverseNorms: 80,
      bytes: 96,
    });
  });
});
