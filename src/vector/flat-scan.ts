/**
 * Flat search over parts of rows in the arenas: short scans at once on this thread, long ones in
 * slices on the workers, or in turns here when there are none. Distances of codes are approximate
 * and only choose; {@link FlatScan.score} gives the exact ones.
 */
import { allDone } from "../base/all-done.ts";
import { scanSteps, SLICE_STEPS, type Pace } from "../base/pace.ts";
import type { WorkerPool } from "../io/index.ts";
import {
  BITMAP_ROWS_MAX,
  CANDIDATES_MAX,
  type KernelMetric,
  type RowHits,
  type RowScanner,
} from "../math/index.ts";
import { ownView } from "./own-view.ts";
import { SCAN_JOB, type ScanJob } from "./scan-job.ts";
import { scanSlice, type RowTarget, type ScanSlice, type ScanTarget } from "./scan.ts";
import type { LeasedScanner, SearchMemory } from "./search-memory.ts";

/**
 * Bytes scanned on this thread before a worker is worth its hand-over: about 0.3 ms at 5 GB/s
 * (a sleeping worker costs 80 to 110 µs, 2 µs under load).
 */
const INLINE_BYTES_MAX = 1_572_864;
/** Bytes of one slice on a worker: about 2 ms. */
const SLICE_BYTES = 8_388_608;
/** Bytes of one slice on this thread, about 0.25 ms: as many as a pace has steps for. */
const TURN_BYTES = 1_048_576;
/** Rows of a list lie anywhere: each costs as much as two of a range. */
const LISTED_COST = 2;
/** Bytes of a bitmap that are looked through in a step. */
const BITMAP_BYTES_PER_STEP = 4;
/** Steps of merging a hit. */
const MERGE_STEPS = 2;
/** Steps of an exact distance besides its bytes: of a row that was read, and what came before. */
const READ_ROW_STEPS = 64;
/** Slices handed over ahead, so that a worker that is through finds its next. */
const SLICES_AHEAD = 1;

/** Rows of one arena to be searched. */
export interface FlatPart {
  readonly arena: number;
  readonly target: ScanTarget;
  readonly rowCount: number;
  /** Added to row numbers in results. */
  readonly rowBase: number;
  /** Candidates; undefined for all rows. */
  readonly bits: Uint8Array | undefined;
}

/** One query over many parts. Holds scratch; close it. */
export class FlatScan {
  readonly #memory: SearchMemory;
  readonly #workers: WorkerPool;
  readonly #metric: KernelMetric;
  readonly #vector: Float32Array;
  readonly #leased = new Map<number, LeasedScanner>();
  /** Rows looked at so far. */
  rowsScanned = 0;

  constructor(
    memory: SearchMemory,
    workers: WorkerPool,
    metric: KernelMetric,
    vector: Float32Array,
  ) {
    this.#memory = memory;
    this.#workers = workers;
    this.#metric = metric;
    this.#vector = vector;
  }

  /**
   * The `k` nearest of each part, in the order of the parts.
   *
   * @throws what the signal of the pace was aborted with, between two slices.
   */
  scan(parts: readonly FlatPart[], k: number, pace: Pace): RowHits[] | Promise<RowHits[]> {
    let bytes = 0;
    for (const { bits } of parts) if (bits !== undefined) bytes += bits.length;
    const steps = Math.ceil(bytes / BITMAP_BYTES_PER_STEP);
    if (pace.fits(steps)) return this.#scanParts(parts, k, pace);
    return pace.take(steps).then(() => this.#scanParts(parts, k, pace));
  }

  /**
   * Exact distances of rows of a resident float32 target, in the order of the list; in turns when
   * they are many.
   */
  score(
    arena: number,
    target: RowTarget,
    rows: Uint32Array,
    pace: Pace,
  ): Float32Array | Promise<Float32Array> {
    const steps = scanSteps(rows.length * target.strideBytes * LISTED_COST);
    if (rows.length <= CANDIDATES_MAX && pace.fits(steps))
      return this.scoreNow(arena, target, rows);
    return this.#scoreInTurns(arena, target, rows, pace);
  }

  /** The same at once, for who has sliced them; at most CANDIDATES_MAX. */
  scoreNow(arena: number, target: RowTarget, rows: Uint32Array): Float32Array {
    return this.#scanner(arena).scoreRows(target, rows);
  }

  /**
   * Exact distances of rows that were read from a file, a few at a time, one behind the other and
   * without padding; any arena serves.
   */
  scoreRead(arena: number, rows: Float32Array, pace: Pace): Float32Array {
    const distances = this.#scanner(arena).scoreForeign(rows);
    pace.add(scanSteps(rows.byteLength * LISTED_COST) + distances.length * READ_ROW_STEPS);
    return distances;
  }

  close(): void {
    for (const leased of this.#leased.values()) this.#memory.giveBack(leased);
    this.#leased.clear();
  }

  /**
   * Scratch in the arena with a scanner that has the query; for work on this thread that is through
   * before anything else of this scan runs.
   *
   * @throws InsulaError `memory_exhausted`.
   */
  leased(arena: number): LeasedScanner {
    const known = this.#leased.get(arena);
    if (known !== undefined) return known;
    const leased = this.#memory.lease(arena);
    this.#leased.set(arena, leased);
    leased.scanner.prepare(this.#vector, this.#metric);
    return leased;
  }

  #scanner(arena: number): RowScanner {
    return this.leased(arena).scanner;
  }

  #scanParts(parts: readonly FlatPart[], k: number, pace: Pace): RowHits[] | Promise<RowHits[]> {
    const isAlone = this.#workers.size === 0;
    const sliceBytes = isAlone ? TURN_BYTES : SLICE_BYTES;
    const cut = parts.map((part) => ({ arena: part.arena, slices: slicesOf(part, sliceBytes) }));
    let bytes = 0;
    let steps = 0;
    for (const { slices } of cut) {
      for (const slice of slices) {
        this.rowsScanned += slice.rows?.length ?? slice.rowCount;
        bytes += bytesOf(slice);
        steps += stepsOf(slice);
      }
    }
    if (bytes > INLINE_BYTES_MAX && !isAlone) {
      return allDone(cut.map((part) => this.#scanOnWorkers(part, k, pace)));
    }
    if (pace.fits(steps)) return cut.map(({ arena, slices }) => this.#scanHere(arena, slices, k));
    return allDone(cut.map((part) => this.#scanInTurns(part, k, pace)));
  }

  #scanHere(arena: number, slices: readonly ScanSlice[], k: number): RowHits {
    const scanner = this.#scanner(arena);
    return mergeResults(
      slices.map((slice) => scanSlice(scanner, slice, k)),
      k,
    );
  }

  async #scanInTurns({ arena, slices }: CutPart, k: number, pace: Pace): Promise<RowHits> {
    let merged = NO_HITS;
    for (const slice of slices) {
      const steps = stepsOf(slice) + merged.rows.length * MERGE_STEPS;
      if (!pace.fits(steps)) await pace.take(steps);
      // Looked up anew: parts go on at the same time, and each slice has the scanner to itself.
      merged = mergeResults([merged, scanSlice(this.#scanner(arena), slice, k)], k);
    }
    return merged;
  }

  /** As many slices at once as keep the workers busy; after one that fails none is handed over. */
  async #scanOnWorkers({ arena, slices }: CutPart, k: number, pace: Pace): Promise<RowHits> {
    let merged = NO_HITS;
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let slice = slices[next++]; slice !== undefined; slice = slices[next++]) {
        pace.check();
        const hits = await this.#scanThere(arena, slice, k);
        const steps = (merged.rows.length + hits.rows.length) * MERGE_STEPS;
        if (!pace.fits(steps)) await pace.take(steps);
        merged = mergeResults([merged, hits], k);
      }
    };
    const lanes = Math.min(slices.length, this.#workers.size + SLICES_AHEAD);
    const stop = (error: unknown): never => {
      next = slices.length;
      throw error;
    };
    await allDone(Array.from({ length: lanes }, () => lane().catch(stop)));
    return merged;
  }

  async #scoreInTurns(
    arena: number,
    target: RowTarget,
    rows: Uint32Array,
    pace: Pace,
  ): Promise<Float32Array> {
    const distances = new Float32Array(rows.length);
    const step = rowsOfSlice(TURN_BYTES, target, LISTED_COST);
    for (let first = 0; first < rows.length; first += step) {
      const some = rows.subarray(first, first + step);
      const steps = scanSteps(some.length * target.strideBytes * LISTED_COST);
      if (!pace.fits(steps)) await pace.take(steps);
      distances.set(this.scoreNow(arena, target, some), first);
    }
    return distances;
  }

  async #scanThere(arena: number, slice: ScanSlice, k: number): Promise<RowHits> {
    const leased = this.#memory.lease(arena);
    try {
      const { scratch } = leased;
      const memoryBytes = this.#memory.memory(arena).buffer.byteLength;
      const metric = this.#metric;
      const vector = ownView(this.#vector);
      const job: ScanJob = { scratch, memoryBytes, metric, vector, slice: ownSlice(slice), k };
      return (await this.#workers.run(SCAN_JOB, job)) as RowHits;
    } finally {
      this.#memory.giveBack(leased);
    }
  }
}

/** With copies of what it sees only a part of. */
function ownSlice(slice: ScanSlice): ScanSlice {
  const { bits, rows } = slice;
  return { ...slice, bits: bits && ownView(bits), rows: rows && ownView(rows) };
}

interface CutPart {
  readonly arena: number;
  readonly slices: readonly ScanSlice[];
}

const NO_HITS: RowHits = { rows: new Uint32Array(0), distances: new Float32Array(0) };

function bytesOf({ rows, rowCount, target }: ScanSlice): number {
  return (rows?.length ?? rowCount) * target.strideBytes;
}

function stepsOf(slice: ScanSlice): number {
  const cost = slice.rows === undefined ? 1 : LISTED_COST;
  return Math.min(SLICE_STEPS, scanSteps(bytesOf(slice) * cost));
}

function rowsOfSlice(sliceBytes: number, { strideBytes }: ScanTarget, cost: number): number {
  const byTime = Math.max(1, Math.floor(sliceBytes / (strideBytes * cost)));
  return Math.min(byTime, CANDIDATES_MAX);
}

/** Cuts a part: by time, and so that bitmaps and lists fit the scratch. */
function slicesOf(part: FlatPart, sliceBytes: number): readonly ScanSlice[] {
  const { target, rowCount, rowBase, bits } = part;
  const listed = bits === undefined ? undefined : sparseRows(bits, rowCount);
  if (listed !== undefined) return listSlices(part, listed, sliceBytes);
  const byTime = Math.max(1, Math.floor(sliceBytes / target.strideBytes));
  // A multiple of 8, so that a slice's bits begin at a byte.
  const step = Math.max(8, Math.min(byTime, BITMAP_ROWS_MAX) & ~7);
  const slices: ScanSlice[] = [];
  for (let rowFirst = 0; rowFirst < rowCount; rowFirst += step) {
    const count = Math.min(step, rowCount - rowFirst);
    slices.push({
      target,
      rowFirst,
      rowCount: count,
      rowBase,
      bits: bits?.subarray(rowFirst >>> 3, (rowFirst + count + 7) >>> 3),
      rows: undefined,
    });
  }
  return slices;
}

function listSlices(part: FlatPart, listed: Uint32Array, sliceBytes: number): ScanSlice[] {
  const { target, rowCount, rowBase } = part;
  const step = rowsOfSlice(sliceBytes, target, LISTED_COST);
  const slices: ScanSlice[] = [];
  // One for no rows too: a part has a result.
  for (let first = 0; first < Math.max(1, listed.length); first += step) {
    const rows = listed.subarray(first, first + step);
    slices.push({ target, rowFirst: 0, rowCount, rowBase, bits: undefined, rows });
  }
  return slices;
}

/** The candidates as a list when they are few: cheaper than walking the whole bitmap. */
function sparseRows(bits: Uint8Array, rowCount: number): Uint32Array | undefined {
  const limit = Math.min(CANDIDATES_MAX, Math.max(64, rowCount >>> 4));
  const rows = new Uint32Array(limit);
  let count = 0;
  for (let byte = 0; byte < bits.length; byte++) {
    for (let left = bits[byte] ?? 0; left !== 0; left &= left - 1) {
      const row = byte * 8 + (31 - Math.clz32(left & -left));
      if (row >= rowCount) break;
      if (count === limit) return undefined;
      rows[count++] = row;
    }
  }
  return rows.subarray(0, count);
}

/** Merges lists that are in the order (distance, row); at most `k`. */
export function mergeResults(results: readonly RowHits[], k: number): RowHits {
  let merged = results[0] ?? NO_HITS;
  for (let i = 1; i < results.length; i++) merged = mergeTwo(merged, results[i] ?? NO_HITS, k);
  return merged;
}

function mergeTwo(a: RowHits, b: RowHits, k: number): RowHits {
  if (a.rows.length === 0) return b;
  if (b.rows.length === 0) return a;
  const length = Math.min(k, a.rows.length + b.rows.length);
  const rows = new Uint32Array(length);
  const distances = new Float32Array(length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < length; at++) {
    const isFirst = j === b.rows.length || (i < a.rows.length && isNearer(a, i, b, j));
    const from = isFirst ? a : b;
    const position = isFirst ? i++ : j++;
    rows[at] = from.rows[position] ?? 0;
    distances[at] = from.distances[position] ?? 0;
  }
  return { rows, distances };
}

function isNearer(a: RowHits, i: number, b: RowHits, j: number): boolean {
  const [near, other] = [a.distances[i] ?? 0, b.distances[j] ?? 0];
  return near < other || (near === other && (a.rows[i] ?? 0) < (b.rows[j] ?? 0));
}
