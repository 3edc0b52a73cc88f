/** The threads of a node and the memory that they share with it. */
import {
  InlinePool,
  NodeFileSystem,
  ThreadPool,
  findProgramFile,
  type FileSystem,
  type WorkerPool,
} from "../io/index.ts";
import { ArenaPool, type WasmModule } from "../math/index.ts";
import type { ShardContext } from "../shard/index.ts";
import { ARENA_TOPIC, SearchMemory } from "../vector/index.ts";
import { engineJobs } from "./jobs.ts";
import { findMemoryBudget } from "./memory-budget.ts";
import type { EngineOptions } from "./node-context.ts";
import { SETUP_TOPIC, type WorkerSetup } from "./worker-setup.ts";

const WORKERS_DEFAULT = 2;
/** Threads that build segments, besides the workers, when there are at least two of those. */
const BUILDERS = 1;
const WORKER_FILE = {
  beside: new URL("./worker-entry.js", import.meta.url),
  place: "engine/worker-entry.js",
};

export interface ThreadOptions extends EngineOptions {
  /** Of jobs that run on the calling thread. */
  readonly jobFiles: FileSystem;
}

/** The arenas and who works on them. */
export function startThreads(
  options: ThreadOptions,
  module: WasmModule,
  opened: (() => Promise<void>)[],
): Pick<ShardContext, "memory" | "workers" | "builders"> & { readonly memoryBytesMax: number } {
  const memoryBytesMax = findMemoryBudget(options.memoryBudget).bytes;
  const arenas = new ArenaPool({ bytesMax: memoryBytesMax });
  const memory = new SearchMemory(module, arenas);
  const workers = startWorkers(options, memory, options.workerCount ?? WORKERS_DEFAULT);
  opened.push(() => workers.close());
  // Who asks for one thread gets one.
  const builders =
    workers.size === 1 ? workers : startWorkers(options, memory, Math.min(BUILDERS, workers.size));
  opened.push(() => builders.close());
  announceArenas(arenas, new Set([workers, builders]));
  return { memoryBytesMax, memory, workers, builders };
}

/** Workers, those that start later too, know every arena before a job names it. */
function announceArenas(arenas: ArenaPool, pools: ReadonlySet<WorkerPool>): void {
  arenas.onArena((arena, shared) => {
    for (const pool of pools) pool.broadcast(ARENA_TOPIC, { arena, memory: shared });
  });
}

function startWorkers(options: ThreadOptions, memory: SearchMemory, size: number): WorkerPool {
  const { files, jobFiles, clock } = options;
  if (files instanceof NodeFileSystem && size > 0) {
    const pool = new ThreadPool(findProgramFile(WORKER_FILE), size);
    const setup: WorkerSetup = { root: files.root, kernelModule: memory.kernelModule };
    pool.broadcast(SETUP_TOPIC, setup);
    return pool;
  }
  return new InlinePool(engineJobs(() => ({ clock, fileSystem: jobFiles, memory })));
}
