/**
 * Bytes on disk: the node log, segments, packs, blocks. Knows shards by their 16 bytes and payloads
 * by their length; what is in them is the business of the floors above.
 */

// The node log.
export type { LogEntry, LogRecovery } from "./log-recovery.ts";
export type { LogExtent, LogFrameHeader, LogPosition } from "./log-entry.ts";
export { comparePositions } from "./log-entry.ts";
export { logFilePath } from "./log-file-header.ts";
export type { LogFrame } from "./log-group.ts";
export type { LogFooter } from "./log-footer.ts";
export { LOG_FRAME_BYTES_MAX, LOG_GROUP_BYTES_MAX, LOG_WAITING_BYTES_MAX } from "./log-queue.ts";
export { LogReader } from "./log-reader.ts";
export { LOG_COMMIT_MARK_MS, LOG_FILE_BYTES_MAX, NodeLog } from "./node-log.ts";
export {
  auditLog,
  inspectLogFile,
  type InspectedGroup,
  type InspectedLogFile,
} from "./log-audit.ts";
export type { LogCounters, NodeLogOptions } from "./node-log.ts";

// Segments, packs and the files they are in.
export { BloomBuilder, BloomFilter } from "./bloom.ts";
export { BlockCache, type BlockShelf } from "./block-cache.ts";
export {
  PACK_BYTES_MAX,
  PACK_ENTRY_HEADER_BYTES,
  PackStore,
  packPath,
  walkPack,
  type PackEntry,
  type PackExtent,
  type WalkedEntry,
} from "./pack-store.ts";
export { SegmentBuilder, type SectionOptions, type SegmentSink } from "./segment-builder.ts";
export type { SegmentIdentity } from "./segment-format.ts";
export { isSegmentSealed, readSegmentIdentity, verifySegment } from "./segment-verify.ts";
export {
  SectionReader,
  SegmentReader,
  type ByteSpan,
  type SegmentSource,
} from "./segment-reader.ts";

// The catalogue's store.
export { auditTables, inspectManifest, tableRows, type AuditedTable } from "./table-audit.ts";
export { tablePath } from "./sorted-table-format.ts";
export type { EncodedKey } from "./sorted-table-format.ts";
export {
  SystemShard,
  type ScanRange,
  type SystemShardOptions,
  type TableExtent,
} from "./system-shard.ts";
