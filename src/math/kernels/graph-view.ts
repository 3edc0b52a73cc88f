/**
 * What a call on a graph is told: where codes, lists and working space lie. The caller writes these
 * words into its scratch; graph-view.ts of the room "vector" holds the same table.
 *
 * Nodes of level 0 are rows. Nodes above are the ordinals of the few rows that reach level 1, in
 * rising order of row, so that a row without upper levels costs nothing there. A list has a fixed
 * width, ids first, NONE behind them.
 */
import { farIfUnordered, gather } from "./lanes";
import { fourDots } from "./int8";

/** No id: ends a list, says that nothing was found. */
export const NONE: u32 = 0xffffffff;

/** 20 fields, all u32. */
@unmanaged
export class GraphView {
  codes: usize;
  stride: usize;
  /** Per row: scale × inverse norm for cosine, scale for the others. */
  weights: usize;
  /** Per row: squared norm for euclidean, 0 for the others. */
  bases: usize;
  /** Lists of level 0, `width` ids each. */
  links: usize;
  width: u32;
  /** Row of each ordinal. */
  upperRows: usize;
  /** First list of each ordinal, level 1 first. */
  upperStarts: usize;
  /** Lists of the levels above 0, `upperWidth` ids each. */
  upperLinks: usize;
  upperWidth: u32;
  /** One bit a node; cleared by each walk. */
  visited: usize;
  rowCount: u32;
  upperCount: u32;
  /** `width` + 4 ids. */
  fresh: usize;
  /** Keys of the walk, nearest first; `ef` + 2 of them. */
  pool: usize;
  /** Of a build: keys to choose neighbours from, one more than the longest list given to graphLink;
   * of a walk among allowed rows: its candidates, `scoredMax` + `width` + 4 keys. */
  sorted: usize;
  /** Of a build: `width` ids. */
  chosen: usize;
  /** Out: rows scored by the last walk of level 0. */
  scored: u32;
  /** Out: nothing of use, see `touch`. */
  touched: u32;
  /** Of a build by several threads: the locks, and behind them the words that all of them see. */
  locks: usize;
}

/** A code that distances are measured from, with the factors of its distances. */
@unmanaged
export class GraphPoint {
  code: usize;
  factor: f32;
  base: f32;
}

@inline
export function listOf(view: GraphView, id: u32, level: u32): usize {
  if (level == 0) return view.links + <usize>id * ((<usize>view.width) << 2);
  const list = load<u32>(view.upperStarts + ((<usize>id) << 2)) + level - 1;
  return view.upperLinks + <usize>list * ((<usize>view.upperWidth) << 2);
}

@inline
export function widthOf(view: GraphView, level: u32): u32 {
  return level == 0 ? view.width : view.upperWidth;
}

@inline
export function rowOf(view: GraphView, id: u32, level: u32): u32 {
  return level == 0 ? id : load<u32>(view.upperRows + ((<usize>id) << 2));
}

/** The factor of a row as a point; the base is its own. */
@inline
export function factorOf(view: GraphView, row: u32): f32 {
  const weight = load<f32>(view.weights + ((<usize>row) << 2));
  return view.bases == 0 ? weight : weight + weight;
}

@inline
export function baseOf(view: GraphView, row: u32): f32 {
  return view.bases == 0 ? 0 : load<f32>(view.bases + ((<usize>row) << 2));
}

@inline
export function codeOf(view: GraphView, row: u32): usize {
  return view.codes + <usize>row * view.stride;
}

/**
 * Distances from a point to four rows. In the order of the metric, not its values: minus the cosine
 * for cosine, minus the dot product for dot, the square for euclidean (from a point that is a row).
 *
 * (base of row + base of point) - (integer dot × weight of row) × factor of point, each step
 * rounded to float32. One column besides the codes for most metrics: rows are met in random order,
 * and each column is another cache line.
 */
@inline
export function fourSteps(
  view: GraphView, code: usize, factor: f32, base: f32, r0: u32, r1: u32, r2: u32, r3: u32,
): v128 {
  const sums = fourDots(
    code, view.stride, codeOf(view, r0), codeOf(view, r1), codeOf(view, r2), codeOf(view, r3));
  const byRow = f32x4.mul(f32x4.convert_i32x4_s(sums), gather(view.weights, r0, r1, r2, r3));
  const near = f32x4.mul(byRow, f32x4.splat(factor));
  const bases = view.bases;
  if (bases == 0) return farIfUnordered(f32x4.sub(f32x4.splat(0), near));
  const far = f32x4.add(gather(bases, r0, r1, r2, r3), f32x4.splat(base));
  return farIfUnordered(f32x4.sub(far, near));
}

/**
 * Distance and id in one number that sorts as (distance, id): the float's bits made monotone above,
 * the id shifted by one below, its lowest bit free for a mark.
 */
@inline
export function keyOf(distance: f32, id: u32): u64 {
  const bits = reinterpret<u32>(distance);
  const ordered = bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
  return (<u64>ordered << 32) | <u64>(id << 1);
}

@inline
export function distanceOf(key: u64): f32 {
  const ordered = <u32>(key >>> 32);
  const bits = (ordered & 0x80000000) != 0 ? ordered ^ 0x80000000 : ~ordered;
  return reinterpret<f32>(bits);
}

@inline
export function idOf(key: u64): u32 {
  return <u32>key >>> 1;
}
