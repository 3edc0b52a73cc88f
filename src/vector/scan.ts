/**
 * One slice of a scan: rows of one extent against one query, the nearest into a list. Plain numbers
 * in, plain numbers out, so that the same function runs on the control thread and on a worker.
 */
import type { BitRows, Float32Rows, Int8Rows, RowHits, RowScanner } from "../math/index.ts";

/** Rows in an arena; byte offsets from the start of its memory. */
export type ScanTarget = RowTarget | CodeTarget | BitTarget;

export interface RowTarget extends Float32Rows {
  readonly kind: "float32";
  readonly strideBytes: number;
}

export interface CodeTarget extends Int8Rows {
  readonly kind: "codes";
  readonly strideBytes: number;
}

export interface BitTarget extends BitRows {
  readonly kind: "bits";
  readonly strideBytes: number;
}

export interface ScanSlice {
  readonly target: ScanTarget;
  readonly rowFirst: number;
  readonly rowCount: number;
  /** Added to row numbers, counted from the first row of the target. */
  readonly rowBase: number;
  /** Candidate bits of exactly these rows, first row in the lowest bit; undefined: all. */
  readonly bits: Uint8Array | undefined;
  /** Instead of a range: these rows of the target, at most CANDIDATES_MAX. */
  readonly rows: Uint32Array | undefined;
}

/** The `k` nearest of a slice, 1 to CANDIDATES_MAX. The scanner has its query. */
export function scanSlice(scanner: RowScanner, slice: ScanSlice, k: number): RowHits {
  scanner.begin(k);
  if (slice.rows !== undefined) scanList(scanner, slice, slice.rows);
  else scanRange(scanner, slice);
  const hits = scanner.hits();
  if (slice.rows === undefined || slice.rowBase === 0 || slice.target.kind === "float32")
    return hits;
  return { rows: hits.rows.map((row) => row + slice.rowBase), distances: hits.distances };
}

/** A slice begins at its own first row, so that its bitmap begins at its own first bit. */
function scanRange(scanner: RowScanner, slice: ScanSlice): void {
  const { target, rowFirst, rowCount, bits } = slice;
  const range = {
    rowFirst: 0,
    rowCount,
    bitmap: bits === undefined ? 0 : scanner.loadBitmap(bits),
    idBase: slice.rowBase + rowFirst,
  };
  if (target.kind === "float32") {
    const rows = target.rows + rowFirst * target.strideBytes;
    scanner.scanFloat32({ rows, inverseNorms: target.inverseNorms + rowFirst * 4 }, range);
    return;
  }
  if (target.kind === "bits") {
    const codes = target.codes + rowFirst * target.strideBytes;
    scanner.scanBits({ ...target, codes, columns: target.columns + rowFirst * 4 }, range);
    return;
  }
  const block = {
    codes: target.codes + rowFirst * target.strideBytes,
    scales: target.scales + rowFirst * 4,
    squaredNorms: target.squaredNorms + rowFirst * 4,
    inverseNorms: target.inverseNorms + rowFirst * 4,
  };
  scanner.scanInt8(block, range);
}

function scanList(scanner: RowScanner, slice: ScanSlice, rows: Uint32Array): void {
  const { target } = slice;
  scanner.loadRows(rows);
  if (target.kind === "float32") scanner.scanFloat32Rows(target, rows.length, slice.rowBase);
  else if (target.kind === "bits") scanner.scanBitRows(target, rows.length);
  else scanner.scanInt8Rows(target, rows.length);
}
