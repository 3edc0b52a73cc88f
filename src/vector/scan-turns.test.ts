/** Scans give the thread back: rows between two turns are counted, never timed. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { Pace } from "../base/pace.ts";
import { InlinePool, type WorkerPool } from "../io/index.ts";
import { ArenaPool, KERNELS_FILE, loadKernelModule } from "../math/index.ts";
import { FlatScan, type FlatPart } from "./flat-scan.ts";
import type { RowTarget } from "./scan.ts";
import { SearchMemory } from "./search-memory.ts";

const DIMENSION = 256;
const STRIDE = DIMENSION * 4;
/** 40 MiB of rows: ten slices of this thread. */
const ROWS = 40_960;
/** Rows of 4 MiB: what a slice of this thread has room for. */
const SLICE_ROWS = 4_096;

let memory: SearchMemory;
let part: FlatPart & { readonly target: RowTarget };
let rowsSince = 0;
let rowsMost = 0;
let rowsAll = 0;

beforeAll(() => {
  const kernelModule = loadKernelModule(readFileSync(KERNELS_FILE.beside));
  memory = new SearchMemory(kernelModule, new ArenaPool({ bytesMax: 2 ** 28 }));
  const { arena, offset } = memory.arenas.allocate(ROWS * (STRIDE + 4));
  const target = { kind: "float32" as const, rows: offset, strideBytes: STRIDE };
  part = {
    ...{ arena, rowCount: ROWS, rowBase: 0, bits: undefined },
    target: { ...target, inverseNorms: offset + ROWS * STRIDE },
  };
  const values = new Float32Array(memory.memory(arena).buffer, offset, ROWS * DIMENSION);
  for (let row = 0; row < ROWS; row++) values[row * DIMENSION] = (row * 7_919) % ROWS;
  // Whoever scans says how many rows: the scanner itself, not what the pace was told.
  const { scanner } = memory.lease(arena);
  const [range, list, score] = [scanner.scanFloat32, scanner.scanFloat32Rows, scanner.scoreRows];
  scanner.scanFloat32 = (block, rows) => {
    count(rows.rowCount);
    range.call(scanner, block, rows);
  };
  scanner.scanFloat32Rows = (block, rows, base) => {
    count(rows);
    list.call(scanner, block, rows, base);
  };
  scanner.scoreRows = (block, rows) => {
    count(rows.length);
    return score.call(scanner, block, rows);
  };
  memory.giveBack({ scratch: memory.lease(arena).scratch, scanner });
});

function count(rows: number): void {
  rowsAll += rows;
  rowsSince += rows;
  rowsMost = Math.max(rowsMost, rowsSince);
}

/** A pace whose turns begin a new count; aborted at a turn, if told. */
function counted(abortAt = Number.POSITIVE_INFINITY): Pace {
  [rowsSince, rowsMost, rowsAll] = [0, 0, 0];
  const abort = new AbortController();
  let turns = 0;
  return new Pace(async () => {
    await new Promise(setImmediate);
    rowsSince = 0;
    if (++turns === abortAt) abort.abort(new RangeError("enough"));
  }, abort.signal);
}

const alone = new InlinePool({ jobs: {}, onBroadcast: () => undefined });

function open(workers: WorkerPool = alone): FlatScan {
  return new FlatScan(memory, workers, "dot", new Float32Array(DIMENSION).fill(1));
}

function half(): Uint8Array {
  return new Uint8Array(ROWS / 8).fill(0x55);
}

it.each([
  ["all rows", undefined],
  ["half of the rows", half()],
])("a scan of %s on this thread is cut into slices, with the hits of one", async (_, bits) => {
  const scan = open();
  const [hits] = await scan.scan([{ ...part, bits }], 5, counted());
  scan.close();
  expect(rowsMost).toBeLessThanOrEqual(SLICE_ROWS);
  expect(rowsAll).toBe(ROWS);
  const rows = Array.from({ length: ROWS }, (_, row) => row)
    .filter((row) => bits === undefined || row % 2 === 0)
    .sort((a, b) => ((b * 7_919) % ROWS) - ((a * 7_919) % ROWS) || a - b);
  expect([...(hits?.rows ?? [])]).toEqual(rows.slice(0, 5));
});

it("a list of few rows, each of many bytes, is cut too", async () => {
  const bits = new Uint8Array(ROWS / 8);
  for (let row = 0; row < ROWS; row += 17)
    bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
  const scan = open();
  const [hits] = await scan.scan([{ ...part, bits }], 3, counted());
  scan.close();
  expect(rowsAll).toBe(Math.ceil(ROWS / 17));
  expect(rowsMost).toBeLessThanOrEqual(SLICE_ROWS / 2);
  expect(hits?.rows.every((row) => row % 17 === 0)).toBe(true);
});

it("exact distances of many candidates are computed in slices, in the order of the list", async () => {
  const scan = open();
  const rows = Uint32Array.from({ length: 16_000 }, (_, i) => (i * 31) % ROWS);
  const distances = await scan.score(part.arena, part.target, rows, counted());
  scan.close();
  expect([...distances]).toEqual(Array.from(rows, (row) => 0 - ((row * 7_919) % ROWS)));
  expect(rowsMost).toBeLessThanOrEqual(SLICE_ROWS / 2);
});

it("a scan that is given up ends inside, here and between the slices of the workers", async () => {
  const scan = open();
  await expect(scan.scan([part], 5, counted(3))).rejects.toThrow("enough");
  expect(rowsAll).toBeLessThanOrEqual(3 * SLICE_ROWS);

  const abort = new AbortController();
  let running = 0;
  let runningMost = 0;
  let started = 0;
  const workers: WorkerPool = {
    size: 2,
    run: async () => {
      runningMost = Math.max(runningMost, ++running);
      const number = ++started;
      if (number === 4) abort.abort(new RangeError("enough"));
      for (let i = 0; i < number; i++) await new Promise(setImmediate);
      running--;
      return { rows: new Uint32Array(0), distances: new Float32Array(0) };
    },
    broadcast: () => undefined,
    close: () => Promise.resolve(),
  };
  const there = open(workers);
  const pace = new Pace(() => Promise.resolve(), abort.signal);
  await expect(there.scan([part, part, part], 5, pace)).rejects.toThrow("enough");
  // What they read may be somebody else's from now on.
  expect(running).toBe(0);
  there.close();
  scan.close();
  // Three parts of five slices each, of which as many run as keep two workers busy.
  expect(runningMost).toBeLessThanOrEqual(9);
  expect(started).toBeLessThan(15);
});
