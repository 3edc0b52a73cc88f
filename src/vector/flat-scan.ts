/**
 * Flat search over parts of rows in the arenas: short scans at once on this thread, long ones in
 * slices on the workers. Distances of codes are approximate and only choose; {@link FlatScan.score}
 * gives the exact ones.
 */
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
/** Bytes of one slice: about 2 ms. */
const SLICE_BYTES = 8_388_608;

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

  /** The `k` nearest of each part, in the order of the parts. */
  scan(parts: readonly FlatPart[], k: number): RowHits[] | Promise<RowHits[]> {
    const cut = parts.map((part) => ({ arena: part.arena, slices: slicesOf(part) }));
    let bytes = 0;
    for (const { slices } of cut) {
      for (const slice of slices) {
        const rows = slice.rows?.length ?? slice.rowCount;
        this.rowsScanned += rows;
        bytes += rows * slice.target.strideBytes;
      }
    }
    if (bytes <= INLINE_BYTES_MAX || this.#workers.size === 0) {
      return cut.map(({ arena, slices }) => this.#scanHere(arena, slices, k));
    }
    return Promise.all(cut.map(({ arena, slices }) => this.#scanInSlices(arena, slices, k)));
  }

  /** Exact distances of rows of a resident float32 target, in the order of the list. */
  score(arena: number, target: RowTarget, rows: Uint32Array): Float32Array {
    return this.#scanner(arena).scoreRows(target, rows);
  }

  /** Exact distances of rows that were read from a file; any arena serves. */
  scoreRead(arena: number, rows: readonly Float32Array[]): Float32Array {
    const scanner = this.#scanner(arena);
    return Float32Array.from(rows, (row) => scanner.scoreForeign(row));
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

  #scanHere(arena: number, slices: readonly ScanSlice[], k: number): RowHits {
    const scanner = this.#scanner(arena);
    return mergeResults(
      slices.map((slice) => scanSlice(scanner, slice, k)),
      k,
    );
  }

  async #scanInSlices(arena: number, slices: readonly ScanSlice[], k: number): Promise<RowHits> {
    const results = await Promise.all(slices.map((slice) => this.#scanThere(arena, slice, k)));
    return mergeResults(results, k);
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

/** Cuts a part: by time, and so that bitmaps and lists fit the scratch. */
function slicesOf(part: FlatPart): readonly ScanSlice[] {
  const { target, rowCount, rowBase, bits } = part;
  const listed = bits === undefined ? undefined : sparseRows(bits, rowCount);
  if (listed !== undefined) {
    return [{ target, rowFirst: 0, rowCount, rowBase, bits: undefined, rows: listed }];
  }
  const byTime = Math.max(1, Math.floor(SLICE_BYTES / target.strideBytes));
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

/** Merges sorted lists; ties keep the smaller row. */
export function mergeResults(results: readonly RowHits[], k: number): RowHits {
  const only = results[0];
  if (results.length === 1 && only !== undefined) return only;
  const entries = results.flatMap(({ rows, distances }) =>
    Array.from(rows, (row, i) => ({ row, distance: distances[i] ?? 0 })),
  );
  entries.sort((a, b) => a.distance - b.distance || a.row - b.row);
  const kept = entries.slice(0, k);
  return {
    rows: Uint32Array.from(kept, ({ row }) => row),
    distances: Float32Array.from(kept, ({ distance }) => distance),
  };
}
