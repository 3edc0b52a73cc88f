/** Names of the objects of offloaded tenants. ON DISK: docs/formats/offload.md. */
import { toHex } from "../base/brands.ts";

export const OFFLOAD_PREFIX = "tenants/";
/**
 * What all objects of one offload begin with; no other offload ever has it.
 *
 * @param generation random bytes that tell two offloads of one shard apart.
 */
export function offloadPrefix(shard: Uint8Array, generation: Uint8Array): string {
  return `${offloadShardPrefix(shard)}${toHex(generation)}/`;
}

/** What the objects of all offloads of one shard begin with. */
export function offloadShardPrefix(shard: Uint8Array): string {
  return `${OFFLOAD_PREFIX}${toHex(shard)}/`;
}

export function offloadManifestKey(prefix: string): string {
  return `${prefix}manifest`;
}

/** A piece of a segment by the uid inside its bytes. */
export function offloadPieceKey(prefix: string, segment: Uint8Array, piece: number): string {
  return `${offloadSegmentKey(prefix, segment)}${String(piece).padStart(6, "0")}`;
}

/** What the pieces of a segment begin with. */
function offloadSegmentKey(prefix: string, segment: Uint8Array): string {
  return `${prefix}${toHex(segment)}-`;
}

/** What the objects of the offload begin with that this one is of; undefined for another name. */
export function prefixOfOffload(object: string): string | undefined {
  return OFFLOAD_OBJECT.exec(object)?.[1];
}

const OFFLOAD_OBJECT = /^(tenants\/[0-9a-f]{32}\/[0-9a-f]{16}\/)[0-9a-f-]*(?:manifest)?$/;
