/**
 * One thread's searches in one arena: the query in its forms, the heap of candidates, and the
 * stages that narrow them. Wraps the kernels so that offsets are named and bounds are checked.
 *
 * Life of a search: {@link RowScanner.prepare}, {@link RowScanner.begin}, any number of scans over
 * slices and blocks of rows, optionally {@link RowScanner.rescore}, {@link RowScanner.hits}.
 * Between two calls nothing else may use the scratch extent.
 */
import { assert } from "../base/errors.ts";
import { DIMENSION_MAX } from "../base/limits.ts";
import { BIT_PLANES, BIT_WEIGHTS, bitLayout, prepareBitQuery } from "./bit-codes.ts";
import { KERNEL_METRICS, rowStrideBytes } from "./distance.ts";
import type { KernelMetric } from "./distance.ts";
import type { Extent } from "./extent.ts";
import type { Kernels } from "./kernel-set.ts";
import { codeStrideBytes, signWords } from "./quantizer.ts";
import { rotationOf } from "./rotation.ts";
import { BITMAP_ROWS_MAX, CANDIDATES_MAX, SELECT_ROWS_MAX, scratchIn } from "./scratch.ts";
import { STAGED_ROWS, STAGED_ROWS_MAX, stageRows, stagedRowsMax } from "./staged-rows.ts";
import type { Scratch } from "./scratch.ts";
import { WordViews } from "./word-views.ts";
import type { SharedMemory } from "./wasm.ts";

/** A run of rows of one block. */
export interface RowRange {
  readonly rowFirst: number;
  readonly rowCount: number;
  /** Byte offset of the candidates, one bit for each row of the block; 0 for all rows. */
  readonly bitmap: number;
  /** Added to the row number on the way into the heap: tells several blocks apart. */
  readonly idBase: number;
}

/** A block of float32 rows; byte offsets in the arena. `inverseNorms` matters only for cosine. */
export interface Float32Rows {
  readonly rows: number;
  readonly inverseNorms: number;
}

/**
 * A block of int8 codes with the columns of its rows, norms being those of the codes.
 * `squaredNorms` matters only for euclidean.
 */
export interface Int8Rows {
  readonly codes: number;
  readonly scales: number;
  readonly squaredNorms: number;
  readonly inverseNorms: number;
}

/** A block of codes of one bit a component; byte offsets in the arena. */
export interface BitRows {
  readonly codes: number;
  /** The first of three columns, `columnBytes` apart. */
  readonly columns: number;
  readonly columnBytes: number;
  /** The middle of the rotated rows: what the codes are signs above. */
  readonly middle: number;
}

/** The k nearest, nearest first, of equal distances the smaller row first. */
export interface RowHits {
  readonly rows: Uint32Array;
  /** float32 values. Exact after a float32 scan or a rescoring, else approximate. */
  readonly distances: Float32Array;
}

/** A code and the factors of distances from it; see kernels/graph-view.ts. */
export interface CodePoint {
  readonly code: number;
  readonly factor: number;
  readonly base: number;
}

/** A query as a point. */
export interface QueryPoint extends CodePoint {
  /** Of what the code stands for; 1 for cosine. */
  readonly length: number;
}

export class RowScanner {
  readonly #kernels: Kernels;
  readonly #memory: SharedMemory;
  readonly #views: WordViews;
  readonly #scratch: Scratch;
  #metricName: KernelMetric = "cosine";
  #dimension = 0;
  #scale = 0;
  #squaredNorm = 0;
  #inverseNorm = 0;
  /** That of the query's code: cosines of codes are divided by the lengths of codes. */
  #codeInverseNorm = 0;
  #count = 0;
  #k = 1;
  /** The rotated query; made when codes of bits are first scanned. */
  #rotated: Float32Array | undefined;
  /** Where the middle lies that the query's bits were made for; 0 for none. */
  #middle = 0;

  /** @param scratch an extent of SCRATCH_BYTES in the arena of `memory`, this scanner's alone. */
  constructor(kernels: Kernels, memory: SharedMemory, scratch: Extent) {
    this.#kernels = kernels;
    this.#memory = memory;
    this.#views = new WordViews(memory);
    this.#scratch = scratchIn(scratch);
  }

  /** Byte offset of the list of rows that `selectHamming` fills and `scanInt8Rows` reads. */
  get ids(): number {
    return this.#scratch.ids;
  }

  /**
   * Writes a query in float32 and int8. For cosine it is scaled by a power of two so that its
   * largest component is in [1, 2): no digit changes, and products with very short or long rows
   * stay in range.
   */
  prepare(vector: Float32Array, metric: KernelMetric): void {
    const dimension = vector.length;
    assert(
      dimension >= 1 && dimension <= DIMENSION_MAX,
      "a query has 1 to DIMENSION_MAX components",
    );
    const stride = rowStrideBytes(dimension);
    const { floats } = this.#views;
    const at = this.#scratch.query / 4;
    floats.set(vector, at);
    floats.fill(0, at + dimension, at + stride / 4);
    if (metric === "cosine") scaleByPowerOfTwo(floats, at, at + dimension);
    const {
      query: rows,
      queryCodes,
      queryScale,
      querySquaredNorm,
      queryInverseNorm,
    } = this.#scratch;
    const codeStride = codeStrideBytes(dimension);
    this.#kernels.quantizeRows(
      rows,
      stride,
      1,
      queryCodes,
      codeStride,
      queryScale,
      querySquaredNorm,
      queryInverseNorm,
    );
    this.#scale = this.#float32At(queryScale);
    this.#squaredNorm = this.#float32At(querySquaredNorm);
    this.#inverseNorm = this.#float32At(queryInverseNorm);
    this.#codeInverseNorm = this.#squaredNorm === 0 ? 0 : 1 / Math.sqrt(this.#squaredNorm);
    this.#metricName = metric;
    this.#dimension = dimension;
    this.#rotated = undefined;
    this.#middle = 0;
  }

  /**
   * Takes the signs of the query. `mean` is the byte offset of the row the codes were made with, or
   * 0.
   */
  prepareSigns(mean: number): void {
    const { query, queryBits } = this.#scratch;
    const stride = rowStrideBytes(this.#dimension);
    this.#kernels.signRows(query, stride, mean, 1, signWords(this.#dimension), queryBits);
  }

  /** The query as walks of a graph measure from it; its code lies in the scratch. */
  get point(): QueryPoint {
    const { queryCodes: code } = this.#scratch;
    const scale = this.#scale;
    if (this.#metricName === "cosine") {
      return { code, factor: scale * this.#codeInverseNorm, base: 0, length: 1 };
    }
    const length = Math.sqrt(this.#squaredNorm);
    return this.#metricName === "euclidean"
      ? { code, factor: 2 * scale, base: this.#squaredNorm, length }
      : { code, factor: scale, base: 0, length };
  }

  /** Empties the heap, which is to keep the k nearest, 1 to CANDIDATES_MAX. */
  begin(k: number): void {
    assert(k >= 1 && k <= CANDIDATES_MAX, "a scan keeps 1 to CANDIDATES_MAX rows");
    this.#count = 0;
    this.#k = k;
  }

  /** Copies candidate bits of a range into the scratch; its byte offset is the range's `bitmap`. */
  loadBitmap(bits: Uint8Array): number {
    assert(bits.length * 8 <= BITMAP_ROWS_MAX, "the candidates of one range fit the scratch");
    const { bitmap } = this.#scratch;
    new Uint8Array(this.#memory.buffer, bitmap, bits.length).set(bits);
    return bitmap;
  }

  /** Copies a list of rows to {@link ids}, at most CANDIDATES_MAX. */
  loadRows(rows: Uint32Array): void {
    assert(rows.length <= CANDIDATES_MAX, "a list has at most CANDIDATES_MAX rows");
    this.#views.words.set(rows, this.#scratch.ids / 4);
  }

  /** Exact distances of the first `idCount` rows of the list at {@link ids}, into the heap. */
  scanFloat32Rows(block: Float32Rows, idCount: number, idBase: number): void {
    const { ids, distances, heap } = this.#scratch;
    this.#scoreIds(block, idCount);
    this.#count = this.#kernels.offerRows(
      ids,
      distances,
      idCount,
      idBase,
      heap,
      this.#count,
      this.#k,
    );
  }

  /** Exact distances of listed rows, in the order of the list, at most CANDIDATES_MAX. */
  scoreRows(block: Float32Rows, rows: Uint32Array): Float32Array {
    this.loadRows(rows);
    this.#scoreIds(block, rows.length);
    const at = this.#scratch.distances / 4;
    return this.#views.floats.slice(at, at + rows.length);
  }

  /** Exact distances of rows that lie outside the arenas, one behind the other, unpadded. */
  scoreForeign(rows: Float32Array): Float32Array {
    const dimension = this.#dimension;
    const count = rows.length / dimension;
    const distances = new Float32Array(count);
    const step = stagedRowsMax(dimension);
    for (let first = 0; first < count; first += step) {
      const end = Math.min(count, first + step);
      const some = rows.subarray(first * dimension, end * dimension);
      stageRows(this.#memory.buffer, this.#scratch.selectDistances, some, dimension);
      distances.set(this.#scoreStaged(end - first), first);
    }
    return distances;
  }

  /** A view on the scratch. */
  #scoreStaged(count: number): Float32Array {
    const { distances: inverseNorms, selectDistances: staging, ids, query } = this.#scratch;
    const stride = rowStrideBytes(this.#dimension);
    this.#kernels.normRows(staging, stride, count, 0, inverseNorms);
    this.loadRows(STAGED_ROWS.subarray(0, count));
    const out = inverseNorms + STAGED_ROWS_MAX * 4;
    this.#kernels.scoreRows(
      this.#metric,
      query,
      this.#inverseNorm,
      staging,
      stride,
      inverseNorms,
      ids,
      count,
      out,
    );
    return this.#views.floats.subarray(out / 4, out / 4 + count);
  }

  /** Exact distances of a range of rows. */
  scanFloat32(block: Float32Rows, range: RowRange): void {
    this.#count = this.#kernels.scanFloat32(
      this.#metric,
      this.#scratch.query,
      this.#inverseNorm,
      block.rows,
      rowStrideBytes(this.#dimension),
      block.inverseNorms,
      range.rowFirst,
      range.rowCount,
      range.bitmap,
      range.idBase,
      this.#scratch.heap,
      this.#count,
      this.#k,
    );
  }

  /** Approximate distances of a range of rows, by their int8 codes. */
  scanInt8(block: Int8Rows, range: RowRange): void {
    this.#count = this.#kernels.scanInt8(
      this.#metric,
      this.#scratch.queryCodes,
      this.#scale,
      this.#int8Norm,
      block.codes,
      codeStrideBytes(this.#dimension),
      block.scales,
      this.#normsOf(block),
      range.rowFirst,
      range.rowCount,
      range.bitmap,
      range.idBase,
      this.#scratch.heap,
      this.#count,
      this.#k,
    );
  }

  /** Approximate distances of the first `idCount` rows of the list at {@link ids}. */
  scanInt8Rows(block: Int8Rows, idCount: number): void {
    assert(idCount <= CANDIDATES_MAX, "a list has at most CANDIDATES_MAX rows");
    this.#count = this.#kernels.scanInt8Rows(
      this.#metric,
      this.#scratch.queryCodes,
      this.#scale,
      this.#int8Norm,
      block.codes,
      codeStrideBytes(this.#dimension),
      block.scales,
      this.#normsOf(block),
      this.#scratch.ids,
      idCount,
      0,
      this.#scratch.heap,
      this.#count,
      this.#k,
    );
  }

  /** Approximate distances of a range of rows, by their codes of one bit a component. */
  scanBits(block: BitRows, range: RowRange): void {
    const { heap } = this.#scratch;
    this.#prepareBits(block);
    this.#count = this.#kernels.scanBits(
      ...this.#bitPlace(block),
      range.rowFirst,
      range.rowCount,
      range.bitmap,
      range.idBase,
      heap,
      this.#count,
      this.#k,
    );
  }

  /** The same for the first `idCount` rows of the list at {@link ids}. */
  scanBitRows(block: BitRows, idCount: number): void {
    assert(idCount <= CANDIDATES_MAX, "a list has at most CANDIDATES_MAX rows");
    const { ids, heap } = this.#scratch;
    this.#prepareBits(block);
    this.#count = this.#kernels.scanBitRows(
      ...this.#bitPlace(block),
      ids,
      idCount,
      heap,
      this.#count,
      this.#k,
    );
  }

  /** Hamming distances of a range of sign codes; for ranges too long for {@link selectHamming}. */
  scanHamming(codes: number, range: RowRange): void {
    this.#count = this.#kernels.scanHamming(
      this.#scratch.queryBits,
      codes,
      signWords(this.#dimension),
      range.rowFirst,
      range.rowCount,
      range.bitmap,
      range.idBase,
      this.#scratch.heap,
      this.#count,
      this.#k,
    );
  }

  /**
   * Writes the `limit` rows with the nearest sign codes to {@link ids}, in rising order of row
   * number, and returns how many there are. The heap stays as it is; `idBase` is not added.
   */
  selectHamming(codes: number, range: RowRange, limit: number): number {
    assert(range.rowCount <= SELECT_ROWS_MAX, "a selection is over SELECT_ROWS_MAX rows at most");
    assert(limit >= 0 && limit <= CANDIDATES_MAX, "a selection gives CANDIDATES_MAX rows at most");
    const { queryBits, selectDistances, histogram, ids } = this.#scratch;
    return this.#kernels.selectHamming(
      queryBits,
      codes,
      signWords(this.#dimension),
      range.rowFirst,
      range.rowCount,
      range.bitmap,
      selectDistances,
      histogram,
      limit,
      ids,
    );
  }

  /**
   * Replaces the candidates, all scanned with `idBase` 0 in this block, by the k nearest by exact
   * distance.
   */
  rescore(block: Float32Rows, k: number): void {
    const { query, heap, ids, distances } = this.#scratch;
    const stride = rowStrideBytes(this.#dimension);
    const count = this.#count;
    this.#kernels.heapRows(heap, count, ids);
    this.#kernels.scoreRows(
      this.#metric,
      query,
      this.#inverseNorm,
      block.rows,
      stride,
      block.inverseNorms,
      ids,
      count,
      distances,
    );
    this.begin(k);
    this.#count = this.#kernels.offerRows(ids, distances, count, 0, heap, 0, k);
  }

  /** Sorts and copies what the heap holds, and empties it. */
  hits(): RowHits {
    const { heap } = this.#scratch;
    const count = this.#count;
    this.#kernels.heapSort(heap, count);
    this.#count = 0;
    const distances = new Float32Array(count);
    const rows = new Uint32Array(count);
    const fromDistances = new Float32Array(this.#memory.buffer, heap, count * 2);
    const fromRows = new Uint32Array(this.#memory.buffer, heap, count * 2);
    for (let i = 0; i < count; i++) {
      distances[i] = fromDistances[2 * i] ?? 0;
      rows[i] = fromRows[2 * i + 1] ?? 0;
    }
    return { rows, distances };
  }

  #bitPlace(block: BitRows): readonly [number, number, number, number, number, number] {
    const { queryPlanes, queryWeights } = this.#scratch;
    const stride = bitLayout(this.#dimension, 0).strideBytes;
    return [queryPlanes, queryWeights, block.codes, stride, block.columns, block.columnBytes];
  }

  /** The query's bits belong to one middle; they are made anew for another. */
  #prepareBits({ middle }: BitRows): void {
    if (this.#middle === middle) return;
    const { buffer } = this.#memory;
    const { query, queryPlanes, queryWeights } = this.#scratch;
    const { length, strideBytes } = bitLayout(this.#dimension, 0);
    const metric = this.#metricName;
    assert(metric !== "manhattan" && metric !== "hamming", "a metric that codes know");
    if (this.#rotated === undefined) {
      this.#rotated = new Float32Array(length);
      const vector = new Float32Array(buffer, query, this.#dimension);
      rotationOf(this.#dimension).apply(vector, this.#rotated);
    }
    prepareBitQuery(this.#rotated, new Float32Array(buffer, middle, length), {
      metric,
      planes: new Uint8Array(buffer, queryPlanes, BIT_PLANES * strideBytes),
      weights: new Float32Array(buffer, queryWeights, BIT_WEIGHTS),
    });
    this.#middle = middle;
  }

  #scoreIds(block: Float32Rows, idCount: number): void {
    assert(idCount <= CANDIDATES_MAX, "a list has at most CANDIDATES_MAX rows");
    this.#kernels.scoreRows(
      this.#metric,
      this.#scratch.query,
      this.#inverseNorm,
      block.rows,
      rowStrideBytes(this.#dimension),
      block.inverseNorms,
      this.#scratch.ids,
      idCount,
      this.#scratch.distances,
    );
  }

  get #metric(): number {
    return KERNEL_METRICS[this.#metricName];
  }

  get #int8Norm(): number {
    return this.#metricName === "euclidean" ? this.#squaredNorm : this.#codeInverseNorm;
  }

  #normsOf(block: Int8Rows): number {
    return this.#metricName === "euclidean" ? block.squaredNorms : block.inverseNorms;
  }

  #float32At(offset: number): number {
    return this.#views.floats[offset / 4] ?? 0;
  }
}

function scaleByPowerOfTwo(values: Float32Array, start: number, end: number): void {
  let largest = 0;
  // By position: the iterator of a typed array costs ten times the loop.
  for (let j = start; j < end; j++) largest = Math.max(largest, Math.abs(values[j] ?? 0));
  if (largest === 0) return;
  const factor = 2 ** -Math.floor(Math.log2(largest));
  if (factor === 1) return;
  for (let j = start; j < end; j++) values[j] = (values[j] ?? 0) * factor;
}
