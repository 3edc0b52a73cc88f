/** Float32 rows in several extents are the rows of one. */
import { expect, it } from "vitest";
import { Pace, unpaced } from "../base/pace.ts";
import { InlinePool } from "../io/index.ts";
import { rowStrideBytes } from "../math/index.ts";
import { FlatScan, mergeResults } from "./flat-scan.ts";
import { openMemory } from "./graph/graph-reference.contract.ts";
import { RowParts, type RowSource } from "./row-parts.ts";
import { scoreParts } from "./score-parts.ts";
import type { SearchMemory } from "./search-memory.ts";

const DIMENSION = 10;
const STRIDE = rowStrideBytes(DIMENSION);
const ROWS = 101;
/** Of 24 rows in one part. */
const PART_BYTES = 24 * (STRIDE + 4) + 100;

const inline = new InlinePool({ jobs: {}, onBroadcast: () => undefined });

function component(row: number, i: number): number {
  return Math.fround(Math.sin(row * 37 + i * i + 1));
}

/** Padded rows, and their inverse norms. */
function sourceOf(rowCount: number): RowSource {
  const values = new Float32Array((rowCount * STRIDE) / 4);
  const norms = new Float32Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    let sum = 0;
    for (let i = 0; i < DIMENSION; i++) {
      values[(row * STRIDE) / 4 + i] = component(row, i);
      sum += component(row, i) ** 2;
    }
    norms[row] = 1 / Math.sqrt(sum);
  }
  const bytes = new Uint8Array(values.buffer);
  return {
    rows: {
      length: bytes.length,
      readInto: (start, target) => {
        target.set(bytes.subarray(start, start + target.length));
        return Promise.resolve();
      },
    },
    readNorms: (first, target) => {
      target.set(new Uint8Array(norms.buffer, first * 4, target.length));
    },
  };
}

async function partsOf(
  memory: SearchMemory,
  rowCount: number,
  partBytesMax: number,
): Promise<RowParts> {
  const parts = RowParts.allocate(memory, { rowCount, dimension: DIMENSION, partBytesMax });
  await parts.read(sourceOf(rowCount));
  return parts;
}

it.each([
  [1, PART_BYTES, [1]],
  [24, PART_BYTES, [24]],
  [25, PART_BYTES, [16, 9]],
  [ROWS, PART_BYTES, [24, 24, 24, 24, 5]],
  [ROWS, 1_048_576, [101]],
  // A part has eight rows, however few bytes it may have.
  [20, 1, [8, 8, 4]],
])("%d rows in parts of at most %d bytes", async (rowCount, partBytesMax, counts) => {
  const memory = await openMemory();
  const parts = await partsOf(memory, rowCount, partBytesMax);
  expect(parts.targets.map((part) => part.rowCount)).toEqual(counts);
  expect(parts.bytes).toBe(rowCount * (STRIDE + 4));
  for (const row of [0, rowCount >> 1, rowCount - 1]) {
    const expected = Float32Array.from({ length: DIMENSION }, (_, i) => component(row, i));
    expect(parts.row(row)).toEqual(expected);
  }
  expect(() => parts.row(rowCount)).toThrow(/a row of these parts/);
  parts.release();
  expect(memory.arenas.usedBytes).toBe(0);
});

it.each(["cosine", "dot", "euclidean"] as const)(
  "are found and scored as one, %s",
  async (metric) => {
    const memory = await openMemory();
    const [whole, cut] = [
      await partsOf(memory, ROWS, 1_048_576),
      await partsOf(memory, ROWS, 1_200),
    ];
    expect(cut.targets.length).toBeGreaterThan(4);
    const vector = Float32Array.from({ length: DIMENSION }, (_, i) => component(1_000, i));
    const scan = new FlatScan(memory, inline, metric, vector);
    const bits = Uint8Array.from({ length: (ROWS + 7) >>> 3 }, (_, i) => 0x5d ^ i);
    const scanned = async (parts: RowParts, passing?: Uint8Array) =>
      mergeResults(
        await scan.scan(
          parts.targets.map(({ arena, target, rowFirst, rowCount }) => ({
            ...{ arena, target, rowCount, rowBase: rowFirst },
            bits: passing?.subarray(rowFirst >>> 3),
          })),
          20,
          unpaced(),
        ),
        20,
      );
    expect(await scanned(cut)).toEqual(await scanned(whole));
    expect(await scanned(cut, bits)).toEqual(await scanned(whole, bits));
    // In no order, and some twice.
    const rows = Uint32Array.from({ length: 60 }, (_, i) => (i * 37) % ROWS);
    rows[59] = rows[0] ?? 0;
    const expected = await scoreParts(scan, whole.targets, rows, unpaced());
    expect(await scoreParts(scan, cut.targets, rows, unpaced())).toEqual(expected);
    expect(await scoreParts(scan, cut.targets, new Uint32Array(0), unpaced())).toHaveLength(0);
    scan.close();
  },
);

it("scoring ends when the caller has gone", async () => {
  const memory = await openMemory();
  const cut = await partsOf(memory, ROWS, 1_200);
  const scan = new FlatScan(memory, inline, "dot", new Float32Array(DIMENSION));
  const reason = new Error("gone");
  const pace = new Pace(() => Promise.resolve(), AbortSignal.abort(reason));
  pace.add(1e9);
  await expect(scoreParts(scan, cut.targets, Uint32Array.of(1, 90), pace)).rejects.toBe(reason);
  scan.close();
});

it("what there is no room for takes nothing", async () => {
  const memory = await openMemory();
  const { bytesMax } = memory.arenas;
  const partBytesMax = 2 ** 28;
  const rowCount = Math.ceil((bytesMax * 1.2) / (STRIDE + 4));
  const shape = { rowCount, dimension: DIMENSION, partBytesMax };
  expect(() => RowParts.allocate(memory, shape)).toThrow(/Cannot allocate/);
  expect(memory.arenas.usedBytes).toBe(0);
});
