import { beforeAll, describe, expect, it } from "vitest";
import type { KernelMetric } from "../../math/index.ts";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { type OldGraph } from "./graph-copy.ts";
import {
  NO_NODE,
  decodeGraphHeader,
  decodeWholeHeader,
  efForRecall,
  graphLayout,
} from "./graph-layout.ts";
import {
  METRICS,
  clusteredRows,
  openBuild,
  openMemory,
  rowQuery,
  sequence,
} from "./graph-reference.contract.ts";
import { GraphWalker } from "./graph-walker.ts";
import type { GraphTarget } from "./graph-view.ts";

const DIMENSION = 24;
let memory: SearchMemory;
beforeAll(async () => {
  memory = await openMemory();
});

interface Built {
  readonly rows: Float32Array;
  readonly section: Uint8Array;
}

function planFor(rowCount: number, metric: KernelMetric): GraphPlan {
  return { rowCount, metric, dimension: DIMENSION, m: 16, efConstruction: 64, seed: 42 };
}

/** Builds and hands the graph to `look` before it goes. */
function build(
  rows: Float32Array,
  metric: KernelMetric,
  old?: OldGraph,
  look?: (target: GraphTarget, arena: number, waiting: number) => void,
): Built {
  const plan = planFor(rows.length / DIMENSION, metric);
  const { builder, extent } = openBuild(memory, plan, rows);
  builder.begin({ old });
  const waiting = builder.remaining;
  while (builder.insert(1_000));
  look?.(builder.target, extent.arena, waiting);
  const section = Uint8Array.from(Buffer.concat(builder.section()));
  memory.arenas.free(extent);
  return { rows, section };
}

function oldGraph({ section, rows }: Built, newRows: Uint32Array, metric: KernelMetric): OldGraph {
  const rowCount = rows.length / DIMENSION;
  const header = decodeWholeHeader(section, { rowCount, metric });
  return { header, bytes: section, newRows };
}

/** Share of the ten nearest, by code, that a walk of this breadth finds, over many rows. */
function recallOf(target: GraphTarget, arena: number, ef: number): number {
  const leased = memory.lease(arena);
  const shared = memory.memory(arena);
  const walker = new GraphWalker(memory.kernels(arena), shared, leased.scratch);
  let found = 0;
  let wanted = 0;
  for (let row = 3; row < target.rowCount; row += 17) {
    const point = rowQuery(shared, target, row);
    const all = new Uint8Array(Math.ceil(target.rowCount / 8)).fill(0xff);
    const exact = walker.searchAllowed(target, point, all, { ef: 2_000, scoredMax: 16_000 }).rows;
    const near = new Set(walker.search(target, point, { ef }).rows.subarray(0, 10));
    for (const id of exact.subarray(0, 10)) if (near.has(id)) found++;
    wanted += 10;
  }
  memory.giveBack(leased);
  return found / wanted;
}

/** Rows that stay in their order, new ones put between them as a merge by key does. */
function churned(
  rows: Float32Array,
  share: number,
  seed: number,
): { readonly rows: Float32Array; readonly newRows: Uint32Array } {
  const count = rows.length / DIMENSION;
  const next = sequence(seed);
  const stays = Array.from({ length: count }, () => next() >= share);
  const fresh = clusteredRows(seed, stays.filter((stay) => !stay).length, DIMENSION);
  const newRows = new Uint32Array(count).fill(NO_NODE);
  const merged: Float32Array[] = [];
  let at = 0;
  for (let row = 0; row < count; row++) {
    if (stays[row] === true) {
      newRows[row] = merged.length;
      merged.push(rows.subarray(row * DIMENSION, (row + 1) * DIMENSION));
    } else {
      merged.push(fresh.subarray(at * DIMENSION, (at + 1) * DIMENSION));
      at++;
    }
  }
  const flat = new Float32Array(merged.length * DIMENSION);
  for (const [i, row] of merged.entries()) flat.set(row, i * DIMENSION);
  return { rows: flat, newRows };
}

describe("a graph copied into another one", () => {
  it("keeps its recall over ten rounds in which a fifth of the rows goes and a fifth comes", () => {
    for (const metric of METRICS) {
      let built = build(clusteredRows(1, 3_000, DIMENSION), metric);
      let copied = 0;
      for (let round = 1; round <= 10; round++) {
        const { rows, newRows } = churned(built.rows, 0.2, round);
        built = build(rows, metric, oldGraph(built, newRows, metric), (target, arena, waiting) => {
          expect(waiting).toBeLessThan(1_000);
          if (round === 10) copied = recallOf(target, arena, 24);
        });
      }
      let anew = 0;
      build(built.rows, metric, undefined, (target, arena) => {
        anew = recallOf(target, arena, 24);
      });
      expect(anew).toBeGreaterThan(0.8);
      expect(copied).toBeGreaterThan(anew - 0.015);
    }
  }, 120_000);

  it("puts in only what is new, and gives the same bytes when nothing has changed", () => {
    const built = build(clusteredRows(5, 2_000, DIMENSION), "cosine");
    const same = Uint32Array.from({ length: 2_000 }, (_, row) => row);
    const again = build(built.rows, "cosine", oldGraph(built, same, "cosine"), (_, __, waiting) => {
      expect(waiting).toBe(0);
    });
    const { links } = graphLayout(
      decodeGraphHeader(built.section, {
        rowCount: 2_000,
        metric: "cosine",
        bytes: built.section.length,
      }),
    );
    expect(Buffer.from(again.section.subarray(links)).equals(built.section.subarray(links))).toBe(
      true,
    );
  });

  it("knows how broad walks must be when a single row has changed", () => {
    // Half of them are held out: rows of a graph are no queries that it has never seen.
    const values = clusteredRows(8, 8_000, DIMENSION);
    const rows = Float32Array.from({ length: values.length / 2 }, (_, i) => {
      const row = Math.floor(i / DIMENSION);
      return values[2 * row * DIMENSION + (i % DIMENSION)] ?? 0;
    });
    const built = build(rows, "cosine");
    const newRows = Uint32Array.from({ length: 4_000 }, (_, row) => (row === 7 ? NO_NODE : row));
    const { header, ...old } = oldGraph(built, newRows, "cosine");
    // Nothing is kept of what was known.
    const unknown = { ...old, header: { ...header, efs: header.efs.map(() => 0) } };
    const measured = oldGraph(build(rows, "cosine", unknown), newRows, "cosine").header;
    const [recall90 = 0, recall95 = 0] = [0.9, 0.95].map((recall) => {
      const ef = efForRecall(measured.efs, recall);
      let found = 0;
      build(rows, "cosine", unknown, (target, arena) => {
        const leased = memory.lease(arena);
        const shared = memory.memory(arena);
        const walker = new GraphWalker(memory.kernels(arena), shared, leased.scratch);
        for (let i = 0; i < 400; i++) {
          const from = (20 * i + 1) * DIMENSION;
          leased.scanner.prepare(values.subarray(from, from + DIMENSION), "cosine");
          const { point } = leased.scanner;
          const exact = new Set(walker.search(target, point, { ef: 2_000 }).rows.subarray(0, 10));
          const near = walker.search(target, point, { ef }).rows.subarray(0, 10);
          found += near.filter((row) => exact.has(row)).length;
        }
        memory.giveBack(leased);
      });
      return found / 4_000;
    });
    // Queries from the places of rows that have gone would have chosen 10, which finds 0.89.
    expect(recall90).toBeGreaterThan(0.89);
    expect(recall95).toBeGreaterThan(0.94);
    // An eighth of the rows of so small a graph is missed by the others.
    expect(recall95).toBeLessThan(0.98);
  });

  it("keeps its breadths when nothing has changed, though rows of it would find more", () => {
    const built = build(clusteredRows(5, 2_000, DIMENSION), "cosine");
    const breadthsOf = (section: Uint8Array): unknown => {
      const { efs, reaches } = decodeWholeHeader(section, { rowCount: 2_000, metric: "cosine" });
      return { efs, reaches };
    };
    const same = Uint32Array.from({ length: 2_000 }, (_, row) => row);
    const again = build(built.rows, "cosine", oldGraph(built, same, "cosine"));
    expect(breadthsOf(again.section)).toEqual(breadthsOf(built.section));
  });

  it("is whole when every row but a few has gone", () => {
    const built = build(clusteredRows(6, 1_500, DIMENSION), "euclidean");
    const newRows = new Uint32Array(1_500).fill(NO_NODE);
    const kept = Array.from({ length: 30 }, (_, i) => i * 50);
    for (const [row, old] of kept.entries()) newRows[old] = row;
    const rows = new Float32Array(30 * DIMENSION);
    for (const [row, old] of kept.entries()) {
      rows.set(built.rows.subarray(old * DIMENSION, (old + 1) * DIMENSION), row * DIMENSION);
    }
    build(rows, "euclidean", oldGraph(built, newRows, "euclidean"), (target, arena) => {
      expect(recallOf(target, arena, 30)).toBe(1);
    });
  });
});
