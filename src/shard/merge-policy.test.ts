/** How large a segment may be: what fields, memory and disk say. */
import { expect, it } from "vitest";
import {
  ArenaPool,
  BLOCK_BYTES_MAX,
  int8Layout,
  PAGE_BYTES,
  type CreateMemory,
  type KernelMetric,
} from "../math/index.ts";
import { GRAPH_ROWS_MAX } from "../vector/index.ts";
import { isTooLong, mergePolicy, within } from "./merge-policy.ts";
import { graphBuildBytes } from "./segment-graph.ts";
import type { ShardPolicy } from "./shard-context.ts";

const GIB = 1_073_741_824;
/** Sizes as the engine has them; the rest is not looked at. */
const POLICY: ShardPolicy = {
  ...{ memtableBytesMax: 0, quietFlushMs: 0, quietFlushBytesMin: 0, mergeFanIn: 4 },
  ...{ smallShardBytes: 0, quietMergeMs: 0, deadShareMax: 0.2, segmentsSlow: 32, segmentsMax: 64 },
  ...{ segmentBytesMax: GIB, segmentVectorBytesMax: 5 * GIB, segmentRowsMax: GRAPH_ROWS_MAX },
  ...{ residentRowsBytesMax: 0, residentRowsShare: 0.5, rowPartBytesMax: GIB },
  ...{ packedBytesMax: 0, graphRowsMin: 10_000, scannedPerEf: 24 },
};

function field(dimension: number, metric: KernelMetric = "cosine") {
  return { name: `v${String(dimension)}`, dimension, metric };
}

/** Says how long it is, and is not there. */
const noMemory: CreateMemory = () => {
  let pages = 1;
  const memory = {
    get buffer() {
      return { byteLength: pages * PAGE_BYTES };
    },
    grow(more: number) {
      pages += more;
      return pages;
    },
  };
  return memory as unknown as ReturnType<CreateMemory>;
};

function policyOf(fields: readonly ReturnType<typeof field>[], memoryBytesMax = 12 * GIB) {
  return mergePolicy(POLICY, fields, { memoryBytesMax, helpers: 3 });
}

it.each([128, 384, 768, 1_536, 3_072, 16_384])(
  "a segment of %d numbers has no more rows than a graph of one extent",
  (dimension) => {
    const { segmentRowsMax } = policyOf([field(dimension)]);
    const bytes = graphBuildBytes([field(dimension)], segmentRowsMax, 3);
    expect(bytes).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
    if (segmentRowsMax < GRAPH_ROWS_MAX) expect(bytes).toBeGreaterThan(BLOCK_BYTES_MAX * 0.98);
  },
);

it("a million of 768 numbers are one segment where memory has room for them", () => {
  // Float32 rows, codes, factors, a graph, keys and a little metadata.
  const bytes = (rows: number): number => rows * (3_072 + 768 + 12 + 149 + 150);
  const large = policyOf([field(768)]);
  expect(large.segmentRowsMax).toBeGreaterThan(1_000_000);
  expect(isTooLong(large, bytes(1_000_000), 1_000_000)).toBe(false);
  // With half of a budget of 6 GiB more than half of that.
  const middling = policyOf([field(768)], 6 * GIB);
  expect(isTooLong(middling, bytes(540_000), 540_000)).toBe(false);
  expect(isTooLong(middling, bytes(640_000), 640_000)).toBe(true);
});

it.each([
  [384, 4],
  [768, 4],
  [768, 6],
  [768, 8],
  [768, 12],
  [1_536, 6],
  [1_536, 16],
])("the longest segment of %d numbers is in memory whole with half of %d GiB", (dimension, gib) => {
  const policy = policyOf([field(dimension)], gib * GIB);
  // Keys of seven bytes, no metadata.
  const perRow = dimension * 5 + 12 + 30;
  let rows = policy.segmentRowsMax;
  while (isTooLong(policy, rows * perRow, rows)) rows -= 1_000;
  const arenas = new ArenaPool({ bytesMax: gib * GIB, createMemory: noMemory });
  const rowBytes = dimension * 4 + 4;
  const parts = Math.ceil((rows * rowBytes) / BLOCK_BYTES_MAX);
  arenas.allocate(graphBuildBytes([field(dimension)], rows, 0));
  for (let i = 0; i < parts; i++) arenas.allocate(Math.ceil(rows / parts) * rowBytes);
  // Room for scratch, and a memtable that is full.
  expect(arenas.usedBytes).toBeLessThanOrEqual((gib / 2) * GIB - 128 * 1_048_576);
  expect(rows).toBeGreaterThan(200_000);
});

it("where memory is short a segment is as long as its bytes may be", () => {
  const policy = policyOf([field(768)], 2 * GIB);
  expect(isTooLong(policy, GIB, 250_000)).toBe(false);
  expect(isTooLong(policy, GIB + 1, 250_000)).toBe(true);
});

it("what is no vector is bounded as ever", () => {
  const policy = policyOf([field(768)]);
  const vectors = 10_000 * 3_840;
  expect(isTooLong(policy, vectors + GIB, 10_000)).toBe(false);
  expect(isTooLong(policy, vectors + GIB + 1, 10_000)).toBe(true);
});

it("codes of any field fit one extent", () => {
  for (const fields of [
    [field(128), field(1_024, "manhattan")],
    [field(64), field(1_536, "hamming")],
  ]) {
    const { segmentRowsMax } = policyOf(fields, 16 * GIB);
    for (const { dimension } of fields) {
      const { bytes } = int8Layout(dimension, segmentRowsMax);
      expect(bytes).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
    }
  }
});

it("vectors of all fields together are bounded", () => {
  const fields = [field(768), field(1_024), field(1_536)];
  const policy = policyOf(fields, 100 * GIB);
  const rows = 600_000;
  const bytes = rows * (768 + 1_024 + 1_536) * 5;
  expect(rows).toBeLessThan(policy.segmentRowsMax);
  expect(isTooLong(policy, bytes, rows)).toBe(true);
});

it("where no field has graphs only bytes count", () => {
  const policy = policyOf([field(768, "manhattan")]);
  expect(policy.segmentRowsMax).toBe(Number.POSITIVE_INFINITY);
  expect(isTooLong(policy, GIB + 1, 250_000)).toBe(true);
});

it("a disk that is almost full bounds what is written anew", () => {
  const policy = policyOf([field(768)]);
  const bytes = 3 * GIB;
  const rows = Math.floor(bytes / 4_000);
  expect(isTooLong(within(policy, 100 * GIB), bytes, rows)).toBe(false);
  expect(isTooLong(within(policy, 3 * GIB), bytes, rows)).toBe(false);
  expect(isTooLong(within(policy, 2.9 * GIB), bytes, rows)).toBe(true);
  expect(isTooLong(within(policy, 0), GIB, rows)).toBe(false);
});
