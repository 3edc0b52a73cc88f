/**
 * A query over one shard: candidates from every part, exact distances, the nearest k by (distance,
 * key).
 *
 * Memtable rows are scanned exactly. Segments are scanned over int8 codes and rescored, or exactly
 * when asked, when they are tiny or when few rows pass the filter. A filter decides before anything
 * is scored, so k results come whenever k records match.
 */
import { assert } from "../base/errors.ts";
import { DEFAULT_RECALL, type Query, type QueryPlan, type VectorField } from "../model/index.ts";
import type { RowHits } from "../math/index.ts";
import {
  FlatScan,
  GraphSearch,
  codeRescore,
  rescoreCount,
  RowWindow,
  mergeResults,
  type FlatPart,
  type ResidentRows,
  type ScanTarget,
  type SearchMemory,
} from "../vector/index.ts";
import { countBits, memtableCandidates, segmentCandidates } from "./candidates.ts";
import { walkLimits } from "./graph-choice.ts";
import { codeMetric, kernelMetric } from "./kernel-metric.ts";
import { nearest, within, type Candidate, type RankedRecord } from "./ranked-records.ts";
import type { MemtableView, ReadView, SegmentView } from "./read-view.ts";
import { SearchTrace, type PartTrace } from "./search-trace.ts";
import type { ShardContext } from "./shard-context.ts";
import { WorkTally } from "./work-tally.ts";

/** What a search looks at. */
export type SearchedView = Pick<ReadView, "memtables" | "segments">;

/** The field searched, and properties that are not indexed. */
export interface SearchRules {
  readonly field: VectorField;
  readonly unfilterable: readonly string[];
}

export interface Ranking {
  /** At most `topK`, by (distance, key). */
  readonly ranked: readonly RankedRecord[];
  readonly plan: Omit<QueryPlan, "workUnits">;
  /** What it cost so far. */
  readonly cost: WorkTally;
  /** Present when the query is to be explained. */
  readonly trace: SearchTrace | undefined;
}

/** A query that searches by a vector, and by no sparse one. */
export type VectorQuery = Query & { readonly vector: Float32Array };

/** The nearest of a view; `query.vector` is what is searched for. */
export async function rankShard(
  context: ShardContext,
  view: SearchedView,
  { field, unfilterable }: SearchRules,
  query: VectorQuery,
): Promise<Ranking> {
  const scan = new FlatScan(context.memory, context.workers, kernelMetric(field), query.vector);
  try {
    const found: Candidate[] = [];
    const { clock, observer, memory } = context;
    const { workers } = context;
    const trace = query.isExplained === true ? new SearchTrace(clock) : undefined;
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
      trace,
      cost: new WorkTally(),
      rescored: 0,
      walked: 0,
      graphCount: 0,
    };
    work.cost.filtered(view, query.filter, unfilterable);
    const startMs = clock.monotonicMs();
    for (const part of view.memtables) await searchMemtable(work, part);
    const [only] = view.segments;
    if (view.segments.length === 1 && only !== undefined) await searchSegment(work, only);
    else await Promise.all(view.segments.map((part) => searchSegment(work, part)));
    const scannedAtMs = clock.monotonicMs();
    observer.endStep("scan", startMs, scannedAtMs);
    const maybe = nearest(within(found, query, field), query);
    const ranked = maybe instanceof Promise ? await maybe : maybe;
    const rankedAtMs = clock.monotonicMs();
    observer.endStep("fetch", scannedAtMs, rankedAtMs);
    trace?.add("fetch", rankedAtMs - scannedAtMs);
    const plan = {
      rowsScanned: scan.rowsScanned + work.walked,
      rowsRescored: work.rescored,
      segmentCount: view.segments.length,
      path: describePath(view, work),
    };
    return { ranked, plan, trace, cost: work.cost };
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
  readonly trace: SearchTrace | undefined;
  readonly cost: WorkTally;
  rescored: number;
  /** Rows scored by walks. */
  walked: number;
  /** Segments whose graph gave the candidates. */
  graphCount: number;
}

async function searchMemtable(work: SearchWork, view: MemtableView): Promise<void> {
  const trace = work.trace?.memtable(view.rowCount);
  const bits = memtableCandidates(view, work.query.filter);
  const matchCount = countBits(bits, view.rowCount);
  trace?.filtered(matchCount);
  work.cost.compared(matchCount, work.field.dimension);
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
  trace?.scanned("exact", "Rows that are in no segment yet are compared exactly.");
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
  const trace = work.trace?.segment(segment);
  const startMs = query.filter === undefined ? 0 : clock.monotonicMs();
  const chosen = segmentCandidates(view, query.filter, work.unfilterable);
  const { bits, count: matchCount } = chosen instanceof Promise ? await chosen : chosen;
  if (query.filter !== undefined) observer.endStep("plan", startMs, clock.monotonicMs());
  trace?.filtered(matchCount);
  const maybe = segment.resident(field);
  const resident = maybe instanceof Promise ? await maybe : maybe;
  trace?.loaded();
  const rowTarget = resident.rowTarget();
  const codes = codesOf(resident, query);
  const isByRows = query.isExact === true || codeMetric(field) === undefined || codes === undefined;
  if (isByRows && rowTarget === undefined) {
    work.cost.compared(matchCount, field.dimension);
    const result = await scanWindows(work, view, bits);
    addCandidates(work, result, view);
    const reason = query.isExact === true ? EXACT_ASKED : CODES_TOO_POOR;
    trace?.scanned("exact", `${reason.slice(0, -1)}; the rows are read from the file.`);
    return;
  }
  const isExact = isByRows && rowTarget !== undefined;
  const { needed, wanted } = codes ?? { needed: 0, wanted: query.topK };
  const allowed = { bits, matchCount, needed, trace };
  const walked = isExact ? undefined : await walkGraph(work, resident, allowed);
  let rows = walked?.subarray(0, wanted);
  if (rows === undefined) {
    const target = isExact ? rowTarget.target : codes?.target;
    assert(target !== undefined, "without codes rows are compared");
    const part: FlatPart = {
      arena: isExact ? rowTarget.arena : resident.arena,
      target,
      rowCount: segment.rowCount,
      rowBase: 0,
      bits,
    };
    work.cost.compared(matchCount, field.dimension);
    const scanned = scan.scan([part], isExact ? query.topK : wanted);
    const [result] = scanned instanceof Promise ? await scanned : scanned;
    assert(result !== undefined, "one result for one part");
    if (isExact) {
      addCandidates(work, result, view);
      trace?.scanned("exact", query.isExact === true ? EXACT_ASKED : CODES_TOO_POOR);
      return;
    }
    rows = result.rows;
    trace?.scanned("codes");
  }
  work.rescored += rows.length;
  work.cost.compared(rows.length, field.dimension);
  const distances =
    rowTarget === undefined
      ? scan.scoreRead(resident.arena, await readRows(view, field, rows))
      : scan.score(rowTarget.arena, rowTarget.target, rows);
  addCandidates(work, { rows, distances }, view);
  trace?.rescored(rows.length);
}

const EXACT_ASKED = "An exact search was asked for.";
const CODES_TOO_POOR = "No codes are good enough for this search.";

interface ScannedCodes {
  readonly target: ScanTarget;
  /** Rows to compare exactly afterwards. */
  readonly wanted: number;
  /** What a walk must find at least. */
  readonly needed: number;
}

/** Undefined when no codes are good enough for the recall asked for. */
function codesOf(
  resident: ResidentRows,
  { topK, recall = DEFAULT_RECALL }: Query,
): ScannedCodes | undefined {
  const bits = resident.bits();
  if (bits === undefined) {
    const counts = codeRescore(resident.codeCounts, topK, recall);
    return counts && { target: resident.codeTarget(), ...counts };
  }
  const wanted = rescoreCount(bits.counts, topK, recall);
  return wanted === undefined ? undefined : { target: bits.target, wanted, needed: wanted };
}

/**
 * The nearest by the graph; undefined when a scan is the better search, or the walk did not find as
 * many as there are.
 */
async function walkGraph(
  work: SearchWork,
  resident: ResidentRows,
  {
    bits,
    matchCount,
    needed,
    trace,
  }: {
    readonly bits: Uint8Array | undefined;
    readonly matchCount: number;
    readonly needed: number;
    readonly trace: PartTrace | undefined;
  },
): Promise<Uint32Array | undefined> {
  const graph = resident.graph();
  trace?.because("The segment has no graph: the codes are scanned.");
  if (graph === undefined) return undefined;
  const { rowCount } = resident;
  const { topK: k, recall = DEFAULT_RECALL } = work.query;
  trace?.because("A scan of the rows that pass costs less than a walk of the graph.");
  const walk = { rowCount, matchCount, k, recall, needed };
  const limits = walkLimits(graph.efs, walk, work.context.policy);
  if (limits === undefined) return undefined;
  const { arena } = resident;
  const maybe = work.graphs.walk({ arena, target: graph.target, bits }, limits);
  const { rows, scored, isWhole } = maybe instanceof Promise ? await maybe : maybe;
  work.walked += scored;
  work.cost.compared(scored, work.field.dimension);
  trace?.walked(scored);
  trace?.because("The walk of the graph did not find as many as pass: the codes are scanned.");
  if (!isWhole || rows.length < Math.min(k, matchCount)) return undefined;
  work.graphCount++;
  trace?.scanned("graph", "A walk of the graph costs less than a scan.");
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

function describePath(view: SearchedView, work: SearchWork): QueryPlan["path"] {
  const { query, rescored, graphCount } = work;
  if (view.memtables.length === 0 && view.segments.length === 0) return "empty";
  if (rescored === 0) return "exact";
  if (graphCount > 0) return "graph";
  return query.filter === undefined ? "codes" : "matches";
}
