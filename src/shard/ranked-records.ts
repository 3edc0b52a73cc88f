/**
 * The records nearest to a query, put in order, and the hits they become: keys are fetched of all
 * that may be among the k, everything else only of those that are answered.
 */
import { FLOAT32_MAX } from "../math/index.ts";
import {
  decodeMetadata,
  type Hit,
  type Query,
  type SparseVector,
  type VectorField,
} from "../model/index.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";
import { answeredBytes, type WorkTally } from "./work-tally.ts";

/** Where a record is, as a view sees it. */
export interface ViewPlace {
  readonly view: MemtableView | SegmentView;
  readonly row: number;
}

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

/** Those within the query's limit, if it has one: the limit is on what is shown. */
export function within(
  found: Candidate[],
  { maxDistance }: Pick<Query, "maxDistance">,
  measure: Measure,
): Candidate[] {
  if (maxDistance === undefined) return found;
  return found.filter(({ distance }) => shownDistance(measure, distance) <= maxDistance);
}

/** The nearest by (distance, key); at once when the blocks of all their keys are in memory. */
export function nearest(
  found: Candidate[],
  { topK }: Pick<Query, "topK">,
): readonly RankedRecord[] | Promise<readonly RankedRecord[]> {
  sortByDistance(found);
  const edge = found[Math.min(topK, found.length) - 1]?.distance;
  if (edge === undefined) return [];
  let end = Math.min(topK, found.length);
  while (end < found.length && found[end]?.distance === edge) end++;
  const ranked: RankedRecord[] = [];
  for (let i = 0; i < end; i++) {
    const candidate = found[i];
    if (candidate === undefined) continue;
    const key = keyOf(candidate);
    if (typeof key !== "string") return rankLater(found.slice(i, end), { ranked, key, topK });
    ranked.push({ candidate, key });
  }
  return firstOf(ranked, topK);
}

/** One block after the other: neighbours in the order of keys lie in the same one. */
async function rankLater(
  rest: readonly Candidate[],
  begun: { readonly ranked: RankedRecord[]; readonly key: Promise<string>; readonly topK: number },
): Promise<readonly RankedRecord[]> {
  const { ranked, topK } = begun;
  for (const [i, candidate] of rest.entries()) {
    ranked.push({ candidate, key: await (i === 0 ? begun.key : keyOf(candidate)) });
  }
  return firstOf(ranked, topK);
}

function firstOf(ranked: RankedRecord[], topK: number): readonly RankedRecord[] {
  sortTies(ranked);
  return ranked.length > topK ? ranked.slice(0, topK) : ranked;
}

/** Records as they are answered, and counted as such; at once when keys are all that is shown. */
export function toHits(
  ranked: readonly RankedRecord[],
  { include }: Pick<Query, "include">,
  fields: ComparedFields,
  work: WorkTally,
): readonly Hit[] | Promise<readonly Hit[]> {
  if (include.metadata || include.vectors) return toWholeHits(ranked, { include }, fields, work);
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
  work: WorkTally,
): Promise<readonly Hit[]> {
  const measure = dense ?? SPARSE_MEASURE;
  const hits: Hit[] = [];
  work.records(ranked.length);
  for (const { candidate, key } of ranked) {
    const hit: Writable<Hit> = { key, distance: shownDistance(measure, candidate.distance) };
    let metadata: Uint8Array | undefined;
    if (include.metadata) {
      const maybe = metadataOf(candidate);
      metadata = maybe instanceof Promise ? await maybe : maybe;
      if (metadata !== undefined) hit.metadata = decodeMetadata(metadata);
    }
    if (include.vectors && dense !== undefined) {
      hit.vectors = new Map([[dense.name, await vectorOf(candidate, dense)]]);
    }
    if (include.vectors && sparse !== undefined) {
      const vector = await sparseVectorOf(candidate, sparse);
      if (vector !== undefined) hit.sparse = new Map([[sparse, vector]]);
    }
    work.answered(answeredBytes(utf8Length(key), metadata, include, hit));
    hits.push(hit);
  }
  return hits;
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
    : view.segment.vector(field, row);
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
    const distance = ranked[start]?.candidate.distance;
    let end = start + 1;
    while (end < ranked.length && ranked[end]?.candidate.distance === distance) end++;
    if (end - start > 1) {
      const run = ranked.slice(start, end).map((one) => ({ one, bytes: Buffer.from(one.key) }));
      run.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
      for (const [i, { one }] of run.entries()) ranked[start + i] = one;
    }
    start = end;
  }
}
