/** The breadth that a build measures, on queries that the graph has never seen. */
import { beforeAll, describe, expect, it } from "vitest";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { decodeGraphHeader, efForRecall, graphLayout } from "./graph-layout.ts";
import { clusteredRows, openBuild, openMemory, sequence } from "./graph-reference.contract.ts";
import { GraphWalker } from "./graph-walker.ts";

const DIMENSION = 128;
const ROWS = 4_000;
const QUERIES = 400;
const K = 10;

let memory: SearchMemory;
beforeAll(async () => {
  memory = await openMemory();
});

function uniformRows(seed: number, count: number): Float32Array {
  const next = sequence(seed);
  return Float32Array.from({ length: count * DIMENSION }, () => next() - 0.5);
}

/** Rows and held-out queries of the same kind, every so many taken out of one set. */
function heldOut(values: Float32Array): { rows: Float32Array; queries: Float32Array } {
  const every = (ROWS + QUERIES) / QUERIES;
  const rows = new Float32Array(ROWS * DIMENSION);
  const queries = new Float32Array(QUERIES * DIMENSION);
  let row = 0;
  for (let i = 0; i < ROWS + QUERIES; i++) {
    const value = values.subarray(i * DIMENSION, (i + 1) * DIMENSION);
    if (i % every === 0) queries.set(value, (i / every) * DIMENSION);
    else rows.set(value, row++ * DIMENSION);
  }
  return { rows, queries };
}

const PLAN: GraphPlan = {
  ...{ rowCount: ROWS, dimension: DIMENSION, metric: "cosine", m: 16 },
  ...{ efConstruction: 128, seed: 3 },
};

/** Recall of walks as broad as the graph says, against the scan of its codes. */
function measure(values: Float32Array, recall: number): { recall: number; ef: number } {
  const { rows, queries } = heldOut(values);
  const { builder, extent } = openBuild(memory, PLAN, rows);
  builder.begin();
  while (builder.insert(500));
  const { target } = builder;
  const [bytes] = builder.section();
  const of = { rowCount: ROWS, metric: PLAN.metric, bytes: graphLayout(target).bytes };
  const ef = efForRecall(decodeGraphHeader(bytes, of).efs, recall);
  const leased = memory.lease(extent.arena);
  const walker = new GraphWalker(
    memory.kernels(extent.arena),
    memory.memory(extent.arena),
    leased.scratch,
  );
  let found = 0;
  for (let i = 0; i < QUERIES; i++) {
    leased.scanner.prepare(queries.subarray(i * DIMENSION, (i + 1) * DIMENSION), PLAN.metric);
    const { point } = leased.scanner;
    // As broad as this misses nothing in a graph of so few rows.
    const exact = new Set(walker.search(target, point, 2_000).rows.subarray(0, K));
    const near = walker.search(target, point, ef).rows.subarray(0, K);
    found += near.filter((row) => exact.has(row)).length;
  }
  memory.giveBack(leased);
  memory.arenas.free(extent);
  return { recall: found / (QUERIES * K), ef };
}

describe("on held-out queries", () => {
  it("a recall of 0.95 is met on clustered rows", () => {
    const found = measure(clusteredRows(5, ROWS + QUERIES, DIMENSION), 0.95);
    expect(found.recall).toBeGreaterThanOrEqual(0.94);
  });

  it("it is met on uniform rows, and hardly more is paid for", () => {
    const found = measure(uniformRows(6, ROWS + QUERIES), 0.95);
    expect(found.recall).toBeGreaterThanOrEqual(0.94);
    expect(found.recall).toBeLessThanOrEqual(0.96);
  });

  it("less is asked for with a narrower walk", () => {
    const values = uniformRows(7, ROWS + QUERIES);
    const low = measure(values, 0.7);
    const high = measure(values, 0.99);
    expect(low.ef).toBeLessThan(high.ef);
    expect(low.recall).toBeGreaterThanOrEqual(0.68);
    expect(high.recall).toBeGreaterThanOrEqual(0.98);
  });
});
