/**
 * Keys of the rows in the system shard. ON DISK: docs/formats/catalogue.md.
 *
 * A key is a binary string (one character per byte), so that `<` compares bytes. Names are UTF-8;
 * numbers are eight bytes, big end first, so that ranges of one parent are contiguous.
 */
import type { ShardUid } from "../base/brands.ts";

/** A binary string: every character is one byte. */
export type EncodedKey = string;

/** First character of the keys of each kind of row; no two kinds have the same. */
export const KIND = {
  database: "d",
  collection: "c",
  tenant: "t",
  shard: "s",
  schema: "h",
  schemaByNumber: "y",
  collectionSchema: "z",
  policy: "a",
  warm: "b",
  totals: "q",
  // Counters, these and the totals of the node lie side by side: a start reads them as one block.
  tenantState: "n",
  databaseTotals: "o",
  setting: "x",
  counter: "k",
  offloaded: "e",
  garbage: "g",
  pack: "p",
  usage: "u",
  limits: "l",
  customer: "w",
} as const;

/** First character of a key to the kind of its row. */
export const KEY_KINDS: ReadonlyMap<string, string> = new Map(
  Object.entries(KIND).map(([kind, character]) => [character, kind]),
);

export function databaseKey(name: string): EncodedKey {
  return KIND.database + binary(name);
}

export function collectionKey(databaseNumber: number, name: string): EncodedKey {
  return KIND.collection + number(databaseNumber) + binary(name);
}

export function tenantKey(collectionNumber: number, name: string): EncodedKey {
  return KIND.tenant + number(collectionNumber) + binary(name);
}

export function shardKey(uid: ShardUid): EncodedKey {
  return KIND.shard + Buffer.from(uid.buffer, uid.byteOffset, uid.byteLength).toString("latin1");
}

export function schemaKey(hash: Uint8Array): EncodedKey {
  return KIND.schema + Buffer.from(hash).toString("latin1");
}

export function schemaByNumberKey(schemaNumber: number): EncodedKey {
  return KIND.schemaByNumber + number(schemaNumber);
}

/** The schema number of a collection by its own number: what a waking shard asks for. */
export function collectionSchemaKey(collectionNumber: number): EncodedKey {
  return KIND.collectionSchema + number(collectionNumber);
}

/** The names of a collection that has a policy. */
export function policyKey(collectionNumber: number): EncodedKey {
  return KIND.policy + number(collectionNumber);
}

/** The names of a collection that has warm schedules. */
export function warmKey(collectionNumber: number): EncodedKey {
  return KIND.warm + number(collectionNumber);
}

/** Rows, bytes and tenants of a collection. */
export function totalsKey(collectionNumber: number): EncodedKey {
  return KIND.totals + number(collectionNumber);
}

/** Collections of a database. */
export function databaseTotalsKey(databaseNumber: number): EncodedKey {
  return KIND.databaseTotals + number(databaseNumber);
}

/** Tenants of the node in one state, by the number of the state. */
export function tenantStateKey(state: number): EncodedKey {
  return KIND.tenantState + String.fromCharCode(state);
}

/** Shards out of service, counted beside the tenants by state: a start reads both at once. */
export const QUARANTINED_KEY: EncodedKey = `${KIND.tenantState}\xff`;

export function settingKey(name: string): EncodedKey {
  return KIND.setting + binary(name);
}

export function counterKey(name: string): EncodedKey {
  return KIND.counter + binary(name);
}

/** A segment file to unlink in the background. */
export function garbageSegmentKey(segment: Uint8Array): EncodedKey {
  return GARBAGE_SEGMENT_PREFIX + Buffer.from(segment).toString("latin1");
}

/** A dropped collection whose tenants are still to be removed. */
export function garbageCollectionKey(collectionNumber: number): EncodedKey {
  return GARBAGE_COLLECTION_PREFIX + number(collectionNumber);
}

/** A key slot to overwrite with zeros. */
export function garbageSlotKey(slot: number): EncodedKey {
  return GARBAGE_SLOT_PREFIX + number(slot);
}

/** Objects of an offload that nobody needs any more, by what their names begin with. */
export function garbageOffloadKey(prefix: string): EncodedKey {
  return GARBAGE_OFFLOAD_PREFIX + binary(prefix);
}

export function prefixOfGarbageKey(key: EncodedKey): string {
  return nameAfter(key, GARBAGE_OFFLOAD_PREFIX);
}

/** A shard on its way to the object store or back. */
export function movingShardKey(shard: Uint8Array): EncodedKey {
  return MOVING_SHARD_PREFIX + Buffer.from(shard).toString("latin1");
}

/** Where the objects of an offloaded shard are. */
export function offloadedShardKey(shard: Uint8Array): EncodedKey {
  return KIND.offloaded + Buffer.from(shard).toString("latin1");
}

export function slotOfGarbageKey(key: EncodedKey): number {
  const bytes = Buffer.from(key.slice(GARBAGE_SLOT_PREFIX.length), "latin1");
  return Number(bytes.readBigUInt64BE());
}

/** Something that a restore makes and that has no name yet. */
export function pendingKey(kind: "database" | "collection", value: number): EncodedKey {
  return PENDING_PREFIX + KIND[kind] + number(value);
}

export function numberOfPendingKey(key: EncodedKey): {
  readonly kind: "database" | "collection";
  readonly number: number;
} {
  const bytes = Buffer.from(key.slice(PENDING_PREFIX.length), "latin1");
  const kind = key[PENDING_PREFIX.length] === KIND.database ? "database" : "collection";
  return { kind, number: Number(bytes.readBigUInt64BE(1)) };
}

/** Limits of a collection, which hold for tenants that have none of their own. */
export function collectionLimitsKey(collectionNumber: number): EncodedKey {
  return `${KIND.limits}c${number(collectionNumber)}`;
}

/** Limits of one tenant: of its shard, so that they go with it. */
export function shardLimitsKey(uid: ShardUid): EncodedKey {
  return `${KIND.limits}s${shardKey(uid).slice(1)}`;
}

/**
 * What was done at a place, by names: they outlive what they name. No name has a NUL.
 *
 * @param tenant empty for a collection without tenants.
 */
export function usageKey(database: string, collection: string, tenant: string): EncodedKey {
  return usagePrefix(database, collection) + binary(tenant);
}

/** Of everything, a database, or a collection. */
export function usagePrefix(database?: string, collection?: string): EncodedKey {
  if (database === undefined) return KIND.usage;
  const within = `${KIND.usage}${binary(database)}\0`;
  return collection === undefined ? within : `${within}${binary(collection)}\0`;
}

export function namesOfUsageKey(key: EncodedKey): {
  readonly database: string;
  readonly collection: string;
  /** Empty: none. */
  readonly tenant: string;
} {
  const [database = "", collection = "", tenant = ""] = nameAfter(key, KIND.usage).split("\0");
  return { database, collection, tenant };
}

/** A customer of a database who is suspended, or being erased. */
export function customerKey(databaseNumber: number, name: string): EncodedKey {
  return customerPrefix(databaseNumber) + binary(name);
}

/** Of one database: a call to it looks only when there is any. */
export function customerPrefix(databaseNumber: number): EncodedKey {
  return `${KIND.customer}s${number(databaseNumber)}`;
}

/** An erasure that was begun and whose receipt nobody has got yet. */
export function erasureKey(databaseNumber: number, name: string): EncodedKey {
  return erasurePrefix(databaseNumber) + binary(name);
}

export function erasurePrefix(databaseNumber: number): EncodedKey {
  return ERASURE_PREFIX + number(databaseNumber);
}

export function numberOfErasureKey(key: EncodedKey): number {
  return Number(Buffer.from(key.slice(ERASURE_PREFIX.length), "latin1").readBigUInt64BE());
}

/** What such an erasure has removed, shard by shard. No name has a NUL. */
export function erasedShardKey(databaseNumber: number, name: string, shard: ShardUid): EncodedKey {
  return `${erasedShardPrefix(databaseNumber, name)}${shardKey(shard).slice(1)}`;
}

/** @param name absent: of every customer. */
export function erasedShardPrefix(databaseNumber: number, name?: string): EncodedKey {
  const ofDatabase = `${KIND.customer}r${number(databaseNumber)}`;
  return name === undefined ? ofDatabase : `${ofDatabase}${binary(name)}\0`;
}

/** Dead bytes and entries of a pack file. */
export function packKey(pack: number): EncodedKey {
  return KIND.pack + number(pack);
}

export function packOfKey(key: EncodedKey): number {
  return Number(Buffer.from(key.slice(KIND.pack.length), "latin1").readBigUInt64BE());
}

export const PACK_PREFIX: EncodedKey = KIND.pack;
export const GARBAGE_SEGMENT_PREFIX: EncodedKey = `${KIND.garbage}s`;
export const GARBAGE_COLLECTION_PREFIX: EncodedKey = `${KIND.garbage}c`;
export const PENDING_PREFIX: EncodedKey = `${KIND.garbage}r`;
export const GARBAGE_SLOT_PREFIX: EncodedKey = `${KIND.garbage}k`;
export const GARBAGE_OFFLOAD_PREFIX: EncodedKey = `${KIND.garbage}o`;
export const MOVING_SHARD_PREFIX: EncodedKey = `${KIND.garbage}m`;
export const POLICY_PREFIX: EncodedKey = KIND.policy;
export const WARM_PREFIX: EncodedKey = KIND.warm;
/** Erasures of all databases. */
export const ERASURE_PREFIX: EncodedKey = `${KIND.customer}e`;
export const DATABASE_PREFIX: EncodedKey = KIND.database;
/** Tenants of all collections. */
export const SETTING_PREFIX: EncodedKey = KIND.setting;

export function collectionPrefix(databaseNumber: number): EncodedKey {
  return KIND.collection + number(databaseNumber);
}

export function tenantPrefix(collectionNumber: number): EncodedKey {
  return KIND.tenant + number(collectionNumber);
}

/** UTF-8 bytes of `text` as a binary string. */
export function binary(text: string): EncodedKey {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The name behind `prefix` in a key. */
export function nameAfter(key: EncodedKey, prefix: EncodedKey): string {
  return Buffer.from(key.slice(prefix.length), "latin1").toString("utf8");
}

/** First key that sorts after every key with this prefix. */
export function endOfPrefix(prefix: EncodedKey): EncodedKey {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--;
  if (end === 0) return "\xff".repeat(prefix.length + 1);
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}

function number(value: number): EncodedKey {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.toString("latin1");
}
