/**
 * The records nearest to a query, put in order, and the hits they become: keys are fetched of all
 * that may be among the k, everything else only of those that are answered.
 */
import type { Pace } from "../base/pace.ts";
import { BYTES_STEPS, SORTED_AT_ONCE, sortInTurns, sortSteps } from "../base/sort-in-turns.ts";
import { FLOAT32_MAX } from "../math/index.ts";
import {
  decodeMetadata,
  type Hit,
  type Query,
  type SparseVector,
  type VectorField,
} from "../model/index.ts";
import type { ViewPlace } from "./read-view.ts";
import { StoredVectors } from "./stored-vectors.ts";
import { answeredBytes, type WorkTally } from "./work-tally.ts";

/** One record that may be among the nearest. */
export interface Candidate extends ViewPlace {
  readonly distance: number;
}

/** A record among the nearest, before it is shown. */
export interface RankedRecord {
  readonly candidate: Candidate;
  readonly key: string;
}

/** What tells how a distance is shown. */
export type Measure = Pick<VectorField, "metric">;

/** Of every score that a sparse vector has a part in. */
export const SPARSE_MEASURE: Measure = { metric: "dot" };

/** The fields that a search compares, one or both; hits show the vectors of these. */
export interface ComparedFields {
  readonly dense: VectorField | undefined;
  /** Name of a sparse field. */
  readonly sparse: string | undefined;
}

/** Lists up to this long are sorted by insertion: candidates of a scan come nearly in order. */
const INSERTED_MAX = 64;
/** Steps of reading the key of a record, and of showing one besides what it has. */
const KEY_STEPS = 64;
const HIT_STEPS = 128;
/** Bytes of metadata and vectors that are decoded and copied in a step. */
const SHOWN_BYTES_PER_STEP = 2;
const COPIED_BYTES_PER_STEP = 16;
/** Keys up to this long are looked at one character after the other. */
const SHORT_KEY_LENGTH = 48;

/** Nearest first, in place. */
export function sortByDistance(found: Candidate[]): void {
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

/** Whether one is within the query's limit, if it has one: the limit is on what is shown. */
export function isWithin(
  { maxDistance }: Pick<Query, "maxDistance">,
  measure: Measure,
  distance: number,
): boolean {
  return maxDistance === undefined || shownDistance(measure, distance) <= maxDistance;
}

/**
 * The nearest by (distance, key); at once when they are not many and the blocks of all their keys
 * are in memory.
 *
 * @throws what the signal of the pace was aborted with.
 */
export function nearest(
  found: Candidate[],
  { topK }: Pick<Query, "topK">,
  pace: Pace,
): readonly RankedRecord[] | Promise<readonly RankedRecord[]> {
  if (found.length > SORTED_AT_ONCE || !pace.fits(sortSteps(found.length))) {
    return sortLater(found, topK, pace);
  }
  sortByDistance(found);
  return rankSorted(found, topK, pace);
}

async function sortLater(
  found: readonly Candidate[],
  topK: number,
  pace: Pace,
): Promise<readonly RankedRecord[]> {
  return rankSorted(await sortInTurns(found, compareDistances, pace), topK, pace);
}

function compareDistances(a: Candidate, b: Candidate): number {
  return a.distance - b.distance;
}

function rankSorted(
  found: readonly Candidate[],
  topK: number,
  pace: Pace,
): readonly RankedRecord[] | Promise<readonly RankedRecord[]> {
  const edge = found[Math.min(topK, found.length) - 1]?.distance;
  if (edge === undefined) return [];
  const ranked: RankedRecord[] = [];
  for (let i = 0; i < found.length; i++) {
    const candidate = found[i];
    if (candidate === undefined || candidate.distance > edge) break;
    const key = pace.fits(KEY_STEPS) ? keyOf(candidate) : undefined;
    if (typeof key !== "string") return rankLater({ found, ranked, key, topK, edge }, pace);
    ranked.push({ candidate, key });
  }
  if (ranked.length > SORTED_AT_ONCE) return firstLater(ranked, topK, pace);
  sortTies(ranked);
  return ranked.length > topK ? ranked.slice(0, topK) : ranked;
}

interface BegunRanking {
  readonly found: readonly Candidate[];
  /** Those of which the key is there. */
  readonly ranked: RankedRecord[];
  /** Of the next, if it was asked for. */
  readonly key: Promise<string> | undefined;
  readonly topK: number;
  readonly edge: number;
}

/** One block after the other: neighbours in the order of keys lie in the same one. */
async function rankLater(begun: BegunRanking, pace: Pace): Promise<readonly RankedRecord[]> {
  const { found, ranked, topK, edge } = begun;
  let asked = begun.key;
  for (let i = ranked.length; i < found.length; i++) {
    const candidate = found[i];
    if (candidate === undefined || candidate.distance > edge) break;
    if (!pace.fits(KEY_STEPS)) await pace.take(KEY_STEPS);
    const key = asked ?? keyOf(candidate);
    asked = undefined;
    ranked.push({ candidate, key: typeof key === "string" ? key : await key });
  }
  return firstLater(ranked, topK, pace);
}

/** Runs of one distance are sorted by key, the long ones in turns. */
async function firstLater(
  ranked: RankedRecord[],
  topK: number,
  pace: Pace,
): Promise<readonly RankedRecord[]> {
  const sorted: RankedRecord[] = [];
  for (let start = 0; start < ranked.length && sorted.length < topK;) {
    const end = endOfRun(ranked, start);
    const run = ranked.slice(start, end);
    if (run.length > SORTED_AT_ONCE) {
      const keyed = await sortByKey(run, pace);
      for (const one of keyed.slice(0, topK - sorted.length)) sorted.push(one);
    } else {
      const steps = run.length === 1 ? 1 : sortSteps(run.length);
      if (!pace.fits(steps)) await pace.take(steps);
      sortTies(run);
      sorted.push(...run);
    }
    start = end;
  }
  return sorted.length > topK ? sorted.slice(0, topK) : sorted;
}

/** What the making of hits tells, and asks. */
export interface HitWork {
  readonly work: WorkTally;
  readonly pace: Pace;
}

/**
 * Records as they are answered, and counted as such; at once when keys are all that is shown.
 *
 * @throws what the signal of the pace was aborted with.
 */
export function toHits(
  ranked: readonly RankedRecord[],
  { include }: Pick<Query, "include">,
  fields: ComparedFields,
  { work, pace }: HitWork,
): readonly Hit[] | Promise<readonly Hit[]> {
  const isShort = ranked.length <= SORTED_AT_ONCE;
  if (include.metadata || include.vectors || !isShort) {
    return toWholeHits(ranked, { include }, fields, { work, pace });
  }
  const measure = fields.dense ?? SPARSE_MEASURE;
  work.records(ranked.length);
  let keyBytes = 0;
  const hits: Hit[] = [];
  for (const { candidate, key } of ranked) {
    hits.push({ key, distance: shownDistance(measure, candidate.distance) });
    keyBytes += utf8Length(key);
  }
  work.answered(keyBytes);
  return hits;
}

/** Of a short key without a call into the runtime, which costs more than the loop. */
function utf8Length(key: string): number {
  if (key.length > SHORT_KEY_LENGTH) return Buffer.byteLength(key);
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 0x7f) return Buffer.byteLength(key);
  return key.length;
}

async function toWholeHits(
  ranked: readonly RankedRecord[],
  { include }: Pick<Query, "include">,
  { dense, sparse }: ComparedFields,
  { work, pace }: HitWork,
): Promise<readonly Hit[]> {
  const measure = dense ?? SPARSE_MEASURE;
  const hits: Hit[] = [];
  const isShowing = include.vectors && dense !== undefined;
  const vectors = isShowing ? new StoredVectors(ranked, dense, pace) : undefined;
  work.records(ranked.length);
  for (const [i, { candidate, key }] of ranked.entries()) {
    if (!pace.fits(HIT_STEPS)) await pace.take(HIT_STEPS);
    const hit: Writable<Hit> = { key, distance: shownDistance(measure, candidate.distance) };
    let metadata: Uint8Array | undefined;
    if (include.metadata) {
      const maybe = metadataOf(candidate);
      metadata = maybe instanceof Promise ? await maybe : maybe;
      if (metadata !== undefined) hit.metadata = decodeMetadata(metadata);
    }
    if (vectors !== undefined && dense !== undefined) {
      hit.vectors = new Map([[dense.name, await vectors.take(i)]]);
    }
    if (include.vectors && sparse !== undefined) {
      const vector = await sparseVectorOf(candidate, sparse);
      if (vector !== undefined) hit.sparse = new Map([[sparse, vector]]);
    }
    // What a record has is known when it was read.
    pace.add(shownSteps(metadata, hit));
    work.answered(answeredBytes(utf8Length(key), metadata, include, hit));
    hits.push(hit);
  }
  return hits;
}

function shownSteps(metadata: Uint8Array | undefined, { vectors, sparse }: Hit): number {
  let bytes = 0;
  for (const values of vectors?.values() ?? []) bytes += values.byteLength;
  for (const { values } of sparse?.values() ?? []) bytes += 2 * values.byteLength;
  return (metadata?.length ?? 0) / SHOWN_BYTES_PER_STEP + bytes / COPIED_BYTES_PER_STEP;
}

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

/** No protocol has a word for infinity: beyond float32 is its largest number. */
export function shownDistance({ metric }: Measure, distance: number): number {
  const shown = metric === "euclidean" ? Math.fround(Math.sqrt(distance)) : distance;
  return Math.max(-FLOAT32_MAX, Math.min(FLOAT32_MAX, shown));
}

/** The stored vector, owned by the caller. */
export async function vectorOf(
  { view, row }: ViewPlace,
  field: VectorField,
): Promise<Float32Array> {
  return "memtable" in view
    ? view.memtable.vector(field.name, row)
    : view.segment.dense.row(field, row);
}

/** The stored sparse vector, owned by the caller; undefined when the record has none. */
export async function sparseVectorOf(
  { view, row }: ViewPlace,
  field: string,
): Promise<SparseVector | undefined> {
  return "memtable" in view
    ? view.memtable.sparse(field, row)
    : view.segment.sparse.vector(field, row);
}

export function keyOf({ view, row }: ViewPlace): string | Promise<string> {
  return "memtable" in view ? view.memtable.key(row) : view.segment.key(row);
}

function metadataOf({
  view,
  row,
}: ViewPlace): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  if ("memtable" in view) return view.memtable.metadata(row);
  const entry = view.segment.record(row);
  return entry instanceof Promise ? entry.then(({ metadata }) => metadata) : entry.metadata;
}

/** Sorts runs of one distance by key, in the order of its bytes. */
function sortTies(ranked: RankedRecord[]): void {
  for (let start = 0; start < ranked.length;) {
    const end = endOfRun(ranked, start);
    if (end - start > 1) {
      const run = ranked.slice(start, end).map((one) => ({ one, bytes: Buffer.from(one.key) }));
      run.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
      for (const [i, { one }] of run.entries()) ranked[start + i] = one;
    }
    start = end;
  }
}

function endOfRun(ranked: readonly RankedRecord[], start: number): number {
  const distance = ranked[start]?.candidate.distance;
  let end = start + 1;
  while (end < ranked.length && ranked[end]?.candidate.distance === distance) end++;
  return end;
}

async function sortByKey(run: readonly RankedRecord[], pace: Pace): Promise<RankedRecord[]> {
  const keyed: { readonly one: RankedRecord; readonly bytes: Buffer }[] = [];
  for (const one of run) {
    if (!pace.fits(KEY_STEPS)) await pace.take(KEY_STEPS);
    keyed.push({ one, bytes: Buffer.from(one.key) });
  }
  const compare = (a: { bytes: Buffer }, b: { bytes: Buffer }): number =>
    Buffer.compare(a.bytes, b.bytes);
  const sorted = await sortInTurns(keyed, compare, pace, BYTES_STEPS);
  return sorted.map(({ one }) => one);
}
