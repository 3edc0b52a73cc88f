/** Records of a shard by key, and by key order. */
import { assert } from "../base/errors.ts";
import { compareBytes } from "../base/bytes.ts";
import { Bitmap } from "../base/bitset.ts";
import { crc32 } from "../base/crc32.ts";
import { Pace } from "../base/pace.ts";
import {
  compileFilter,
  decodeMetadata,
  type Filter,
  type Include,
  type RecordView,
  type SparseVector,
} from "../model/index.ts";
import { countBits, memtableCandidates, segmentCandidates } from "./candidates.ts";
import type { MemtableView, ReadView, SegmentView } from "./read-view.ts";
import { RowsAhead } from "./rows-ahead.ts";
import { memtableSparse, NO_SPARSE, segmentSparse } from "./row-sparse.ts";
import type { ShardStructure } from "./shard-structure.ts";
import { answeredBytes, type WorkTally } from "./work-tally.ts";

/** What of each record is wanted, and until when. */
interface Fetched extends Include {
  readonly signal?: AbortSignal | undefined;
}

/**
 * One record per key in the order asked; undefined where there is none.
 *
 * @param view taken in this turn: keys of memtables are looked up before anything is awaited, so
 *   that all records are of one state, whatever is written meanwhile.
 */
export async function fetchRecords(
  structure: ShardStructure,
  view: ReadView,
  keys: readonly string[],
  include: Fetched,
): Promise<readonly (RecordView | undefined)[]> {
  view.work.records(keys.length);
  const records = keys.map((key) => recordInMemory(structure, view, key, include));
  if (view.segments.length === 0) return records;
  for (const [i, key] of keys.entries()) {
    include.signal?.throwIfAborted();
    records[i] ??= await recordInSegments(structure, view, key, include);
  }
  return records;
}

function recordInMemory(
  structure: ShardStructure,
  { work }: ReadView,
  key: string,
  include: Include,
): RecordView | undefined {
  for (const memtable of structure.memtables()) {
    const row = memtable.rowOf(key);
    if (row !== undefined) return memtableRecord(structure, { memtable, row, work }, include);
  }
  return undefined;
}

async function recordInSegments(
  structure: ShardStructure,
  view: ReadView,
  key: string,
  include: Include,
): Promise<RecordView | undefined> {
  const encoded = Buffer.from(key, "utf8");
  for (const { segment, liveBits } of view.segments) {
    if (segment.knowsItLacks(encoded)) continue;
    const found = await segment.find(encoded);
    if (found === undefined || !isLive(liveBits, found.row)) continue;
    const vectors = new Map<string, Float32Array>();
    if (include.vectors) {
      for (const field of structure.schema.vectors) {
        vectors.set(field.name, await segment.dense.row(field, found.row));
      }
    }
    const sparse = include.vectors ? await segmentSparse(structure, segment, found.row) : NO_SPARSE;
    const { metadata } = found.entry;
    view.work.answered(answeredBytes(encoded.length, metadata, include, { vectors, sparse }));
    return toRecord(key, metadata, include, { vectors, sparse });
  }
  return undefined;
}

function isLive(liveBits: Uint8Array | undefined, row: number): boolean {
  return liveBits === undefined || ((liveBits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
}

function memtableRecord(
  structure: ShardStructure,
  { memtable, row, work }: MemtableRow,
  include: Include,
): RecordView {
  const vectors = new Map<string, Float32Array>();
  if (include.vectors) {
    for (const { name } of structure.schema.vectors) vectors.set(name, memtable.vector(name, row));
  }
  const sparse = include.vectors ? memtableSparse(structure, memtable, row) : NO_SPARSE;
  const [key, metadata] = [memtable.key(row), memtable.metadata(row)];
  work.answered(answeredBytes(Buffer.byteLength(key), metadata, include, { vectors, sparse }));
  return toRecord(key, metadata, include, { vectors, sparse });
}

interface MemtableRow extends Pick<MemtableView, "memtable"> {
  readonly row: number;
  /** Told what is answered. */
  readonly work: WorkTally;
}

function toRecord(
  key: string,
  metadata: Uint8Array | undefined,
  include: Include,
  { vectors, sparse }: RowVectors,
): RecordView {
  return {
    key,
    ...(include.vectors ? { vectors } : {}),
    ...(sparse.size === 0 ? {} : { sparse }),
    ...(include.metadata && metadata !== undefined ? { metadata: decodeMetadata(metadata) } : {}),
  };
}

/** What a record has of vectors. */
interface RowVectors {
  readonly vectors: ReadonlyMap<string, Float32Array>;
  readonly sparse: ReadonlyMap<string, SparseVector>;
}

export interface ScanRequest {
  /** Keys after this one. */
  readonly after?: string;
  readonly prefix?: string;
  readonly limit: number;
  readonly include: Include;
  readonly part?: { readonly count: number; readonly index: number };
  readonly filter?: Filter;
  /** Ends the page early when it holds this much. */
  readonly bytesMax?: number;
}

export interface ScanPage {
  readonly records: readonly RecordView[];
  readonly hasMore: boolean;
}

/**
 * Live records in key order. The last record of a page is where the next begins.
 *
 * @throws what the signal was aborted with.
 */
export async function scanRecords(
  structure: ShardStructure,
  view: ReadView,
  request: ScanRequest,
  signal?: AbortSignal,
): Promise<ScanPage> {
  const start = startOf(request);
  const cursors: Cursor[] = [];
  for (const part of view.memtables) cursors.push(new MemtableCursor(part, start));
  for (const part of view.segments) cursors.push(await SegmentCursor.open(part, start));
  const matches = request.filter === undefined ? undefined : compileFilter(request.filter);
  const prefix = Buffer.from(request.prefix ?? "", "utf8");
  const records: RecordView[] = [];
  let bytes = 0;
  let looked = 0;
  for (const cursor of cursors) await cursor.advance();
  for (let best = smallest(cursors); best !== undefined; best = smallest(cursors)) {
    const { key, metadata } = best;
    assert(key !== undefined, "a cursor that stands on a row");
    if (compareBytes(key.subarray(0, prefix.length), prefix) > 0) break;
    const isWanted =
      isInPart(key, request.part) && (matches === undefined || matches.matches(metadata));
    if (isWanted) {
      const isFull = records.length >= request.limit || bytes >= (request.bytesMax ?? Infinity);
      if (isFull) return { records, hasMore: true };
      const vectors = request.include.vectors ? await best.vectors(structure) : NO_VECTORS;
      records.push(toRecord(key.toString("utf8"), metadata, request.include, vectors));
      view.work.records(1);
      view.work.answered(answeredBytes(key.length, metadata, request.include, vectors));
      bytes += key.length + recordBytes(metadata, vectors, request.include);
    }
    if (matches !== undefined) view.work.looked(1);
    await best.advance();
    signal?.throwIfAborted();
    if (++looked % ROWS_PER_TURN === 0) await structure.context.turn("query");
  }
  return { records, hasMore: false };
}

const NO_VECTORS: RowVectors = { vectors: new Map(), sparse: NO_SPARSE };

/** Number of live records that pass the filter: bits are counted, no record is read. */
export async function countMatches(
  structure: ShardStructure,
  view: ReadView,
  filter: Filter,
  signal?: AbortSignal,
): Promise<number> {
  const { unfilterable } = structure.schema;
  const pace = new Pace(() => structure.context.turn("query"), signal);
  view.work.filtered(view, filter, unfilterable);
  let count = 0;
  for (const part of view.memtables) {
    count += countBits(await memtableCandidates(part, filter, pace), part.rowCount);
  }
  for (const part of view.segments) {
    count += (await segmentCandidates(part, filter, { unfilterable, pace })).count;
  }
  return count;
}

/** Keys of live records that pass the filter, in no particular order. */
export async function collectKeys(
  structure: ShardStructure,
  view: ReadView,
  filter: Filter,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { context, schema } = structure;
  const { unfilterable } = schema;
  const pace = new Pace(() => context.turn("query"), signal);
  const keys: string[] = [];
  view.work.filtered(view, filter, unfilterable);
  for (const part of view.memtables) {
    for (const row of setBits(await memtableCandidates(part, filter, pace), part.rowCount)) {
      if (!pace.fits(KEY_STEPS)) await pace.take(KEY_STEPS);
      keys.push(part.memtable.key(row));
    }
  }
  for (const part of view.segments) {
    const { bits } = await segmentCandidates(part, filter, { unfilterable, pace });
    for (const row of setBits(bits, part.segment.rowCount)) {
      if (!pace.fits(RECORD_STEPS)) await pace.take(RECORD_STEPS);
      keys.push((await part.segment.record(row)).key.toString("utf8"));
    }
  }
  view.work.records(keys.length);
  return keys;
}

/** Steps of a key in memory, and of a record that is looked for in a block. */
const KEY_STEPS = 32;
const RECORD_STEPS = 256;
/** Rows looked at before the thread is given back: about 2 ms. */
const ROWS_PER_TURN = 1_024;

function setBits(bits: Uint8Array | undefined, rowCount: number): Iterable<number> {
  return (bits === undefined ? Bitmap.full(rowCount) : Bitmap.fromBytes(rowCount, bits)).toIds();
}

interface Start {
  readonly key: Buffer;
  /** True: rows after the key; false: the key itself too. */
  readonly isExclusive: boolean;
}

function startOf({ after, prefix }: ScanRequest): Start {
  const afterKey = Buffer.from(after ?? "", "utf8");
  const prefixKey = Buffer.from(prefix ?? "", "utf8");
  if (after === undefined || compareBytes(afterKey, prefixKey) < 0) {
    return { key: prefixKey, isExclusive: false };
  }
  return { key: afterKey, isExclusive: true };
}

function isInPart(key: Buffer, part: ScanRequest["part"]): boolean {
  return part === undefined || crc32(key) % part.count === part.index;
}

function recordBytes(
  metadata: Uint8Array | undefined,
  { vectors, sparse }: RowVectors,
  include: Include,
): number {
  let bytes = include.metadata ? (metadata?.length ?? 0) : 0;
  // As text a component takes about eleven characters.
  for (const values of vectors.values()) bytes += values.length * 11;
  for (const { values } of sparse.values()) bytes += values.length * 22;
  return bytes;
}

interface Cursor {
  /** Of the row it stands on; undefined at the end. */
  readonly key: Buffer | undefined;
  readonly metadata: Uint8Array | undefined;
  advance(): Promise<void>;
  vectors(structure: ShardStructure): Promise<RowVectors>;
}

function smallest(cursors: readonly Cursor[]): Cursor | undefined {
  let best: Cursor | undefined;
  for (const cursor of cursors) {
    if (cursor.key === undefined) continue;
    if (best?.key === undefined || compareBytes(cursor.key, best.key) < 0) best = cursor;
  }
  return best;
}

class MemtableCursor implements Cursor {
  key: Buffer | undefined;
  metadata: Uint8Array | undefined;
  readonly #view: MemtableView;
  readonly #entries: readonly { readonly key: Buffer; readonly row: number }[];
  #at = -1;

  constructor(view: MemtableView, start: Start) {
    this.#view = view;
    const entries: { key: Buffer; row: number }[] = [];
    for (let row = 0; row < view.rowCount; row++) {
      const isLive =
        view.liveBits === undefined || ((view.liveBits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
      if (!isLive) continue;
      const key = Buffer.from(view.memtable.key(row), "utf8");
      const order = compareBytes(key, start.key);
      if (order > 0 || (order === 0 && !start.isExclusive)) entries.push({ key, row });
    }
    this.#entries = entries.sort((a, b) => compareBytes(a.key, b.key));
  }

  advance(): Promise<void> {
    const entry = this.#entries[++this.#at];
    this.key = entry?.key;
    this.metadata = entry === undefined ? undefined : this.#view.memtable.metadata(entry.row);
    return Promise.resolve();
  }

  vectors(structure: ShardStructure): Promise<RowVectors> {
    const row = this.#entries[this.#at]?.row ?? 0;
    const { memtable } = this.#view;
    const fields = structure.schema.vectors;
    return Promise.resolve({
      vectors: new Map(fields.map(({ name }) => [name, memtable.vector(name, row)])),
      sparse: memtableSparse(structure, memtable, row),
    });
  }
}

class SegmentCursor implements Cursor {
  key: Buffer | undefined;
  metadata: Uint8Array | undefined;
  readonly #view: SegmentView;
  /** By vector field. */
  readonly #rows = new Map<string, RowsAhead>();
  #row: number;

  private constructor(view: SegmentView, firstRow: number) {
    this.#view = view;
    this.#row = firstRow - 1;
  }

  static async open(view: SegmentView, start: Start): Promise<SegmentCursor> {
    const row =
      start.key.length === 0 && !start.isExclusive ? 0 : await view.segment.rowAtOrAfter(start.key);
    if (!start.isExclusive || row >= view.segment.rowCount) return new SegmentCursor(view, row);
    const { key } = await view.segment.record(row);
    return new SegmentCursor(view, compareBytes(key, start.key) === 0 ? row + 1 : row);
  }

  async advance(): Promise<void> {
    const { segment, liveBits } = this.#view;
    do {
      this.#row++;
      if (this.#row >= segment.rowCount) {
        this.key = undefined;
        this.metadata = undefined;
        return;
      }
    } while (
      liveBits !== undefined &&
      ((liveBits[this.#row >>> 3] ?? 0) & (1 << (this.#row & 7))) === 0
    );
    const entry = await segment.record(this.#row);
    this.key = entry.key;
    this.metadata = entry.metadata;
  }

  async vectors(structure: ShardStructure): Promise<RowVectors> {
    const vectors = new Map<string, Float32Array>();
    for (const field of structure.schema.vectors) {
      let rows = this.#rows.get(field.name);
      if (rows === undefined) {
        rows = new RowsAhead(this.#view.segment, field);
        this.#rows.set(field.name, rows);
      }
      vectors.set(field.name, await rows.row(this.#row));
    }
    const sparse = await segmentSparse(structure, this.#view.segment, this.#row);
    return { vectors, sparse };
  }
}
