/**
 * Builds a graph in an extent: rows are put in one after the other, in slices, so that whoever runs
 * it can stop it. On one thread the same rows, plan and seed give the same bytes. A plan with
 * helpers shares the greater part of the rows with them (graph-party.ts); the first rows, and the
 * last of a graph that is built from nothing, are always put in here, in their order.
 *
 * Life: fill {@link GraphBuilder.codes} and {@link GraphBuilder.factors}, {@link
 * GraphBuilder.begin}, {@link GraphBuilder.insert} until it says that nothing is left, {@link
 * GraphBuilder.section}.
 */
import { assert } from "../../base/errors.ts";
import {
  codeStrideBytes,
  int8Layout,
  takeCodeNorms,
  type Extent,
  type Kernels,
  type SharedMemory,
} from "../../math/index.ts";
import { AbsentRows } from "./absent-rows.ts";
import {
  COPY_RECALL,
  buildLayout,
  copyEf,
  cosineWeights,
  type BuildLayout,
  type GraphPlan,
} from "./build-layout.ts";
import { GraphCopy, isSameRows, type CopyTarget, type GraphBefore } from "./graph-copy.ts";
import {
  GRAPH_RECALLS,
  NO_NODE,
  efForRecall,
  encodeGraphHeader,
  encodeGraphTail,
  graphLayout,
  type WalkBreadths,
} from "./graph-layout.ts";
import { levelOf, upperNodes, upperRoom, type UpperNodes } from "./graph-levels.ts";
import { GraphParty } from "./graph-party.ts";
import { linkLostRows } from "./graph-reach.ts";
import { chooseBreadths, measureBreadths, recallSampleRows } from "./graph-recall.ts";
import { writeLocks, writeView, type GraphScratch, type GraphTarget } from "./graph-view.ts";

/** Rows put in before others help: what they find must lead somewhere. */
const ALONE_ROWS = 256;
/** Fewer are not worth being shared. */
const SHARED_ROWS_MIN = 512;
/** Of graphs too small for a check. */
const UNMEASURED: WalkBreadths = {
  efs: [40, 60, 80, 160, 200, 240, 320, 480, 800],
  reaches: GRAPH_RECALLS.map(() => 0),
};
/** A graph that no walk reaches this recall of is not worth keeping. */
const USABLE_RECALL = 0.95;

export class GraphBuilder {
  readonly plan: GraphPlan;
  readonly layout: BuildLayout;
  readonly #kernels: Kernels;
  readonly #memory: SharedMemory;
  readonly #offset: number;
  #upper: UpperNodes = { rows: new Uint32Array(0), starts: Uint32Array.of(0) };
  #ordinals = new Map<number, number>();
  #order: Uint32Array = new Uint32Array(0);
  #at = 0;
  #entry = NO_NODE;
  #entryLevel = 0;
  #breadths: WalkBreadths | undefined;
  /** Of a graph that most of the rows were in. */
  #keptEfs: WalkBreadths["efs"] | undefined;
  /** Rows that the neighbours of a new one are chosen from. */
  #efConstruction: number;
  /** Rows that are queries before they are put in. */
  #sampleRows = 0;
  /** Rows that are queries after all have been put in. */
  #absentRows = 0;
  readonly #party: GraphParty | undefined;
  /** What is left to be done here, in small steps. */
  #steps: Generator<undefined, void> | undefined;

  /** @param extent of at least `buildLayout(plan).bytes`, this builder's alone. */
  constructor(kernels: Kernels, memory: SharedMemory, extent: Extent, plan: GraphPlan) {
    this.plan = plan;
    this.#efConstruction = plan.efConstruction;
    this.layout = buildLayout(plan);
    assert(extent.bytes >= this.layout.bytes, "the extent has room for the build");
    this.#kernels = kernels;
    this.#memory = memory;
    this.#offset = extent.offset;
    if ((plan.helpers ?? 0) > 0) this.#party = new GraphParty(memory, extent.offset);
  }

  /** Where the codes of the rows go, by stride. */
  get codes(): Uint8Array {
    const { dimension, rowCount } = this.plan;
    return this.#bytes(this.layout.codes, codeStrideBytes(dimension) * rowCount);
  }

  /** Where scales, squared norms and inverse norms go. */
  get factors(): Uint8Array {
    const { bytes, scales } = int8Layout(this.plan.dimension, this.plan.rowCount);
    return this.#bytes(this.layout.factors, bytes - scales);
  }

  /** After the last insert: whether walks of it reach a recall that searches are made for. */
  get isUsable(): boolean {
    return efForRecall((this.#breadths ?? UNMEASURED).efs, USABLE_RECALL) > 0;
  }

  /** Rows that wait to be put in. */
  get remaining(): number {
    const shared = this.#party?.isOpen === true ? this.#party.doneCount : 0;
    return this.#order.length - this.#at - shared;
  }

  /**
   * Codes and factors are there: draws the levels and takes over what can be kept of another graph.
   *
   * @param before  `old`: graph whose rows are among these; its neighbours are not searched again.
   *   `keptEfs`: they are kept while the recall check agrees.
   */
  begin({ old, keptEfs = old?.header.efs }: GraphBefore = {}): void {
    const { rowCount, m, seed } = this.plan;
    assert(old === undefined || old.header.m === m, "a graph is copied with the same m");
    this.#fillWeights();
    const copy = old && new GraphCopy(old, rowCount);
    const levels = new Uint8Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      levels[row] = copy?.levelOf(row) ?? levelOf(row, seed, m);
    }
    this.#upper = upperNodes(levels, upperRoom(rowCount, m));
    for (const [ordinal, row] of this.#upper.rows.entries()) this.#ordinals.set(row, ordinal);
    this.#writeUpper();
    for (const space of [this.layout, ...this.layout.helpers]) this.#writeView(space);
    const left = copy?.apply(this.#linker()) ?? Uint32Array.from(levels, (_, row) => row);
    const isCopied = new Uint8Array(rowCount).fill(1);
    for (const row of left) isCopied[row] = 0;
    for (let row = 0; row < rowCount; row++) if (isCopied[row] === 1) this.#noteInserted(row);
    this.#order = shuffled(left);
    this.#at = 0;
    this.#keptEfs = keptEfs;
    const ef = efForRecall(old?.header.efs ?? [], COPY_RECALL);
    this.#efConstruction = copyEf(this.plan.efConstruction, ef);
    const sampleRows = recallSampleRows(rowCount);
    if (old === undefined) this.#sampleRows = sampleRows;
    // A graph of the same rows is the same graph: what is known of it holds.
    else if (isSameRows(old, rowCount) && old.header.tailBytes > 0) this.#breadths = old.header;
    else this.#absentRows = sampleRows;
    this.#steps = this.#rest();
    if (this.#party !== undefined) {
      this.#words(this.layout.order, this.#order.length).set(this.#order);
    }
  }

  /**
   * Does up to `count` steps, which are rows put in, queries of the recall check or small pieces of
   * what follows the last row; true while something is left. The last rows of a large build are the
   * queries of its recall check before they are put in: they are strangers to the graph. Rows of a
   * graph that was taken over leave it for their check ({@link AbsentRows}).
   *
   * @throws InsulaError `worker_lost` when a helper has ended in the middle of a row.
   */
  insert(count: number): boolean {
    for (let i = 0; i < count; i++) {
      if (this.#isShared()) return this.#insertShared(count - i);
      if (this.#steps?.next().done !== false) {
        this.#steps = undefined;
        return false;
      }
    }
    return true;
  }

  *#rest(): Generator<undefined, void> {
    while (this.#at < this.#order.length) {
      if (this.#order.length - this.#at === this.#sampleRows) {
        yield* this.#checkRecall(this.#order.subarray(this.#at));
      }
      const row = this.#order[this.#at] ?? 0;
      if (this.#entry !== NO_NODE) {
        this.#kernels.graphInsert(
          this.#offset + this.layout.view,
          row,
          this.#ordinals.get(row) ?? NO_NODE,
          this.#levelIn(row),
          this.#entry,
          this.#entryLevel,
          this.#efConstruction,
        );
      }
      this.#noteInserted(row);
      this.#at++;
      yield;
    }
    yield* this.#linkLost();
    if (this.#absentRows > 0) yield* this.#checkAbsent();
  }

  /** The bytes of the section in pieces, the second in the extent; after the last insert. */
  section(): readonly [header: Uint8Array, lists: Uint8Array, tail: Uint8Array] {
    assert(this.#steps === undefined && this.#entry !== NO_NODE, "every row of a graph was put in");
    const { rowCount, m, metric, efConstruction, seed } = this.plan;
    const breadths = this.#breadths ?? UNMEASURED;
    const header = encodeGraphHeader({
      rowCount,
      m,
      metric,
      efConstruction,
      seed,
      entry: this.#entry,
      entryLevel: this.#entryLevel,
      upperCount: this.#upper.rows.length,
      upperListCount: this.#listCount,
      efs: breadths.efs,
    });
    const { links, bytes } = graphLayout(this.target);
    const lists = this.#bytes(this.layout.graph + links, bytes - links);
    return [header, lists, encodeGraphTail(breadths)];
  }

  /** The graph as walks see it, as far as it is. */
  get target(): GraphTarget {
    const { dimension, rowCount, metric, m } = this.plan;
    const { scales, squaredNorms } = int8Layout(dimension, rowCount);
    return {
      rowCount,
      m,
      upperCount: this.#upper.rows.length,
      upperListCount: this.#listCount,
      codes: this.#offset + this.layout.codes,
      strideBytes: codeStrideBytes(dimension),
      weights: this.#offset + this.layout.weights,
      bases:
        metric === "euclidean" ? this.#offset + this.layout.factors + squaredNorms - scales : 0,
      graph: this.#offset + this.layout.graph,
      entry: this.#entry,
      entryLevel: this.#entryLevel,
    };
  }

  get #listCount(): number {
    return this.#upper.starts[this.#upper.rows.length] ?? 0;
  }

  #fillWeights(): void {
    if (this.plan.metric !== "cosine") return;
    const { dimension, rowCount } = this.plan;
    const { scales, squaredNorms, inverseNorms } = int8Layout(dimension, rowCount);
    const { buffer } = this.#memory;
    const factors = this.#offset + this.layout.factors;
    const norms = new Float32Array(buffer, factors + inverseNorms - scales, rowCount).slice();
    takeCodeNorms(new Float32Array(buffer, factors + squaredNorms - scales, rowCount), norms);
    cosineWeights(
      new Float32Array(buffer, factors, rowCount),
      norms,
      new Float32Array(buffer, this.#offset + this.layout.weights, rowCount),
    );
  }

  /** Upper rows and where their lists start; all lists empty. Gaps between the parts are zero. */
  #writeUpper(): void {
    const { links, upperRows, upperStarts, upperLinks, bytes } = graphLayout(this.target);
    const { graph } = this.layout;
    this.#bytes(graph + links, upperRows - links).fill(0xff);
    this.#bytes(graph + upperRows, upperLinks - upperRows).fill(0);
    this.#bytes(graph + upperLinks, bytes - upperLinks).fill(0xff);
    this.#words(graph + upperRows, this.#upper.rows.length).set(this.#upper.rows);
    this.#words(graph + upperStarts, this.#upper.starts.length).set(this.#upper.starts);
    this.#bytes(this.layout.inserted, this.layout.fresh - this.layout.inserted).fill(0);
  }

  /** What a copy writes its lists with. */
  #linker(): CopyTarget {
    const { links, upperLinks } = graphLayout(this.target);
    const { m, rowCount } = this.plan;
    const { graph } = this.layout;
    return {
      ordinalOf: (row) => this.#ordinals.get(row) ?? NO_NODE,
      list: (id, level) => {
        if (level === 0) return this.#words(graph + links + id * m * 8, m * 2);
        const list = (this.#upper.starts[id] ?? 0) + level - 1;
        return this.#words(graph + upperLinks + list * m * 4, m);
      },
      links: this.#words(graph + links, rowCount * m * 2),
      choose: ({ id, level }, ids, countMin) => {
        const at = this.layout.ids;
        this.#words(at, ids.length).set(ids);
        const view = this.#offset + this.layout.view;
        this.#kernels.graphLink(view, id, level, this.#offset + at, ids.length, countMin);
      },
    };
  }

  /** Whether the next row is one of those that helpers put in too. */
  #isShared(): boolean {
    if (this.#party === undefined || this.#at < ALONE_ROWS) return false;
    const left = this.#order.length - this.#sampleRows - this.#at;
    return left > 0 && (this.#party.isOpen || this.#party.hasFailed || left >= SHARED_ROWS_MIN);
  }

  #insertShared(count: number): boolean {
    const party = this.#party;
    assert(party !== undefined, "rows are shared in a party");
    const first = this.#at;
    const end = this.#order.length - this.#sampleRows;
    if (!party.isOpen && !party.hasFailed) {
      const [space, next] = this.layout.helpers;
      party.open({
        ...{ first, end, efConstruction: this.#efConstruction },
        entry: { id: this.#entry, level: this.#entryLevel },
        order: this.#offset + this.layout.order,
        views: this.#offset + (space?.view ?? 0),
        viewStep: (next?.view ?? 0) - (space?.view ?? 0),
      });
    }
    const own = { view: this.#offset + this.layout.view };
    for (let i = 0; i < count && party.insertNext(this.#kernels, own); i++);
    if (party.doneCount < end - first) return true;
    const { id, level } = party.close();
    this.#entry = id;
    this.#entryLevel = level;
    for (; this.#at < end; this.#at++) this.#markInserted(this.#order[this.#at] ?? 0);
    return true;
  }

  #writeView({
    view,
    visited,
    fresh,
    pool,
    sorted,
    chosen,
  }: GraphScratch & { view: number }): void {
    const at = (offset: number): number => this.#offset + offset;
    writeView(this.#memory, at(view), this.target, {
      ...{ visited: at(visited), fresh: at(fresh) },
      ...{ pool: at(pool), sorted: at(sorted), chosen: at(chosen) },
    });
    writeLocks(this.#memory, at(view), this.#offset);
  }

  #levelIn(row: number): number {
    const ordinal = this.#ordinals.get(row);
    if (ordinal === undefined) return 0;
    return (this.#upper.starts[ordinal + 1] ?? 0) - (this.#upper.starts[ordinal] ?? 0);
  }

  #markInserted(row: number, isThere = true): void {
    const inserted = this.#bytes(this.layout.inserted + (row >>> 3), 1);
    const bit = 1 << (row & 7);
    inserted[0] = isThere ? (inserted[0] ?? 0) | bit : (inserted[0] ?? 0) & ~bit;
  }

  #noteInserted(row: number): void {
    this.#markInserted(row);
    const level = this.#levelIn(row);
    if (this.#entry !== NO_NODE && level <= this.#entryLevel) return;
    this.#entry = level === 0 ? row : (this.#ordinals.get(row) ?? NO_NODE);
    this.#entryLevel = level;
  }

  *#linkLost(): Generator<undefined, void> {
    const { rowCount, m } = this.plan;
    const links = this.#words(this.layout.graph + graphLayout(this.target).links, rowCount * m * 2);
    const start = this.#entryLevel === 0 ? this.#entry : (this.#upper.rows[this.#entry] ?? 0);
    yield* linkLostRows(links, m * 2, start);
  }

  *#checkAbsent(): Generator<undefined, void> {
    const graph = {
      ...this.#linker(),
      width: this.plan.m * 2,
      isUpper: (row: number) => this.#ordinals.has(row),
      entry: this.#entryLevel === 0 ? this.#entry : NO_NODE,
    };
    const absent = new AbsentRows(graph, this.#absentRows);
    yield* absent.leave();
    for (const row of absent.rows) this.#markInserted(row, false);
    yield* this.#checkRecall(absent.rows);
    absent.comeBack();
    for (const row of absent.rows) this.#markInserted(row);
  }

  *#checkRecall(rows: Uint32Array): Generator<undefined, void> {
    const at = (offset: number): number => this.#offset + offset;
    const { view, point, pool, inserted, chosen } = this.layout;
    const measured = yield* measureBreadths(
      { kernels: this.#kernels, memory: this.#memory, target: this.target },
      {
        ...{ view: at(view), point: at(point), pool: at(pool) },
        ...{ inserted: at(inserted), breadths: at(chosen) },
      },
      rows,
    );
    // Rows of the graph itself may find more than strangers: what they ask for less is not heard.
    const isRaisedOnly = this.#absentRows > 0;
    this.#breadths = yield* chooseBreadths(measured, { keptEfs: this.#keptEfs, isRaisedOnly });
  }

  #bytes(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, this.#offset + offset, length);
  }

  #words(offset: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, this.#offset + offset, length);
  }
}

/**
 * Rows of a segment are in the order of their keys, which often is an order of meaning too: put in
 * like that, a graph grows from one corner. Here each comes far from the one before.
 */
function shuffled(rows: Uint32Array): Uint32Array {
  const count = rows.length;
  let step = Math.max(1, Math.floor(count * 0.618_033_988_749_895));
  while (greatestCommonDivisor(step, count) > 1) step++;
  let at = 0;
  return Uint32Array.from({ length: count }, () => {
    const row = rows[at] ?? 0;
    at = (at + step) % count;
    return row;
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
