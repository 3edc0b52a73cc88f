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
import { assert } from "../base/errors.ts";
import { FLOAT32_MAX } from "../math/index.ts";
import {
  sparseRow,
  type Query,
  type QueryPlan,
  type QueryResult,
  type Schema,
  type SparseQuery,
  type VectorField,
} from "../model/index.ts";
import { BestRows, scoreAllSparse, searchSparse, sparseDot } from "../inverted/index.ts";
import { FlatScan } from "../vector/index.ts";
import { memtableCandidates, segmentCandidates } from "./candidates.ts";
import { memtableDistances, segmentDistances, type ScoredRows } from "./dense-scores.ts";
import { kernelMetric } from "./kernel-metric.ts";
import type { MemtableView, ReadView, SegmentView } from "./read-view.ts";
import type { ShardContext } from "./shard-context.ts";
import { nearest, vectorsOf, type Candidate, type HitVectors } from "./shard-search.ts";

/** Values compared before the thread is given back: about 1 ms. */
const VALUES_PER_TURN = 262_144;

type SparseSearch = Query & { readonly sparse: SparseQuery };

/** @throws InsulaError `data_damaged`; what the query's signal was aborted with. */
export async function searchSparseShard(
  context: ShardContext,
  view: ReadView,
  schema: Schema,
  query: SparseSearch,
): Promise<QueryResult> {
  const { clock, observer } = context;
  const dense = denseOf(context, schema, query);
  try {
    const work: Work = { context, query, schema, dense, found: [], scanned: 0 };
    const startMs = clock.monotonicMs();
    for (const part of view.memtables) await searchMemtable(work, part);
    for (const part of view.segments) await searchSegment(work, part);
    const scannedAtMs = clock.monotonicMs();
    observer.endStep("scan", startMs, scannedAtMs);
    const hits = await nearest(work.found, query, {
      metric: "dot",
      vectors: async (candidate) => vectorsOfHit(work, candidate),
    });
    observer.endStep("fetch", scannedAtMs, clock.monotonicMs());
    const plan: QueryPlan = {
      rowsScanned: work.scanned,
      rowsRescored: 0,
      segmentCount: view.segments.length,
      path: describePath(view, dense),
    };
    return { hits, plan };
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
  readonly query: SparseSearch;
  readonly schema: Schema;
  /** Undefined when only the sparse vector is searched. */
  readonly dense: Dense | undefined;
  readonly found: Candidate[];
  scanned: number;
}

function denseOf(context: ShardContext, schema: Schema, query: Query): Dense | undefined {
  const { vector, field: name, weights } = query;
  if (vector === undefined) return undefined;
  const field = schema.vectors.find((candidate) => candidate.name === name);
  assert(field !== undefined, "a checked query names a vector field of the schema");
  const scan = new FlatScan(context.memory, context.workers, kernelMetric(field), vector);
  return { field, scan, denseWeight: weights?.dense ?? 1, sparseWeight: weights?.sparse ?? 1 };
}

async function searchMemtable(work: Work, view: MemtableView): Promise<void> {
  const { context, query, dense } = work;
  const bits = memtableCandidates(view, query.filter);
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
}

/** NaN for rows without a shared dimension. */
async function memtableSums(
  work: Work,
  view: MemtableView,
  bits: Uint8Array | undefined,
): Promise<Float64Array> {
  const { clock } = work.context;
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
    await clock.yield();
    signal?.throwIfAborted();
  }
  return sums;
}

async function searchSegment(work: Work, view: SegmentView): Promise<void> {
  const { context, query, dense, schema } = work;
  const { segment } = view;
  const { sparse, signal } = query;
  const startMs = query.filter === undefined ? 0 : context.clock.monotonicMs();
  const bits = await segmentCandidates(view, query.filter, schema.unfilterable);
  if (query.filter !== undefined) {
    context.observer.endStep("plan", startMs, context.clock.monotonicMs());
  }
  const reader = await segment.sparse.reader(sparse.field);
  const turn = { clock: context.clock, signal };
  if (dense === undefined) {
    if (reader === undefined) return;
    const scan = { ...turn, bits, k: query.topK };
    const { rows, scores, rowsScored } = await searchSparse(reader, sparse.vector, scan);
    work.scanned += rowsScored;
    for (const [i, row] of rows.entries()) {
      work.found.push({ distance: 0 - (scores[i] ?? 0), view, row });
    }
    return;
  }
  const sums =
    reader === undefined
      ? new Float64Array(segment.rowCount)
      : await scoreAllSparse(reader, sparse.vector, turn);
  const distances = new Float64Array(segment.rowCount).fill(Number.NaN);
  const parts = segmentDistances({ ...dense, memory: context.memory, bits }, view);
  await addScores(work, dense, { parts, sums, distances });
  addNearest(work, distances, view);
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
    await work.context.clock.yield();
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

/** Of the fields searched. */
async function vectorsOfHit({ dense, query }: Work, candidate: Candidate): Promise<HitVectors> {
  const { view, row } = candidate;
  const { field } = query.sparse;
  const vector =
    "memtable" in view
      ? view.memtable.sparse(field, row)
      : await view.segment.sparse.vector(field, row);
  return {
    ...(dense === undefined ? {} : { vectors: await vectorsOf(candidate, dense.field) }),
    ...(vector === undefined ? {} : { sparse: new Map([[field, vector]]) }),
  };
}

function describePath(view: ReadView, dense: Dense | undefined): QueryPlan["path"] {
  if (view.memtables.length === 0 && view.segments.length === 0) return "empty";
  return dense === undefined ? "sparse" : "exact";
}
