/** The bodies of this machine. Threads of our own enter here, to load nothing else. */
export { findHandleLimit } from "./handle-limit.ts";
export { NodeClock } from "./clock.ts";
export { NodeFileSystem } from "./file-system.ts";
export { FolderObjectStore } from "./object-store.ts";
export { findProgramFile, readProgramFile } from "./program-file.ts";
export { readSecretFile, runSecretCommand } from "./secret-source.ts";
export { NodeRandom } from "./random.ts";
export { ThreadPool } from "./thread-pool.ts";
export { runWorkerEntry } from "./worker-entry.ts";
