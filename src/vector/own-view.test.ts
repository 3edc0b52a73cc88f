import { expect, it } from "vitest";
import { Pace } from "../base/pace.ts";
import { readProgramFile, type WorkerPool } from "../io/index.ts";
import { ArenaPool, KERNELS_FILE, loadKernelModule } from "../math/index.ts";
import { FlatScan } from "./flat-scan.ts";
import { GraphSearch, type GraphPart } from "./graph/graph-search.ts";

import { SearchMemory } from "./search-memory.ts";

const pace = new Pace(() => Promise.resolve());

const DIMENSION = 128;
const ROWS = 40_000;

/** Views anywhere in a message. */
function viewsIn(value: unknown): ArrayBufferView[] {
  if (ArrayBuffer.isView(value)) return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(viewsIn);
}

function isOwn({ buffer, byteLength }: ArrayBufferView): boolean {
  return buffer.byteLength === byteLength;
}

/** One row of a caller's table, and all rows of a bitmap that is part of a larger one. */
const vector = new Float32Array(1_000 * DIMENSION).subarray(DIMENSION, 2 * DIMENSION).fill(1);
const bits = new Uint8Array(ROWS / 4).fill(255).subarray(0, ROWS / 8);

async function open(): Promise<{
  readonly memory: SearchMemory;
  readonly workers: WorkerPool;
  readonly jobs: unknown[];
}> {
  const module = loadKernelModule(await readProgramFile(KERNELS_FILE));
  const memory = new SearchMemory(module, new ArenaPool({ bytesMax: 256 * 1024 * 1024 }));
  const jobs: unknown[] = [];
  const workers: WorkerPool = {
    size: 1,
    run: (_, input) => {
      jobs.push(input);
      return Promise.resolve({ rows: new Uint32Array(0), distances: new Float32Array(0) });
    },
    broadcast: () => undefined,
    close: () => Promise.resolve(),
  };
  return { memory, workers, jobs };
}

it("a scan takes the query and the bits of its rows to a worker, and no more of their buffers", async () => {
  const { memory, workers, jobs } = await open();
  const strideBytes = DIMENSION * 4;
  const { arena, offset } = memory.arenas.allocate(ROWS * (strideBytes + 4));
  const inverseNorms = offset + ROWS * strideBytes;
  const target = { kind: "float32" as const, rows: offset, strideBytes, inverseNorms };
  const scan = new FlatScan(memory, workers, "dot", vector);
  await scan.scan([{ arena, target, rowCount: ROWS, rowBase: 0, bits }], 10, pace);
  expect(jobs.length).toBeGreaterThan(1);
  expect(jobs.flatMap(viewsIn).length).toBe(jobs.length * 2);
  expect(jobs.flatMap(viewsIn).every(isOwn)).toBe(true);
  const sent = jobs as { readonly slice: { readonly bits: Uint8Array } }[];
  expect(Buffer.concat(sent.map(({ slice }) => slice.bits)).equals(bits)).toBe(true);
});

it("a walk takes the query and its bits to a worker, and no more of their buffers", async () => {
  const { memory, workers, jobs } = await open();
  const { arena } = memory.arenas.allocate(4_096);
  const scan = new FlatScan(memory, workers, "dot", vector);
  const search = new GraphSearch(scan, { memory, workers, metric: "dot", vector });
  const target = { m: 16, strideBytes: 128, rowCount: ROWS } as GraphPart["target"];
  await search.walk({ arena, target, bits }, { ef: 1_000, scoredMax: 1_000_000 }, pace);
  expect(jobs.flatMap(viewsIn)).toHaveLength(2);
  expect(jobs.flatMap(viewsIn).every(isOwn)).toBe(true);
});
