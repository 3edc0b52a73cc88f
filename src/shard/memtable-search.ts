/**
 * The nearest rows of a memtable, exactly. Its rows are in the order of arrival, so that of those
 * that share the last place all are found: their keys decide.
 */
import type { Pace } from "../base/pace.ts";
import type { RowHits } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import { mergeResults, type FlatPart, type FlatScan } from "../vector/index.ts";
import type { MemtableView } from "./read-view.ts";

/** Rows scored at once while ties are looked for, at most; what fits the scratch of a scanner. */
const TIE_STEP_ROWS = 4_096;
/** Steps of a row that is compared with the last place, besides its bytes. */
const TIE_ROW_STEPS = 4;

export interface MemtableScan {
  readonly scan: FlatScan;
  readonly field: VectorField;
  readonly topK: number;
  readonly pace: Pace;
}

/** The nearest k, and those that are as near as the last. */
export async function scanMemtable(
  { scan, field, topK, pace }: MemtableScan,
  view: MemtableView,
  bits: Uint8Array | undefined,
): Promise<RowHits> {
  const parts = view.memtable
    .rows(field.name)
    .targets(view.rowCount)
    .map(({ arena, rowFirst, rowCount, target }): FlatPart => ({
      arena,
      target,
      rowCount,
      rowBase: rowFirst,
      bits: bits === undefined ? undefined : bitsFrom(bits, rowFirst, rowCount),
    }));
  // One more than asked for tells whether the last place is shared: rows are not in key order here.
  const results = await scan.scan(parts, topK + 1, pace);
  // Merged first: the ties of the whole memtable are looked for once.
  const nearest = mergeResults(results, topK + 1);
  const { distances } = nearest;
  const edge = distances[topK - 1];
  if (edge === undefined || distances[topK] !== edge) return nearest;
  return allUpTo({ scan, field, pace }, view, { bits, edge });
}

/** All rows up to a distance. */
async function allUpTo(
  { scan, field, pace }: Omit<MemtableScan, "topK">,
  view: MemtableView,
  { bits, edge }: { readonly bits: Uint8Array | undefined; readonly edge: number },
): Promise<RowHits> {
  const rows: number[] = [];
  const distances: number[] = [];
  for (const part of view.memtable.rows(field.name).targets(view.rowCount)) {
    const { arena, rowFirst, rowCount, target } = part;
    for (let start = 0; start < rowCount; start += TIE_STEP_ROWS) {
      const step = rangeOf(start, Math.min(rowCount, start + TIE_STEP_ROWS));
      const steps = step.length * TIE_ROW_STEPS;
      if (!pace.fits(steps)) await pace.take(steps);
      const maybe = scan.score(arena, target, step, pace);
      const scored = maybe instanceof Promise ? await maybe : maybe;
      for (let i = 0; i < step.length; i++) {
        const row = rowFirst + start + i;
        const distance = scored[i] ?? Number.POSITIVE_INFINITY;
        const isCandidate = bits === undefined || ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
        if (distance > edge || !isCandidate) continue;
        rows.push(row);
        distances.push(distance);
      }
    }
  }
  return { rows: Uint32Array.from(rows), distances: Float32Array.from(distances) };
}

function rangeOf(first: number, end: number): Uint32Array {
  const rows = new Uint32Array(end - first);
  for (let i = 0; i < rows.length; i++) rows[i] = first + i;
  return rows;
}

/** Bits from `first` on, which need not begin at a byte. */
function bitsFrom(bits: Uint8Array, first: number, count: number): Uint8Array {
  if (first % 8 === 0) return bits.slice(first >>> 3, (first + count + 7) >>> 3);
  const cut = new Uint8Array((count + 7) >>> 3);
  const shift = first & 7;
  for (let i = 0; i < cut.length; i++) {
    const at = (first >>> 3) + i;
    cut[i] = ((bits[at] ?? 0) >>> shift) | ((bits[at + 1] ?? 0) << (8 - shift));
  }
  return cut;
}
