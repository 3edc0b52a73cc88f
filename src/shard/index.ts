/**
 * One tenant's data in one collection, from the frame in the log to the answer of a search.
 *
 * For: writing with exact counts, flushing, merging, reading under a fixed view, planning and
 * running a search over memtables and segments. Not for: names of databases, collections or
 * tenants, when a shard sleeps or wakes (tenancy), and how bytes reach the disk (storage).
 *
 * Life of its data. A write is resolved to the rows it replaces (`GroupPlan`), framed into the node
 * log (`frame-codec`), applied to the `Memtable` when it is durable. A flush turns the memtable
 * into one segment (`segment-write`), a compaction turns segments into one. A `ReadView` fixes what
 * a reader sees. A sleeping shard is its `ShardState` in the catalogue and nothing else.
 *
 * Invariants. A key is live in at most one place. Only the writer's turn changes the structure;
 * rows die in place, and every reader works on the live bits of its own moment. Everything at or
 * below `flushedSequence` is in segments, everything above is in the frames that `tail` names.
 * Segments never change: which of their rows are dead is said by later segments, by manifest
 * entries and by the tail.
 *
 * On disk: docs/formats/node-log.md (frames), segment.md (sections), catalogue.md (the shard row).
 * Sources: log-structured merge trees (O'Neil et al. 1996), size-tiered compaction as in Cassandra.
 */
export { BUILD_SEGMENT_JOB, buildSegment, type BuildPlace } from "./segment-build.ts";
export type { BuildInput, MergeSource } from "./build-input.ts";
export { LARGE_MERGES_AT_ONCE_MAX, MergeQueue } from "./merge-queue.ts";
export { FRAME_DATA, FRAME_RESET } from "./shard-writer.ts";
export type { ShardWrite } from "./group-plan.ts";
export { Shard } from "./shard.ts";
export { decodeSegmentStats, type SegmentStats } from "./segment-write.ts";
export { SECTION } from "./section-types.ts";
export { recordMissing } from "./shard-query.ts";
export { searchMissing, type KeptSearch } from "./kept-search.ts";
export { quarantineError } from "./quarantine-error.ts";
export {
  auditShard,
  fileOf,
  isStillNamed,
  type ShardAuditDoors,
  type ShardDamage,
} from "./shard-audit.ts";
export { ShardSeal } from "./shard-seal.ts";
export { walkRecords, openStoredSegment, type StoredSegment } from "./segment-audit.ts";
export { segmentPath, temporaryPath } from "./segment-path.ts";
export type {
  FrameEffect,
  ManifestDelta,
  RemoteSegments,
  ShardCatalog,
  ShardKeys,
  ShardContext,
  ShardPolicy,
} from "./shard-context.ts";
export { SegmentFolders } from "./segment-folders.ts";
export type { ScanPage, ScanRequest } from "./shard-fetch.ts";
export {
  decodeSegmentEntry,
  decodeShardSizes,
  decodeShardState,
  encodeSegmentEntry,
  encodeShardState,
  isRemote,
  newShardState,
  tailBytes,
  writtenIdentity,
  type RemoteLocation,
  type SegmentEntry,
  type SegmentLocation,
  type ShardState,
  type TailExtent,
  type ShardSizes,
} from "./shard-state.ts";
export type { WriteResult } from "./write-result.ts";
export { WorkTally } from "./work-tally.ts";
