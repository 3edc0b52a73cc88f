/** A walk as a worker job. */
import { catchUp, type Extent, type KernelMetric } from "../../math/index.ts";
import type { LeasedScanner, ThreadMemory } from "../search-memory.ts";
import type { GraphTarget } from "./graph-view.ts";
import { GraphWalker, type GraphFound } from "./graph-walker.ts";
import type { WalkLimits } from "./walk-limits.ts";

/** Name of the job in the worker registry. */
export const WALK_JOB = "vector/walk";

export interface WalkJob {
  readonly scratch: Extent;
  /** Length of the arena's memory where the job was made. */
  readonly memoryBytes: number;
  readonly metric: KernelMetric;
  readonly vector: Float32Array;
  readonly target: GraphTarget;
  /** Rows that may be found, one bit each; undefined: all. */
  readonly bits: Uint8Array | undefined;
  readonly limits: WalkLimits;
}

/** On this thread, with a scanner that has the query. */
export function walkFrom(
  memory: ThreadMemory,
  leased: LeasedScanner,
  { target, bits, limits }: Pick<WalkJob, "target" | "bits" | "limits">,
): GraphFound {
  const { scratch, scanner } = leased;
  const { arena } = scratch;
  const walker = (leased.walker ??= new GraphWalker(
    memory.kernels(arena),
    memory.memory(arena),
    scratch,
  ));
  return bits === undefined
    ? walker.search(target, scanner.point, limits)
    : walker.searchAllowed(target, scanner.point, bits, limits);
}

export function runWalkJob(memory: ThreadMemory, job: WalkJob): GraphFound {
  const { scratch, metric, vector } = job;
  const shared = memory.memory(scratch.arena);
  catchUp(shared, job.memoryBytes);
  const scanner = memory.scanner(scratch);
  scanner.prepare(vector, metric);
  return walkFrom(memory, { scratch, scanner }, job);
}
