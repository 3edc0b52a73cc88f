/** Which rows of a part may be returned: live, and passing the filter. One bit a row. */
import { Bitmap } from "../base/bitset.ts";
import { evaluateFilter, filterName, filterRows } from "../inverted/index.ts";
import { compileFilter, type Filter, type FilterLeaf } from "../model/index.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";

/** Row by row: a memtable is bounded and its metadata is in memory. Undefined: all rows. */
export function memtableCandidates(
  { memtable, rowCount, liveBits }: MemtableView,
  filter: Filter | undefined,
): Uint8Array | undefined {
  if (filter === undefined) return liveBits;
  const { matches } = compileFilter(filter);
  const bits = new Uint8Array((rowCount + 7) >>> 3);
  for (let row = 0; row < rowCount; row++) {
    const bit = 1 << (row & 7);
    if (liveBits !== undefined && ((liveBits[row >>> 3] ?? 0) & bit) === 0) continue;
    if (matches(memtable.metadata(row))) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | bit;
  }
  return bits;
}

/** Rows of a segment that may be returned. */
export interface CandidateRows {
  /** One bit a row, for reading only; undefined: all rows. */
  readonly bits: Uint8Array | undefined;
  readonly count: number;
}

/**
 * From the inverted indexes of the properties the filter names; no other section is read. The last
 * answers are kept with the segment's blocks: a row that is dead stays dead, so the number of live
 * rows tells whether an answer is still true.
 *
 * @param unfilterable properties of the schema that are not indexed: their rows are looked at.
 */
export function segmentCandidates(
  view: SegmentView,
  filter: Filter | undefined,
  unfilterable: readonly string[],
): CandidateRows | Promise<CandidateRows> {
  if (filter === undefined) return { bits: view.liveBits, count: view.liveCount };
  const name = view.isAltered === true ? undefined : filterName(filter);
  if (name === undefined) return evaluateRows(view, filter, unfilterable);
  const keptName = `${view.liveCount}${name}`;
  const kept = view.segment.kept(keptName);
  if (kept !== undefined) return unpack(kept);
  return evaluateRows(view, filter, unfilterable).then((rows) => {
    view.segment.keep(keptName, pack(rows));
    return rows;
  });
}

/** Rows of which the bit is set; all when there are no bits. */
export function countBits(bits: Uint8Array | undefined, rowCount: number): number {
  return bits === undefined ? rowCount : Bitmap.fromBytes(rowCount, bits).count();
}

async function evaluateRows(
  { segment, liveBits }: SegmentView,
  filter: Filter,
  unfilterable: readonly string[],
): Promise<CandidateRows> {
  const { rowCount } = segment;
  const live = liveBits === undefined ? undefined : Bitmap.fromBytes(rowCount, liveBits);
  const hasAllProperties = await segment.hasAllProperties();
  const rows = await evaluateFilter(filter, {
    rowCount,
    ...(live === undefined ? {} : { candidates: live }),
    indexFor: async (property) => {
      const index = await segment.inverted(property);
      const isCertain = hasAllProperties && !unfilterable.includes(property);
      return index ?? (isCertain ? "missing" : undefined);
    },
    fallback: (leaf, candidates) => lookAtRows(segment, leaf, candidates),
  });
  return { bits: rows.bytes(), count: rows.count() };
}

/** The bits with their count behind them. */
function pack({ bits, count }: CandidateRows): Uint8Array {
  const packed = new Uint8Array((bits?.length ?? 0) + 4);
  if (bits !== undefined) packed.set(bits);
  new DataView(packed.buffer).setUint32(packed.length - 4, count, true);
  return packed;
}

function unpack(packed: Uint8Array): CandidateRows {
  const end = packed.length - 4;
  const count = new DataView(packed.buffer, packed.byteOffset + end, 4).getUint32(0, true);
  return { bits: packed.subarray(0, end), count };
}

async function lookAtRows(
  segment: SegmentView["segment"],
  leaf: FilterLeaf,
  candidates: Bitmap,
): Promise<Bitmap> {
  const metadata = new Map<number, Uint8Array | undefined>();
  for (const row of candidates.toIds()) metadata.set(row, (await segment.record(row)).metadata);
  return filterRows(leaf, candidates, (row) => metadata.get(row));
}
