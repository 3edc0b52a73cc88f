/** Which rows of a part may be returned: live, and passing the filter. One bit a row. */
import { Bitmap } from "../base/bitset.ts";
import { evaluateFilter, filterRows } from "../inverted/index.ts";
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

/**
 * From the inverted indexes of the properties the filter names; no other section is read.
 *
 * @param unfilterable properties of the schema that are not indexed: their rows are looked at.
 */
export async function segmentCandidates(
  { segment, liveBits }: SegmentView,
  filter: Filter | undefined,
  unfilterable: readonly string[],
): Promise<Uint8Array | undefined> {
  if (filter === undefined) return liveBits;
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
  return rows.bytes();
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
