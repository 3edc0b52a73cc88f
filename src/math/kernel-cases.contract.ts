/**
 * What the tests of the kernels share: a memory to place arrays in, random cases, and plain
 * rankings.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { bitmapBytes, rowStrideBytes } from "./distance.ts";
import type { KernelMetric } from "./distance.ts";
import { KERNELS_FILE, KernelSet, loadKernelModule } from "./kernel-set.ts";
import type { Kernels } from "./kernel-set.ts";
import { createSharedMemory } from "./wasm.ts";
import type { SharedMemory } from "./wasm.ts";

const METRICS: readonly KernelMetric[] = ["cosine", "dot", "euclidean", "manhattan", "hamming"];
const DIMENSIONS = [...Array.from({ length: 40 }, (_, i) => i + 1), 127, 128, 129, 768, 1_024];

/** The memory of the tests and the kernels over it, there after {@link openKernels}. */
export let memory: SharedMemory;
export let kernels: Kernels;
let top = 0;

/** Builds what is to be built; to be called before all tests. */
export async function openKernels(): Promise<void> {
  await buildKernels();
  memory = createSharedMemory(512, 512);
  kernels = new KernelSet(loadKernelModule(readFileSync(KERNELS_FILE.beside))).kernelsFor(memory);
}

/** Forgets every array placed so far. */
export function startOver(): void {
  top = 65_536;
}

/** Room for one array, filled with rubbish so that nothing passes by starting from zeros. */
export function place(bytes: number): number {
  const offset = top;
  top = Math.ceil((top + bytes) / 16) * 16;
  new Uint8Array(memory.buffer, offset, top - offset).fill(0xab);
  return offset;
}

export const float32 = (offset: number, count: number): Float32Array =>
  new Float32Array(memory.buffer, offset, count);
export const uint32 = (offset: number, count: number): Uint32Array =>
  new Uint32Array(memory.buffer, offset, count);

export function placeRows(rows: readonly Float32Array[], dimension: number): number {
  const stride = rowStrideBytes(dimension);
  const offset = place(stride * rows.length);
  for (const [i, row] of rows.entries()) {
    const target = float32(offset + i * stride, stride / 4);
    target.fill(0);
    target.set(row);
  }
  return offset;
}

export function placeFloat32(values: readonly number[]): number {
  const offset = place(values.length * 4);
  float32(offset, values.length).set(values);
  return offset;
}

/** A linear congruential sequence in [0, 1): enough for data, and the same in each run. */
export function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function makeRows(seed: number, count: number, dimension: number): Float32Array[] {
  const next = sequence(seed);
  const rows: Float32Array[] = [];
  for (let i = 0; i < count; i++) {
    // Some rows twice, some zero, lengths of different magnitude.
    const kind = next();
    const length = 10 ** Math.floor(next() * 5 - 2);
    const twin = rows[Math.floor(next() * i)];
    if (kind < 0.15 && twin !== undefined) rows.push(twin.slice());
    else if (kind < 0.2) rows.push(new Float32Array(dimension));
    else rows.push(Float32Array.from({ length: dimension }, () => (next() * 2 - 1) * length));
  }
  return rows;
}

export interface Case {
  readonly dimension: number;
  readonly count: number;
  readonly seed: number;
  readonly metric: KernelMetric;
  readonly k: number;
  readonly live: number;
  readonly cut: number;
}

const CASES = fc.record({
  dimension: fc.constantFrom(...DIMENSIONS),
  count: fc.integer({ min: 0, max: 70 }),
  seed: fc.nat(),
  metric: fc.constantFrom(...METRICS),
  k: fc.integer({ min: 1, max: 30 }),
  live: fc.constantFrom(-1, 0, 0.1, 0.5, 1),
  cut: fc.integer({ min: 0, max: 70 }),
});

/** Bits of the candidates; none when `live` is below 0, which stands for all rows. */
export function placeBitmap(item: Case): {
  readonly bitmap: number;
  readonly isLive: (row: number) => boolean;
} {
  if (item.live < 0) return { bitmap: 0, isLive: () => true };
  const next = sequence(item.seed ^ 99);
  const bits = Array.from({ length: item.count }, () => next() < item.live);
  const bitmap = place(bitmapBytes(item.count));
  const bytes = new Uint8Array(memory.buffer, bitmap, bitmapBytes(item.count)).fill(0);
  for (const [row, isSet] of bits.entries()) {
    if (isSet) bytes[row >>> 3] = (bytes[row >>> 3] ?? 0) | (1 << (row & 7));
  }
  return { bitmap, isLive: (row) => bits[row] === true };
}

export type Ranked = readonly (readonly [distance: number, row: number])[];

export function nearest(
  distances: readonly number[],
  isLive: (row: number) => boolean,
  k: number,
): Ranked {
  return distances
    .map((distance, row) => [distance, row] as const)
    .filter(([, row]) => isLive(row))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .slice(0, k);
}

export function sortedHeap(heap: number, count: number): Ranked {
  kernels.heapSort(heap, count);
  const distances = float32(heap, count * 2);
  const rows = uint32(heap, count * 2);
  return Array.from({ length: count }, (_, i) => [distances[2 * i] ?? 0, rows[2 * i + 1] ?? 0]);
}

/** Two slices instead of one range. */
export function slices(item: Case): readonly (readonly [first: number, count: number])[] {
  const cut = Math.min(item.cut, item.count);
  return [
    [0, cut],
    [cut, item.count - cut],
  ];
}

export function forEachCase(
  check: (item: Case, rows: Float32Array[], query: Float32Array) => void,
): void {
  fc.assert(
    fc.property(CASES, (item) => {
      startOver();
      const rows = makeRows(item.seed, item.count, item.dimension);
      const [query = new Float32Array(item.dimension)] = makeRows(item.seed + 1, 1, item.dimension);
      check(item, rows, query);
    }),
    { numRuns: 250 },
  );
}
