/** The breadth that a build measures, on queries that the graph has never seen. */
import { beforeAll, describe, expect, it } from "vitest";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { decodeWholeHeader, stepFor } from "./graph-layout.ts";
import {
  METRICS,
  clusteredRows,
  openBuild,
  openMemory,
  sequence,
} from "./graph-reference.contract.ts";
import { rowPoint, writePoint } from "./graph-view.ts";
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

/** What walks find that go as far as the graph says, against the broadest over its codes. */
interface Measured {
  readonly ef: number;
  readonly recallByEf: number;
  readonly recallByReach: number;
  /** Rows scored by reach, of those scored by breadth. */
  readonly scoredShare: number;
}

function measure(values: Float32Array, recall: number): Measured {
  const { rows, queries } = heldOut(values);
  const { builder, extent } = openBuild(memory, PLAN, rows);
  builder.begin();
  while (builder.insert(500));
  const { target } = builder;
  const bytes = Buffer.concat(builder.section());
  const { efs, reaches } = decodeWholeHeader(bytes, { rowCount: ROWS, metric: PLAN.metric });
  const step = stepFor(efs, recall);
  const ef = efs[step] ?? 0;
  const reach = { near: K, kept: K, distance: reaches[step] ?? 0 };
  const leased = memory.lease(extent.arena);
  const walker = new GraphWalker(
    memory.kernels(extent.arena),
    memory.memory(extent.arena),
    leased.scratch,
  );
  let [found, foundByReach, scored, scoredByReach] = [0, 0, 0, 0];
  for (let i = 0; i < QUERIES; i++) {
    leased.scanner.prepare(queries.subarray(i * DIMENSION, (i + 1) * DIMENSION), PLAN.metric);
    const { point } = leased.scanner;
    // As broad as this misses nothing in a graph of so few rows.
    const exact = new Set(walker.search(target, point, { ef: 2_000 }).rows.subarray(0, K));
    const broad = walker.search(target, point, { ef });
    found += broad.rows.subarray(0, K).filter((row) => exact.has(row)).length;
    const far = walker.search(target, point, { ef, reach });
    foundByReach += far.rows.subarray(0, K).filter((row) => exact.has(row)).length;
    scored += broad.scored;
    scoredByReach += far.scored;
  }
  memory.giveBack(leased);
  memory.arenas.free(extent);
  return {
    ef,
    recallByEf: found / (QUERIES * K),
    recallByReach: foundByReach / (QUERIES * K),
    scoredShare: scoredByReach / scored,
  };
}

it("one broad walk tells what every narrower one meets", () => {
  const count = 900;
  const values = clusteredRows(9, count + 40, 24);
  for (const metric of METRICS) {
    const plan = { ...PLAN, rowCount: count, dimension: 24, metric };
    const { builder, extent } = openBuild(memory, plan, values.subarray(0, count * 24));
    builder.begin();
    while (builder.insert(500));
    const kernels = memory.kernels(extent.arena);
    const shared = memory.memory(extent.arena);
    const { target } = builder;
    const view = extent.offset + builder.layout.view;
    const point = extent.offset + builder.layout.point;
    const out = extent.offset + builder.layout.chosen;
    const inserted = extent.offset + builder.layout.inserted;
    for (let row = 0; row < count; row += 30) {
      writePoint(shared, point, rowPoint(shared, target, row));
      const wanted = kernels.graphScan(view, point, inserted, K);
      const pool = extent.offset + builder.layout.pool;
      const edge = new Uint32Array(shared.buffer, pool, 2 * wanted).at(-1) ?? 0;
      const from = [target.entry, target.entryLevel] as const;
      const met = kernels.graphBreadths(view, point, ...from, 300, edge, wanted, out);
      const breadths = [...new Uint32Array(shared.buffer, out, met)];
      expect(breadths).toEqual([...breadths].sort((a, b) => a - b));
      for (const ef of [10, 11, 12, 14, 17, 21, 28, 60, 299]) {
        const near = kernels.graphSearch(view, point, ...from, ef, 1, ef, Infinity);
        const keys = new Uint32Array(shared.buffer, pool, 2 * near);
        const found = Array.from({ length: near }, (_, i) => (keys[2 * i + 1] ?? 0) <= edge);
        const by = breadths.filter((breadth) => breadth <= ef).length;
        expect(by).toBe(Math.min(wanted, found.filter(Boolean).length));
      }
      kernels.graphBreadths(view, point, ...from, 300, edge, wanted, out);
      const reaches = [...new Float32Array(shared.buffer, out + wanted * 4, met)];
      expect(reaches).toEqual([...reaches].sort((a, b) => a - b));
      for (const share of [0, 0.3, 0.7, 1]) {
        const reach = (reaches.at(-1) ?? 0) * share * (1 + 1e-6);
        const near = kernels.graphSearch(view, point, ...from, 300, wanted, wanted, reach);
        const keys = new Uint32Array(shared.buffer, pool, 2 * near);
        const found = Array.from({ length: near }, (_, i) => (keys[2 * i + 1] ?? 0) <= edge);
        const by = reaches.filter((needed) => needed <= reach).length;
        expect(by).toBe(Math.min(wanted, found.filter(Boolean).length));
      }
    }
    memory.arenas.free(extent);
  }
});

describe("on held-out queries", () => {
  it("a recall of 0.95 is met on clustered rows", () => {
    const found = measure(clusteredRows(5, ROWS + QUERIES, DIMENSION), 0.95);
    expect(found.recallByEf).toBeGreaterThanOrEqual(0.94);
    expect(found.recallByReach).toBeGreaterThanOrEqual(0.94);
  });

  it("it is met on uniform rows, and hardly more is paid for", () => {
    const found = measure(uniformRows(6, ROWS + QUERIES), 0.95);
    for (const recall of [found.recallByEf, found.recallByReach]) {
      expect(recall).toBeGreaterThanOrEqual(0.94);
      expect(recall).toBeLessThanOrEqual(0.96);
    }
  });

  it("walks that end by their reach score fewer rows, the fewer the broader they are", () => {
    const values = clusteredRows(8, ROWS + QUERIES, DIMENSION);
    expect(measure(values, 0.95).scoredShare).toBeLessThan(1.02);
    expect(measure(values, 0.99).scoredShare).toBeLessThan(0.98);
  });

  it("less is asked for with a narrower walk", () => {
    const values = uniformRows(7, ROWS + QUERIES);
    const low = measure(values, 0.7);
    const high = measure(values, 0.99);
    expect(low.ef).toBeLessThan(high.ef);
    expect(Math.min(low.recallByEf, low.recallByReach)).toBeGreaterThanOrEqual(0.68);
    expect(Math.min(high.recallByEf, high.recallByReach)).toBeGreaterThanOrEqual(0.98);
  });
});
