/**
 * Walks of one thread in one arena. Uses the scratch extent of a scanner, whose query it takes
 * over: between the two calls nothing else may use the scratch.
 */
import { assert } from "../../base/errors.ts";
import {
  CANDIDATES_MAX,
  WordViews,
  scratchIn,
  type CodePoint,
  type Extent,
  type Kernels,
  type QueryPoint,
  type SharedMemory,
} from "../../math/index.ts";
import { headMargin } from "./code-head.ts";
import { GRAPH_M_MAX, GRAPH_REACH_BREADTH, GRAPH_ROWS_MAX } from "./graph-layout.ts";
import {
  POINT_BYTES,
  SCORED,
  VIEW_BYTES,
  viewWords,
  type GraphScratch,
  type GraphTarget,
} from "./graph-view.ts";
import type { WalkLimits } from "./walk-limits.ts";

/** Rows one search scores at most when some are not allowed: what the scratch has room for. */
export const WALK_SCORED_MAX: number = CANDIDATES_MAX - 2 * GRAPH_M_MAX - 4;
/** Ids of a list, and room for a group of four. */
const FRESH_BYTES = (2 * GRAPH_M_MAX + 4) * 4;
/** Broadest search. */
export const WALK_EF_MAX: number = CANDIDATES_MAX - 2;

export interface GraphFound {
  /** Nearest first by the distance of codes. */
  readonly rows: Uint32Array;
  readonly scored: number;
  /** False when the walk was ended before it was through. */
  readonly isWhole: boolean;
}

export class GraphWalker {
  readonly #kernels: Kernels;
  readonly #memory: SharedMemory;
  readonly #views: WordViews;
  readonly #view: number;
  readonly #point: number;
  readonly #allowed: number;
  readonly #rows: number;
  readonly #scratch: GraphScratch;
  /** Of the graph that was walked last, which is likely to be the next. */
  #target: GraphTarget | undefined;
  #viewWords: Uint32Array = new Uint32Array(0);

  constructor(kernels: Kernels, memory: SharedMemory, extent: Extent) {
    this.#kernels = kernels;
    this.#memory = memory;
    this.#views = new WordViews(memory);
    const { heap, ids, distances, selectDistances, histogram } = scratchIn(extent);
    assert(distances === ids + CANDIDATES_MAX * 4, "lists and distances lie side by side");
    this.#view = histogram;
    this.#point = histogram + VIEW_BYTES;
    const fresh = this.#point + POINT_BYTES;
    const visited = selectDistances;
    this.#allowed = visited + GRAPH_ROWS_MAX / 8;
    this.#rows = ids;
    const chosen = fresh + FRESH_BYTES;
    this.#scratch = { visited, fresh, pool: heap, sorted: ids, chosen };
  }

  /**
   * The nearest rows to a query: `ef` of them, 1 to {@link WALK_EF_MAX}, or with a reach as many as
   * lie within it, at most {@link GRAPH_REACH_BREADTH} times as many.
   */
  search(
    target: GraphTarget,
    point: QueryPoint,
    { ef, reach }: Pick<WalkLimits, "ef" | "reach">,
  ): GraphFound {
    const breadth = reach === undefined ? ef : Math.min(WALK_EF_MAX, ef * GRAPH_REACH_BREADTH);
    this.#prepare(target, point, breadth);
    const { entry, entryLevel, head, bases } = target;
    const near = reach?.near ?? 1;
    const kept = reach?.kept ?? breadth;
    const scale = bases === 0 ? point.length : 1;
    const distance = reach === undefined ? Number.POSITIVE_INFINITY : reach.distance * scale;
    const [view, from] = [this.#view, this.#point];
    const count =
      head === undefined
        ? this.#kernels.graphSearch(view, from, entry, entryLevel, breadth, near, kept, distance)
        : this.#kernels.graphSearchHeads(
            view,
            from,
            entry,
            entryLevel,
            breadth,
            near,
            kept,
            distance,
            head.bytes,
            head.ratio,
            headMargin(head, point.length),
          );
    return this.#found(count, Number.POSITIVE_INFINITY);
  }

  /**
   * The `ef` nearest of the rows whose bit is set.
   *
   * @param limits `scoredMax`: the walk is given up when it has scored more, at most
   *   {@link WALK_SCORED_MAX}.
   */
  searchAllowed(
    target: GraphTarget,
    point: CodePoint,
    bits: Uint8Array,
    { ef, scoredMax }: { readonly ef: number; readonly scoredMax: number },
  ): GraphFound {
    const bytes = Math.ceil(target.rowCount / 8);
    assert(bits.length >= bytes, "one bit for each row of the graph");
    assert(scoredMax <= WALK_SCORED_MAX, "the candidates of a walk fit the scratch");
    this.#prepare(target, point, ef);
    new Uint8Array(this.#memory.buffer, this.#allowed, bytes).set(bits.subarray(0, bytes));
    const count = this.#kernels.graphSearchAllowed(
      this.#view,
      this.#point,
      target.entry,
      target.entryLevel,
      ef,
      this.#allowed,
      scoredMax,
    );
    return this.#found(count, scoredMax);
  }

  #prepare(target: GraphTarget, point: CodePoint, ef: number): void {
    assert(ef >= 1 && ef <= WALK_EF_MAX, "a walk keeps 1 to WALK_EF_MAX rows");
    assert(target.rowCount <= GRAPH_ROWS_MAX, "the bits of a graph fit the scratch");
    if (this.#target !== target) {
      this.#target = target;
      this.#viewWords = viewWords(target, this.#scratch);
    }
    const { words, floats } = this.#views;
    words.set(this.#viewWords, this.#view / 4);
    const at = this.#point / 4;
    words[at] = point.code;
    floats[at + 1] = point.factor;
    floats[at + 2] = point.base;
  }

  #found(count: number, scoredMax: number): GraphFound {
    this.#kernels.poolRows(this.#scratch.pool, count, this.#rows);
    const { words } = this.#views;
    const at = this.#rows / 4;
    const scored = words[this.#view / 4 + SCORED] ?? 0;
    return { rows: words.slice(at, at + count), scored, isWhole: scored <= scoredMax };
  }
}
