/**
 * The doors through which the outside world comes in: time, chance, files, objects, threads.
 * Interfaces here; bodies in `node/`, `memory/`, `faulty/`. Nothing else in the house touches
 * node:fs, timers, threads or Date.
 *
 * Not for: sockets (wire/), formats of files (storage/).
 *
 * Each folder of bodies has a door of its own (`io/node/index.ts`, …): a worker thread enters there
 * and loads nothing it does not need.
 *
 * Invariants: a file is dead after its first failed write or sync, in every body. The log thread
 * and idle workers never keep the process alive. One seed and {@link ManualClock} make one run.
 */
export type { Clock, Timer } from "./clock.ts";
export { sleep } from "./clock.ts";
export type { Random } from "./random.ts";
export type {
  CreateOptions,
  DiskRoom,
  FileSystem,
  FolderLock,
  FilePiece,
  ReadableFile,
  SyncedFile,
  WritableFile,
} from "./file-system.ts";
export type { ByteRange, ObjectStore } from "./object-store.ts";
export type { JobBody, WorkerPool } from "./worker-pool.ts";
export type { JobRegistry } from "./job-registry.ts";
export { readEach } from "./read-each.ts";
export { FileHandles, type FilePart } from "./file-handles.ts";
export { isOutOfHandles } from "./system-error.ts";
export { parentFolder } from "./replace-whole.ts";
export { InlinePool } from "./inline-pool.ts";
export { ReadOnlyFileSystem } from "./read-only-file-system.ts";
export {
  findHandleLimit,
  findProgramFile,
  FolderObjectStore,
  NodeClock,
  NodeFileSystem,
  NodeRandom,
  readProgramFile,
  readSecretFile,
  runSecretCommand,
  runWorkerEntry,
  ThreadPool,
} from "./node/index.ts";
export {
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
  SimulatedDisk,
  type SimulatedDiskOptions,
} from "./memory/index.ts";
export {
  CountingFileSystem,
  FaultyFileSystem,
  type FileCall,
  type FileCallHook,
  type FileCallKind,
  type FileFault,
  InterceptedFileSystem,
  readBy,
} from "./faulty/index.ts";
