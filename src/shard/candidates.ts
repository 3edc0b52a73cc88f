/** Which rows of a part may be returned: live, and passing the filter. One bit a row. */
import { Bitmap } from "../base/bitset.ts";
import type { Pace } from "../base/pace.ts";
import { evaluateFilter, filterName } from "../inverted/index.ts";
import { compileFilter, type Filter, type FilterLeaf } from "../model/index.ts";
import { lookAtMemtable, lookSteps } from "./looked-rows.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";

/** Row by row: a memtable is bounded and its metadata is in memory. Undefined: all rows. */
export function memtableCandidates(
  view: MemtableView,
  filter: Filter | undefined,
  pace: Pace,
): Uint8Array | undefined | Promise<Uint8Array> {
  if (filter === undefined) return view.liveBits;
  return lookAtMemtable(view, compileFilter(filter), pace);
}

export interface CandidateRules {
  /** Properties of the schema that are not indexed: their rows are looked at. */
  readonly unfilterable: readonly string[];
  readonly pace: Pace;
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
 */
export function segmentCandidates(
  view: SegmentView,
  filter: Filter | undefined,
  { unfilterable, pace }: CandidateRules,
): CandidateRows | Promise<CandidateRows> {
  if (filter === undefined) return { bits: view.liveBits, count: view.liveCount };
  const name = view.isAltered === true ? undefined : filterName(filter);
  if (name === undefined) return evaluateRows(view, filter, { unfilterable, pace });
  const keptName = `${view.liveCount}${name}`;
  const kept = view.segment.kept(keptName);
  if (kept !== undefined) return unpack(kept);
  return evaluateRows(view, filter, { unfilterable, pace }).then((rows) => {
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
  { unfilterable, pace }: CandidateRules,
): Promise<CandidateRows> {
  const { rowCount } = segment;
  const live = liveBits === undefined ? undefined : Bitmap.fromBytes(rowCount, liveBits);
  const hasAllProperties = await segment.hasAllProperties();
  const rows = await evaluateFilter(filter, {
    rowCount,
    pace,
    ...(live === undefined ? {} : { candidates: live }),
    indexFor: async (property) => {
      const index = await segment.inverted(property);
      const isCertain = hasAllProperties && !unfilterable.includes(property);
      return index ?? (isCertain ? "missing" : undefined);
    },
    fallback: (leaf, candidates) => lookAtRows(segment, leaf, candidates, pace),
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
  pace: Pace,
): Promise<Bitmap> {
  const compiled = compileFilter(leaf);
  const rows = new Bitmap(candidates.rowCount);
  const { words } = candidates;
  for (let i = 0; i < words.length; i++) {
    for (let word = words[i] ?? 0; word !== 0; word &= word - 1) {
      const row = i * 32 + 31 - Math.clz32(word & -word);
      const entry = segment.record(row);
      const { metadata } = entry instanceof Promise ? await entry : entry;
      const steps = READ_STEPS + lookSteps(compiled, metadata);
      if (!pace.fits(steps)) await pace.take(steps);
      if (compiled.matches(metadata)) rows.add(row);
    }
  }
  return rows;
}

/** Steps of finding a record in its block. */
const READ_STEPS = 64;
