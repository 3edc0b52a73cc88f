import { beforeAll, describe, expect, it } from "vitest";
import type { KernelMetric, QueryPoint } from "../../math/index.ts";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { measureHead } from "./code-head.ts";
import {
  METRICS,
  clusteredRows,
  openBuild,
  openMemory,
  rowQuery,
  type OpenBuild,
} from "./graph-reference.contract.ts";
import { GraphWalker } from "./graph-walker.ts";
import type { CodeHead, GraphTarget } from "./graph-view.ts";

let memory: SearchMemory;
beforeAll(async () => {
  memory = await openMemory();
});

function planOf(rowCount: number, dimension: number, metric: KernelMetric): GraphPlan {
  return { rowCount, dimension, metric, m: 8, efConstruction: 40, seed: 7 };
}

/** With a graph of the rows, whose memory is freed afterwards. */
function withGraph(
  plan: GraphPlan,
  rows: Float32Array,
  look: (open: OpenBuild, walker: GraphWalker) => void,
): void {
  const open = openBuild(memory, plan, rows);
  const { builder, extent } = open;
  builder.begin();
  while (builder.insert(500));
  const leased = memory.lease(extent.arena);
  const shared = memory.memory(extent.arena);
  try {
    look(open, new GraphWalker(memory.kernels(extent.arena), shared, leased.scratch));
  } finally {
    memory.giveBack(leased);
    memory.arenas.free(extent);
  }
}

function measured({ builder, extent }: OpenBuild): CodeHead | undefined {
  return measureHead(memory.memory(extent.arena), builder.target);
}

describe("walks that read the beginnings of codes first", () => {
  it("find what walks over whole codes find", () => {
    for (const metric of METRICS) {
      withGraph(planOf(3_000, 384, metric), clusteredRows(5, 3_000, 384), (open, walker) => {
        const { builder, extent } = open;
        const head = measured(open);
        expect(head).toMatchObject({ bytes: 128 });
        const shared = memory.memory(extent.arena);
        const { target } = builder;
        let found = 0;
        for (let row = 0; row < 3_000; row += 60) {
          const whole = walker.search(target, rowQuery(shared, target, row), { ef: 30 }).rows;
          const point = queryOfRow(open, target, row);
          const near = walker.search({ ...target, head }, point, { ef: 30 }).rows.subarray(0, 10);
          found += whole.subarray(0, 10).filter((id) => near.includes(id)).length;
        }
        expect(found).toBeGreaterThanOrEqual(495);
      });
    }
  });
});

/** With its true length, which the margin of a metric other than cosine needs. */
function queryOfRow({ extent }: OpenBuild, target: GraphTarget, row: number): QueryPoint {
  const shared = memory.memory(extent.arena);
  const point = rowQuery(shared, target, row);
  const start = target.codes + row * target.strideBytes;
  const code = new Int8Array(shared.buffer, start, target.strideBytes);
  const [weight = 0] = new Float32Array(shared.buffer, target.weights + row * 4, 1);
  const squares = code.reduce((sum, x) => sum + x * x, 0);
  return { ...point, length: weight * Math.sqrt(squares) };
}

describe("what the beginning of a code tells", () => {
  it("is measured for codes of 384 bytes and more", () => {
    withGraph(planOf(200, 368, "cosine"), clusteredRows(1, 200, 368), (open) => {
      expect(measured(open)).toBeUndefined();
    });
    withGraph(planOf(200, 384, "cosine"), clusteredRows(1, 200, 384), (open) => {
      const head = measured(open);
      expect(head?.ratio).toBeCloseTo(384 / 128, 0);
      expect(head?.deviation).toBeGreaterThan(0);
      expect(head?.deviation).toBeLessThan(0.1);
    });
  });

  it("is nothing where it is the same number in every row, and little where all is noise", () => {
    const rows = clusteredRows(1, 200, 384);
    for (let i = 0; i < 200; i++) rows.fill(0, i * 384, i * 384 + 128);
    withGraph(planOf(200, 384, "cosine"), rows, (open) => {
      expect(measured(open)).toBeUndefined();
    });
    // The beginning is loud and says nothing of the rest: rows are not left out for it.
    const loud = clusteredRows(2, 200, 384);
    const other = clusteredRows(9, 200, 384);
    for (let i = 0; i < 200; i++) {
      for (let j = 0; j < 128; j++) loud[i * 384 + j] = other[(199 - i) * 384 + j] ?? 0;
    }
    withGraph(planOf(200, 384, "cosine"), loud, (open, walker) => {
      const head = measured(open);
      const shared = memory.memory(open.extent.arena);
      const { target } = open.builder;
      let found = 0;
      for (let row = 0; row < 200; row += 10) {
        const point = rowQuery(shared, target, row);
        const whole = walker.search(target, point, { ef: 20 }).rows.subarray(0, 10);
        const near = walker.search({ ...target, head }, point, { ef: 20 }).rows.subarray(0, 10);
        found += whole.filter((id) => near.includes(id)).length;
      }
      expect(found).toBeGreaterThanOrEqual(195);
    });
  });

  it("grows with the rows where distances do", () => {
    const rows = clusteredRows(1, 200, 384);
    const large = rows.map((value) => value * 8);
    for (const [metric, factor] of [
      ["cosine", 1],
      ["dot", 8],
      ["euclidean", 8],
    ] as const) {
      let deviation = 0;
      withGraph(planOf(200, 384, metric), rows, (open) => {
        deviation = measured(open)?.deviation ?? 0;
      });
      withGraph(planOf(200, 384, metric), large, (open) => {
        expect((measured(open)?.deviation ?? 0) / deviation).toBeCloseTo(factor, 1);
      });
    }
  });
});
