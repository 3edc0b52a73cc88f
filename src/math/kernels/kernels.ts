/**
 * The search kernels: everything that reads rows in bulk. AssemblyScript, compiled to WebAssembly
 * SIMD128 by scripts/build-kernels.mjs, run over shared memory that many threads see at once.
 *
 * INVARIANT: no data section, no mutable global, no allocator, no string. Two instances on one
 * memory
 * would overwrite each other's statics. What a call needs, its caller passes;
 * kernels-binary.test.ts parses the binary and fails otherwise.
 *
 * Every pointer is a byte offset in the imported memory, every array begins at a multiple of 16,
 * every stride is a multiple of 16, and what lies between the last component and the stride is
 * zero. Bounds are the caller's: a kernel reads what it is told to.
 */
export { scanFloat32, scoreRange, scoreRows } from "./float32";
export { normRows } from "./norm";
export { quantizeRows, scanInt8, scanInt8Rows } from "./int8";
export { scanBitRows, scanBits } from "./bits";
export { scanHamming, selectHamming, signRows } from "./sign";
export { heapOffer, heapRows, heapSort, offerRows } from "./heap";
export { bitmapAnd, bitmapAndNot, bitmapCount, bitmapNot, bitmapOr } from "./bitmap";
export { graphBreadths } from "./graph-breadth";
export { graphSearchHeads } from "./graph-heads";
export { graphScan, graphSearch, graphSearchAllowed, poolRows } from "./graph-walk";
export { graphInsert, graphLink, graphLinksBelow } from "./graph-build";
export { graphInsertShared } from "./graph-share";
export { readLoop } from "./bandwidth";
