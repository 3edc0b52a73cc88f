import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rotation, rotationOf } from "./rotation.ts";

function rotated(vector: Float32Array): Float32Array {
  const rotation = rotationOf(vector.length);
  const out = new Float32Array(rotation.length);
  rotation.apply(vector, out);
  return out;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, j) => sum + value * (b[j] ?? 0), 0);
}

const components = fc.float({ min: -1, max: 1, noNaN: true });
const pairs = fc
  .integer({ min: 1, max: 400 })
  .chain((length) =>
    fc.tuple(
      fc.float32Array({ minLength: length, maxLength: length, min: -1, max: 1, noNaN: true }),
      fc.array(components, { minLength: length, maxLength: length }),
    ),
  );

describe("A rotation", () => {
  it("keeps lengths and angles", () => {
    fc.assert(
      fc.property(pairs, ([a, list]) => {
        const b = Float32Array.from(list);
        expect(dot(rotated(a), rotated(b))).toBeCloseTo(dot(a, b), 3);
        expect(dot(rotated(a), rotated(a))).toBeCloseTo(dot(a, a), 3);
      }),
    );
  });

  it("spreads one component over all", () => {
    for (const dimension of [128, 384, 768, 1_000]) {
      const vector = new Float32Array(dimension);
      vector[dimension >>> 1] = 1;
      const out = rotated(vector);
      const largest = out.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThan(8 / Math.sqrt(out.length));
      expect(out.filter((value) => value === 0).length).toBeLessThan(out.length / 4);
    }
  });

  it("is the one that codes on disk were made with", () => {
    const hash = createHash("sha256");
    for (const dimension of [3, 128, 384]) {
      const rotation = new Rotation(dimension);
      const out = new Float32Array(rotation.length);
      rotation.apply(
        Float32Array.from({ length: dimension }, (_, j) => (j % 7) - 3),
        out,
      );
      hash.update(new Uint8Array(out.buffer));
    }
    expect(hash.digest("hex")).toMatchInlineSnapshot(
      `"ad485386922c5c16e036e90627073a8f6573ff0ea8398e36bd9317bb36c832af"`,
    );
  });
});
