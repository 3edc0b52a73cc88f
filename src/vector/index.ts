/**
 * Rows of vectors and the search over them: where they lie in the arenas, how they are scanned, how
 * they become codes. A row is a number inside one part; records, keys and tenants are the shard's.
 *
 * Life of its data. A memtable appends float32 rows to `RowBlocks`. A segment build pads and
 * quantizes them (`RowQuantizer`, `BitQuantizer`) into sections, and checks how far
 * the codes can be trusted (`CodeCheck`). A search loads the codes of a
 * segment, and the rows of a small one, as `ResidentRows` and runs a `FlatScan` over all parts:
 * short scans on the control thread, long ones in slices of about 2 ms on the workers, which see
 * the same memory.
 * A large segment has a graph over its codes (graph/), made by a `GraphBuilder`, on several threads
 * (`withHelpers`), and walked by a `GraphSearch` instead of scanned. Candidates of codes are scored
 * again on their float32 rows, so every distance that leaves this room is exact.
 *
 * Invariants. Only the control thread allocates, frees and leases scratch. Rows never move or
 * change while somebody may read them. The distance of a row has the same bits on every path.
 */
export { BIT_ROWS_MIN, BitQuantizer, RowSample } from "./bit-quantizer.ts";
export { CHECKED_ROWS_MIN, CodeCheck, checkedRows } from "./code-check.ts";
export { FlatScan, mergeResults, type FlatPart } from "./flat-scan.ts";
export { buildLayout, type GraphPlan } from "./graph/build-layout.ts";
export { GraphBuilder } from "./graph/graph-builder.ts";
export type { GraphBefore, OldGraph } from "./graph/graph-copy.ts";
export {
  HELP_JOB,
  graphHelpers,
  runHelpJob,
  withHelpers,
  type HelpJob,
} from "./graph/graph-helpers.ts";
export {
  GRAPH_EF_CONSTRUCTION,
  GRAPH_HEADER_BYTES,
  GRAPH_M,
  GRAPH_ROWS_MAX,
  decodeGraphHeader,
  efForRecall,
  openOldGraph,
  stepFor,
  type WalkBreadths,
} from "./graph/graph-layout.ts";
export { GraphSearch } from "./graph/graph-search.ts";
export { WALK_EF_MAX, WALK_SCORED_MAX } from "./graph/graph-walker.ts";
export { WALK_JOB, runWalkJob, type WalkJob } from "./graph/walk-job.ts";
export type { WalkLimits } from "./graph/walk-limits.ts";
export { codeRescore, rescoreCount } from "./rescore-counts.ts";
export { ResidentRows, type ResidentSource } from "./resident-rows.ts";
export { RowBlocks, rowView, type RowBlockPlace, type RowBlockTarget } from "./row-blocks.ts";
export type { SectionBytes } from "./row-parts.ts";
export { RowQuantizer, type QuantizedRows } from "./row-quantizer.ts";
export { RowWindow } from "./row-window.ts";
export { SCAN_JOB, runScanJob, type ScanJob } from "./scan-job.ts";
export type { CodeTarget, RowTarget, ScanSlice, ScanTarget } from "./scan.ts";
export { scoreParts } from "./score-parts.ts";
export {
  ARENA_TOPIC,
  IDLE_SCANNERS_MAX,
  SearchMemory,
  ThreadMemory,
  type ArenaNews,
  type LeasedScanner,
  type MemoryViews,
} from "./search-memory.ts";
export type { KernelMetric, VectorField } from "./vector-field.ts";
