/** Codes of bits as a segment has them: what their check promises holds for other queries. */
import { beforeAll, describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { KERNELS_FILE, bitLayout, loadKernelModule, type WasmModule } from "../math/index.ts";
import { BitQuantizer, RowSample } from "./bit-quantizer.ts";
import { decodeBitHeader, encodeBitHeader } from "./bit-section.ts";
import { rescoreCount } from "./rescore-counts.ts";
import { RowQuantizer } from "./row-quantizer.ts";

const DIMENSION = 128;
const ROWS = 2_000;

let module: WasmModule;

beforeAll(async () => {
  await buildKernels();
  module = loadKernelModule(readFileSync(KERNELS_FILE.beside));
});

function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function clustered(count: number, seed: number): Float32Array {
  const next = numbers(seed);
  return Float32Array.from({ length: count * DIMENSION }, (_, at) => {
    const [i, j] = [Math.floor(at / DIMENSION), at % DIMENSION];
    return Math.sin(((i % 40) + 1) * (j + 3) * 1.7) + next() * 1.2;
  });
}

function sectionOf(values: Float32Array): Uint8Array | undefined {
  const sample = new RowSample(DIMENSION, values.length / DIMENSION);
  const quantizer = new BitQuantizer(module, "euclidean", sampled(sample, values));
  // In pieces that end nowhere in particular.
  for (let at = 0; at < values.length; at += 37 * DIMENSION) {
    quantizer.add(values.subarray(at, at + 37 * DIMENSION));
  }
  return quantizer.finish();
}

/** Leaves a kept memory behind that is full of somebody's rows. */
function soil(): void {
  const rows = 2_000;
  const quantizer = new RowQuantizer(module, DIMENSION, rows);
  for (const piece of quantizer.add(clustered(rows, 99))) expect(piece.length).toBeGreaterThan(0);
  quantizer.finish();
}

function sampled(sample: RowSample, values: Float32Array): RowSample {
  sample.add(values);
  return sample;
}

describe("A section of codes of bits", () => {
  it("says how many rows to compare, no fewer for more recall", () => {
    const section = sectionOf(clustered(ROWS, 3));
    expect(section?.length).toBe(bitLayout(DIMENSION, ROWS).bytes);
    if (section === undefined) return;
    const { counts } = decodeBitHeader(section, { dimension: DIMENSION, rowCount: ROWS });
    const known = counts.filter((count) => count > 0);
    expect(known).toEqual([...known].sort((a, b) => a - b));
    const usual = rescoreCount(counts, 10, 0.95) ?? 0;
    expect(usual).toBeGreaterThanOrEqual(20);
    expect(usual).toBeLessThan(ROWS / 4);
    expect(rescoreCount(counts, 100, 0.95)).toBe(usual * 10);
  });

  it("has nothing of what others left in memory that is lent", () => {
    const values = clustered(301, 3);
    const clean = sectionOf(values);
    for (let i = 0; i < 3; i++) soil();
    expect(Buffer.from(sectionOf(values) ?? []).equals(Buffer.from(clean ?? []))).toBe(true);
    expect(clean?.length).toBe(bitLayout(DIMENSION, 301).bytes);
  });

  it("is not made where bits cannot tell rows apart", () => {
    const next = numbers(5);
    const noise = Float32Array.from({ length: 20_000 * DIMENSION }, next);
    // Every row is as far from every other; of 20,000 the bits find too few of the nearest.
    const shifted = noise.map((value) => value / 1e4 + 1);
    expect(sectionOf(shifted.map((value, at) => value + ((at % DIMENSION) % 2) * 1e4))).toBe(
      undefined,
    );
  });

  it("is refused when it is of other rows", () => {
    const bytes = new Uint8Array(64);
    const counts = Array.from({ length: 9 }, () => 20);
    encodeBitHeader({ dimension: 8, rowCount: 5, counts }, bytes);
    expect(() => decodeBitHeader(bytes, { dimension: 8, rowCount: 6 })).toThrow(/other rows/);
    bytes[0] = 9;
    expect(() => decodeBitHeader(bytes, { dimension: 8, rowCount: 5 })).toThrow(/version/);
  });
});
