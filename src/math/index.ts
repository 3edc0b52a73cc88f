/**
 * The room of numbers: memory, kernels, codes, parsing. It knows no record, no tenant and no file.
 *
 * What for. Everything that reads vectors in bulk runs here, in WebAssembly SIMD over shared memory
 * (kernels/, AssemblyScript, compiled by scripts/build-kernels.mjs), so that the same bytes serve
 * the control thread and the workers without a copy and without a native module. What not: no
 * planning, no graph, no choice of stages; those are rooms above.
 *
 * Life of its data. `ArenaPool` owns the memories. Control allocates an `Extent`, fills it (from a
 * segment file or from writes), names it to workers by number, and frees it after the last job that
 * may read it. Each thread has a `KernelSet` and, in each arena, a scratch extent on which a
 * `RowScanner` runs: signs → int8 → float32, each stage passing fewer rows on. `mergeNearest` joins
 * what several of them found. What is made beside the arenas, a segment's codes say, borrows a
 * small memory of its thread.
 *
 * Invariants.
 * - The distance of a float32 row has the same bits on every path, thread and slice: one order of
 *   summation (distance.ts), no relaxed SIMD, no fused operations. Ties go to the smaller row here,
 *   by the caller's order in a merge.
 * - Kernels have no state: no data section, no mutable global, no allocator
 *   (kernels-binary.test.ts).
 * - Page 0 of an arena is nobody's; offset 0 means "none". Memory is never given back.
 * - A parsed number is Math.fround of what JSON.parse gives, or the array is refused.
 *
 * Layout, in memory and inside sections of segments. float32 rows: stride a multiple of 16 bytes,
 * padding zero. int8 codes: the same, with float32 columns for scale and norms. Signs: 64-bit
 * words, component j is bit j % 64 of word j / 64. Bitmaps: row r is bit r % 8 of byte r / 8. All
 * little-endian, every array at a multiple of 16.
 *
 * Sources. Knowlton 1965 (buddy blocks), Clinger 1990 (decimal to binary), and measurements:
 * bench/kernels.bench.ts.
 */
export type { Extent } from "./extent.ts";
export { extentBytes, extentFloat32, extentUint32 } from "./extent.ts";
export { BLOCK_BYTES_MAX, BLOCK_BYTES_MIN } from "./arena.ts";
export type { ArenaListener, ArenaPoolOptions } from "./arena-pool.ts";
export { ARENAS_MAX, ARENA_STEP_BYTES, ArenaPool, SMALL_EXTENT_BYTES_MAX } from "./arena-pool.ts";
export { WordViews } from "./word-views.ts";
export type { CreateMemory, OwnMemory, SharedMemory, WasmModule } from "./wasm.ts";
export { PAGES_MAX, PAGE_BYTES, catchUp, createSharedMemory } from "./wasm.ts";
export type { LentMemory } from "./lent-memory.ts";
export { freshMemory, giveBackMemory, lendMemory } from "./lent-memory.ts";
export type { Kernels } from "./kernel-set.ts";
export { KERNELS_FILE, KernelSet, loadKernelModule } from "./kernel-set.ts";
export type { CodeMetric, KernelMetric, NormedVector } from "./distance.ts";
export {
  KERNEL_ALIGNMENT,
  FLOAT32_MAX,
  KERNEL_METRICS,
  alignBytes,
  bitmapBytes,
  exactDistance,
  inverseNorm,
  rowStrideBytes,
  squaredNorm,
} from "./distance.ts";
export type { Int8Layout } from "./quantizer.ts";
export {
  INT8_RESCORE_COUNT,
  SIGN_RESCORE_COUNT,
  codeStrideBytes,
  int8Layout,
  signBytes,
  signWords,
  takeCodeNorms,
} from "./quantizer.ts";
export type { Scratch } from "./scratch.ts";
export {
  BITMAP_ROWS_MAX,
  CANDIDATES_MAX,
  SCRATCH_BYTES,
  SELECT_ROWS_MAX,
  scratchIn,
} from "./scratch.ts";
export type { BitLayout } from "./bit-codes.ts";
export { BIT_HEADER_BYTES, bitLayout, encodeBits } from "./bit-codes.ts";
export { rotationOf } from "./rotation.ts";
export type {
  BitRows,
  CodePoint,
  QueryPoint,
  Float32Rows,
  Int8Rows,
  RowHits,
  RowRange,
} from "./row-scanner.ts";
export { RowScanner } from "./row-scanner.ts";
export type { CompareTies } from "./top-k.ts";
export { mergeNearest } from "./top-k.ts";
export type { ParseResult } from "./number-parser.ts";
export {
  NUMBER_PARSER_FILE,
  NumberParser,
  PARSE_FAILURES,
  loadNumberParserModule,
} from "./number-parser.ts";
