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
import { nearest, SPARSE_MEASURE, within, type Candidate } from "./ranked-records.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";
import { SearchTrace } from "./search-trace.ts";
import type { ShardContext } from "./shard-context.ts";
import { WorkTally } from "./work-tally.ts";
import type { Ranking, SearchedView, SearchRules } from "./shard-search.ts";

/** Values compared before the thread is given back: about 1 ms. */
const VALUES_PER_TURN = 262_144;

const INDEX_IS_EXACT = "The index of the sparse field gives exactly the nearest.";
const NOTHING_SHARED = "No row shares a dimension with the query, says the index.";

/** A query that searches by a sparse vector, and may search by another vector too. */
export type SparseSearchQuery = Query & { readonly sparse: SparseQuery };

/** The dense field is undefined when only the sparse vector is searched for. */
type SparseRules = Pick<SearchRules, "unfilterable"> & { readonly field: VectorField | undefined };

/**
 * The nearest of a view; `query.vector` and `query.sparse` are what is searched for.
 *
 * @throws InsulaError `data_damaged`; what the query's signal was aborted with.
 */
export async function rankSparse(
  context: ShardContext,
  view: SearchedView,
  { field, unfilterable }: SparseRules,
  query: SparseSearchQuery,
): Promise<Ranking> {
  const { clock, observer } = context;
  const dense = denseOf(context, field, query);
  try {
    const trace = query.isExplained === true ? new SearchTrace(clock) : undefined;
    const work: Work = { context, query, unfilterable, dense, trace, found: [], scanned: 0 };
    const cost = new WorkTally();
    cost.filtered(view, query.filter, unfilterable);
    const startMs = clock.monotonicMs();
    for (const part of view.memtables) await searchMemtable(work, part);
    for (const part of view.segments) await searchSegment(work, part);
    const scannedAtMs = clock.monotonicMs();
    observer.endStep("scan", startMs, scannedAtMs);
    const ranked = await nearest(within(work.found, query, SPARSE_MEASURE), query);
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
  const { context, query, dense } = work;
  const trace = work.trace?.memtable(view.rowCount);
  const bits = memtableCandidates(view, query.filter);
  trace?.filtered(countBits(bits, view.rowCount));
  const sums = await memtableSums(work, view, bits);
  // NaN: the row is no hit.
  let distances = sums.map((sum) => Math.fround(0 - sum));
  if (dense !== undefined) {
    distances = new Float64Array(view.rowCount).fill(Number.NaN);
    const { memory } = context;
    const parts = memtableDistances({ ...dense, memory, bits }, view);
    await addScores(work, dense, { parts, sums, distances });
  }
  addNearest(work, distances, view);
  trace?.scanned("exact", "Rows that are in no segment yet are compared exactly.");
}

/** NaN for rows without a shared dimension. */
async function memtableSums(
  work: Work,
  view: MemtableView,
  bits: Uint8Array | undefined,
): Promise<Float64Array> {
  const { sparse, signal } = work.query;
  const rows = view.memtable.sparseRows(sparse.field).view();
  const sums = new Float64Array(view.rowCount).fill(Number.NaN);
  let values = 0;
  for (let row = 0; row < view.rowCount; row++) {
    if (bits !== undefined && ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
    if (work.dense === undefined) work.scanned++;
    const vector = sparseRow(rows, row);
    if (vector === undefined) continue;
    sums[row] = sparseDot(sparse.vector, vector) ?? Number.NaN;
    values += vector.indices.length + sparse.vector.indices.length;
    if (values < VALUES_PER_TURN) continue;
    values = 0;
    await work.context.turn("query");
    signal?.throwIfAborted();
  }
  return sums;
}

async function searchSegment(work: Work, view: SegmentView): Promise<void> {
  const { context, query, dense, unfilterable } = work;
  const { clock, observer } = context;
  const { segment } = view;
  const trace = work.trace?.segment(segment);
  const startMs = query.filter === undefined ? 0 : clock.monotonicMs();
  const chosen = segmentCandidates(view, query.filter, unfilterable);
  const { bits, count } = chosen instanceof Promise ? await chosen : chosen;
  if (query.filter !== undefined) observer.endStep("plan", startMs, clock.monotonicMs());
  trace?.filtered(count);
  const reader = await segment.sparse.reader(query.sparse.field);
  if (dense !== undefined) await segment.resident(dense.field);
  trace?.loaded();
  if (dense !== undefined) {
    await scoreBoth(work, dense, view, { reader, bits });
    trace?.scanned("exact", "A score of dense and sparse together is compared exactly.");
    return;
  }
  trace?.because("No row of the segment has a vector in the sparse field.");
  if (reader === undefined) return;
  const turn = { clock: turnsOf(context), signal: query.signal, bits, k: query.topK };
  const { rows, scores, rowsScored } = await searchSparse(reader, query.sparse.vector, turn);
  work.scanned += rowsScored;
  for (const [i, row] of rows.entries()) {
    work.found.push({ distance: 0 - (scores[i] ?? 0), view, row });
  }
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
  const { context } = work;
  const { memory } = context;
  const { sparse, signal } = work.query;
  const { rowCount } = view.segment;
  const sums =
    reader === undefined
      ? new Float64Array(rowCount)
      : await scoreAllSparse(reader, sparse.vector, { clock: turnsOf(context), signal });
  const distances = new Float64Array(rowCount).fill(Number.NaN);
  const parts = segmentDistances({ ...dense, memory, bits }, view);
  await addScores(work, dense, { parts, sums, distances });
  addNearest(work, distances, view);
}

/** Between its slices others have their turn. */
function turnsOf({ turn }: Pick<ShardContext, "turn">): { yield(): Promise<void> } {
  return { yield: () => turn("query") };
}

/** One distance of both, for each row that is scored. */
async function addScores(
  work: Work,
  { denseWeight, sparseWeight }: Dense,
  scores: {
    readonly parts: Iterable<ScoredRows> | AsyncIterable<ScoredRows>;
    /** NaN or 0 where there is nothing. */
    readonly sums: Float64Array;
    readonly distances: Float64Array;
  },
): Promise<void> {
  const { sums, distances } = scores;
  for await (const { rows, distances: dense } of scores.parts) {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      const near = toFinite(dense[i] ?? 0);
      const sum = sums[row] ?? 0;
      const part = sparseWeight * (0 - (Number.isNaN(sum) ? 0 : sum));
      distances[row] = Math.fround(denseWeight * near + part);
    }
    work.scanned += rows.length;
    await work.context.turn("query");
    work.query.signal?.throwIfAborted();
  }
}

/** Or a weight of 0 would make of it what is no number. What is none already is farthest. */
function toFinite(distance: number): number {
  return distance <= FLOAT32_MAX ? Math.max(-FLOAT32_MAX, distance) : FLOAT32_MAX;
}

/** The k nearest rows and all that are as near as the last: their keys decide between them. */
function addNearest(work: Work, distances: Float64Array, view: Candidate["view"]): void {
  const best = new BestRows(work.query.topK, distances.length);
  for (let row = 0; row < distances.length; row++) {
    const distance = distances[row] ?? Number.NaN;
    if (0 - distance >= best.threshold) best.offer(row, 0 - distance);
  }
  const { threshold } = best;
  for (let row = 0; row < distances.length; row++) {
    const distance = distances[row] ?? Number.NaN;
    if (0 - distance >= threshold) work.found.push({ distance, view, row });
  }
}

function describePath(view: SearchedView, dense: Dense | undefined): QueryPlan["path"] {
  if (view.memtables.length === 0 && view.segments.length === 0) return "empty";
  return dense === undefined ? "sparse" : "exact";
}
