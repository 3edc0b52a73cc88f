/**
 * Records what is asked of another file system: the proof that nothing is read before it is needed.
 */
import type { FileSystem } from "../file-system.ts";
import type { FileCall, FileCallKind } from "./intercepted-file-system.ts";
import { InterceptedFileSystem } from "./intercepted-file-system.ts";

/** Calls kept; a test that makes more forgets to reset. */
const CALLS_MAX = 1_000_000;

export class CountingFileSystem extends InterceptedFileSystem implements FileSystem {
  readonly #calls: FileCall[];

  constructor(inner: FileSystem) {
    const calls: FileCall[] = [];
    super(inner, (call) => {
      if (calls.length < CALLS_MAX) calls.push(call);
      return call.length;
    });
    this.#calls = calls;
  }

  /** All calls since the last reset, in order. A read lists the bytes asked for. */
  get calls(): readonly FileCall[] {
    return this.#calls;
  }

  /** Number of calls of a kind, of all paths or of those that contain `path`. */
  count(kind: FileCallKind, path = ""): number {
    return this.#calls.filter((call) => call.kind === kind && call.path.includes(path)).length;
  }

  /** Reads of paths that contain `path`, in order. */
  reads(path = ""): readonly FileCall[] {
    return this.#calls.filter((call) => call.kind === "read" && call.path.includes(path));
  }

  /** Bytes asked for by reads of paths that contain `path`. */
  readBytes(path = ""): number {
    return this.reads(path).reduce((sum, call) => sum + call.length, 0);
  }

  reset(): void {
    this.#calls.length = 0;
  }
}
