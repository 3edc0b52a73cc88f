/**
 * Opens the parts of a node in the order recovery needs: folder lock, catalogue, log (applied to
 * the catalogue from its last flush on), interrupted builds. Nothing here is done per tenant.
 */
import { toHex } from "../base/brands.ts";
import { UNOBSERVED, type WorkObserver } from "../base/work-observer.ts";
import {
  InlinePool,
  NodeFileSystem,
  ThreadPool,
  findProgramFile,
  readProgramFile,
  type Clock,
  type FileSystem,
  type FolderLock,
  type Random,
  type WorkerPool,
} from "../io/index.ts";
import { ArenaPool, KERNELS_FILE, loadKernelModule } from "../math/index.ts";
import {
  SegmentFolders,
  type ShardCatalog,
  type ShardContext,
  type ShardPolicy,
} from "../shard/index.ts";
import { BlockCache, FileHandles, NodeLog, PackStore, SystemShard } from "../storage/index.ts";
import { ARENA_TOPIC, SearchMemory } from "../vector/index.ts";
import { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { garbageChanges } from "./garbage-rows.ts";
import { Sweeper } from "./garbage.ts";
import { engineJobs } from "./jobs.ts";
import { findMemoryBudget } from "./memory-budget.ts";
import { SETUP_TOPIC, type WorkerSetup } from "./worker-setup.ts";

export interface EngineOptions {
  /** Rooted at the data folder. */
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes for vectors, codes and memtables; default half of what the system grants. */
  readonly memoryBudget?: number;
  /** Worker threads; default 2, 0 runs jobs on the calling thread. */
  readonly workerCount?: number;
  /** For tests: other thresholds than {@link DEFAULT_POLICY}. */
  readonly policy?: Partial<ShardPolicy>;
  /** Log bytes beyond which the tails in the oldest file become segments. */
  readonly logBytesMax?: number;
  readonly logFileBytesMax?: number;
  /** For tests: other than `PACK_BYTES_MAX`. */
  readonly packBytesMax?: number;
  /** Awake shards at most. */
  readonly awakeShardsMax?: number;
  readonly idleMs?: number;
  /** Upkeep in the background failed; the node goes on. */
  readonly onFault?: (error: unknown) => void;
  /** Told how long the steps of the work took. */
  readonly observer?: WorkObserver;
}

export const DEFAULT_POLICY: ShardPolicy = {
  memtableBytesMax: 16 * 1024 * 1024,
  quietFlushMs: 2_000,
  quietFlushBytesMin: 64 * 1024,
  mergeFanIn: 4,
  smallShardBytes: 8 * 1024 * 1024,
  deadShareMax: 0.2,
  segmentBytesMax: 1024 * 1024 * 1024,
  residentRowsBytesMax: 64 * 1024 * 1024,
  packedBytesMax: 256 * 1024,
};

/** Made at a start, their names durable before anything in them counts. */
const FOLDERS = ["log", "seg", "tmp"];
/** Files open for reading at once, of segments and packs. */
const OPEN_FILES_MAX = 192;
/** Cached records blocks and catalogue blocks. */
const CACHE_BYTES = 64 * 1024 * 1024;
const CATALOG_CACHE_BYTES = 32 * 1024 * 1024;
const WORKERS_DEFAULT = 2;

const WORKER_FILE = {
  beside: new URL("./worker-entry.js", import.meta.url),
  place: "engine/worker-entry.js",
};

export interface NodeContext {
  /** Bytes that the arenas may take. */
  readonly memoryBytesMax: number;
  readonly lock: FolderLock;
  readonly catalog: Catalog;
  readonly store: SystemShard;
  readonly log: NodeLog;
  readonly sweeper: Sweeper;
  readonly shards: ShardContext;
  close(): Promise<void>;
}

/** @throws InsulaError `data_folder_locked`, `data_damaged`, `format_unsupported`, `io_failed`. */
export async function openNode(options: EngineOptions): Promise<NodeContext> {
  const { files: fileSystem, clock, random, observer = UNOBSERVED } = options;
  await fileSystem.makeFolder("");
  const lock = await fileSystem.lock("");
  const opened: (() => Promise<void>)[] = [() => lock.release()];
  try {
    const module = loadKernelModule(await readProgramFile(KERNELS_FILE));
    const cache = new BlockCache(CATALOG_CACHE_BYTES);
    const pause = (): Promise<void> => clock.yield();
    const store = await SystemShard.open({ fileSystem, folder: "catalog", cache, pause });
    opened.push(() => store.close());
    const catalog = new Catalog(store, clock);
    // Each start: a life before this one may have been cut off between the two.
    for (const folder of FOLDERS) await fileSystem.makeFolder(folder);
    await fileSystem.syncFolder("");
    const log = await NodeLog.open({
      fileSystem,
      folder: "log",
      clock,
      random,
      from: catalog.recoverFrom,
      visit: (entry) => catalog.recover(entry),
      observer,
      ...(options.logFileBytesMax === undefined ? {} : { fileBytesMax: options.logFileBytesMax }),
    });
    opened.push(() => log.close());
    catalog.attach(log);
    const handles = new FileHandles(fileSystem, OPEN_FILES_MAX);
    opened.push(() => handles.close());
    const segmentFolders = new SegmentFolders(fileSystem);
    const sweeper = new Sweeper({ catalog, fileSystem, files: handles, segmentFolders, clock });
    await sweeper.settleTemporary();
    opened.push(() => sweeper.stop());
    const packs = await openPacks(options);
    opened.push(() => packs.close());
    const memoryBytesMax = findMemoryBudget(options.memoryBudget).bytes;
    const arenas = new ArenaPool({ bytesMax: memoryBytesMax });
    const memory = new SearchMemory(module, arenas);
    const workers = startWorkers(options, memory);
    opened.push(() => workers.close());
    announceArenas(arenas, workers);
    const shards: ShardContext = {
      fileSystem,
      clock,
      random,
      log,
      packs,
      segmentFolders,
      files: handles,
      cache: new BlockCache(CACHE_BYTES),
      memory,
      workers,
      catalog: shardCatalog(catalog, sweeper),
      policy: { ...DEFAULT_POLICY, ...options.policy },
      observer,
    };
    return {
      memoryBytesMax,
      lock,
      catalog,
      store,
      log,
      sweeper,
      shards,
      close: () => closeAll(opened),
    };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

function openPacks({ files: fileSystem, packBytesMax }: EngineOptions): Promise<PackStore> {
  return PackStore.open({ fileSystem, ...(packBytesMax === undefined ? {} : { packBytesMax }) });
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
    quarantine: (state, reason) =>
      catalog.commit([{ kind: "quarantine", shard: state.uid, reason }]),
  };
}

/** Workers, those that start later too, know every arena before a job names it. */
function announceArenas(arenas: ArenaPool, workers: WorkerPool): void {
  arenas.onArena((arena, shared) => {
    workers.broadcast(ARENA_TOPIC, { arena, memory: shared });
  });
}

function startWorkers(options: EngineOptions, memory: SearchMemory): WorkerPool {
  const { files } = options;
  const size = options.workerCount ?? WORKERS_DEFAULT;
  if (files instanceof NodeFileSystem && size > 0) {
    const pool = new ThreadPool(findProgramFile(WORKER_FILE), size);
    const setup: WorkerSetup = { root: files.root, kernelModule: memory.kernelModule };
    pool.broadcast(SETUP_TOPIC, setup);
    return pool;
  }
  return new InlinePool(engineJobs(() => ({ fileSystem: files, memory })));
}

async function closeAll(opened: (() => Promise<void>)[]): Promise<void> {
  for (const close of opened.reverse()) await close();
  opened.length = 0;
}
