/**
 * The working space of one thread in one arena: kernels own no memory, so the control thread gives
 * each thread an extent of {@link SCRATCH_BYTES} in every arena it searches.
 */
import { assert } from "../base/errors.ts";
import { DIMENSION_MAX } from "../base/limits.ts";
import { BIT_PLANES, BIT_WEIGHTS } from "./bit-codes.ts";
import { alignBytes, rowStrideBytes } from "./distance.ts";
import type { Extent } from "./extent.ts";
import { codeStrideBytes, signBytes } from "./quantizer.ts";

/**
 * Entries of a heap, rows of a list. Source: TOP_K_MAX (10,000) and room to pass on more than
 * asked.
 */
export const CANDIDATES_MAX = 16_384;
/**
 * Rows of one call of `selectHamming`. Source: fills the extent up to 1 MiB; about 1 ms of
 * scanning.
 */
export const SELECT_ROWS_MAX = 196_608;
/**
 * Rows of one scan whose candidates are given as bits. Source: as above; a slice of about 2 ms has
 * fewer.
 */
export const BITMAP_ROWS_MAX = 524_288;

type Part =
  | "query"
  | "queryCodes"
  | "queryBits"
  | "queryPlanes"
  | "queryWeights"
  | "queryScale"
  | "querySquaredNorm"
  | "queryInverseNorm"
  | "heap"
  | "ids"
  | "distances"
  | "selectDistances"
  | "histogram"
  | "bitmap";

/** Bytes of each part, in their order. */
const PARTS: Readonly<Record<Part, number>> = {
  query: rowStrideBytes(DIMENSION_MAX),
  queryCodes: codeStrideBytes(DIMENSION_MAX),
  queryBits: signBytes(DIMENSION_MAX),
  queryPlanes: BIT_PLANES * (DIMENSION_MAX / 8),
  queryWeights: alignBytes(BIT_WEIGHTS * 4),
  queryScale: 16,
  querySquaredNorm: 16,
  queryInverseNorm: 16,
  heap: CANDIDATES_MAX * 8,
  ids: CANDIDATES_MAX * 4,
  distances: CANDIDATES_MAX * 4,
  selectDistances: SELECT_ROWS_MAX * 2,
  histogram: alignBytes((DIMENSION_MAX + 1) * 4),
  bitmap: BITMAP_ROWS_MAX / 8,
};

/** Bytes of one scratch extent; one block of 1 MiB holds them. */
export const SCRATCH_BYTES: number = Object.values(PARTS).reduce((sum, bytes) => sum + bytes, 0);

/** Byte offsets of the parts in the memory of the arena. */
export type Scratch = Readonly<Record<Part, number>>;

/** The offsets of an extent of at least {@link SCRATCH_BYTES}. Contents need not be cleared. */
export function scratchIn(extent: Extent): Scratch {
  assert(extent.bytes >= SCRATCH_BYTES, "a scratch extent has SCRATCH_BYTES");
  let at = extent.offset;
  const next = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  return {
    query: next(PARTS.query),
    queryCodes: next(PARTS.queryCodes),
    queryBits: next(PARTS.queryBits),
    queryPlanes: next(PARTS.queryPlanes),
    queryWeights: next(PARTS.queryWeights),
    queryScale: next(PARTS.queryScale),
    querySquaredNorm: next(PARTS.querySquaredNorm),
    queryInverseNorm: next(PARTS.queryInverseNorm),
    heap: next(PARTS.heap),
    ids: next(PARTS.ids),
    distances: next(PARTS.distances),
    selectDistances: next(PARTS.selectDistances),
    histogram: next(PARTS.histogram),
    bitmap: next(PARTS.bitmap),
  };
}
