/**
 * Rows of databases, collections, tenants and schemas in the system shard.
 * ON DISK: docs/formats/catalogue.md; each row starts with its version.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { toShardUid, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import {
  NO_POLICY,
  TENANT_STATES,
  type Metric,
  type PolicyRules,
  type Schema,
  type TenantState,
  type VectorField,
} from "../model/index.ts";
import type { StateChange } from "./api.ts";
import { NO_RECALLS, type FieldRecalls } from "./field-recalls.ts";
import { decodeSchedules, encodeSchedules } from "./schedule-codec.ts";

const ROW_VERSION = 1;
/** ON DISK: beside the metric of a field that is to cost little memory. */
const SMALL_FLAG = 128;
/** ON DISK: flag of a schema that has sparse fields. */
const SPARSE_FLAG = 8;
/** ON DISK: position is the encoded number. */
const CHANGE_REASONS: readonly StateChange["reason"][] = ["asked", "used", "policy", "schedule"];
/** ON DISK: in the place of a state, of a tenant that has only ever been what it was made. */
const NEVER_CHANGED = 255;
/** ON DISK: what a policy sets, beside one another. */
const POLICY_FLAGS = {
  inactiveAfter: 1,
  offloadAfter: 2,
  memoryShare: 4,
  pins: 8,
  warm: 16,
} as const;
/** ON DISK: position is the encoded number. */
const METRICS: readonly Metric[] = ["cosine", "dot", "euclidean", "manhattan", "hamming"];
export type Attributes = Readonly<Record<string, string>>;

export interface DatabaseRow {
  readonly number: number;
  readonly createdAtMs: number;
  readonly attributes: Attributes;
}

export interface CollectionRow {
  readonly number: number;
  readonly schemaNumber: number;
  /** The shard of a collection without tenants. */
  readonly shard: ShardUid | undefined;
  readonly isEnabled: boolean;
  readonly createdAtMs: number;
  readonly embeddingModel: string | undefined;
  readonly attributes: Attributes;
  readonly recalls: FieldRecalls;
  /** A write to a tenant that does not exist creates it. */
  readonly createsTenants: boolean;
  /** A call about the records of an INACTIVE tenant makes it ACTIVE. */
  readonly activatesTenants: boolean;
  /** What happens to tenants that nobody uses. */
  readonly policy: PolicyRules;
}

export interface TenantRow {
  readonly shard: ShardUid;
  readonly state: TenantState;
  readonly createdAtMs: number;
  /** How it came into its state; absent while it is what it was made. */
  readonly lastChange?: StateChange;
  /**
   * A call about its records was then, or later, by less than keepsUsesEveryMs of its collection.
   * Absent while nobody used it.
   */
  readonly lastUsedAtMs?: number;
}

export interface TotalsRow {
  rowCount: number;
  byteCount: number;
  /** Tenants of a collection, or collections of a database. */
  childCount: number;
}

export function encodeDatabase(row: DatabaseRow): Buffer {
  const writer = new ByteWriter(64).uint8(ROW_VERSION).varint(row.number).float64(row.createdAtMs);
  return encodeAttributes(writer, row.attributes).finish();
}

export function decodeDatabase(bytes: Uint8Array): DatabaseRow {
  const reader = open(bytes, "database");
  return {
    number: reader.varint(),
    createdAtMs: reader.float64(),
    attributes: decodeAttributes(reader),
  };
}

export function encodeCollection(row: CollectionRow): Buffer {
  const writer = new ByteWriter(64).uint8(ROW_VERSION).varint(row.number).varint(row.schemaNumber);
  const flags =
    (row.shard === undefined ? 0 : 1) |
    (row.isEnabled ? 2 : 0) |
    (row.embeddingModel === undefined ? 0 : 4) |
    (row.recalls.size === 0 ? 0 : 8) |
    (row.createsTenants ? 0 : 16) |
    (row.activatesTenants ? 32 : 0) |
    (hasPolicy(row.policy) ? 64 : 0);
  writer.uint8(flags).float64(row.createdAtMs);
  if (row.shard !== undefined) writer.raw(row.shard);
  if (row.embeddingModel !== undefined) writer.string(row.embeddingModel);
  encodeAttributes(writer, row.attributes);
  if (row.recalls.size > 0) encodeRecalls(writer, row.recalls);
  if (hasPolicy(row.policy)) encodePolicy(writer, row.policy);
  return writer.finish();
}

export function decodeCollection(bytes: Uint8Array): CollectionRow {
  const reader = open(bytes, "collection");
  const number = reader.varint();
  const schemaNumber = reader.varint();
  const flags = reader.uint8();
  const createdAtMs = reader.float64();
  return {
    number,
    schemaNumber,
    isEnabled: (flags & 2) !== 0,
    createdAtMs,
    shard: (flags & 1) === 0 ? undefined : toShardUid(new Uint8Array(reader.raw(16))),
    embeddingModel: (flags & 4) === 0 ? undefined : reader.string(),
    attributes: decodeAttributes(reader),
    recalls: (flags & 8) === 0 ? NO_RECALLS : decodeRecalls(reader),
    createsTenants: (flags & 16) === 0,
    activatesTenants: (flags & 32) !== 0,
    policy: (flags & 64) === 0 ? NO_POLICY : decodePolicy(reader),
  };
}

/** False: nothing is set. */
function hasPolicy({ memoryShare, pins, warm, ...rules }: PolicyRules): boolean {
  const others = [memoryShare, pins, warm];
  return others.some((part) => part !== undefined) || isSwept(rules);
}

/** False: nothing happens by itself to a tenant that nobody uses. */
export function isSwept({ inactiveAfterMs, offloadAfterMs }: PolicyRules): boolean {
  return inactiveAfterMs !== undefined || offloadAfterMs !== undefined;
}

/** Readers that do not know of shares, pins and schedules stop before. */
function encodePolicy(writer: ByteWriter, policy: PolicyRules): void {
  const { inactiveAfterMs, offloadAfterMs, memoryShare, pins, warm, setAtMs } = policy;
  writer.uint8(
    (inactiveAfterMs === undefined ? 0 : POLICY_FLAGS.inactiveAfter) |
      (offloadAfterMs === undefined ? 0 : POLICY_FLAGS.offloadAfter) |
      (memoryShare === undefined ? 0 : POLICY_FLAGS.memoryShare) |
      (pins === undefined ? 0 : POLICY_FLAGS.pins) |
      (warm === undefined ? 0 : POLICY_FLAGS.warm),
  );
  writer.float64(setAtMs);
  for (const part of [inactiveAfterMs, offloadAfterMs, memoryShare]) {
    if (part !== undefined) writer.float64(part);
  }
  if (pins !== undefined) {
    writer.varint(pins.length);
    for (const pin of pins) writer.string(pin);
  }
  if (warm !== undefined) encodeSchedules(writer, warm);
}

function decodePolicy(reader: ByteReader): PolicyRules {
  const flags = reader.uint8();
  return {
    setAtMs: reader.float64(),
    ...((flags & POLICY_FLAGS.inactiveAfter) !== 0 && { inactiveAfterMs: reader.float64() }),
    ...((flags & POLICY_FLAGS.offloadAfter) !== 0 && { offloadAfterMs: reader.float64() }),
    ...((flags & POLICY_FLAGS.memoryShare) !== 0 && { memoryShare: reader.float64() }),
    ...((flags & POLICY_FLAGS.pins) !== 0 && { pins: decodePins(reader) }),
    ...((flags & POLICY_FLAGS.warm) !== 0 && { warm: decodeSchedules(reader) }),
  };
}

function decodePins(reader: ByteReader): readonly string[] {
  return Array.from({ length: reader.varint() }, () => reader.string());
}

/** Readers that do not know them stop before. */
function encodeRecalls(writer: ByteWriter, recalls: FieldRecalls): void {
  writer.varint(recalls.size);
  for (const [name, recall] of recalls) writer.string(name).float64(recall);
}

function decodeRecalls(reader: ByteReader): FieldRecalls {
  const recalls = new Map<string, number>();
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.string();
    recalls.set(name, reader.float64());
  }
  return recalls;
}

export function encodeTenant(row: TenantRow): Buffer {
  const { shard, state, createdAtMs, lastChange, lastUsedAtMs } = row;
  const writer = new ByteWriter(64).uint8(ROW_VERSION).raw(shard);
  writer.uint8(TENANT_STATES.indexOf(state)).float64(createdAtMs);
  // Readers that do not know what follows stop before.
  if (lastChange === undefined && lastUsedAtMs === undefined) return writer.finish();
  encodeChange(writer, lastChange);
  if (lastUsedAtMs !== undefined) writer.float64(lastUsedAtMs);
  return writer.finish();
}

export function decodeTenant(bytes: Uint8Array): TenantRow {
  const reader = open(bytes, "tenant");
  const shard = toShardUid(new Uint8Array(reader.raw(16)));
  const state = readWord(TENANT_STATES, reader.uint8());
  const createdAtMs = reader.float64();
  const row = { shard, state, createdAtMs };
  if (reader.remaining === 0) return row;
  const lastChange = decodeChange(reader);
  return {
    ...row,
    ...(lastChange !== undefined && { lastChange }),
    ...(reader.remaining > 0 && { lastUsedAtMs: reader.float64() }),
  };
}

function encodeChange(writer: ByteWriter, change: StateChange | undefined): void {
  if (change === undefined) {
    writer.uint8(NEVER_CHANGED);
    return;
  }
  const { from, reason, atMs, idleMs = 0, schedule = "" } = change;
  writer.uint8(TENANT_STATES.indexOf(from));
  writer.uint8(CHANGE_REASONS.indexOf(reason)).float64(atMs);
  if (reason === "policy") writer.float64(idleMs);
  if (reason === "schedule") writer.string(schedule);
}

function decodeChange(reader: ByteReader): StateChange | undefined {
  const before = reader.uint8();
  if (before === NEVER_CHANGED) return undefined;
  const from = readWord(TENANT_STATES, before);
  const reason = readWord(CHANGE_REASONS, reader.uint8());
  const atMs = reader.float64();
  return {
    ...{ from, reason, atMs },
    ...(reason === "policy" && { idleMs: reader.float64() }),
    ...(reason === "schedule" && { schedule: reader.string() }),
  };
}

function readWord<Word>(words: readonly Word[], position: number): Word {
  const word = words[position];
  if (word !== undefined) return word;
  throw new InsulaError("data_damaged", "Cannot read a tenant row: unknown state or reason.");
}

export function encodeTotals(row: TotalsRow): Buffer {
  const writer = new ByteWriter(32).uint8(ROW_VERSION);
  return writer.varint(row.rowCount).varint(row.byteCount).varint(row.childCount).finish();
}

export function decodeTotals(bytes: Uint8Array): TotalsRow {
  const reader = open(bytes, "totals");
  return { rowCount: reader.varint(), byteCount: reader.varint(), childCount: reader.varint() };
}

/** Canonical: equal schemas have equal bytes, so that their hash interns them. */
export function encodeSchema(schema: Schema, isMultiTenant: boolean): Buffer {
  const writer = new ByteWriter(64).uint8(ROW_VERSION);
  const { sparseVectors = [] } = schema;
  const flags = (schema.identity === "row" ? 1 : 0) | (isMultiTenant ? 2 : 0);
  writer.uint8(flags | (sparseVectors.length === 0 ? 0 : SPARSE_FLAG));
  writer.varint(schema.vectors.length);
  for (const { name, dimension, metric, memory } of schema.vectors) {
    const small = memory === "small" ? SMALL_FLAG : 0;
    writer
      .string(name)
      .varint(dimension)
      .uint8(METRICS.indexOf(metric) | small);
  }
  writer.varint(schema.unfilterable.length);
  for (const property of schema.unfilterable) writer.string(property);
  if (sparseVectors.length > 0) {
    writer.varint(sparseVectors.length);
    for (const { name } of sparseVectors) writer.string(name);
  }
  return writer.finish();
}

export interface StoredSchema {
  readonly schema: Schema;
  readonly isMultiTenant: boolean;
}

export function decodeSchema(bytes: Uint8Array): StoredSchema {
  const reader = open(bytes, "schema");
  const flags = reader.uint8();
  const vectors = Array.from({ length: reader.varint() }, (): VectorField => {
    const name = reader.string();
    const dimension = reader.varint();
    const kind = reader.uint8();
    const metric = METRICS[kind & ~SMALL_FLAG];
    if (metric === undefined)
      throw new InsulaError("data_damaged", "Cannot read a schema: unknown metric.");
    const isSmall = (kind & SMALL_FLAG) !== 0;
    return { name, dimension, metric, ...(isSmall ? { memory: "small" as const } : {}) };
  });
  const unfilterable = Array.from({ length: reader.varint() }, () => reader.string());
  const sparseCount = (flags & SPARSE_FLAG) === 0 ? 0 : reader.varint();
  const sparseVectors = Array.from({ length: sparseCount }, () => ({ name: reader.string() }));
  return {
    schema: {
      identity: (flags & 1) === 0 ? "key" : "row",
      vectors,
      ...(sparseCount === 0 ? {} : { sparseVectors }),
      unfilterable,
    },
    isMultiTenant: (flags & 2) !== 0,
  };
}

function open(bytes: Uint8Array, kind: string): ByteReader {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  if (version === ROW_VERSION) return reader;
  throw otherFormat(`a ${kind} row of the catalogue`, ROW_VERSION, version);
}

function encodeAttributes(writer: ByteWriter, attributes: Attributes): ByteWriter {
  const entries = Object.entries(attributes);
  writer.varint(entries.length);
  for (const [name, value] of entries) writer.string(name).string(value);
  return writer;
}

function decodeAttributes(reader: ByteReader): Attributes {
  const attributes = Object.create(null) as Record<string, string>;
  const count = reader.varint();
  for (let i = 0; i < count; i++) {
    const name = reader.string();
    attributes[name] = reader.string();
  }
  return attributes;
}
