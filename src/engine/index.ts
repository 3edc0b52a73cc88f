/**
 * The top floor of the embeddable library: names, the catalogue, recovery, and the calls of api.ts.
 *
 * For: everything a program does with databases, collections, tenants and records. Not for:
 * protocols, keys and rights (access, dialects), processes and ports (server).
 *
 * Life of its data. The catalogue is the engine's own system shard: its changes are frames of the
 * node log, its rows sorted tables with a memtable. A start opens the tables, reads the log from
 * where the last flush had reached, and is ready; nothing is done per tenant. A call finds its
 * names in the `Directory`, its shard through the `ShardKeeper`, which wakes it if it sleeps.
 *
 * Invariants. A change is durable before its promise resolves. No map, timer, file or label per
 * sleeping tenant or collection. Only this thread allocates, plans and applies; workers compute.
 *
 * On disk: docs/formats/ (node-log, segment, pack, catalogue, metadata, inverted).
 */
export type {
  AttributePatch,
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  CustomerErasure,
  CustomerInfo,
  CustomerPlace,
  CustomerStanding,
  CustomerTenant,
  CustomerUsage,
  DatabaseInfo,
  DatabaseOptions,
  Engine,
  EngineStats,
  ErasureReceipt,
  ListRequest,
  LocatedPlace,
  Page,
  PageRequest,
  ShardExtent,
  StateChange,
  TenantFigures,
  TenantInfo,
  TenantChoice,
  TenantOutcomes,
  TenantPage,
  TenantPageRequest,
  TenantPlace,
  TenantStatesRequest,
  TenantStatesSlice,
  TenantWarmRequest,
  TenantsRequest,
  TenantWarmSlice,
  RequestedState,
  TenantState,
  UsagePage,
  UsageSum,
  WriteResult,
} from "./api.ts";
export { openEngine } from "./engine.ts";
export { FairPool } from "./fair-pool.ts";
export {
  DEFAULT_POLICY,
  MIRROR_INTERVAL_MS,
  MIRROR_RETENTION_MS,
  type EngineOptions,
} from "./node-context.ts";
export { OFFLOAD_GRACE_MS } from "./offload-garbage.ts";
export { offloadTarget } from "./offload-target.ts";
export { RECALL_PROBE_SHARE } from "./recall-probe.ts";
export { describeMirrors, type MirrorDescription, type RestoredMirror } from "../mirror/index.ts";
export { restoreFolder, type RestoreFolderOptions } from "./restore-folder.ts";
export { findMasterKey, type MasterKeySource } from "./find-master-key.ts";
export type { FolderReadOptions } from "./folder-keys.ts";
export { inspectFile, listFolderFiles } from "./inspect-file.ts";
export type {
  InspectedCell,
  InspectedFile,
  InspectedPart,
  InspectedRow,
  InspectOptions,
} from "./inspected.ts";
export {
  verifyFolder,
  type FolderDamage,
  type FolderReport,
  type VerifiedShard,
  type VerifyOptions,
} from "./verify-folder.ts";
export { SCRUB_BYTES_PER_SECOND } from "./scrub.ts";
export type { ShardOwner } from "./shard-owners.ts";
export { findMemoryBudget, type MemoryBudget } from "./memory-budget.ts";
