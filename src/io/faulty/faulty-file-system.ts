/** Fails chosen calls of another file system, as a bad disk or a full one would. */
import type { FileSystem } from "../file-system.ts";
import { makeSystemError, toIoError } from "../system-error.ts";
import type { FileCall, FileCallKind } from "./intercepted-file-system.ts";
import { InterceptedFileSystem } from "./intercepted-file-system.ts";

export interface FileFault {
  /** Calls that are counted; all kinds when absent. */
  readonly kinds?: readonly FileCallKind[];
  /** Only paths that contain this. */
  readonly path?: string;
  /** The n-th counted call fails, from 1. */
  readonly nth: number;
  /** How many calls from the n-th on; 1 when absent, `Infinity` for a disk that stays bad. */
  readonly count?: number;
  /**
   * `short` reads or writes half of the bytes: a read then answers less, a write fails after it.
   */
  readonly effect: "EIO" | "ENOSPC" | "EMFILE" | "short";
}

export class FaultyFileSystem extends InterceptedFileSystem implements FileSystem {
  constructor(inner: FileSystem, plan: readonly FileFault[]) {
    const counters = plan.map(() => 0);
    super(inner, (call) => {
      let kept = call.length;
      for (const [i, fault] of plan.entries()) {
        if (!isCounted(fault, call)) continue;
        const count = (counters[i] ?? 0) + 1;
        counters[i] = count;
        if (count < fault.nth || count >= fault.nth + (fault.count ?? 1)) continue;
        if (fault.effect !== "short") {
          const cause = makeSystemError(fault.effect, "injected by a test");
          throw toIoError(`${call.kind} "${call.path}"`, cause);
        }
        kept = Math.floor(call.length / 2);
      }
      return kept;
    });
  }
}

function isCounted(fault: FileFault, call: FileCall): boolean {
  if (fault.kinds !== undefined && !fault.kinds.includes(call.kind)) return false;
  return fault.path === undefined || call.path.includes(fault.path);
}
