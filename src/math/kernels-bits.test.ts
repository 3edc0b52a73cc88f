/** Codes of one bit: the kernel against plain sums, and estimates against true distances. */
import { beforeAll, describe, expect, it } from "vitest";
import { BIT_PLANES, bitLayout, encodeBits, prepareBitQuery } from "./bit-codes.ts";
import { exactDistance, inverseNorm, type CodeMetric, type NormedVector } from "./distance.ts";
import {
  forEachCase,
  kernels,
  memory,
  nearest,
  openKernels,
  place,
  placeBitmap,
  slices,
  sortedHeap,
  uint32,
  float32,
  sequence,
} from "./kernel-cases.contract.ts";
import { rotationOf } from "./rotation.ts";

const fround = Math.fround;

beforeAll(openKernels);

interface Placed {
  readonly codes: number;
  readonly columns: number;
  readonly columnBytes: number;
  readonly stride: number;
  readonly planes: number;
  readonly weights: number;
}

function rotate(vector: Float32Array, dimension: number): Float32Array {
  const out = new Float32Array(bitLayout(dimension, 0).length);
  rotationOf(dimension).apply(vector, out);
  return out;
}

const normed = (vector: Float32Array): NormedVector => ({
  vector,
  inverseNorm: inverseNorm(vector),
});

function middleOf(rows: readonly Float32Array[], dimension: number): Float32Array {
  const middle = new Float32Array(bitLayout(dimension, 0).length);
  for (const row of rows) {
    for (const [j, value] of rotate(row, dimension).entries()) {
      middle[j] = (middle[j] ?? 0) + value / rows.length;
    }
  }
  return middle;
}

function placeAll(
  rows: readonly Float32Array[],
  query: Float32Array,
  dimension: number,
  metric: CodeMetric,
): Placed {
  const { strideBytes: stride, columnBytes } = bitLayout(dimension, rows.length);
  const middle = middleOf(rows, dimension);
  const codes = place(rows.length * stride);
  const columns = place(3 * columnBytes);
  const bytes = new Uint8Array(memory.buffer, codes, rows.length * stride).fill(0);
  for (const [i, row] of rows.entries()) {
    const code = bytes.subarray(i * stride, (i + 1) * stride);
    const target = { metric, inverseNorm: inverseNorm(row), code };
    const written = encodeBits(rotate(row, dimension), middle, target);
    for (const [column, value] of written.entries()) {
      float32(columns + column * columnBytes, rows.length)[i] = value;
    }
  }
  const planes = place(BIT_PLANES * stride);
  const weights = place(20);
  prepareBitQuery(rotate(query, dimension), middle, {
    metric,
    planes: new Uint8Array(memory.buffer, planes, BIT_PLANES * stride),
    weights: float32(weights, 5),
  });
  return { codes, columns, columnBytes, stride, planes, weights };
}

/** Bit by bit, rounded where the kernel rounds. */
function plainDistance(placed: Placed, row: number): number {
  const code = new Uint8Array(memory.buffer, placed.codes + row * placed.stride, placed.stride);
  const planes = new Uint8Array(memory.buffer, placed.planes, BIT_PLANES * placed.stride);
  let digits = 0;
  for (let j = 0; j < placed.stride * 8; j++) {
    if (((code[j >>> 3] ?? 0) & (1 << (j & 7))) === 0) continue;
    for (const [plane, weight] of [1, 2, 4, -8].entries()) {
      const byte = planes[plane * placed.stride + (j >>> 3)] ?? 0;
      if ((byte & (1 << (j & 7))) !== 0) digits += weight;
    }
  }
  const weights = [...float32(placed.weights, 5)];
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0, total = 0] = weights;
  const value = (column: number): number =>
    float32(placed.columns + column * placed.columnBytes, row + 1)[row] ?? 0;
  const inner = fround(fround(2 * digits) - total);
  const first = fround(fround(w1 * value(0)) * inner);
  const distance = fround(
    fround(fround(w0 + first) + fround(w2 * value(1))) + fround(w3 * value(2)),
  );
  return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
}

describe("scanBits and scanBitRows", () => {
  it("find the nearest of the plain sums, to the bit, however the rows are cut", () => {
    forEachCase((item, rows, query) => {
      const { dimension, k, count } = item;
      const metric = item.metric === "manhattan" ? "dot" : item.metric;
      if (metric === "hamming") return;
      const placed = placeAll(rows, query, dimension, metric);
      const { planes, weights, codes, stride, columns, columnBytes } = placed;
      const { bitmap, isLive } = placeBitmap(item);
      const expected = nearest(
        rows.map((_, row) => plainDistance(placed, row)),
        isLive,
        k,
      );
      const heap = place(k * 8);
      let found = 0;
      for (const [first, length] of slices(item)) {
        found = kernels.scanBits(
          planes, weights, codes, stride, columns, columnBytes,
          first, length, bitmap, 0, heap, found, k,
        ); // prettier-ignore
      }
      expect(sortedHeap(heap, found)).toEqual(expected);
      const live = rows.map((_, row) => row).filter(isLive);
      const ids = place(count * 4);
      uint32(ids, live.length).set(live);
      found = kernels.scanBitRows(
        planes, weights, codes, stride, columns, columnBytes, ids, live.length, heap, 0, k,
      ); // prettier-ignore
      expect(sortedHeap(heap, found)).toEqual(expected);
    });
  });
});

describe("Estimates", () => {
  for (const metric of ["cosine", "dot", "euclidean"] as const) {
    it(`lie around the true distance of ${metric}, on both sides alike`, () => {
      const dimension = 384;
      const next = sequence(7);
      const noise = (): number => next() + next() + next() - 1.5;
      const make = (): Float32Array =>
        Float32Array.from({ length: dimension }, (_, j) => noise() + Math.sin(j));
      const rows = Array.from({ length: 400 }, make);
      const query = make();
      const placed = placeAll(rows, query, dimension, metric);
      const truths = rows.map((row) => exactDistance(metric, normed(query), normed(row)));
      const errors = rows.map((_, row) => plainDistance(placed, row) - (truths[row] ?? 0));
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      const spread = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
      const middle = truths.reduce((sum, truth) => sum + truth, 0) / truths.length;
      const width = Math.sqrt(
        truths.reduce((sum, truth) => sum + (truth - middle) ** 2, 0) / truths.length,
      );
      // An error of a twentieth of a norm, the theory's 1 / √384, is smaller than what parts rows.
      expect(spread).toBeLessThan(width);
      expect(Math.abs(mean)).toBeLessThan(spread / 4);
    });
  }
});
