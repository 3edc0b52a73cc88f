/** What the check of int8 codes says of rows that codes tell apart, and of rows they hardly do. */
import { beforeAll, describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { KERNELS_FILE, loadKernelModule, type CodeMetric, type WasmModule } from "../math/index.ts";
import { CodeCheck, checkedRows } from "./code-check.ts";
import { codeRescore } from "./rescore-counts.ts";
import { RowQuantizer } from "./row-quantizer.ts";

const DIMENSION = 40;

let module: WasmModule;

beforeAll(async () => {
  await buildKernels();
  module = loadKernelModule(readFileSync(KERNELS_FILE.beside));
});

/** Rows in `clusters` clusters, `spread` wide, about centres of components of about 1. */
function clustered(count: number, clusters: number, spread: number): Float32Array {
  let state = 11;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const centres = Float32Array.from({ length: clusters * DIMENSION }, next);
  return Float32Array.from({ length: count * DIMENSION }, (_, at) => {
    const cluster = Math.floor(at / DIMENSION) % clusters;
    return (centres[cluster * DIMENSION + (at % DIMENSION)] ?? 0) + spread * next();
  });
}

async function check(metric: CodeMetric, values: Float32Array): Promise<readonly number[]> {
  const rowCount = values.length / DIMENSION;
  const sample = checkedRows(DIMENSION, rowCount).map((row) => ({
    row,
    vector: values.slice(row * DIMENSION, (row + 1) * DIMENSION),
  }));
  const checked = new CodeCheck(module, metric, { dimension: DIMENSION, rowCount }, sample);
  const quantizer = new RowQuantizer(module, DIMENSION, rowCount);
  // In pieces that end nowhere in particular.
  for (let at = 0; at < values.length; at += 1_237 * DIMENSION) {
    for (const padded of quantizer.add(values.subarray(at, at + 1_237 * DIMENSION))) {
      checked.compare(padded);
    }
  }
  return checked.finish(quantizer.finish(), () => Promise.resolve());
}

describe.each(["cosine", "dot", "euclidean"] as const)("The check of int8 codes, %s", (metric) => {
  it("asks for few rows where rows differ by more than their codes", async () => {
    const counts = await check(metric, clustered(4_000, 40, 1));
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(codeRescore(counts, 10, 0.95)?.wanted).toBeLessThan(30);
  });

  it("finds the same in memory that others have used", async () => {
    const values = clustered(600, 10, 1);
    const first = await check(metric, values);
    await check("euclidean", clustered(3_000, 40, 5));
    expect(await check(metric, values)).toEqual(first);
  });

  it("asks for more rows than ever were compared where clusters are tight", async () => {
    const counts = await check(metric, clustered(4_000, 40, 0.004));
    expect(codeRescore(counts, 10, 0.95)?.wanted).toBeGreaterThan(36);
  });

  it("trusts no codes where thousands of rows have the same ones", async () => {
    const counts = await check(metric, clustered(6_000, 1, 1e-6));
    expect(codeRescore(counts, 10, 0.95)).toBeUndefined();
  });
});

it("equal rows are each other's neighbours, in whatever order codes have them", async () => {
  const counts = await check("euclidean", clustered(3_000, 1, 0));
  expect(codeRescore(counts, 10, 0.95)?.wanted).toBeLessThan(36);
});

it("the more rows, the fewer of them are asked for, and never fewer than eight", () => {
  expect(checkedRows(384, 1_000)).toHaveLength(16);
  expect(checkedRows(768, 5_000)).toHaveLength(13);
  expect(checkedRows(768, 1_000_000)).toHaveLength(8);
  expect(checkedRows(3, 260).at(-1)).toBeLessThan(260);
});
