import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { KERNEL_METRICS, type QueryPoint } from "../../math/index.ts";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import {
  GRAPH_REACH_BREADTH,
  decodeGraphHeader,
  efForRecall,
  graphLayout,
} from "./graph-layout.ts";
import { levelOf } from "./graph-levels.ts";
import {
  METRICS,
  PlainGraph,
  clusteredRows,
  idsOf,
  openBuild,
  openMemory,
  rowQuery,
  type OpenBuild,
  type PlainLimits,
} from "./graph-reference.contract.ts";
import { headMargin } from "./code-head.ts";
import type { GraphTarget } from "./graph-view.ts";
import { GraphWalker } from "./graph-walker.ts";
import type { WalkReach } from "./walk-limits.ts";

let memory: SearchMemory;
beforeAll(async () => {
  memory = await openMemory();
});

const CASES = fc.record({
  rowCount: fc.integer({ min: 1, max: 260 }),
  dimension: fc.constantFrom(3, 16, 25),
  metric: fc.constantFrom(...METRICS),
  m: fc.constantFrom(4, 8),
  efConstruction: fc.constantFrom(4, 12, 40),
  seed: fc.nat(),
});

/** Builds, and hands what was built to `check`. */
function withBuild(
  plan: GraphPlan,
  check: (open: OpenBuild, plain: PlainGraph) => void,
  rows: Float32Array = clusteredRows(plan.seed, plan.rowCount, plan.dimension),
): void {
  const open = openBuild(memory, plan, rows);
  try {
    open.builder.begin();
    const plain = new PlainGraph(plan, open);
    for (const row of insertionOrder(plan.rowCount)) {
      plain.insert(row, levelOf(row, plan.seed, plan.m));
    }
    plain.finish();
    while (open.builder.insert(17));
    check(open, plain);
  } finally {
    memory.arenas.free(open.extent);
  }
}

/** Golden ratio steps. */
function insertionOrder(count: number): number[] {
  const divides = (step: number): boolean => {
    for (let d = 2; d <= step; d++) if (step % d === 0 && count % d === 0) return true;
    return false;
  };
  let step = Math.max(1, Math.floor(count * 0.618_033_988_749_895));
  while (divides(step)) step++;
  return Array.from({ length: count }, (_, i) => (i * step) % count);
}

const REACHES: readonly WalkReach[] = [
  { near: 1, kept: 1, distance: 0 },
  { near: 3, kept: 5, distance: 0.02 },
  { near: 10, kept: 10, distance: 0.1 },
  { near: 10, kept: 14, distance: 3 },
  { near: 10, kept: 10, distance: 1e30 },
];

/** The limits of a walk as the plain graph has them. */
function plainLimits(
  ef: number,
  reach: WalkReach,
  { bases }: GraphTarget,
  { length }: QueryPoint,
): PlainLimits {
  const distance = reach.distance * (bases === 0 ? length : 1);
  return { ef: ef * GRAPH_REACH_BREADTH, reach: { ...reach, distance } };
}

describe("a graph built by the kernels", () => {
  it("has the lists of the plain one, on every level, to the last id", () => {
    fc.assert(
      fc.property(CASES, (plan) => {
        withBuild(plan, ({ builder, extent }, plain) => {
          const { target } = builder;
          const { buffer } = memory.memory(extent.arena);
          const layout = graphLayout(target);
          const words = (at: number, count: number): Uint32Array =>
            new Uint32Array(buffer, target.graph + at, count);
          for (let row = 0; row < plan.rowCount; row++) {
            const list = words(layout.links + row * plan.m * 8, plan.m * 2);
            expect(idsOf(list)).toEqual(plain.list(row, 0));
          }
          const upperRows = words(layout.upperRows, target.upperCount);
          const starts = words(layout.upperStarts, target.upperCount + 1);
          for (const [ordinal, row] of upperRows.entries()) {
            const first = starts[ordinal] ?? 0;
            const levels = (starts[ordinal + 1] ?? 0) - first;
            expect(levels).toBe(levelOf(row, plan.seed, plan.m));
            for (let level = 1; level <= levels; level++) {
              const at = layout.upperLinks + (first + level - 1) * plan.m * 4;
              const ids = idsOf(words(at, plan.m)).map((id) => upperRows[id]);
              expect(ids).toEqual(plain.list(row, level));
            }
          }
          expect(target.entryLevel).toBe(plain.entryLevel);
          const entry = target.entryLevel === 0 ? target.entry : upperRows[target.entry];
          expect(entry).toBe(plain.entry);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("is walked as the plain one where the beginning of a code decides what is read", () => {
    const cases = fc.tuple(CASES, fc.constantFrom(16, 32), fc.constantFrom(0, 0.1, 1, 1e30));
    fc.assert(
      fc.property(cases, ([any, bytes, deviation]) => {
        const plan = { ...any, dimension: 40 };
        withBuild(plan, ({ builder, extent }, plain) => {
          const leased = memory.lease(extent.arena);
          const shared = memory.memory(extent.arena);
          const walker = new GraphWalker(memory.kernels(extent.arena), shared, leased.scratch);
          const head = { bytes, ratio: 1.3, deviation };
          const target = { ...builder.target, head };
          const queries = clusteredRows(plan.seed + 1, 4, plan.dimension);
          for (let i = 0; i < 4; i++) {
            const vector = queries.subarray(i * plan.dimension, (i + 1) * plan.dimension);
            leased.scanner.prepare(vector, plan.metric);
            const { point } = leased.scanner;
            const plainPoint = plain.plainPoint(memory, extent, point);
            const plainHead = { ...head, margin: headMargin(head, point.length) };
            for (const ef of [1, 2, 9, 64]) {
              const found = walker.search(target, point, { ef });
              expect([...found.rows]).toEqual(plain.search(plainPoint, { ef, head: plainHead }));
            }
            for (const reach of REACHES) {
              const found = walker.search(target, point, { ef: 20, reach });
              const limits = plainLimits(20, reach, target, point);
              expect([...found.rows]).toEqual(
                plain.search(plainPoint, { ...limits, head: plainHead }),
              );
            }
          }
          memory.giveBack(leased);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("is walked as the plain one, with and without rows that are not allowed", () => {
    fc.assert(
      fc.property(CASES, fc.constantFrom(0, 0.1, 0.5, 0.9, 1), (plan, share) => {
        withBuild(plan, ({ builder, extent }, plain) => {
          const scratch = memory.lease(extent.arena);
          const kernels = memory.kernels(extent.arena);
          const shared = memory.memory(extent.arena);
          const walker = new GraphWalker(kernels, shared, scratch.scratch);
          const { target } = builder;
          const bits = new Uint8Array(Math.ceil(plan.rowCount / 8));
          const isAllowed = (row: number): boolean =>
            levelOf(row, 99, 1_000) > 0 || row % 10 < share * 10;
          for (let row = 0; row < plan.rowCount; row++) {
            if (isAllowed(row)) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
          }
          const queries = clusteredRows(plan.seed + 1, 4, plan.dimension);
          for (let i = 0; i < 4; i++) {
            const vector = queries.subarray(i * plan.dimension, (i + 1) * plan.dimension);
            scratch.scanner.prepare(vector, plan.metric);
            const { point } = scratch.scanner;
            const plainPoint = plain.plainPoint(memory, extent, point);
            for (const ef of [1, 2, 9, 64]) {
              const found = walker.search(target, point, { ef });
              expect([...found.rows]).toEqual(plain.search(plainPoint, { ef }));
              expect(found.isWhole).toBe(true);
              const limits = { ef, scoredMax: 10_000 };
              const allowed = walker.searchAllowed(target, point, bits, limits);
              expect([...allowed.rows]).toEqual(plain.searchAllowed(plainPoint, ef, isAllowed));
              expect(allowed.isWhole).toBe(true);
            }
            for (const reach of REACHES) {
              const { rows } = walker.search(target, point, { ef: 20, reach });
              const limits = plainLimits(20, reach, target, point);
              expect([...rows]).toEqual(plain.search(plainPoint, limits));
            }
          }
          memory.giveBack(scratch);
        });
      }),
      { numRuns: 40 },
    );
  });

  it("is built and walked where dot products are infinite", () => {
    const plan: GraphPlan = {
      ...{ rowCount: 200, dimension: 16, metric: "dot", m: 4 },
      ...{ efConstruction: 8, seed: 3 },
    };
    const rows = clusteredRows(4, plan.rowCount, plan.dimension).map((value) => value * 3e19);
    withBuild(
      plan,
      ({ builder, extent }, plain) => {
        const { target } = builder;
        const leased = memory.lease(extent.arena);
        const shared = memory.memory(extent.arena);
        const walker = new GraphWalker(memory.kernels(extent.arena), shared, leased.scratch);
        for (let row = 0; row < 200; row += 20) {
          const point = rowQuery(shared, target, row);
          const plainPoint = plain.plainPoint(memory, extent, point);
          const found = walker.search(target, point, { ef: 20 });
          expect(found.rows).toHaveLength(20);
          expect([...found.rows]).toEqual(plain.search(plainPoint, { ef: 20 }));
          for (const reach of REACHES) {
            const { rows: near } = walker.search(target, point, { ef: 20, reach });
            const limits = plainLimits(20, reach, target, point);
            expect([...near]).toEqual(plain.search(plainPoint, limits));
          }
        }
        memory.giveBack(leased);
      },
      rows,
    );
  });

  it("is the same bytes whatever the slices", () => {
    const plan: GraphPlan = {
      rowCount: 900,
      dimension: 24,
      metric: "cosine",
      m: 8,
      efConstruction: 32,
      seed: 7,
    };
    const rows = clusteredRows(3, plan.rowCount, plan.dimension);
    const [one, other] = [1, 400].map((slice) => {
      const { builder, extent } = openBuild(memory, plan, rows);
      builder.begin();
      while (builder.insert(slice));
      const bytes = Buffer.concat(builder.section().map((piece) => Uint8Array.from(piece)));
      memory.arenas.free(extent);
      return bytes;
    });
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
  });

  it("tells how broad a search must be for each recall, and such a search has it", () => {
    const plan: GraphPlan = {
      rowCount: 4_000,
      dimension: 32,
      metric: "euclidean",
      m: 16,
      efConstruction: 100,
      seed: 5,
    };
    const { builder, extent } = openBuild(memory, plan, clusteredRows(11, 4_000, 32));
    builder.begin();
    while (builder.insert(500));
    const bytes = Buffer.concat(builder.section());
    const header = decodeGraphHeader(bytes, {
      rowCount: 4_000,
      metric: "euclidean",
      bytes: bytes.length,
    });
    expect(header.efs[0]).toBeGreaterThanOrEqual(10);
    expect(header.efs).toEqual([...header.efs].sort((a, b) => a - b));
    const high = efForRecall(header.efs, 0.99);
    const leased = memory.lease(extent.arena);
    const shared = memory.memory(extent.arena);
    const kernels = memory.kernels(extent.arena);
    const walker = new GraphWalker(kernels, shared, leased.scratch);
    let found = 0;
    for (let row = 0; row < 4_000; row += 40) {
      const point = rowQuery(shared, builder.target, row);
      const exact = new Set(
        walker.search(builder.target, point, { ef: 1_500 }).rows.subarray(0, 10),
      );
      const near = walker.search(builder.target, point, { ef: high }).rows.subarray(0, 10);
      found += near.filter((id) => exact.has(id)).length;
    }
    expect(found).toBeGreaterThanOrEqual(985);
    memory.giveBack(leased);
    memory.arenas.free(extent);
  });

  it("gives a walk up when it has scored more rows than it may", () => {
    const plan: GraphPlan = {
      rowCount: 600,
      dimension: 16,
      metric: "dot",
      m: 8,
      efConstruction: 32,
      seed: 1,
    };
    withBuild(plan, ({ builder, extent }) => {
      const leased = memory.lease(extent.arena);
      const shared = memory.memory(extent.arena);
      const walker = new GraphWalker(memory.kernels(extent.arena), shared, leased.scratch);
      const point = rowQuery(shared, builder.target, 0);
      const none = new Uint8Array(75);
      const limits = { ef: 10, scoredMax: 50 };
      expect(walker.searchAllowed(builder.target, point, none, limits).isWhole).toBe(false);
      const all = walker.searchAllowed(builder.target, point, none, { ef: 10, scoredMax: 600 });
      expect(all).toMatchObject({ isWhole: true, rows: new Uint32Array(0) });
      memory.giveBack(leased);
    });
  });

  it("draws one row in m for each level", () => {
    const levels = Array.from({ length: 100_000 }, (_, row) => levelOf(row, 12, 16));
    const atLeast = (level: number): number => levels.filter((l) => l >= level).length;
    expect(atLeast(1) / 6_250).toBeCloseTo(1, 1);
    expect(atLeast(2)).toBeGreaterThan(330);
    expect(atLeast(2)).toBeLessThan(450);
    expect(KERNEL_METRICS.cosine).toBe(0);
  });
});
