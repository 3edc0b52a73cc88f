/**
 * Searches with a sparse vector over one shard, exact always: alone, or with a dense vector in one
 * score.
 *
 * Alone: segments through their inverted index, memtables row by row; hits are the records that
 * share a dimension with the query. With a dense vector: every candidate is scored in both, the
 * dense rows as an exact search does, and the distance is
 *
 *     float32(dense weight × dense distance + sparse weight × (0 − sparse sum))
 *
 * with the dense distance a float32 and the sparse sum a float64, added in ascending order of the
 * dimension. Index and scan give the same bits (`inverted/sparse/`), so a hit has the same distance
 * wherever its record lies.
 */
import type { Pace } from "../base/pace.ts";
import { FLOAT32_MAX } from "../math/index.ts";
import {
  sparseRow,
  type Query,
  type QueryPlan,
  type SparseQuery,
  type VectorField,
} from "../model/index.ts";
import {
  BestRows,
  scoreAllSparse,
  searchSparse,
  sparseDot,
  type SparseReader,
} from "../inverted/index.ts";
import { FlatScan } from "../vector/index.ts";
import { countBits, memtableCandidates, segmentCandidates } from "./candidates.ts";
import { memtableDistances, segmentDistances, type ScoredRows } from "./dense-scores.ts";
import { kernelMetric } from "./kernel-metric.ts";
import { isWithin, nearest, SPARSE_MEASURE, type Candidate } from "./ranked-records.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";
import { SearchTrace } from "./search-trace.ts";
import type { ShardContext } from "./shard-context.ts";
import { WorkTally } from "./work-tally.ts";
import type { Ranking, SearchedView, SearchRules } from "./shard-search.ts";

/** Steps of a row of a memtable besides its values, of one that is offered, and of a candidate. */
const ROW_STEPS = 16;
const OFFER_STEPS = 2;
const CANDIDATE_STEPS = 8;
/** Rows that are offered at a time. */
const OFFERED_ROWS = 16_384;

const INDEX_IS_EXACT = "The index of the sparse field gives exactly the nearest.";
const NOTHING_SHARED = "No row shares a dimension with the query, says the index.";

/** A query that searches by a sparse vector, and may search by another vector too. */
export type SparseSearchQuery = Query & { readonly sparse: SparseQuery };

/** The dense field is undefined when only the sparse vector is searched for. */
type SparseRules = Pick<SearchRules, "unfilterable" | "pace"> & {
  readonly field: VectorField | undefined;
};

/**
 * The nearest of a view; `query.vector` and `query.sparse` are what is searched for.
 *
 * @throws InsulaError `data_damaged`; what the query's signal was aborted with.
 */
export async function rankSparse(
  context: ShardContext,
  view: SearchedView,
  { field, unfilterable, pace }: SparseRules,
  query: SparseSearchQuery,
): Promise<Ranking> {
  const { clock, observer } = context;
  const dense = denseOf(context, field, query);
  try {
    const trace = query.isExplained === true ? new SearchTrace(clock) : undefined;
    const work: Work = {
      ...{ context, query, unfilterable, pace, dense, trace },
      ...{ found: [], scanned: 0 },
    };
    const cost = new WorkTally();
    cost.filtered(view, query.filter, unfilterable);
    const startMs = clock.monotonicMs();
    for (const part of view.memtables) await searchMemtable(work, part);
    for (const part of view.segments) await searchSegment(work, part);
    const scannedAtMs = clock.monotonicMs();
    observer.endStep("scan", startMs, scannedAtMs);
    const ranked = await nearest(work.found, query, pace);
    const rankedAtMs = clock.monotonicMs();
    observer.endStep("fetch", scannedAtMs, rankedAtMs);
    trace?.add("fetch", rankedAtMs - scannedAtMs);
    cost.compared(work.scanned, (field?.dimension ?? 0) + query.sparse.vector.indices.length);
    const plan = {
      rowsScanned: work.scanned,
      rowsRescored: 0,
      segmentCount: view.segments.length,
      path: describePath(view, dense),
    };
    return { ranked, plan, trace, cost };
  } finally {
    dense?.scan.close();
  }
}

/** The dense half of a query. */
interface Dense {
  readonly field: VectorField;
  readonly scan: FlatScan;
  readonly denseWeight: number;
  readonly sparseWeight: number;
}

interface Work {
  readonly context: ShardContext;
  readonly query: SparseSearchQuery;
  readonly unfilterable: readonly string[];
  readonly pace: Pace;
  /** Undefined when only the sparse vector is searched. */
  readonly dense: Dense | undefined;
  readonly trace: SearchTrace | undefined;
  readonly found: Candidate[];
  scanned: number;
}

function denseOf(
  { memory, workers }: ShardContext,
  field: VectorField | undefined,
  { vector, weights }: Query,
): Dense | undefined {
  if (vector === undefined || field === undefined) return undefined;
  const scan = new FlatScan(memory, workers, kernelMetric(field), vector);
  return { field, scan, denseWeight: weights?.dense ?? 1, sparseWeight: weights?.sparse ?? 1 };
}

async function searchMemtable(work: Work, view: MemtableView): Promise<void> {
  const { context, query, dense, pace } = work;
  const trace = work.trace?.memtable(view.rowCount);
  const bits = await memtableCandidates(view, query.filter, pace);
  trace?.filtered(countBits(bits, view.rowCount));
  const sums = await memtableSums(work, view, bits);
  // NaN: the row is no hit.
  let distances = sums.map((sum) => Math.fround(0 - sum));
  if (dense !== undefined) {
    distances = new Float64Array(view.rowCount).fill(Number.NaN);
    const { memory } = context;
    const parts = memtableDistances({ ...dense, memory, bits, pace }, view);
    const take = (row: number, distance: number): void => {
      distances[row] = distance;
    };
    await addScores(work, dense, { parts, sums, take });
  }
  await addNearest(work, distances, view);
  trace?.scanned("exact", "Rows that are in no segment yet are compared exactly.");
}

/** NaN for rows without a shared dimension. */
async function memtableSums(
  work: Work,
  view: MemtableView,
  bits: Uint8Array | undefined,
): Promise<Float64Array> {
  const { pace } = work;
  const { sparse } = work.query;
  const rows = view.memtable.sparseRows(sparse.field).view();
  const sums = new Float64Array(view.rowCount).fill(Number.NaN);
  for (let row = 0; row < view.rowCount; row++) {
    if (pace.left === 0) await pace.rest();
    pace.add(1);
    if (bits !== undefined && ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
    if (work.dense === undefined) work.scanned++;
    const vector = sparseRow(rows, row);
    if (vector === undefined) continue;
    sums[row] = sparseDot(sparse.vector, vector) ?? Number.NaN;
    pace.add(ROW_STEPS + vector.indices.length + sparse.vector.indices.length);
  }
  return sums;
}

async function searchSegment(work: Work, view: SegmentView): Promise<void> {
  const { context, query, dense, pace } = work;
  const { clock, observer } = context;
  const { segment } = view;
  const trace = work.trace?.segment(segment);
  const startMs = query.filter === undefined ? 0 : clock.monotonicMs();
  const chosen = segmentCandidates(view, query.filter, work);
  const { bits, count } = chosen instanceof Promise ? await chosen : chosen;
  if (query.filter !== undefined) observer.endStep("plan", startMs, clock.monotonicMs());
  trace?.filtered(count);
  const reader = await segment.sparse.reader(query.sparse.field);
  if (dense !== undefined) await segment.dense.resident(dense.field);
  trace?.loaded();
  if (dense !== undefined) {
    await scoreBoth(work, dense, view, { reader, bits });
    trace?.scanned("exact", "A score of dense and sparse together is compared exactly.");
    return;
  }
  trace?.because("No row of the segment has a vector in the sparse field.");
  if (reader === undefined) return;
  const asked = { pace, bits, k: query.topK };
  const { rows, scores, rowsScored } = await searchSparse(reader, query.sparse.vector, asked);
  work.scanned += rowsScored;
  if (!pace.fits(rows.length * CANDIDATE_STEPS)) await pace.take(rows.length * CANDIDATE_STEPS);
  for (const [i, row] of rows.entries()) addFound(work, view, row, 0 - (scores[i] ?? 0));
  trace?.walked(rowsScored);
  trace?.scanned("sparse", rowsScored === 0 ? NOTHING_SHARED : INDEX_IS_EXACT);
}

async function scoreBoth(
  work: Work,
  dense: Dense,
  view: SegmentView,
  {
    reader,
    bits,
  }: { readonly reader: SparseReader | undefined; readonly bits: Uint8Array | undefined },
): Promise<void> {
  const { context, pace } = work;
  const { memory } = context;
  const { sparse, topK } = work.query;
  const { rowCount } = view.segment;
  const sums =
    reader === undefined
      ? new Float64Array(rowCount)
      : await scoreAllSparse(reader, sparse.vector, pace);
  // Rows of a segment are in the order of their keys: of equal ones the smaller row is the nearer.
  const best = new BestRows(topK, rowCount);
  const parts = segmentDistances({ ...dense, memory, bits, pace }, view);
  const take = (row: number, distance: number): void => {
    if (0 - distance >= best.threshold) best.offer(row, 0 - distance);
  };
  await addScores(work, dense, { parts, sums, take });
  const { rows, scores } = await best.sorted(pace);
  if (!pace.fits(rows.length * CANDIDATE_STEPS)) await pace.take(rows.length * CANDIDATE_STEPS);
  for (const [i, row] of rows.entries()) addFound(work, view, row, 0 - (scores[i] ?? 0));
}

/** One distance of both, for each row that is scored. */
async function addScores(
  work: Work,
  { denseWeight, sparseWeight }: Dense,
  scores: {
    readonly parts: AsyncIterable<ScoredRows>;
    /** NaN or 0 where there is nothing. */
    readonly sums: Float64Array;
    readonly take: (row: number, distance: number) => void;
  },
): Promise<void> {
  const { sums, take } = scores;
  const { pace } = work;
  for await (const { rows, distances: dense } of scores.parts) {
    const steps = rows.length * OFFER_STEPS;
    if (!pace.fits(steps)) await pace.take(steps);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      const near = toFinite(dense[i] ?? 0);
      const sum = sums[row] ?? 0;
      const part = sparseWeight * (0 - (Number.isNaN(sum) ? 0 : sum));
      take(row, Math.fround(denseWeight * near + part));
    }
    work.scanned += rows.length;
  }
}

/** Or a weight of 0 would make of it what is no number. What is none already is farthest. */
function toFinite(distance: number): number {
  return distance <= FLOAT32_MAX ? Math.max(-FLOAT32_MAX, distance) : FLOAT32_MAX;
}

/** The k nearest rows and all that are as near as the last: their keys decide between them. */
async function addNearest(
  work: Work,
  distances: Float64Array,
  view: Candidate["view"],
): Promise<void> {
  const { pace, query } = work;
  const best = new BestRows(query.topK, distances.length);
  for (let first = 0; first < distances.length; first += OFFERED_ROWS) {
    const end = Math.min(distances.length, first + OFFERED_ROWS);
    const steps = (end - first) * OFFER_STEPS;
    if (!pace.fits(steps)) await pace.take(steps);
    for (let row = first; row < end; row++) {
      const distance = distances[row] ?? Number.NaN;
      if (0 - distance >= best.threshold) best.offer(row, 0 - distance);
    }
  }
  const { threshold } = best;
  for (let first = 0; first < distances.length; first += OFFERED_ROWS) {
    const end = Math.min(distances.length, first + OFFERED_ROWS);
    const steps = (end - first) * CANDIDATE_STEPS;
    if (!pace.fits(steps)) await pace.take(steps);
    for (let row = first; row < end; row++) {
      const distance = distances[row] ?? Number.NaN;
      if (0 - distance >= threshold) addFound(work, view, row, distance);
    }
  }
}

function addFound(
  { found, query }: Work,
  view: Candidate["view"],
  row: number,
  distance: number,
): void {
  if (isWithin(query, SPARSE_MEASURE, distance)) found.push({ distance, view, row });
}

function describePath(view: SearchedView, dense: Dense | undefined): QueryPlan["path"] {
  if (view.memtables.length === 0 && view.segments.length === 0) return "empty";
  return dense === undefined ? "sparse" : "exact";
}
