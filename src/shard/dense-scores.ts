/**
 * Exact distances of all candidates of a part, in slices: for scores that are more than a distance,
 * where codes cannot choose.
 */
import { rowStrideBytes } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import { RowWindow, type FlatScan, type SearchMemory } from "../vector/index.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";

/** Bytes of float32 rows scored before the thread is given back: below 1 ms. */
const SLICE_BYTES = 4_194_304;
/** Rows of a slice: what fits the scratch of a scanner. */
const SLICE_ROWS_MAX = 16_384;

export interface ScoredRows {
  readonly rows: Uint32Array;
  readonly distances: Float32Array;
}

export interface DenseSource {
  readonly scan: FlatScan;
  readonly memory: SearchMemory;
  readonly field: VectorField;
  /** Candidates, one bit a row; undefined for all. */
  readonly bits: Uint8Array | undefined;
}

/** Rows ascending; each slice is scored when it is asked for. */
export function* memtableDistances(
  { scan, field, bits }: DenseSource,
  view: MemtableView,
): Iterable<ScoredRows> {
  for (const part of view.memtable.rows(field.name).targets(view.rowCount)) {
    const { arena, target, rowFirst, rowCount } = part;
    const rows = candidatesIn(bits, rowFirst, rowCount);
    for (const own of slices(rows, field)) {
      const distances = scan.score(arena, target, own);
      yield { rows: own.map((row) => row + rowFirst), distances };
    }
  }
}

/**
 * From memory where the float32 rows are there, else read a window at a time.
 *
 * @throws InsulaError `memory_exhausted`, `data_damaged`.
 */
export async function* segmentDistances(
  { scan, memory, field, bits }: DenseSource,
  { segment }: SegmentView,
): AsyncIterable<ScoredRows> {
  const maybe = segment.resident(field);
  const resident = maybe instanceof Promise ? await maybe : maybe;
  const rowTarget = resident.rowTarget();
  if (rowTarget !== undefined) {
    for (const rows of slices(candidatesIn(bits, 0, segment.rowCount), field)) {
      yield { rows, distances: scan.score(rowTarget.arena, rowTarget.target, rows) };
    }
    return;
  }
  const window = new RowWindow(memory, field.dimension);
  try {
    for (let first = 0; first < segment.rowCount; first += window.rowCapacity) {
      const count = Math.min(window.rowCapacity, segment.rowCount - first);
      const rows = candidatesIn(bits, first, count);
      if (rows.length === 0) continue;
      await segment.readRows(field, first, window.bytes(count));
      const { arena, target } = window.target(count);
      for (const own of slices(rows, field)) {
        yield { rows: own.map((row) => row + first), distances: scan.score(arena, target, own) };
      }
    }
  } finally {
    window.release();
  }
}

function* slices(rows: Uint32Array, { dimension }: VectorField): Iterable<Uint32Array> {
  const byBytes = Math.floor(SLICE_BYTES / rowStrideBytes(dimension));
  const step = Math.min(SLICE_ROWS_MAX, Math.max(8, byBytes));
  for (let at = 0; at < rows.length; at += step) yield rows.subarray(at, at + step);
}

/** Candidates of a stretch of rows, counted from its first. */
function candidatesIn(bits: Uint8Array | undefined, first: number, count: number): Uint32Array {
  const rows = new Uint32Array(count);
  let found = 0;
  for (let i = 0; i < count; i++) {
    const row = first + i;
    if (bits !== undefined && ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
    rows[found++] = i;
  }
  return rows.subarray(0, found);
}
