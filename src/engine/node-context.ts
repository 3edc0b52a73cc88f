/**
 * Opens the parts of a node in the order recovery needs: folder lock, catalogue, log (applied to
 * the catalogue from its last flush on), interrupted builds. Nothing here is done per tenant.
 */
import { toHex, type ShardUid } from "../base/brands.ts";
import { closeAll } from "../base/close-all.ts";
import { FairTurns } from "../base/fair-turns.ts";
import { Pace } from "../base/pace.ts";
import { UNOBSERVED } from "../base/work-observer.ts";
import {
  FileHandles,
  NodeFileSystem,
  findHandleLimit,
  readProgramFile,
  type FileSystem,
  type FolderLock,
} from "../io/index.ts";
import type { LazyFileSystem } from "../mirror/index.ts";
import { BLOCK_BYTES_MAX, KERNELS_FILE, loadKernelModule } from "../math/index.ts";
import {
  LARGE_MERGES_AT_ONCE_MAX,
  MergeQueue,
  SegmentFolders,
  type ShardCatalog,
  type ShardContext,
  type ShardPolicy,
} from "../shard/index.ts";
import { BlockCache, NodeLog, PackStore, SystemShard } from "../storage/index.ts";
import { GRAPH_ROWS_MAX } from "../vector/index.ts";
import { ROOT_PATH, Vault, rootMissing, type VaultOptions } from "../vault/index.ts";
import { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { DiskGuard } from "./disk-guard.ts";
import type { EngineOptions } from "./engine-options.ts";
import { FairPool } from "./fair-pool.ts";
import { garbageChanges } from "./garbage-rows.ts";
import { Sweeper, type SweeperDoors } from "./garbage.ts";
import { openLazyFolder } from "./lazy-folder.ts";
import { LogHolds } from "./log-holds.ts";
import { NodeKeys } from "./shard-keys.ts";
import { RemoteStore } from "./remote-store.ts";
import { OFFLOAD_GRACE_MS, OffloadGarbage } from "./offload-garbage.ts";
import { startThreads } from "./start-threads.ts";

export type { EngineOptions } from "./engine-options.ts";

export const MIRROR_INTERVAL_MS = 5_000;
export const MIRROR_RETENTION_MS = 86_400_000;

export const DEFAULT_POLICY: ShardPolicy = {
  memtableBytesMax: 16 * 1024 * 1024,
  quietFlushMs: 2_000,
  quietFlushBytesMin: 64 * 1024,
  mergeFanIn: 4,
  smallShardBytes: 8 * 1024 * 1024,
  quietMergeMs: 60_000,
  deadShareMax: 0.2,
  segmentBytesMax: 1024 * 1024 * 1024,
  segmentVectorBytesMax: 5 * 1024 * 1024 * 1024,
  segmentRowsMax: GRAPH_ROWS_MAX,
  segmentsSlow: 32,
  segmentsMax: 64,
  residentRowsBytesMax: 64 * 1024 * 1024,
  residentRowsShare: 0.5,
  rowPartBytesMax: BLOCK_BYTES_MAX,
  packedBytesMax: 256 * 1024,
  graphRowsMin: 10_000,
  scannedPerEf: 24,
};

/** Their flow in the turns of the control thread: no shard has this name. */
const TRANSFERS = "transfers";
/** Made at a start, their names durable before anything in them counts. */
const FOLDERS = ["log", "seg", "tmp"];
/** Files open for reading at once, of segments and packs: so many, or what the process may have. */
const OPEN_FILES_MAX = 192;
/** Of few handles half are for sockets and threads, and some for the log and the catalogue. */
const OTHER_FILES = 32;
const OPEN_FILES_MIN = 8;
/** Cached records blocks and catalogue blocks. */
const CACHE_BYTES = 64 * 1024 * 1024;
const CATALOG_CACHE_BYTES = 16 * 1024 * 1024;
/** Each takes a thread for minutes, and as much memory as the codes of its segment. */
const GRAPHS_AT_ONCE = 1;

export interface NodeContext {
  /** Bytes that the arenas may take. */
  readonly memoryBytesMax: number;
  readonly lock: FolderLock;
  readonly disk: DiskGuard;
  readonly catalog: Catalog;
  readonly store: SystemShard;
  readonly log: NodeLog;
  readonly logHolds: LogHolds;
  /** Told when work on a shard in the background failed; set by who keeps shards. */
  readonly shardFaults: { tell: (error: unknown, shard: ShardUid) => void };
  readonly sweeper: Sweeper;
  /** Of the control thread, by shard. */
  readonly turns: FairTurns;
  /**
   * Of what goes to an object store and comes back, or is copied: all of it together has a slice of
   * the control thread at a time, and the share of upkeep.
   */
  readonly transfers: Pace;
  /** The workers of searches, by shard. */
  readonly searchJobs: FairPool;
  readonly shards: ShardContext;
  readonly keys: NodeKeys;
  /** Undefined when nothing in the folder is sealed. */
  readonly vault: Vault | undefined;
  /** When some segments are still in a mirror only. */
  readonly lazy: LazyFileSystem | undefined;
  /** The store of offloaded tenants. */
  readonly remote: RemoteStore;
  /** Objects in it that nobody needs any more. */
  readonly offloadGarbage: OffloadGarbage;
  /** A slot for a new shard or collection; 0 when new data is not sealed. */
  readonly takeKeySlot: () => Promise<number>;
  close(): Promise<void>;
}

function mergeQueues({
  clock,
  compactionBytesPerSecond: bytesPerSecond,
}: EngineOptions): Pick<ShardContext, "merges" | "graphs"> {
  return {
    merges: new MergeQueue({ clock, bytesPerSecond }),
    graphs: new MergeQueue({ clock, bytesPerSecond, atOnceMax: GRAPHS_AT_ONCE }),
  };
}

/** @throws InsulaError `data_folder_locked`, `data_damaged`, `format_unsupported`, `io_failed`. */
export async function openNode(given: EngineOptions): Promise<NodeContext> {
  const lock = await lockFolder(given.files);
  const opened: (() => Promise<void>)[] = [() => lock.release()];
  try {
    const { lazy, start } = await openLazyFolder(given);
    if (lazy !== undefined) opened.push(() => lazy.stop());
    const options = { ...given, files: lazy ?? given.files };
    const handles = new FileHandles(options.files, openFilesMaxOf(given));
    opened.push(() => handles.close());
    const found = await findVault(options, handles);
    await start(found);
    return await openParts({ ...options, given, lock, lazy, handles, found }, opened);
  } catch (error) {
    // The error that stopped the start is the one worth telling.
    await closeAll(opened.reverse()).catch(() => undefined);
    throw error;
  }
}

interface PartOptions extends EngineOptions {
  /** With the files themselves, behind which nothing is fetched. */
  readonly given: EngineOptions;
  readonly lock: FolderLock;
  readonly lazy: LazyFileSystem | undefined;
  readonly handles: FileHandles;
  /** The keys of a folder that has some already. */
  readonly found: Vault | undefined;
}

/** @param opened what is to be closed when a later part cannot be opened. */
async function openParts(
  options: PartOptions,
  opened: (() => Promise<void>)[],
): Promise<NodeContext> {
  const { given, lock, lazy, handles } = options;
  const { files: fileSystem, clock, random, observer = UNOBSERVED } = options;
  const module = loadKernelModule(await readProgramFile(KERNELS_FILE));
  const store = await openStore(options);
  opened.push(() => store.close());
  const catalog = new Catalog(store, clock);
  await makeFolders(fileSystem);
  const log = await openLog(options, catalog);
  opened.push(() => log.close());
  catalog.attach(log);
  const { vault, keys } = await openKeys(options, catalog);
  const disk = await openDiskGuard(options);
  opened.push(() => disk.stop());
  const segmentFolders = new SegmentFolders(fileSystem);
  const files = { fileSystem, files: handles, segmentFolders, clock };
  const sweeper = await openSweeper({ catalog, ...files }, vault);
  opened.push(() => sweeper.stop());
  const packs = await openPacks(options);
  opened.push(() => packs.close());
  const threads = startThreads({ ...given, jobFiles: fileSystem }, module, opened);
  const away = openRemote(options, catalog, opened);
  const shardFaults: NodeContext["shardFaults"] = { tell: (error) => options.onFault?.(error) };
  const shards: ShardContext = {
    ...{ fileSystem, clock, random },
    log,
    packs,
    segmentFolders,
    files: handles,
    cache: new BlockCache(CACHE_BYTES),
    ...threads,
    ...mergeQueues(options),
    catalog: shardCatalog(catalog, sweeper),
    ...away,
    keys,
    policy: { ...DEFAULT_POLICY, ...options.policy },
    hasRoom: () => !disk.isLow,
    // Each of those that may be under way at the same time has a share.
    spareDiskBytes: () => disk.spareBytes / (LARGE_MERGES_AT_ONCE_MAX + GRAPHS_AT_ONCE),
    turn: () => clock.yield(),
    observer,
    onFault: (error, shard) => {
      shardFaults.tell(error, shard);
    },
  };
  return {
    memoryBytesMax: threads.memoryBytesMax,
    lock,
    disk,
    catalog,
    store,
    log,
    logHolds: new LogHolds(),
    shardFaults,
    sweeper,
    ...makeTurns(shards, options.turns ?? new FairTurns(() => options.clock.yield())),
    shards,
    keys,
    vault,
    lazy,
    ...away,
    takeKeySlot: isSealing(options) && vault !== undefined ? () => vault.slots.take() : noSlot,
    close: () => closeAll(opened.splice(0).reverse()),
  };
}

function makeTurns(
  { workers }: Pick<ShardContext, "workers">,
  turns: FairTurns,
): Pick<NodeContext, "turns" | "transfers" | "searchJobs"> {
  const transfers = new Pace(() => turns.next(TRANSFERS, "background"));
  return { turns, transfers, searchJobs: new FairPool(workers, (name) => turns.weightOf(name)) };
}

function openRemote(
  { offload, random, clock, onFault }: EngineOptions,
  catalog: Catalog,
  opened: (() => Promise<void>)[],
): Pick<NodeContext, "remote" | "offloadGarbage"> {
  const remote = new RemoteStore(offload, random);
  const offloadGarbage = new OffloadGarbage({
    ...{ catalog, clock, remote },
    graceMs: offload?.graceMs ?? OFFLOAD_GRACE_MS,
    onFault: (error) => onFault?.(error),
  });
  opened.push(() => offloadGarbage.stop());
  return { remote, offloadGarbage };
}

function openFilesMaxOf({ files }: EngineOptions): number {
  const limit = files instanceof NodeFileSystem ? findHandleLimit() : undefined;
  if (limit === undefined) return OPEN_FILES_MAX;
  const share = Math.floor(limit / 2) - OTHER_FILES;
  return Math.min(OPEN_FILES_MAX, Math.max(OPEN_FILES_MIN, share));
}

function openDiskGuard({
  files,
  clock,
  diskReserveBytes,
  onFault,
}: EngineOptions): Promise<DiskGuard> {
  const tell = onFault ?? ((): void => undefined);
  return DiskGuard.open({ files, clock, reserveBytes: diskReserveBytes, onFault: tell });
}

/** Each start: a life before this one may have been cut off between the two. */
async function makeFolders(fileSystem: FileSystem): Promise<void> {
  for (const folder of FOLDERS) await fileSystem.makeFolder(folder);
  await fileSystem.syncFolder("");
}

/**
 * Keys are made only when all else could be read, and nothing there was ever sealed: a folder that
 * is refused is left as it is. No slot that was ever in use is handed out again.
 */
async function openKeys(
  options: PartOptions,
  catalog: Catalog,
): Promise<{ readonly vault: Vault | undefined; readonly keys: NodeKeys }> {
  const { found, handles } = options;
  const slotNext = await catalog.slotNext();
  if (found === undefined && slotNext > 1) throw rootMissing();
  const isMaking = found === undefined && isSealing(options);
  const vault = isMaking ? await Vault.open(vaultOptions(options, handles)) : found;
  vault?.slots.startAt(slotNext);
  return { vault, keys: new NodeKeys(vault) };
}

async function lockFolder(fileSystem: FileSystem): Promise<FolderLock> {
  await fileSystem.makeFolder("");
  return fileSystem.lock("");
}

async function openSweeper(
  doors: Omit<SweeperDoors, "eraseKeys">,
  vault: Vault | undefined,
): Promise<Sweeper> {
  const eraseKeys = vault && ((slots: readonly number[]) => vault.slots.erase(slots));
  const sweeper = new Sweeper({ ...doors, eraseKeys });
  await sweeper.settleTemporary();
  return sweeper;
}

function openPacks({ files: fileSystem, packBytesMax }: EngineOptions): Promise<PackStore> {
  return PackStore.open({ fileSystem, ...(packBytesMax === undefined ? {} : { packBytesMax }) });
}

function openStore({ files: fileSystem, clock }: EngineOptions): Promise<SystemShard> {
  const cache = new BlockCache(CATALOG_CACHE_BYTES);
  const pause = (): Promise<void> => clock.yield();
  return SystemShard.open({ fileSystem, folder: "catalog", cache, pause });
}

function openLog(options: EngineOptions, catalog: Catalog): Promise<NodeLog> {
  const { files: fileSystem, clock, random, observer = UNOBSERVED, logFileBytesMax } = options;
  return NodeLog.open({
    fileSystem,
    folder: "log",
    clock,
    random,
    from: catalog.recoverFrom,
    visit: (entry) => catalog.recover(entry),
    observer,
    ...(logFileBytesMax === undefined ? {} : { fileBytesMax: logFileBytesMax }),
  });
}

const noSlot = (): Promise<number> => Promise.resolve(0);

function isSealing(options: EngineOptions): boolean {
  return options.isSealing ?? true;
}

/**
 * Keys that are there are opened first of all, also when nothing new is sealed: old data may be.
 */
async function findVault(options: EngineOptions, handles: FileHandles): Promise<Vault | undefined> {
  if (!isSealing(options) && !(await options.files.exists(ROOT_PATH))) return undefined;
  return Vault.openFound(vaultOptions(options, handles));
}

function vaultOptions(
  { files: fileSystem, random, clock, masterKey }: EngineOptions,
  files: FileHandles,
): VaultOptions {
  const given = masterKey === undefined ? {} : { masterKey };
  return { fileSystem, files, random, clock, ...given };
}

function shardCatalog(catalog: Catalog, sweeper: Sweeper): ShardCatalog {
  return {
    noteFrame: (state, frame) => {
      if (frame.isReset) for (const entry of state.segments) sweeper.hold(entry);
      catalog.noteFrame(state, frame);
    },
    commitManifest: async (state, change) => {
      const removed = new Set(change.removed.map(toHex));
      const gone = state.segments.filter(({ uid }) => removed.has(toHex(uid)));
      for (const entry of gone) sweeper.hold(entry);
      const changes: CatalogChange[] = gone.flatMap(garbageChanges);
      await catalog.commit([...changes, { kind: "manifest", shard: state.uid, ...change }]);
    },
    discard: (entry) => {
      sweeper.release(entry);
    },
  };
}
