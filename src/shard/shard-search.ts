/**
 * A query over one shard: candidates from every part, exact distances, the nearest k by (distance,
 * key).
 *
 * Memtable rows are scanned exactly. Segments are scanned over int8 codes and rescored, or exactly
 * when asked, when they are tiny or when few rows pass the filter. A filter decides before anything
 * is scored, so k results come whenever k records match.
 */
import { allDone } from "../base/all-done.ts";
import { assert } from "../base/errors.ts";
import { scanSteps, type Pace } from "../base/pace.ts";
import { DEFAULT_RECALL, type Query, type QueryPlan, type VectorField } from "../model/index.ts";
import type { RowHits } from "../math/index.ts";
import {
  FlatScan,
  GraphSearch,
  codeRescore,
  rescoreCount,
  RowWindow,
  mergeResults,
  scoreParts,
  type FlatPart,
  type ResidentRows,
  type RowBlockTarget,
  type ScanTarget,
  type SearchMemory,
} from "../vector/index.ts";
import { countBits, memtableCandidates, segmentCandidates } from "./candidates.ts";
import { walkLimits } from "./graph-choice.ts";
import { codeMetric, kernelMetric } from "./kernel-metric.ts";
import { scanMemtable } from "./memtable-search.ts";
import { isWithin, nearest, type Candidate, type RankedRecord } from "./ranked-records.ts";
import type { MemtableView, ReadView, SegmentView } from "./read-view.ts";
import { listedRowsMax } from "./segment-dense.ts";
import { SearchTrace, type PartTrace } from "./search-trace.ts";
import type { ShardContext } from "./shard-context.ts";
import { WorkTally } from "./work-tally.ts";

/** What a search looks at. */
export type SearchedView = Pick<ReadView, "memtables" | "segments">;

/** The field searched, properties that are not indexed, and how the thread is shared. */
export interface SearchRules {
  readonly field: VectorField;
  readonly unfilterable: readonly string[];
  readonly pace: Pace;
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
  { field, unfilterable, pace }: SearchRules,
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
      pace,
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
    // Each has scratch and rows of the others: none goes on when this is over.
    else await allDone(view.segments.map((part) => searchSegment(work, part)));
    const scannedAtMs = clock.monotonicMs();
    observer.endStep("scan", startMs, scannedAtMs);
    const maybe = nearest(found, query, pace);
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
  readonly pace: Pace;
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
  const { scan, field, pace, query } = work;
  const maybe = memtableCandidates(view, query.filter, pace);
  const bits = maybe instanceof Promise ? await maybe : maybe;
  const matchCount = countBits(bits, view.rowCount);
  trace?.filtered(matchCount);
  work.cost.compared(matchCount, field.dimension);
  const found = await scanMemtable({ scan, field, topK: query.topK, pace }, view, bits);
  const added = addCandidates(work, found, view);
  if (added !== undefined) await added;
  trace?.scanned("exact", "Rows that are in no segment yet are compared exactly.");
}

async function searchSegment(work: SearchWork, view: SegmentView): Promise<void> {
  const { segment } = view;
  const { field, query, scan, pace } = work;
  const { clock, observer } = work.context;
  const trace = work.trace?.segment(segment);
  const startMs = query.filter === undefined ? 0 : clock.monotonicMs();
  const chosen = segmentCandidates(view, query.filter, work);
  const { bits, count: matchCount } = chosen instanceof Promise ? await chosen : chosen;
  if (query.filter !== undefined) observer.endStep("plan", startMs, clock.monotonicMs());
  trace?.filtered(matchCount);
  const maybe = segment.dense.resident(field);
  if (maybe instanceof Promise) segment.foresee();
  const resident = maybe instanceof Promise ? await maybe : maybe;
  trace?.loaded();
  const rowTargets = resident.rowTargets();
  const codes = codesOf(resident, query);
  const isByRows = query.isExact === true || codeMetric(field) === undefined || codes === undefined;
  if (isByRows) {
    await compareRows(work, view, { bits, matchCount, rowTargets, trace });
    return;
  }
  const { needed, wanted, target } = codes;
  const walked = await walkGraph(work, resident, { bits, matchCount, needed, wanted, trace });
  let rows = walked?.subarray(0, wanted);
  if (rows === undefined) {
    const { rowCount } = segment;
    const part: FlatPart = { arena: resident.arena, target, rowCount, rowBase: 0, bits };
    work.cost.compared(matchCount, field.dimension);
    const scanned = scan.scan([part], wanted, pace);
    const [result] = scanned instanceof Promise ? await scanned : scanned;
    assert(result !== undefined, "one result for one part");
    rows = result.rows;
    trace?.scanned("codes");
  }
  work.rescored += rows.length;
  work.cost.compared(rows.length, field.dimension);
  const scored =
    rowTargets === undefined
      ? scoreFromFile(work, view, resident.arena, rows)
      : scoreParts(scan, rowTargets, rows, pace);
  const distances = scored instanceof Promise ? await scored : scored;
  const added = addCandidates(work, { rows, distances }, view);
  if (added !== undefined) await added;
  trace?.rescored(rows.length);
}

const EXACT_ASKED = "An exact search was asked for.";
const CODES_TOO_POOR = "No codes are good enough for this search.";

/** Exact distances of all candidates, in memory or out of the file. */
async function compareRows(
  work: SearchWork,
  view: SegmentView,
  {
    bits,
    matchCount,
    rowTargets,
    trace,
  }: {
    readonly bits: Uint8Array | undefined;
    readonly matchCount: number;
    readonly rowTargets: readonly RowBlockTarget[] | undefined;
    readonly trace: PartTrace | undefined;
  },
): Promise<void> {
  const { query, scan, field, pace } = work;
  work.cost.compared(matchCount, field.dimension);
  const reason = query.isExact === true ? EXACT_ASKED : CODES_TOO_POOR;
  if (rowTargets === undefined) {
    await addCandidates(work, await scanWindows(work, view, bits), view);
    trace?.scanned("exact", `${reason.slice(0, -1)}; the rows are read from the file.`);
    return;
  }
  const parts = rowTargets.map((part) => flatPart(part, bits));
  const scanned = scan.scan(parts, query.topK, pace);
  const results = scanned instanceof Promise ? await scanned : scanned;
  const added = addCandidates(work, mergeResults(results, query.topK), view);
  if (added !== undefined) await added;
  trace?.scanned("exact", reason);
}

/** A part begins at a byte of the bits of its segment. */
function flatPart(
  { arena, target, rowFirst, rowCount }: RowBlockTarget,
  bits: Uint8Array | undefined,
): FlatPart {
  const own = bits?.subarray(rowFirst >>> 3, (rowFirst + rowCount + 7) >>> 3);
  return { arena, target, rowCount, rowBase: rowFirst, bits: own };
}

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
    wanted,
    trace,
  }: {
    readonly bits: Uint8Array | undefined;
    readonly matchCount: number;
    readonly needed: number;
    readonly wanted: number;
    readonly trace: PartTrace | undefined;
  },
): Promise<Uint32Array | undefined> {
  const graph = resident.graph();
  trace?.because("The segment has no graph: the codes are scanned.");
  if (graph === undefined) return undefined;
  const { rowCount } = resident;
  const { topK: k, recall = DEFAULT_RECALL } = work.query;
  trace?.because("A scan of the rows that pass costs less than a walk of the graph.");
  const walk = { rowCount, matchCount, k, recall, needed, wanted };
  const limits = walkLimits(graph, walk, work.context.policy);
  if (limits === undefined) return undefined;
  const { arena } = resident;
  const maybe = work.graphs.walk({ arena, target: graph.target, bits }, limits, work.pace);
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

/** Rows that are not in memory, some at a time. */
async function scoreFromFile(
  { scan, field, pace }: SearchWork,
  { segment }: SegmentView,
  arena: number,
  rows: Uint32Array,
): Promise<Float32Array> {
  const distances = new Float32Array(rows.length);
  segment.dense.missedRows(field, rows.length);
  const step = listedRowsMax(field);
  for (let first = 0; first < rows.length; first += step) {
    if (pace.left === 0) await pace.rest();
    const some = Array.from(rows.subarray(first, first + step));
    const read = await segment.dense.readListed(field, some, pace);
    distances.set(scan.scoreRead(arena, read, pace), first);
  }
  return distances;
}

/** Exact scan of float32 rows that are not resident: read a window at a time into an arena. */
async function scanWindows(
  work: SearchWork,
  view: SegmentView,
  bits: Uint8Array | undefined,
): Promise<RowHits> {
  const { field, query, scan, pace } = work;
  const { segment } = view;
  let merged: RowHits | undefined;
  const window = new RowWindow(work.memory, field.dimension);
  try {
    // A multiple of 8, so that the window's bits begin at a byte.
    const step = window.rowCapacity;
    for (let first = 0; first < segment.rowCount; first += step) {
      pace.check();
      const count = Math.min(step, segment.rowCount - first);
      const passing = bits?.subarray(first >>> 3, (first + count + 7) >>> 3);
      if (passing?.every((byte) => byte === 0) === true) continue;
      await segment.dense.readRows(field, first, window.bytes(count), pace);
      segment.dense.missed(field, window.bytes(count).length);
      // Their norms cost as much as their distances.
      const steps = scanSteps(window.bytes(count).length);
      if (!pace.fits(steps)) await pace.take(steps);
      const part: FlatPart = {
        ...window.target(count),
        rowCount: count,
        rowBase: first,
        bits: passing,
      };
      const scanned = scan.scan([part], query.topK, pace);
      const [hits] = scanned instanceof Promise ? await scanned : scanned;
      assert(hits !== undefined, "one result for one part");
      pace.add(2 * query.topK);
      merged = merged === undefined ? hits : mergeResults([merged, hits], query.topK);
    }
  } finally {
    window.release();
  }
  return merged ?? { rows: new Uint32Array(0), distances: new Float32Array(0) };
}

/** Steps of a candidate. */
const CANDIDATE_STEPS = 8;

/** Those within the query's limit; in turns when they are many. */
function addCandidates(
  work: SearchWork,
  hits: RowHits,
  view: Candidate["view"],
): Promise<void> | undefined {
  const { length } = hits.rows;
  if (!work.pace.fits(length * CANDIDATE_STEPS)) return addInTurns(work, hits, view);
  addRange(work, hits, view, { first: 0, end: length });
  return undefined;
}

async function addInTurns(work: SearchWork, hits: RowHits, view: Candidate["view"]): Promise<void> {
  const { length } = hits.rows;
  for (let first = 0; first < length; first += CANDIDATES_PER_TURN) {
    const end = Math.min(length, first + CANDIDATES_PER_TURN);
    await work.pace.take((end - first) * CANDIDATE_STEPS);
    addRange(work, hits, view, { first, end });
  }
}

const CANDIDATES_PER_TURN = 16_384;

function addRange(
  { found, query, field }: SearchWork,
  { rows, distances }: RowHits,
  view: Candidate["view"],
  { first, end }: { readonly first: number; readonly end: number },
): void {
  for (let i = first; i < end; i++) {
    const distance = distances[i];
    const row = rows[i];
    if (distance === undefined || row === undefined) continue;
    if (isWithin(query, field, distance)) found.push({ distance, view, row });
  }
}

function describePath(view: SearchedView, work: SearchWork): QueryPlan["path"] {
  const { query, rescored, graphCount } = work;
  if (view.memtables.length === 0 && view.segments.length === 0) return "empty";
  if (rescored === 0) return "exact";
  if (graphCount > 0) return "graph";
  return query.filter === undefined ? "codes" : "matches";
}
