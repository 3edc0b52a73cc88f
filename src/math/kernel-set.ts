/** The kernels as functions: one instance for each memory a thread works on, one module for all. */
import { assert } from "../base/errors.ts";
import { compileModule, instantiate } from "./wasm.ts";
import type { SharedMemory, WasmModule } from "./wasm.ts";

/** Where the compiled kernels lie. The caller reads the file; this room touches no files. */
export const KERNELS_FILE: { readonly beside: URL; readonly place: string } = {
  beside: new URL("./kernels/generated/kernels.wasm", import.meta.url),
  place: "math/kernels/generated/kernels.wasm",
};

/**
 * The exports of kernels.wasm.
 *
 * Arguments named after things (`query`, `rows`, `out`) are byte offsets in the memory of the
 * instance, 0 where something is left out; each array begins at a multiple of 16. `stride` is the
 * bytes from row to row. `idBase + row` is what enters the heap, so that several blocks of rows can
 * share one. Scans return the number of entries of the heap, to be passed on to the next call.
 * Nothing is checked: an offset that is wrong reads or overwrites somebody else's bytes.
 * kernels/*.ts tells more.
 */
export interface Kernels {
  scanFloat32(
    metric: number,
    query: number,
    queryInverseNorm: number,
    rows: number,
    stride: number,
    inverseNorms: number,
    rowFirst: number,
    rowCount: number,
    bitmap: number,
    idBase: number,
    heap: number,
    heapCount: number,
    k: number,
  ): number;
  scoreRange(
    metric: number,
    query: number,
    queryInverseNorm: number,
    rows: number,
    stride: number,
    inverseNorms: number,
    rowFirst: number,
    rowCount: number,
    out: number,
  ): void;
  scoreRows(
    metric: number,
    query: number,
    queryInverseNorm: number,
    rows: number,
    stride: number,
    inverseNorms: number,
    ids: number,
    count: number,
    out: number,
  ): void;
  normRows(
    rows: number,
    stride: number,
    count: number,
    squaredNormsOut: number,
    inverseNormsOut: number,
  ): void;
  quantizeRows(
    rows: number,
    stride: number,
    count: number,
    codesOut: number,
    codeStride: number,
    scalesOut: number,
    squaredNormsOut: number,
    inverseNormsOut: number,
  ): void;
  scanInt8(
    metric: number,
    query: number,
    queryScale: number,
    queryNorm: number,
    codes: number,
    stride: number,
    scales: number,
    norms: number,
    rowFirst: number,
    rowCount: number,
    bitmap: number,
    idBase: number,
    heap: number,
    heapCount: number,
    k: number,
  ): number;
  scanInt8Rows(
    metric: number,
    query: number,
    queryScale: number,
    queryNorm: number,
    codes: number,
    stride: number,
    scales: number,
    norms: number,
    ids: number,
    idCount: number,
    idBase: number,
    heap: number,
    heapCount: number,
    k: number,
  ): number;
  scanBits(
    planes: number,
    weights: number,
    codes: number,
    stride: number,
    columns: number,
    columnBytes: number,
    rowFirst: number,
    rowCount: number,
    bitmap: number,
    idBase: number,
    heap: number,
    heapCount: number,
    k: number,
  ): number;
  scanBitRows(
    planes: number,
    weights: number,
    codes: number,
    stride: number,
    columns: number,
    columnBytes: number,
    ids: number,
    idCount: number,
    heap: number,
    heapCount: number,
    k: number,
  ): number;
  signRows(
    rows: number,
    stride: number,
    mean: number,
    count: number,
    words: number,
    out: number,
  ): void;
  scanHamming(
    query: number,
    codes: number,
    words: number,
    rowFirst: number,
    rowCount: number,
    bitmap: number,
    idBase: number,
    heap: number,
    heapCount: number,
    k: number,
  ): number;
  selectHamming(
    query: number,
    codes: number,
    words: number,
    rowFirst: number,
    rowCount: number,
    bitmap: number,
    distances: number,
    histogram: number,
    limit: number,
    idsOut: number,
  ): number;
  heapOffer(heap: number, count: number, k: number, distance: number, row: number): number;
  heapRows(heap: number, count: number, rowsOut: number): void;
  heapSort(heap: number, count: number): void;
  offerRows(
    ids: number,
    distances: number,
    listCount: number,
    idBase: number,
    heap: number,
    heapCount: number,
    k: number,
  ): number;
  bitmapAnd(target: number, source: number, bits: number): void;
  bitmapOr(target: number, source: number, bits: number): void;
  bitmapAndNot(target: number, source: number, bits: number): void;
  bitmapNot(target: number, bits: number): void;
  bitmapCount(target: number, bits: number): number;
  graphSearch(
    view: number,
    point: number,
    entry: number,
    entryLevel: number,
    ef: number,
    near: number,
    kept: number,
    reach: number,
  ): number;
  graphSearchHeads(
    view: number,
    point: number,
    entry: number,
    entryLevel: number,
    ef: number,
    near: number,
    kept: number,
    reach: number,
    head: number,
    ratio: number,
    margin: number,
  ): number;
  graphSearchAllowed(
    view: number,
    point: number,
    entry: number,
    entryLevel: number,
    ef: number,
    allowed: number,
    scoredMax: number,
  ): number;
  graphBreadths(
    view: number,
    point: number,
    entry: number,
    entryLevel: number,
    ef: number,
    edge: number,
    wanted: number,
    breadthsOut: number,
  ): number;
  graphScan(view: number, point: number, bitmap: number, k: number): number;
  poolRows(pool: number, count: number, rowsOut: number): void;
  graphInsert(
    view: number,
    row: number,
    ordinal: number,
    level: number,
    entry: number,
    entryLevel: number,
    efConstruction: number,
  ): void;
  graphInsertShared(
    view: number,
    row: number,
    ordinal: number,
    level: number,
    efConstruction: number,
  ): number;
  graphLink(
    view: number,
    id: number,
    level: number,
    ids: number,
    idCount: number,
    countMin: number,
  ): void;
  graphLinksBelow(ids: number, count: number, limit: number): number;
  readLoop(start: number, bytes: number): number;
}

const KERNEL_NAMES = [
  "scanFloat32",
  "scoreRange",
  "scoreRows",
  "normRows",
  "quantizeRows",
  "scanInt8",
  "scanInt8Rows",
  "signRows",
  "scanHamming",
  "selectHamming",
  "heapOffer",
  "heapRows",
  "heapSort",
  "offerRows",
  "bitmapAnd",
  "bitmapOr",
  "bitmapAndNot",
  "bitmapNot",
  "bitmapCount",
  "graphSearch",
  "graphSearchAllowed",
  "graphSearchHeads",
  "graphBreadths",
  "graphScan",
  "poolRows",
  "graphInsert",
  "graphInsertShared",
  "graphLink",
  "graphLinksBelow",
  "readLoop",
] as const satisfies readonly (keyof Kernels)[];

/**
 * Compiles the bytes found at {@link KERNELS_FILE}. Once for a process: a module can be sent to
 * worker threads.
 *
 * @throws InsulaError `format_unsupported`.
 */
export function loadKernelModule(bytes: Uint8Array): WasmModule {
  return compileModule(bytes);
}

/** The instances of one thread. They end with the memories they belong to. */
export class KernelSet {
  readonly #module: WasmModule;
  readonly #instances = new WeakMap<SharedMemory, Kernels>();

  constructor(module: WasmModule) {
    this.#module = module;
  }

  /**
   * The kernels over one memory, instantiated at the first call (0.24 ms at most in four, Node 20).
   */
  kernelsFor(memory: SharedMemory): Kernels {
    const known = this.#instances.get(memory);
    if (known !== undefined) return known;
    const kernels = decodeKernels(instantiate(this.#module, { memory }));
    this.#instances.set(memory, kernels);
    return kernels;
  }
}

function decodeKernels(exports: Readonly<Record<string, unknown>>): Kernels {
  for (const name of KERNEL_NAMES) {
    assert(typeof exports[name] === "function", "the kernel module exports every kernel");
  }
  return exports as unknown as Kernels;
}
