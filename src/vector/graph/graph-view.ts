/** What a kernel is told about a graph, written into scratch; kernels/graph-view.ts reads it. */
import type { CodePoint, SharedMemory } from "../../math/index.ts";
import { graphLayout, type GraphShape } from "./graph-layout.ts";

/** Bytes of the words below, and of a point; multiples of 16. */
export const VIEW_BYTES = 80;
export const POINT_BYTES = 16;

/** The beginnings of the codes of one graph. */
export interface CodeHead {
  /** Of a code; a multiple of 64. */
  readonly bytes: number;
  /** Of a whole dot product to that of the beginnings, as well as one number can say. */
  readonly ratio: number;
  /**
   * Deviation of a distance that is guessed so, from a point of length 1; in the units of the
   * graph's distances.
   */
  readonly deviation: number;
}

/** Codes of rows and where their graph lies; byte offsets in one arena, for any thread. */
export interface GraphTarget extends GraphShape {
  readonly codes: number;
  readonly strideBytes: number;
  /** Per row: what a code's dot product is multiplied by. */
  readonly weights: number;
  /** Per row: squared norms for euclidean, else 0. */
  readonly bases: number;
  /** The section. */
  readonly graph: number;
  readonly entry: number;
  readonly entryLevel: number;
  /** What the beginnings of the codes tell; undefined where whole codes are compared. */
  readonly head?: CodeHead | undefined;
}

/** Working space of a call. */
export interface GraphScratch {
  readonly visited: number;
  readonly fresh: number;
  readonly pool: number;
  readonly sorted: number;
  readonly chosen: number;
}

/** Of a view: rows that the last walk scored. */
export const SCORED = 17;
/** Of a view: where the locks of a build by several threads are. */
const LOCKS = 19;

export function writeView(
  memory: SharedMemory,
  at: number,
  target: GraphTarget,
  scratch: GraphScratch,
): void {
  new Uint32Array(memory.buffer, at, SCORED + 1).set(viewWords(target, scratch));
}

/** Of a view that is written. */
export function writeLocks(memory: SharedMemory, view: number, locks: number): void {
  new Uint32Array(memory.buffer, view, LOCKS + 1)[LOCKS] = locks;
}

/** The words of a view, as they are before a call. */
export function viewWords(target: GraphTarget, scratch: GraphScratch): Uint32Array {
  const layout = graphLayout(target);
  const { graph } = target;
  return Uint32Array.of(
    target.codes,
    target.strideBytes,
    target.weights,
    target.bases,
    graph + layout.links,
    target.m * 2,
    graph + layout.upperRows,
    graph + layout.upperStarts,
    graph + layout.upperLinks,
    target.m,
    scratch.visited,
    target.rowCount,
    target.upperCount,
    scratch.fresh,
    scratch.pool,
    scratch.sorted,
    scratch.chosen,
    0,
  );
}

export function writePoint(memory: SharedMemory, at: number, point: CodePoint): void {
  new Uint32Array(memory.buffer, at, 1)[0] = point.code;
  new Float32Array(memory.buffer, at + 4, 2).set([point.factor, point.base]);
}

/** A row of the graph as a point. */
export function rowPoint(memory: SharedMemory, target: GraphTarget, row: number): CodePoint {
  const weight = new Float32Array(memory.buffer, target.weights + row * 4, 1)[0] ?? 0;
  const code = target.codes + row * target.strideBytes;
  if (target.bases === 0) return { code, factor: weight, base: 0 };
  const base = new Float32Array(memory.buffer, target.bases + row * 4, 1)[0] ?? 0;
  return { code, factor: 2 * weight, base };
}
