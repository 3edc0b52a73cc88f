/** A scan as a worker job: one slice of rows in one arena. */
import { catchUp, type Extent, type KernelMetric, type RowHits } from "../math/index.ts";
import { scanSlice, type ScanSlice } from "./scan.ts";
import type { ThreadMemory } from "./search-memory.ts";

/** Name of the job in the worker registry. */
export const SCAN_JOB = "vector/scan";

export interface ScanJob {
  readonly scratch: Extent;
  /** Length of the arena's memory where the job was made; scratch and rows lie below it. */
  readonly memoryBytes: number;
  readonly metric: KernelMetric;
  readonly vector: Float32Array;
  readonly slice: ScanSlice;
  readonly k: number;
}

export function runScanJob(memory: ThreadMemory, job: ScanJob): RowHits {
  catchUp(memory.memory(job.scratch.arena), job.memoryBytes);
  const scanner = memory.scanner(job.scratch);
  scanner.prepare(job.vector, job.metric);
  return scanSlice(scanner, job.slice, job.k);
}
