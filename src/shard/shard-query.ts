/**
 * Searches over one state of a shard: what is searched for (a vector, or that of a record), the
 * ranking, which of the ranked are answered, and the hits.
 */
import { allDone } from "../base/all-done.ts";
import { assert, InsulaError } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import {
  defaultCandidates,
  type DiverseChoice,
  type LikeRecord,
  type Query,
  type QueryResult,
  type Schema,
  type SparseVector,
  type VectorField,
} from "../model/index.ts";
import { chooseDiverse } from "./diverse-choice.ts";
import { KeptSearch, type RankedSearch } from "./kept-search.ts";
import {
  sparseVectorOf,
  toHits,
  vectorOf,
  type ComparedFields,
  type RankedRecord,
} from "./ranked-records.ts";
import { rankShard, type Ranking, type SearchedView, type VectorQuery } from "./shard-search.ts";
import { rankSparse, type SparseSearchQuery } from "./shard-sparse-search.ts";
import type { ReadView, SegmentView, ViewPlace } from "./read-view.ts";
import type { ShardStructure } from "./shard-structure.ts";
import { sparseBytes } from "./work-tally.ts";

/** While one waits for a file or a worker, another computes. */
const QUERIES_AT_ONCE = 4;

/**
 * Results in the order of the queries; all of one state.
 *
 * @param view taken in this turn: keys of memtables are looked up before anything is awaited.
 * @throws InsulaError `argument_invalid`, `record_not_found`, `memory_exhausted`, `data_damaged`;
 *   then no query is answered.
 */
export async function queryShard(
  structure: ShardStructure,
  view: ReadView,
  queries: readonly Query[],
): Promise<readonly QueryResult[]> {
  const inMemory = queries.map(({ like }) => like && placeInMemtables(view, like.key));
  const place = { structure, pace: paceOf(structure) };
  const [only] = queries;
  if (queries.length === 1 && only !== undefined) {
    return [await queryView(place, view, only, inMemory[0])];
  }
  const results: QueryResult[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < queries.length; i = next++) {
      const query = queries[i];
      if (query === undefined) return;
      query.signal?.throwIfAborted();
      results[i] = await queryView(place, view, query, inMemory[i]);
      // Searches of small shards end without waiting for anything.
      await structure.context.turn("query");
    }
  };
  const stop = (error: unknown): never => {
    next = queries.length;
    throw error;
  };
  // The view is closed when this is over: nobody may still look at it.
  await allDone(Array.from({ length: QUERIES_AT_ONCE }, () => work().catch(stop)));
  return results;
}

/** Where a search runs; those of one call share its slices. */
interface SearchPlace {
  readonly structure: ShardStructure;
  readonly pace: Pace;
}

function paceOf({ context }: ShardStructure): Pace {
  return new Pace(() => context.turn("query"));
}

async function queryView(
  place: SearchPlace,
  view: ReadView,
  query: Query,
  inMemory: ViewPlace | undefined,
): Promise<QueryResult> {
  const found = await rankView(place, view, query, inMemory);
  return showRanked(place, found, found.ranked);
}

/**
 * A search of which the first hits are answered and all are kept.
 *
 * @param view as for {@link queryShard}; the kept search closes it.
 * @throws as {@link queryShard}; the view is the caller's to close then.
 */
export async function keepSearch(
  structure: ShardStructure,
  view: ReadView,
  query: Query,
  pageSize: number,
): Promise<{ readonly result: QueryResult; readonly search: KeptSearch }> {
  const inMemory = query.like && placeInMemtables(view, query.like.key);
  const place = { structure, pace: paceOf(structure) };
  const found = await rankView(place, view, query, inMemory);
  const result = await showRanked(place, found, found.ranked.slice(0, pageSize));
  return { result, search: new KeptSearch(found, () => structure.context.turn("query")) };
}

interface RankedView extends RankedSearch {
  readonly ranking: Ranking;
}

async function rankView(
  { structure, pace: shared }: SearchPlace,
  view: ReadView,
  query: Query,
  inMemory: ViewPlace | undefined,
): Promise<RankedView> {
  const { context, schema } = structure;
  const asked =
    query.like === undefined ? { query, view } : await readLike(schema, view, query, inMemory);
  const fields = fieldsOf(schema, asked.query);
  const pace = query.signal === undefined ? shared : new Pace(shared, query.signal);
  const place = { structure, pace };
  const ranking = await rank(place, asked.view, fields, widened(asked.query));
  const ranked =
    isDiverse(query) && fields.dense !== undefined
      ? await chooseDiverse({ context, pace }, fields.dense, ranking, query)
      : ranking.ranked;
  return { view, query, fields, ranked, ranking };
}

/** Some of the ranked as hits, and what is told beside them. */
async function showRanked(
  { structure: { context }, pace: shared }: SearchPlace,
  { view, query, fields, ranking }: RankedView,
  shown: readonly RankedRecord[],
): Promise<QueryResult> {
  const { trace, cost } = ranking;
  const startMs = trace === undefined ? 0 : context.clock.monotonicMs();
  const pace = query.signal === undefined ? shared : new Pace(shared, query.signal);
  const hits = await toHits(shown, query, fields, { work: cost, pace });
  cost.came(queryBytes(query));
  view.work.search(cost);
  const plan = { ...ranking.plan, workUnits: cost.units };
  if (trace === undefined) return { hits, plan };
  trace.add("fetch", context.clock.monotonicMs() - startMs);
  return { hits, plan, explanation: trace.explain(cost.units) };
}

/** Of what is searched for, as it came. */
function queryBytes({ vector, sparse, like }: Query): number {
  const named = like === undefined ? 0 : Buffer.byteLength(like.key);
  return (
    (vector?.byteLength ?? 0) + (sparse === undefined ? 0 : sparseBytes(sparse.vector)) + named
  );
}

function rank(
  { structure, pace }: SearchPlace,
  view: SearchedView,
  { dense }: ComparedFields,
  query: Query,
): Promise<Ranking> {
  const { context, schema } = structure;
  const { unfilterable } = schema;
  if (hasSparse(query)) {
    return rankSparse(context, view, { field: dense, unfilterable, pace }, query);
  }
  assert(hasVector(query) && dense !== undefined, "a query says what it searches for");
  return rankShard(context, view, { field: dense, unfilterable, pace }, query);
}

/** @throws InsulaError `argument_invalid` for a field that the schema does not have. */
function fieldsOf({ vectors }: Schema, query: Query): ComparedFields {
  const sparse = query.sparse?.field;
  if (query.vector === undefined) return { dense: undefined, sparse };
  return { dense: denseField(vectors, query.field), sparse };
}

/** @throws InsulaError `argument_invalid` for a field that the schema does not have. */
export function denseField(vectors: Schema["vectors"], name: string): VectorField {
  const field = vectors.find((each) => each.name === name);
  if (field !== undefined) return field;
  throw new InsulaError(
    "argument_invalid",
    "Cannot search: the collection has no such vector field.",
  );
}

/** The query with what the record it names has stored, and the view without that record. */
async function readLike(
  schema: Schema,
  view: SearchedView,
  query: Query,
  inMemory: ViewPlace | undefined,
): Promise<{ readonly query: Query; readonly view: SearchedView }> {
  const { like, field: name } = query;
  if (like === undefined) return { query, view };
  const place = inMemory ?? (await placeInSegments(view, like.key));
  if (place === undefined) throw recordMissing(like);
  const field = schema.vectors.find((candidate) => candidate.name === name);
  return {
    query:
      field === undefined
        ? { ...query, sparse: { field: name, vector: await storedSparse(place, name, like) } }
        : { ...query, vector: await vectorOf(place, field) },
    view: like.isLeftOut === true ? viewWithout(view, place) : view,
  };
}

async function storedSparse(
  place: ViewPlace,
  field: string,
  { key }: LikeRecord,
): Promise<SparseVector> {
  const vector = await sparseVectorOf(place, field);
  if (vector !== undefined) return vector;
  throw new InsulaError(
    "argument_invalid",
    `Cannot search by record: that of key ${JSON.stringify(key)} has no vector in the sparse field.`,
  );
}

/** What a search by record says when there is none. */
export function recordMissing({ key }: LikeRecord): InsulaError {
  return new InsulaError(
    "record_not_found",
    `Cannot search by record: there is none of key ${JSON.stringify(key)}.`,
  );
}

function placeInMemtables({ memtables }: SearchedView, key: string): ViewPlace | undefined {
  for (const view of memtables) {
    const row = view.memtable.rowOf(key);
    if (row !== undefined) return { view, row };
  }
  return undefined;
}

async function placeInSegments(
  { segments }: SearchedView,
  key: string,
): Promise<ViewPlace | undefined> {
  const encoded = Buffer.from(key, "utf8");
  for (const view of segments) {
    if (view.segment.knowsItLacks(encoded)) continue;
    const found = await view.segment.find(encoded);
    if (found !== undefined && hasBit(view.liveBits, found.row)) {
      return { view, row: found.row };
    }
  }
  return undefined;
}

function hasBit(bits: Uint8Array | undefined, row: number): boolean {
  return bits === undefined || ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
}

/** The same view, in which one record is not live. */
export function viewWithout(view: SearchedView, { view: part, row }: ViewPlace): SearchedView {
  const { memtables, segments } = view;
  return {
    memtables: memtables.map((each) =>
      each === part ? { ...each, liveBits: bitsWithout(each, each.rowCount, row) } : each,
    ),
    segments: segments.map((each) => (each === part ? segmentWithout(each, row) : each)),
  };
}

function segmentWithout(view: SegmentView, row: number): SegmentView {
  const liveBits = bitsWithout(view, view.segment.rowCount, row);
  return { ...view, liveBits, liveCount: view.liveCount - 1, isAltered: true };
}

function bitsWithout(
  { liveBits }: { readonly liveBits: Uint8Array | undefined },
  rowCount: number,
  row: number,
): Uint8Array {
  const bits = liveBits?.slice() ?? new Uint8Array((rowCount + 7) >>> 3).fill(0xff);
  bits[row >>> 3] = (bits[row >>> 3] ?? 0) & ~(1 << (row & 7));
  return bits;
}

/** As many as the choice is made from. */
function widened(query: Query): Query {
  if (query.mmr === undefined) return query;
  return { ...query, topK: query.mmr.candidates ?? defaultCandidates(query.topK) };
}

function isDiverse(query: Query): query is Query & { readonly mmr: DiverseChoice } {
  return query.mmr !== undefined;
}

function hasSparse(query: Query): query is SparseSearchQuery {
  return query.sparse !== undefined;
}

function hasVector(query: Query): query is VectorQuery {
  return query.vector !== undefined;
}
