/** Where the file of a segment lies, before and after a manifest names it. */
import type { SegmentUid, ShardUid } from "../base/brands.ts";

/** Path of a segment file once its manifest is durable. */
export function segmentPath(segment: SegmentUid): string {
  const name = hex(segment);
  return `seg/${name.slice(0, 2)}/${name}.seg`;
}

/**
 * Path before that: names the shard too, so that a start can find out whether a manifest knows it.
 */
export function temporaryPath(shard: ShardUid, segment: SegmentUid): string {
  return `tmp/${hex(shard)}-${hex(segment)}.seg`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
