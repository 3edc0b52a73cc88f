/** Bodies that stand before another file system: they fail calls, or count them. */
export { CountingFileSystem } from "./counting-file-system.ts";
export type { FileFault } from "./faulty-file-system.ts";
export { FaultyFileSystem } from "./faulty-file-system.ts";
export type { FileCall, FileCallHook, FileCallKind } from "./intercepted-file-system.ts";
export { InterceptedFileSystem } from "./intercepted-file-system.ts";
export { readBy } from "./read-by.ts";
