/**
 * Exact distances of all candidates of a part, in slices: for scores that are more than a distance,
 * where codes cannot choose.
 */
import { scanSteps, type Pace } from "../base/pace.ts";
import type { VectorField } from "../model/index.ts";
import { RowWindow, type FlatScan, type RowTarget, type SearchMemory } from "../vector/index.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";

/** Rows looked at for candidates, and scored, at a time: what fits the scratch of a scanner. */
const STRETCH_ROWS = 16_384;

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
  readonly pace: Pace;
}

/** Rows ascending; each stretch is scored when it is asked for. */
export async function* memtableDistances(
  source: DenseSource,
  view: MemtableView,
): AsyncIterable<ScoredRows> {
  for (const part of view.memtable.rows(source.field.name).targets(view.rowCount)) {
    yield* stretches(source, { ...part, base: part.rowFirst });
  }
}

/**
 * From memory where the float32 rows are there, else read a window at a time.
 *
 * @throws InsulaError `memory_exhausted`, `data_damaged`.
 */
export async function* segmentDistances(
  source: DenseSource,
  { segment }: SegmentView,
): AsyncIterable<ScoredRows> {
  const { memory, field, bits, pace } = source;
  const maybe = segment.dense.resident(field);
  const resident = maybe instanceof Promise ? await maybe : maybe;
  const rowTargets = resident.rowTargets();
  const { rowCount } = segment;
  if (rowTargets !== undefined) {
    for (const part of rowTargets) yield* stretches(source, { ...part, base: part.rowFirst });
    return;
  }
  const window = new RowWindow(memory, field.dimension);
  try {
    for (let first = 0; first < rowCount; first += window.rowCapacity) {
      const count = Math.min(window.rowCapacity, rowCount - first);
      if (!pace.fits(count)) await pace.take(count);
      if (candidatesIn(bits, first, { from: 0, count }).length === 0) continue;
      await segment.dense.readRows(field, first, window.bytes(count), pace);
      segment.dense.missed(field, window.bytes(count).length);
      const steps = scanSteps(window.bytes(count).length);
      if (!pace.fits(steps)) await pace.take(steps);
      yield* stretches(source, { ...window.target(count), base: first, rowCount: count });
    }
  } finally {
    window.release();
  }
}

interface PlacedRows {
  readonly arena: number;
  readonly target: RowTarget;
  /** The row of the part that is the first of the target. */
  readonly base: number;
  readonly rowCount: number;
}

async function* stretches(
  { scan, bits, pace }: DenseSource,
  { arena, target, base, rowCount }: PlacedRows,
): AsyncIterable<ScoredRows> {
  for (let from = 0; from < rowCount; from += STRETCH_ROWS) {
    const count = Math.min(STRETCH_ROWS, rowCount - from);
    if (!pace.fits(count)) await pace.take(count);
    const rows = candidatesIn(bits, base, { from, count });
    if (rows.length === 0) continue;
    const maybe = scan.score(arena, target, rows, pace);
    const distances = maybe instanceof Promise ? await maybe : maybe;
    yield { rows: rows.map((row) => row + base), distances };
  }
}

/** Candidates of a stretch of rows, counted from the base. */
function candidatesIn(
  bits: Uint8Array | undefined,
  base: number,
  { from, count }: { readonly from: number; readonly count: number },
): Uint32Array {
  const rows = new Uint32Array(count);
  let found = 0;
  for (let i = from; i < from + count; i++) {
    const row = base + i;
    if (bits !== undefined && ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
    rows[found++] = i;
  }
  return rows.subarray(0, found);
}
