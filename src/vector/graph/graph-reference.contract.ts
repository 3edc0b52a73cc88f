/**
 * The graph in plain TypeScript, slow and short: what the kernels must give to the bit. And rows,
 * codes and extents for the tests of this folder.
 */
import { readFileSync } from "node:fs";
import { buildKernels } from "../../../scripts/build-kernels.mjs";
import {
  ArenaPool,
  KERNELS_FILE,
  loadKernelModule,
  type CodePoint,
  type Extent,
  type KernelMetric,
  type QueryPoint,
  type SharedMemory,
} from "../../math/index.ts";
import { RowQuantizer } from "../row-quantizer.ts";
import { SearchMemory } from "../search-memory.ts";
import { buildLayout, type GraphPlan } from "./build-layout.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { NO_NODE } from "./graph-layout.ts";
import { linkLostRows } from "./graph-reach.ts";
import { rowPoint, type GraphTarget } from "./graph-view.ts";
import type { WalkReach } from "./walk-limits.ts";

const fround = Math.fround;

export async function openMemory(): Promise<SearchMemory> {
  await buildKernels();
  const module = loadKernelModule(readFileSync(KERNELS_FILE.beside));
  return new SearchMemory(module, new ArenaPool({ bytesMax: 512 * 2 ** 20 }));
}

/** The same numbers in each run. */
export function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Rows around some centres, a few of them twice or zero; key order is cluster order. */
export function clusteredRows(seed: number, count: number, dimension: number): Float32Array {
  const next = sequence(seed);
  const noise = (): number => next() + next() + next() - 1.5;
  const rows = new Float32Array(count * dimension);
  const clusters = Math.max(1, Math.floor(count / 40));
  let centre = Float32Array.from({ length: dimension }, noise);
  for (let i = 0; i < count; i++) {
    if (i % Math.ceil(count / clusters) === 0) centre = Float32Array.from(centre, noise);
    const row = rows.subarray(i * dimension, (i + 1) * dimension);
    const kind = next();
    if (kind < 0.02 && i > 0) row.set(rows.subarray((i - 1) * dimension, i * dimension));
    else if (kind >= 0.025) for (let j = 0; j < dimension; j++) row[j] = (centre[j] ?? 0) + noise();
  }
  return rows;
}

export interface OpenBuild {
  readonly builder: GraphBuilder;
  readonly extent: Extent;
  readonly memory: SearchMemory;
}

/** A builder over the codes of rows, before `begin`. */
export function openBuild(memory: SearchMemory, plan: GraphPlan, rows: Float32Array): OpenBuild {
  const extent = memory.arenas.allocate(buildLayout(plan).bytes);
  memory.arenas.bytes(extent).fill(0xab);
  const kernels = memory.kernels(extent.arena);
  const builder = new GraphBuilder(kernels, memory.memory(extent.arena), extent, plan);
  const quantizer = new RowQuantizer(memory.kernelModule, plan.dimension, plan.rowCount);
  // The padded rows are for the segment; only the codes are wanted here.
  Array.from(quantizer.add(rows));
  const { codes, factors } = quantizer.finish();
  builder.codes.set(codes);
  builder.factors.set(factors);
  return { builder, extent, memory };
}

type Entry = readonly [distance: number, id: number];
const byDistance = (a: Entry, b: Entry): number => a[0] - b[0] || a[1] - b[1];

/** A point as the reference holds it. */
export interface PlainPoint {
  readonly code: Int8Array;
  readonly factor: number;
  readonly base: number;
}

/** Rows are left out of which the first components say that they are too far. */
export interface PlainHead {
  readonly bytes: number;
  readonly ratio: number;
  readonly margin: number;
}

/** When a walk ends. */
export interface PlainLimits {
  readonly ef: number;
  readonly head?: PlainHead | undefined;
  /** Its distance as it is for this point. */
  readonly reach?: WalkReach | undefined;
}

/** Farthest distance that a walk goes on from. */
function endOf(pool: readonly Entry[], { ef, reach }: PlainLimits): number {
  const worst = pool[ef - 1]?.[0] ?? Infinity;
  const kept = reach && pool[reach.kept - 1];
  const near = reach && pool[reach.near - 1];
  if (kept === undefined || near === undefined) return worst;
  return Math.min(worst, Math.max(kept[0], fround(near[0] + fround(reach?.distance ?? 0))));
}

/** One built with the codes and weights that lie in the extent of a builder. */
export class PlainGraph {
  /** Lists by level, then id: a row on level 0, else a row too. */
  readonly lists: Map<number, number[]>[] = [];
  entry: number = NO_NODE;
  entryLevel = 0;
  readonly #points: PlainPoint[] = [];
  readonly #hasBases: boolean;

  readonly plan: GraphPlan;

  constructor(plan: GraphPlan, { builder, memory, extent }: OpenBuild) {
    this.plan = plan;
    const { target } = builder;
    this.#hasBases = target.bases !== 0;
    for (let row = 0; row < plan.rowCount; row++) {
      this.#points.push(
        this.plainPoint(memory, extent, rowPoint(memory.memory(extent.arena), target, row)),
      );
    }
  }

  plainPoint(
    memory: SearchMemory,
    { arena }: Extent,
    { code, factor, base }: CodePoint,
  ): PlainPoint {
    const { buffer } = memory.memory(arena);
    const codes = new Int8Array(buffer, code, this.plan.dimension).slice();
    return { code: codes, factor: fround(factor), base: fround(base) };
  }

  pointOf(row: number): PlainPoint {
    const point = this.#points[row];
    if (point === undefined) throw new RangeError(`no row ${String(row)}`);
    return point;
  }

  /** (base of row + base of point) - (dot × weight of row) × factor of point. */
  distance(point: PlainPoint, row: number): number {
    return this.#distance(point, row, point.code.length, point.factor);
  }

  #distance(point: PlainPoint, row: number, length: number, factor: number): number {
    const other = this.pointOf(row);
    let sum = 0;
    for (let j = 0; j < length; j++) sum += (point.code[j] ?? 0) * (other.code[j] ?? 0);
    const weight = this.#hasBases ? other.factor / 2 : other.factor;
    const near = fround(fround(fround(sum) * weight) * factor);
    const far = this.#hasBases ? fround(other.base + point.base) : 0;
    return fround(far - near);
  }

  list(id: number, level: number): number[] {
    return this.lists[level]?.get(id) ?? [];
  }

  insert(row: number, level: number): void {
    while (this.lists.length <= level) this.lists.push(new Map());
    if (this.entry === NO_NODE) {
      for (let l = 0; l <= level; l++) this.lists[l]?.set(row, []);
      this.entry = row;
      this.entryLevel = level;
      return;
    }
    const point = this.pointOf(row);
    let from = this.entry;
    for (let l = this.entryLevel; l > level; l--) from = this.descend(point, from, l);
    for (let l = level; l > this.entryLevel; l--) this.lists[l]?.set(row, []);
    for (let l = Math.min(level, this.entryLevel); l >= 0; l--) {
      const found = this.walk(point, from, l, { ef: this.plan.efConstruction });
      const chosen = this.#choose(found, this.plan.m);
      this.lists[l]?.set(row, chosen);
      for (const neighbour of chosen) this.#linkBack(neighbour, row, l);
      from = found[0]?.[1] ?? from;
    }
    if (level > this.entryLevel) {
      this.entry = row;
      this.entryLevel = level;
    }
  }

  /** After the last row: none is lost. That step has a test of its own. */
  finish(): void {
    const width = this.plan.m * 2;
    const links = new Uint32Array(this.plan.rowCount * width).fill(NO_NODE);
    for (let row = 0; row < this.plan.rowCount; row++) links.set(this.list(row, 0), row * width);
    finish(linkLostRows(links, width, this.entry));
    for (let row = 0; row < this.plan.rowCount; row++) {
      this.lists[0]?.set(row, idsOf(links.subarray(row * width, (row + 1) * width)));
    }
  }

  descend(point: PlainPoint, start: number, level: number): number {
    let best: Entry = [this.distance(point, start), start];
    for (;;) {
      const around = this.list(best[1], level).map((id): Entry => [this.distance(point, id), id]);
      const nearest = [best, ...around].sort(byDistance)[0] ?? best;
      if (nearest[1] === best[1]) return best[1];
      best = nearest;
    }
  }

  walk(point: PlainPoint, from: number, level: number, limits: PlainLimits): Entry[] {
    const { ef, head } = limits;
    const seen = new Set([from]);
    const pool: Entry[] = [[this.distance(point, from), from]];
    const done = new Set<number>();
    for (;;) {
      const next = pool.find(([, id]) => !done.has(id));
      const end = endOf(pool, limits);
      if (next === undefined || next[0] > end) return pool.filter(([distance]) => distance <= end);
      done.add(next[1]);
      const limit = fround(end + fround(head?.margin ?? 0));
      for (const id of this.list(next[1], level)) {
        if (seen.has(id)) continue;
        seen.add(id);
        if (head !== undefined && this.#guess(point, id, head) > limit) continue;
        pool.push([this.distance(point, id), id]);
      }
      pool.sort(byDistance).splice(ef);
    }
  }

  #guess(point: PlainPoint, row: number, { bytes, ratio }: PlainHead): number {
    return this.#distance(point, row, bytes, fround(point.factor * fround(ratio)));
  }

  search(point: PlainPoint, limits: PlainLimits): number[] {
    let from = this.entry;
    for (let l = this.entryLevel; l > 0; l--) from = this.descend(point, from, l);
    return this.walk(point, from, 0, limits).map(([, id]) => id);
  }

  searchAllowed(point: PlainPoint, ef: number, isAllowed: (row: number) => boolean): number[] {
    let from = this.entry;
    for (let l = this.entryLevel; l > 0; l--) from = this.descend(point, from, l);
    const seen = new Set([from]);
    const waiting: Entry[] = [[this.distance(point, from), from]];
    let found = waiting.filter(([, id]) => isAllowed(id));
    for (let next = waiting.shift(); next !== undefined; next = waiting.sort(byDistance).shift()) {
      const worst = found[ef - 1];
      if (worst !== undefined && byDistance(next, worst) > 0) break;
      for (const id of this.list(next[1], 0)) {
        if (seen.has(id)) continue;
        seen.add(id);
        const entry: Entry = [this.distance(point, id), id];
        waiting.push(entry);
        if (isAllowed(id)) found = [...found, entry].sort(byDistance).slice(0, ef);
      }
    }
    return found.map(([, id]) => id);
  }

  #choose(found: readonly Entry[], limit: number): number[] {
    const chosen: number[] = [];
    for (const [distance, id] of found) {
      if (chosen.length === limit) break;
      const point = this.pointOf(id);
      if (!chosen.some((other) => this.distance(point, other) < distance)) chosen.push(id);
    }
    return chosen;
  }

  #linkBack(target: number, id: number, level: number): void {
    const width = level === 0 ? this.plan.m * 2 : this.plan.m;
    const list = this.list(target, level);
    if (list.length < width) {
      list.push(id);
      return;
    }
    const point = this.pointOf(target);
    const around = [...list, id].map((other): Entry => [this.distance(point, other), other]);
    this.lists[level]?.set(target, this.#choose(around.sort(byDistance), width));
  }
}

/** A row of a graph as a query of length 1. */
export function rowQuery(memory: SharedMemory, target: GraphTarget, row: number): QueryPoint {
  return { ...rowPoint(memory, target, row), length: 1 };
}

/** Runs a generator that pauses to its end. */
export function finish<Result>(steps: Generator<undefined, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Ids of a list up to its end. */
export function idsOf(list: Uint32Array): number[] {
  const end = list.indexOf(NO_NODE);
  return [...(end < 0 ? list : list.subarray(0, end))];
}

export const METRICS: readonly KernelMetric[] = ["cosine", "dot", "euclidean"];
