import { beforeAll, describe, expect, it } from "vitest";
import { KERNEL_METRICS, inverseNorm, rowStrideBytes } from "./distance.ts";
import type { KernelMetric } from "./distance.ts";
import { codeStrideBytes, signWords } from "./quantizer.ts";
import {
  float32,
  forEachCase,
  kernels,
  memory,
  nearest,
  openKernels,
  place,
  placeBitmap,
  placeFloat32,
  placeRows,
  slices,
  sortedHeap,
  startOver,
  uint32,
} from "./kernel-cases.contract.ts";

const fround = Math.fround;

beforeAll(openKernels);

/** What quantizeRows and scanInt8 do, step by step. */
function nearestEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

interface Quantized {
  readonly codes: number[];
  readonly scale: number;
}

function quantize(row: Float32Array): Quantized {
  const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const factor = fround(127 / largest);
  if (!Number.isFinite(factor)) return { codes: [...row].map(() => 0), scale: 0 };
  const codes = [...row].map((value) => nearestEven(fround(value * factor)) + 0);
  return { codes, scale: fround(largest / 127) };
}

/** Squared norm of code × scale: all parts of a euclidean distance are those of the codes. */
function codeSquaredNorm({ codes, scale }: Quantized): number {
  return fround(scale * scale * codes.reduce((total, code) => total + code * code, 0));
}

function int8Distance(metric: KernelMetric, query: Float32Array, row: Float32Array): number {
  const a = quantize(query);
  const b = quantize(row);
  const sum = a.codes.reduce((total, code, j) => total + code * (b.codes[j] ?? 0), 0);
  const dot = fround(fround(fround(sum) * b.scale) * a.scale);
  if (metric === "dot") return 0 - dot;
  if (metric === "cosine") {
    const cosine = fround(fround(dot * inverseNorm(row)) * inverseNorm(query));
    return fround(1 - Math.max(-1, Math.min(1, cosine)));
  }
  const squares = fround(codeSquaredNorm(b) + codeSquaredNorm(a));
  return Math.max(0, fround(squares - fround(dot + dot)));
}

interface PlacedCodes {
  readonly codes: number;
  readonly scales: number;
  readonly squares: number;
  readonly inverses: number;
}

function placeCodes(rows: readonly Float32Array[], dimension: number): PlacedCodes {
  const count = rows.length;
  const rowsAt = placeRows(rows, dimension);
  const codes = place(codeStrideBytes(dimension) * count);
  const [scales, squares, inverses] = [place(count * 4), place(count * 4), place(count * 4)];
  kernels.quantizeRows(
    rowsAt,
    rowStrideBytes(dimension),
    count,
    codes,
    codeStrideBytes(dimension),
    scales,
    squares,
    inverses,
  );
  return { codes, scales, squares, inverses };
}

describe("the int8 kernels", () => {
  it("quantize each row as the formula says, padding zero", () => {
    forEachCase(({ dimension, count }, rows) => {
      const placed = placeCodes(rows, dimension);
      const stride = codeStrideBytes(dimension);
      for (const [i, row] of rows.entries()) {
        const codes = [...new Int8Array(memory.buffer, placed.codes + i * stride, stride)];
        const expected = quantize(row);
        expect(codes.slice(0, dimension)).toEqual(expected.codes);
        expect(codes.slice(dimension).every((code) => code === 0)).toBe(true);
        expect(float32(placed.scales, count)[i]).toBe(expected.scale);
      }
      expect([...float32(placed.inverses, count)]).toEqual(rows.map(inverseNorm));
      expect([...float32(placed.squares, count)]).toEqual(
        rows.map((row) => codeSquaredNorm(quantize(row))),
      );
    });
  });

  it("give rows too small for a scale the code of zero", () => {
    startOver();
    const placed = placeCodes([Float32Array.of(1e-38, -1e-40), Float32Array.of(0, 0)], 2);
    expect([...new Int8Array(memory.buffer, placed.codes, 32)].every((code) => code === 0)).toBe(
      true,
    );
    expect([...float32(placed.scales, 2)]).toEqual([0, 0]);
  });

  it("keep the k nearest of ranges and of lists", () => {
    forEachCase((item, rows, query) => {
      const { dimension, metric, k } = item;
      if (metric === "manhattan" || metric === "hamming") return;
      const placed = placeCodes(rows, dimension);
      const asked = placeCodes([query], dimension);
      const norms = metric === "euclidean" ? placed.squares : placed.inverses;
      const norm = float32(metric === "euclidean" ? asked.squares : asked.inverses, 1)[0] ?? 0;
      const scale = float32(asked.scales, 1)[0] ?? 0;
      const stride = codeStrideBytes(dimension);
      const { bitmap, isLive } = placeBitmap(item);
      const heap = place(k * 8);
      const number = KERNEL_METRICS[metric];
      let count = 0;
      for (const [first, length] of slices(item)) {
        count = kernels.scanInt8(
          number,
          asked.codes,
          scale,
          norm,
          placed.codes,
          stride,
          placed.scales,
          norms,
          first,
          length,
          bitmap,
          0,
          heap,
          count,
          k,
        );
      }
      const expected = nearest(
        rows.map((row) => int8Distance(metric, query, row)),
        isLive,
        k,
      );
      expect(sortedHeap(heap, count)).toEqual(expected);
      const ids = rows
        .map((_, row) => row)
        .filter(isLive)
        .reverse();
      const idsAt = place(ids.length * 4);
      uint32(idsAt, ids.length).set(ids);
      count = kernels.scanInt8Rows(
        number,
        asked.codes,
        scale,
        norm,
        placed.codes,
        stride,
        placed.scales,
        norms,
        idsAt,
        ids.length,
        0,
        heap,
        0,
        k,
      );
      expect(sortedHeap(heap, count)).toEqual(expected);
    });
  });
});

describe("the sign kernels", () => {
  it("set a bit for each component above the mean and find the nearest codes", () => {
    forEachCase((item, rows, query) => {
      const { dimension, count, k } = item;
      const words = signWords(dimension);
      const mean = Float32Array.from({ length: dimension }, (_, j) => (j % 3) * 0.1 - 0.1);
      const isCentred = item.seed % 2 === 0;
      const meanAt = isCentred ? placeRows([mean], dimension) : 0;
      const codes = place(words * 8 * count);
      const asked = place(words * 8);
      kernels.signRows(
        placeRows(rows, dimension),
        rowStrideBytes(dimension),
        meanAt,
        count,
        words,
        codes,
      );
      kernels.signRows(
        placeRows([query], dimension),
        rowStrideBytes(dimension),
        meanAt,
        1,
        words,
        asked,
      );
      const bitsOf = (row: Float32Array): boolean[] =>
        Array.from(
          { length: words * 64 },
          (_, j) => (row[j] ?? 0) > (isCentred ? (mean[j] ?? 0) : 0),
        );
      const found = new Uint8Array(memory.buffer, codes, words * 8 * count);
      for (const [i, row] of rows.entries()) {
        const bits = bitsOf(row).map(
          (_, j) => (((found[i * words * 8 + (j >>> 3)] ?? 0) >>> (j & 7)) & 1) === 1,
        );
        expect(bits).toEqual(bitsOf(row));
      }
      const queryBits = bitsOf(query);
      const distances = rows.map(
        (row) => bitsOf(row).filter((bit, j) => bit !== queryBits[j]).length,
      );
      const { bitmap, isLive } = placeBitmap(item);
      const expected = nearest(distances, isLive, k);
      const heap = place(k * 8);
      let kept = 0;
      for (const [first, length] of slices(item)) {
        kept = kernels.scanHamming(asked, codes, words, first, length, bitmap, 0, heap, kept, k);
      }
      expect(sortedHeap(heap, kept)).toEqual(expected);
      const ids = place(k * 4);
      const selected = kernels.selectHamming(
        asked,
        codes,
        words,
        0,
        count,
        bitmap,
        place(count * 2 + 16),
        place((words * 64 + 1) * 4),
        k,
        ids,
      );
      expect([...uint32(ids, selected)]).toEqual(
        expected.map(([, row]) => row).sort((a, b) => a - b),
      );
    });
  });

  it("select from the middle of a block by its own row numbers", () => {
    startOver();
    const rows = Array.from({ length: 40 }, (_, i) => Float32Array.of(i % 2 === 0 ? 1 : -1));
    const codes = place(8 * 40);
    kernels.signRows(placeRows(rows, 1), 16, 0, 40, 1, codes);
    const query = placeFloat32([0, 0, 0, 0]);
    const ids = place(40 * 4);
    const scratch = [place(96), place(65 * 4)] as const;
    expect(kernels.selectHamming(query, codes, 1, 11, 9, 0, ...scratch, 3, ids)).toBe(3);
    expect([...uint32(ids, 3)]).toEqual([11, 13, 15]);
    expect(kernels.selectHamming(query, codes, 1, 11, 9, 0, ...scratch, 0, ids)).toBe(0);
    expect(kernels.selectHamming(query, codes, 1, 11, 9, 0, ...scratch, 30, ids)).toBe(9);
    expect([...uint32(ids, 9)]).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });
});
