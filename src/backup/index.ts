/**
 * The room of copies elsewhere: how shards, names and keys lie in an object store, and the stores.
 *
 * What for. Backups: immutable segments as they are, frames of tails, the lines of the catalogue,
 * and last a manifest, created if absent. What the store has is not sent again. What not: it knows
 * neither the engine's names nor how a shard is opened; the engine gives {@link ShardImage}s and
 * gets them back.
 *
 * Life of the bytes. A segment is an object of its own, or, below 256 KiB, a range of a bundle;
 * many backups name it. The lines of a backup are sealed with a key that comes from the root key;
 * the root key, wrapped by the master key, goes along. So a machine with the same master key reads
 * everything.
 *
 * Invariants.
 * - An object is written once; a backup exists when its manifest does.
 * - Every range that is read is compared with its SHA-256 before a byte of it is used; damage is
 *   named by its object.
 * - What a backup that is kept names is removed by nobody: each has a list of its objects.
 * - Only create-if-absent, range reads and listing are asked of a store.
 *
 * On disk: docs/formats/backup.md, docs/formats/offload.md.
 */
export { AbortableStore } from "./abortable-store.ts";
export { comparePaths, type BackupEntry, type BackupPath } from "./backup-entry.ts";
export { sha256, toBackupInfo, type BackupFacts, type BackupManifest } from "./backup-manifest.ts";
export { BackupReader, findBackup, listBackups } from "./backup-reader.ts";
export type { BackupKeys } from "./backup-seal.ts";
export { BackupWriter, type NewEntry } from "./backup-writer.ts";
export type { OffloadKeys, OffloadManifest, OffloadSeal } from "./offload-manifest.ts";
export {
  offloadManifestKey,
  offloadPieceKey,
  offloadPrefix,
  prefixOfOffload,
  offloadShardPrefix,
} from "./offload-place.ts";
export { openOffload, removeOffload } from "./offload-reader.ts";
export { writeOffload } from "./offload-writer.ts";
export { removeBackup, requireKept } from "./remove-backup.ts";
export { probeStore } from "./store-probe.ts";
export { openStore, type TargetDoors } from "./store-target.ts";
export { PutQueue } from "./put-queue.ts";
export { PriorBackup } from "./prior-backup.ts";
export { PIECE_BYTES, type FrameImage, type SegmentImage, type ShardImage } from "./shard-image.ts";
