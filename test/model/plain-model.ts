/**
 * The judge: what the engine must hold, in plain Maps, and what it must answer, by looking at
 * everything.
 */
import { crc32 } from "../../src/base/crc32.ts";
import type { ListRequest } from "../../src/engine/api.ts";
import { exactDistance, inverseNorm } from "../../src/math/index.ts";
import {
  compareStrings,
  encodeMetadata,
  matchesFilter,
  type Filter,
  type Metadata,
  type MetadataValue,
  type RecordPatch,
  type Schema,
  type WriteBatch,
} from "../../src/model/index.ts";

export interface PlainRecord {
  readonly key: string;
  readonly vectors: ReadonlyMap<string, Float32Array>;
  readonly metadata: Metadata | undefined;
  /** As counted in totals: key, encoded metadata, vectors. */
  readonly bytes: number;
}

/** Records of one shard by key. Never changed in place, so that a copy is a snapshot. */
export type PlainShard = ReadonlyMap<string, PlainRecord>;

export const EMPTY_SHARD: PlainShard = new Map();

/** One write to one shard, so that it can be applied to a snapshot later. */
export type PlainWrite =
  | { readonly kind: "upsert"; readonly batch: WriteBatch }
  | { readonly kind: "insert"; readonly batch: WriteBatch }
  | { readonly kind: "delete"; readonly keys: readonly string[] }
  | { readonly kind: "deleteWhere"; readonly filter: Filter }
  | { readonly kind: "update"; readonly patches: readonly RecordPatch[] }
  | { readonly kind: "updateWhere"; readonly filter: Filter; readonly metadata: Metadata }
  | { readonly kind: "deleteAll" };

/** The shard after a write; undefined when the write must be refused. */
export function applyWrite(
  shard: PlainShard,
  schema: Schema,
  write: PlainWrite,
): PlainShard | undefined {
  const after = new Map(shard);
  switch (write.kind) {
    case "deleteAll":
      return new Map();
    case "delete":
      for (const key of write.keys) after.delete(key);
      return after;
    case "deleteWhere":
      for (const record of shard.values()) {
        if (matchesFilter(write.filter, record.metadata)) after.delete(record.key);
      }
      return after;
    case "update":
      for (const patch of write.patches) {
        const record = shard.get(patch.key);
        if (record !== undefined) after.set(patch.key, changed(record, patch));
      }
      return after;
    case "updateWhere":
      for (const record of shard.values()) {
        if (!matchesFilter(write.filter, record.metadata)) continue;
        after.set(record.key, changed(record, { key: record.key, metadata: write.metadata }));
      }
      return after;
    case "insert":
      if (write.batch.keys.some((key) => shard.has(key))) return undefined;
      break;
    case "upsert":
      break;
  }
  for (const record of recordsOf(schema, write.batch)) after.set(record.key, record);
  return after;
}

function changed(record: PlainRecord, patch: RecordPatch): PlainRecord {
  const { key } = record;
  const vectors = new Map([...record.vectors, ...(patch.vectors ?? [])]);
  const metadata = merged(record.metadata, patch.metadata);
  let bytes = Buffer.byteLength(key);
  for (const vector of vectors.values()) bytes += vector.byteLength;
  if (metadata !== undefined) bytes += encodeMetadata(metadata).length;
  return { key, vectors, metadata, bytes };
}

function merged(stored: Metadata | undefined, set: Metadata | undefined): Metadata | undefined {
  if (set === undefined) return stored;
  const all = new Map([...Object.entries(stored ?? {}), ...Object.entries(set)]);
  const metadata = Object.create(null) as Record<string, MetadataValue>;
  for (const [name, value] of all) metadata[name] = value;
  return metadata;
}

function recordsOf(schema: Schema, batch: WriteBatch): PlainRecord[] {
  return batch.keys.map((key, i) => {
    const vectors = new Map<string, Float32Array>();
    let bytes = Buffer.byteLength(key);
    for (const { name, dimension } of schema.vectors) {
      const column = batch.vectors.find(({ field }) => field === name);
      if (column === undefined) throw new Error("a batch of the test names every field");
      vectors.set(name, column.values.slice(i * dimension, (i + 1) * dimension));
      bytes += dimension * 4;
    }
    const metadata = batch.metadata[i];
    if (metadata !== undefined) bytes += encodeMetadata(metadata).length;
    return { key, vectors, metadata, bytes };
  });
}

export function byteCountOf(shard: PlainShard): number {
  let bytes = 0;
  for (const record of shard.values()) bytes += record.bytes;
  return bytes;
}

export function sortedRecords(shard: PlainShard): PlainRecord[] {
  return [...shard.values()].sort((a, b) => compareStrings(a.key, b.key));
}

/** All records a listing would give without its limit. */
export function listed(
  shard: PlainShard,
  request: Omit<ListRequest, "limit" | "include">,
): PlainRecord[] {
  const { prefix = "", after, part, filter } = request;
  return sortedRecords(shard).filter(
    ({ key, metadata }) =>
      key.startsWith(prefix) &&
      (after === undefined || compareStrings(key, after) > 0) &&
      (part === undefined || crc32(Buffer.from(key)) % part.count === part.index) &&
      (filter === undefined || matchesFilter(filter, metadata)),
  );
}

export interface Ranked {
  readonly record: PlainRecord;
  readonly distance: number;
}

/**
 * Every record that passes, nearest first, ties by key bytes; distances as the engine returns them.
 */
export function ranked(
  shard: PlainShard,
  schema: Schema,
  query: {
    readonly field: string;
    readonly vector: Float32Array;
    readonly filter?: Filter | undefined;
  },
): Ranked[] {
  const field = schema.vectors.find(({ name }) => name === query.field);
  if (field === undefined) throw new Error("a query of the test names a field");
  const wanted = { vector: query.vector, inverseNorm: inverseNorm(query.vector) };
  const entries: { record: PlainRecord; distance: number }[] = [];
  for (const record of shard.values()) {
    if (query.filter !== undefined && !matchesFilter(query.filter, record.metadata)) continue;
    const vector = record.vectors.get(field.name) ?? new Float32Array(0);
    const row = { vector, inverseNorm: inverseNorm(vector) };
    const distance = exactDistance(field.metric, wanted, row);
    entries.push({ record, distance });
  }
  entries.sort((a, b) => a.distance - b.distance || compareStrings(a.record.key, b.record.key));
  if (field.metric !== "euclidean") return entries;
  return entries.map(({ record, distance }) => ({
    record,
    distance: Math.fround(Math.sqrt(distance)),
  }));
}
