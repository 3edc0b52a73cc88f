/** Identities that must not be mixed up. A plain value does not fit; makers are the only casts. */

declare const brand: unique symbol;
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Random 128-bit identity of one tenant's data in one collection. */
export type ShardUid = Brand<Uint8Array, "ShardUid">;
/** Random 128-bit identity of one immutable segment. */
export type SegmentUid = Brand<Uint8Array, "SegmentUid">;
/** Dense row number inside one segment, in key order. */
export type DocId = number;

export function toShardUid(bytes: Uint8Array): ShardUid {
  return bytes as ShardUid;
}

export function toSegmentUid(bytes: Uint8Array): SegmentUid {
  return bytes as SegmentUid;
}

const HEX_OF_SHARDS = new WeakMap<ShardUid, string>();

/**
 * {@link toHex} of an identity that is asked for again and again, kept beside its bytes, which
 * nobody may change. Each call on a tenant's data looks for it under this name.
 */
export function shardHex(uid: ShardUid): string {
  const known = HEX_OF_SHARDS.get(uid);
  if (known !== undefined) return known;
  const hex = toHex(uid);
  HEX_OF_SHARDS.set(uid, hex);
  return hex;
}

/** Lower-case hexadecimal, for file names and map keys. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
