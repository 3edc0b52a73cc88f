/**
 * A query over one shard: candidates from every part, exact distances, the nearest k by (distance,
 * key).
 *
 * Memtable rows are scanned exactly. Segments are scanned over int8 codes and rescored, or exactly
 * when asked, when they are tiny or when few rows pass the filter. A filter decides before anything
 * is scored, so k results come whenever k records match.
 */
import { Bitmap } from "../base/bitset.ts";
import { assert } from "../base/errors.ts";
import type { Hit, Query, QueryPlan, QueryResult, VectorField } from "../model/index.ts";
import { decodeMetadata } from "../model/index.ts";
import { CANDIDATES_MAX, FLOAT32_MAX, type RowHits } from "../math/index.ts";
import {
  FlatScan,
  GraphSearch,
  RowWindow,
  mergeResults,
  type FlatPart,
  type ResidentRows,
  type SearchMemory,
} from "../vector/index.ts";
import { memtableCandidates, segmentCandidates } from "./candidates.ts";
import { walkLimits } from "./graph-choice.ts";
import { kernelMetric } from "./kernel-metric.ts";
import type { MemtableView, ReadView, SegmentView } from "./read-view.ts";
import type { ShardContext } from "./shard-context.ts";

/**
 * Candidates rescored for k results. 20 for k = 10 lost nothing at any setting measured (100,000
 * vectors of 128 and 768 dimensions); the margin grows with k.
 */
function candidateCount(k: number): number {
  return Math.min(CANDIDATES_MAX, 2 * k + 16);
}

/** One record that may be among the nearest. */
export interface Candidate {
  readonly distance: number;
  readonly view: MemtableView | SegmentView;
  readonly row: number;
}

export async function searchShard(
  context: ShardContext,
  view: ReadView,
  {
    field,
    unfilterable,
  }: { readonly field: VectorField; readonly unfilterable: readonly string[] },
  query: Query & Required<Pick<Query, "vector">>,
): Promise<QueryResult> {
  const scan = new FlatScan(context.memory, context.workers, kernelMetric(field), query.vector);
  try {
    const found: Candidate[] = [];
    const { clock, observer, memory } = context;
    const { workers } = context;
    const asked = { memory, workers, metric: kernelMetric(field), vector: query.vector };
    const graphs = new GraphSearch(scan, asked);
    // Written out: an object put together from others is a slow one for every later access.
    const work: SearchWork = {
      scan,
      graphs,
      memory,
      context,
      field,
      unfilterable,
      query,
      found,
      rescored: 0,
      walked: 0,
      graphCount: 0,
    };
    const startMs = clock.monotonicMs();
    for (const part of view.memtables) await searchMemtable(work, part);
    await Promise.all(view.segments.map((part) => searchSegment(work, part)));
    const scannedAtMs = clock.monotonicMs();
    observer.endStep("scan", startMs, scannedAtMs);
    const hits = await nearest(found, query, {
      metric: field.metric,
      vectors: async (candidate) => ({ vectors: await vectorsOf(candidate, field) }),
    });
    observer.endStep("fetch", scannedAtMs, clock.monotonicMs());
    const plan: QueryPlan = {
      rowsScanned: scan.rowsScanned + work.walked,
      rowsRescored: work.rescored,
      segmentCount: view.segments.length,
      path: describePath(view, work),
    };
    return { hits, plan };
  } finally {
    scan.close();
  }
}

interface SearchWork {
  readonly scan: FlatScan;
  readonly graphs: GraphSearch;
  readonly memory: SearchMemory;
  readonly context: Pick<ShardContext, "clock" | "observer" | "policy">;
  readonly field: VectorField;
  readonly unfilterable: readonly string[];
  readonly query: Query;
  readonly found: Candidate[];
  rescored: number;
  /** Rows scored by walks. */
  walked: number;
  /** Segments whose graph gave the candidates. */
  graphCount: number;
}

async function searchMemtable(work: SearchWork, view: MemtableView): Promise<void> {
  const bits = memtableCandidates(view, work.query.filter);
  const parts = view.memtable
    .rows(work.field.name)
    .targets(view.rowCount)
    .map(({ arena, rowFirst, rowCount, target }): FlatPart => ({
      arena,
      target,
      rowCount,
      rowBase: rowFirst,
      bits: bits === undefined ? undefined : bitsFrom(bits, rowFirst, rowCount),
    }));
  // One more than asked for tells whether the last place is shared: rows are not in key order here.
  const results = await work.scan.scan(parts, work.query.topK + 1);
  // Merged first: the ties of the whole memtable are looked for once.
  const complete = withTies(work, view, mergeResults(results, work.query.topK + 1), bits);
  addCandidates(work, complete, view);
}

/**
 * When rows beyond the list may have the distance of the k-th, all rows up to that distance: the
 * key decides between them, and rows of a memtable are in the order of arrival.
 */
function withTies(
  work: SearchWork,
  view: MemtableView,
  result: RowHits,
  bits: Uint8Array | undefined,
): RowHits {
  const k = work.query.topK;
  const edge = result.distances[k - 1];
  if (result.rows.length <= k || edge === undefined || result.distances[k] !== edge) return result;
  const rows: number[] = [];
  const distances: number[] = [];
  for (const { arena, rowFirst, rowCount, target } of view.memtable
    .rows(work.field.name)
    .targets(view.rowCount)) {
    const listed = Uint32Array.from({ length: rowCount }, (_, i) => i);
    for (let start = 0; start < rowCount; start += TIE_STEP_ROWS) {
      const step = listed.subarray(start, start + TIE_STEP_ROWS);
      const scored = work.scan.score(arena, target, step);
      for (let i = 0; i < step.length; i++) {
        const row = rowFirst + (step[i] ?? 0);
        const distance = scored[i] ?? Number.POSITIVE_INFINITY;
        const isCandidate = bits === undefined || ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
        if (distance <= edge && isCandidate) {
          rows.push(row);
          distances.push(distance);
        }
      }
    }
  }
  return { rows: Uint32Array.from(rows), distances: Float32Array.from(distances) };
}

/** Rows scored at once while ties are looked for. */
const TIE_STEP_ROWS = 16_384;

async function searchSegment(work: SearchWork, view: SegmentView): Promise<void> {
  const { segment } = view;
  const { field, query, scan } = work;
  const { clock, observer } = work.context;
  const startMs = query.filter === undefined ? 0 : clock.monotonicMs();
  const bits = await segmentCandidates(view, query.filter, work.unfilterable);
  if (query.filter !== undefined) observer.endStep("plan", startMs, clock.monotonicMs());
  const maybe = segment.resident(field);
  const resident = maybe instanceof Promise ? await maybe : maybe;
  const rowTarget = resident.rowTarget();
  if (query.isExact === true && rowTarget === undefined) {
    const result = await scanWindows(work, view, bits);
    addCandidates(work, result, view);
    return;
  }
  const isExact = query.isExact === true && rowTarget !== undefined;
  const wanted = candidateCount(query.topK);
  const walked = isExact ? undefined : await walkGraph(work, resident, { bits, k: query.topK });
  let rows = walked?.subarray(0, wanted);
  if (rows === undefined) {
    const part: FlatPart = {
      arena: isExact ? rowTarget.arena : resident.arena,
      target: isExact ? rowTarget.target : resident.codeTarget(),
      rowCount: segment.rowCount,
      rowBase: 0,
      bits,
    };
    const scanned = scan.scan([part], isExact ? query.topK : wanted);
    const [result] = scanned instanceof Promise ? await scanned : scanned;
    assert(result !== undefined, "one result for one part");
    if (isExact) {
      addCandidates(work, result, view);
      return;
    }
    rows = result.rows;
  }
  work.rescored += rows.length;
  const distances =
    rowTarget === undefined
      ? scan.scoreRead(resident.arena, await readRows(view, field, rows))
      : scan.score(rowTarget.arena, rowTarget.target, rows);
  addCandidates(work, { rows, distances }, view);
}

/**
 * The nearest by the graph; undefined when a scan is the better search, or the walk did not find as
 * many as there are.
 */
async function walkGraph(
  work: SearchWork,
  resident: ResidentRows,
  { bits, k }: { readonly bits: Uint8Array | undefined; readonly k: number },
): Promise<Uint32Array | undefined> {
  const graph = resident.graph();
  if (graph === undefined) return undefined;
  const { rowCount } = resident;
  const matchCount = bits === undefined ? rowCount : Bitmap.fromBytes(rowCount, bits).count();
  const limits = walkLimits(graph.efs, { rowCount, matchCount, k }, work.context.policy);
  if (limits === undefined) return undefined;
  const { arena } = resident;
  const maybe = work.graphs.walk({ arena, target: graph.target, bits }, limits);
  const { rows, scored, isWhole } = maybe instanceof Promise ? await maybe : maybe;
  work.walked += scored;
  if (!isWhole || rows.length < Math.min(k, matchCount)) return undefined;
  work.graphCount++;
  return rows;
}

async function readRows(
  view: SegmentView,
  field: VectorField,
  rows: Uint32Array,
): Promise<readonly Float32Array[]> {
  return Promise.all(Array.from(rows, (row) => view.segment.vector(field, row)));
}

/** Exact scan of float32 rows that are not resident: read a window at a time into an arena. */
async function scanWindows(
  work: SearchWork,
  view: SegmentView,
  bits: Uint8Array | undefined,
): Promise<RowHits> {
  const { field, query, scan } = work;
  const { segment } = view;
  const results: RowHits[] = [];
  const window = new RowWindow(work.memory, field.dimension);
  try {
    // A multiple of 8, so that the window's bits begin at a byte.
    const step = window.rowCapacity;
    for (let first = 0; first < segment.rowCount; first += step) {
      query.signal?.throwIfAborted();
      const count = Math.min(step, segment.rowCount - first);
      await segment.readRows(field, first, window.bytes(count));
      const part: FlatPart = {
        ...window.target(count),
        rowCount: count,
        rowBase: first,
        bits: bits?.subarray(first >>> 3, (first + count + 7) >>> 3),
      };
      const scanned = scan.scan([part], query.topK);
      results.push(...(scanned instanceof Promise ? await scanned : scanned));
    }
  } finally {
    window.release();
  }
  return mergeResults(results, query.topK);
}

function addCandidates(
  work: SearchWork,
  { rows, distances }: RowHits,
  view: Candidate["view"],
): void {
  for (let i = 0; i < rows.length; i++) {
    const distance = distances[i];
    const row = rows[i];
    if (distance === undefined || row === undefined) continue;
    work.found.push({ distance, view, row });
  }
}

/** Lists up to this long are sorted by insertion: candidates of a scan come nearly in order. */
const INSERTED_MAX = 64;

function sortByDistance(found: Candidate[]): void {
  if (found.length > INSERTED_MAX) {
    found.sort((a, b) => a.distance - b.distance);
    return;
  }
  for (let i = 1; i < found.length; i++) {
    const candidate = found[i];
    if (candidate === undefined) continue;
    let at = i;
    for (; at > 0; at--) {
      const before = found[at - 1];
      if (before === undefined || before.distance <= candidate.distance) break;
      found[at] = before;
    }
    found[at] = candidate;
  }
}

/** What a hit shows besides its record. */
export interface HitLook {
  readonly metric: VectorField["metric"];
  /** Called only when the query includes vectors. */
  readonly vectors: (candidate: Candidate) => Promise<HitVectors>;
}

export type HitVectors = Pick<Hit, "vectors" | "sparse">;

/**
 * Sorts by distance, fetches keys of all that may be among the k, sorts ties by key, fetches the
 * rest.
 */
export async function nearest(
  found: Candidate[],
  query: Query,
  look: HitLook,
): Promise<readonly Hit[]> {
  sortByDistance(found);
  const edge = found[Math.min(query.topK, found.length) - 1]?.distance;
  if (edge === undefined) return [];
  let end = Math.min(query.topK, found.length);
  while (end < found.length && found[end]?.distance === edge) end++;
  const keyed: { candidate: Candidate; key: Buffer; metadata: Uint8Array | undefined }[] = [];
  for (const candidate of found.slice(0, end)) {
    const { view, row } = candidate;
    if ("memtable" in view) {
      const { memtable } = view;
      const key = Buffer.from(memtable.key(row), "utf8");
      keyed.push({ candidate, key, metadata: memtable.metadata(row) });
    } else {
      const maybe = view.segment.record(row);
      const { key, metadata } = maybe instanceof Promise ? await maybe : maybe;
      keyed.push({ candidate, key, metadata });
    }
  }
  keyed.sort((a, b) => a.candidate.distance - b.candidate.distance || Buffer.compare(a.key, b.key));
  const hits: Hit[] = [];
  for (const { candidate, key, metadata } of keyed.slice(0, query.topK)) {
    const hit: Writable<Hit> = {
      key: key.toString("utf8"),
      distance: shownDistance(look.metric, candidate.distance),
    };
    if (query.include.metadata && metadata !== undefined) hit.metadata = decodeMetadata(metadata);
    if (query.include.vectors) {
      const { vectors, sparse } = await look.vectors(candidate);
      if (vectors !== undefined) hit.vectors = vectors;
      if (sparse !== undefined) hit.sparse = sparse;
    }
    hits.push(hit);
  }
  return hits;
}

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

/** No protocol has a word for infinity: beyond float32 is its largest number. */
function shownDistance(metric: VectorField["metric"], distance: number): number {
  const shown = metric === "euclidean" ? Math.fround(Math.sqrt(distance)) : distance;
  return Math.max(-FLOAT32_MAX, Math.min(FLOAT32_MAX, shown));
}

export async function vectorsOf(
  { view, row }: Candidate,
  field: VectorField,
): Promise<ReadonlyMap<string, Float32Array>> {
  const values =
    "memtable" in view
      ? view.memtable.vector(field.name, row)
      : await view.segment.vector(field, row);
  return new Map([[field.name, values]]);
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

function describePath(view: ReadView, work: SearchWork): QueryPlan["path"] {
  const { query, rescored, graphCount } = work;
  if (view.memtables.length === 0 && view.segments.length === 0) return "empty";
  if (rescored === 0) return "exact";
  if (graphCount > 0) return "graph";
  return query.filter === undefined ? "codes" : "matches";
}
