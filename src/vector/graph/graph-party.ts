/**
 * What the threads that build one graph share: the locks of kernels/graph-share.ts and a few words
 * behind them, at the beginning of the extent of the build.
 *
 * One thread, the builder, owns the build: it prepares everything, opens the party for a range of
 * its insertion order, and closes it when every row of the range is in. Meanwhile whoever is given
 * time takes the next row off a counter. Rows outside the range are the builder's alone.
 */
import { InsulaError, assert } from "../../base/errors.ts";
import { WordViews, type Kernels, type SharedMemory } from "../../math/index.ts";
import { NO_NODE } from "./graph-layout.ts";

/** Positions of words, from the first lock on; the first two are known to the kernel. */
const ENTRY = 1_024;
const STATE = 1_025;
const END = 1_026;
const EF_CONSTRUCTION = 1_027;
/** Addresses: the rows in the order of insertion, the view of the first helper. */
const ORDER = 1_028;
const VIEWS = 1_029;
/** Bytes from one helper's view to the next. */
const VIEW_STEP = 1_030;
/** Counters have lines of the cache of their own. */
const NEXT = 1_040;
const DONE = 1_056;
/** Locks and words: a multiple of 64. */
export const PARTY_BYTES = 4_288;

/** Values of {@link STATE}; the last one is known to the kernel. */
const CLOSED = 0;
const OPEN = 1;
const FAILED = 2;
/** Of {@link NEXT} while the party is closed: beyond every end, with room to be counted up. */
const NO_NEXT = 0x7000_0000;
/** Bits of an id in the word of the entry, level above. */
const ID_BITS = 24;

/** Words of a view that are read here; see kernels/graph-view.ts. */
const UPPER_ROWS = 6;
const UPPER_STARTS = 7;
const UPPER_COUNT = 12;

/**
 * Helpers of one build at most. Source: more threads find the next row sooner than they fill it.
 */
export const GRAPH_HELPERS_MAX = 3;

/** Where a walk begins: an ordinal of a level, a row when that is 0. */
export interface GraphEntry {
  readonly id: number;
  readonly level: number;
}

/** What is put in together. */
export interface PartyRange {
  readonly entry: GraphEntry;
  /** Positions in the order of insertion. */
  readonly first: number;
  readonly end: number;
  readonly efConstruction: number;
  readonly order: number;
  readonly views: number;
  readonly viewStep: number;
}

/** The words of one party as one thread sees them. */
export class GraphParty {
  readonly #views: WordViews;
  readonly #at: number;

  /** @param at byte offset in the memory. */
  constructor(memory: SharedMemory, at: number) {
    this.#views = new WordViews(memory);
    this.#at = at / 4;
  }

  /** Before any other thread hears of it. */
  begin(): void {
    this.#views.words.fill(0, this.#at, this.#at + PARTY_BYTES / 4);
    this.#store(NEXT, NO_NEXT);
  }

  get isOpen(): boolean {
    return this.#load(STATE) === OPEN;
  }

  get hasFailed(): boolean {
    return this.#load(STATE) === FAILED;
  }

  /** Rows of the range that are in. */
  get doneCount(): number {
    return this.#load(DONE);
  }

  open(range: PartyRange): void {
    assert(range.entry.id < 2 ** ID_BITS, "an id leaves room for its level");
    this.#store(ENTRY, (range.entry.level << ID_BITS) | range.entry.id);
    this.#store(EF_CONSTRUCTION, range.efConstruction);
    this.#store(ORDER, range.order);
    this.#store(VIEWS, range.views);
    this.#store(VIEW_STEP, range.viewStep);
    this.#store(DONE, 0);
    this.#store(END, range.end);
    // From here on rows are taken, and who has taken one sees all of the above.
    this.#store(NEXT, range.first);
    this.#exchange(CLOSED, OPEN);
  }

  /** Every row of the range is in. Returns where walks begin now. */
  close(): GraphEntry {
    this.#store(NEXT, NO_NEXT);
    this.#exchange(OPEN, CLOSED);
    const entry = this.#load(ENTRY);
    return { id: entry & (2 ** ID_BITS - 1), level: entry >>> ID_BITS };
  }

  /** Whoever waits for a lock waits no longer, and nobody takes another row. */
  fail(): void {
    this.#store(STATE, FAILED);
  }

  /**
   * Puts the next row of the range in.
   *
   * @param member the number of a helper, or the address of the builder's own view.
   * @returns false when no row is left.
   * @throws InsulaError `worker_lost` when the build has failed on another thread.
   */
  insertNext(
    kernels: Kernels,
    member: { readonly helper: number } | { readonly view: number },
  ): boolean {
    if (this.hasFailed) throw lostError();
    const { words } = this.#views;
    const position = Atomics.add(words, this.#at + NEXT, 1);
    if (position >= this.#load(END)) return false;
    const view =
      "view" in member ? member.view : this.#load(VIEWS) + member.helper * this.#load(VIEW_STEP);
    const row = words[this.#load(ORDER) / 4 + position] ?? NO_NODE;
    const ordinal = ordinalOf(words, view / 4, row);
    const starts = (words[view / 4 + UPPER_STARTS] ?? 0) / 4;
    const level =
      ordinal === NO_NODE ? 0 : (words[starts + ordinal + 1] ?? 0) - (words[starts + ordinal] ?? 0);
    const ef = this.#load(EF_CONSTRUCTION);
    if (kernels.graphInsertShared(view, row, ordinal, level, ef) === 0) throw lostError();
    Atomics.add(words, this.#at + DONE, 1);
    return true;
  }

  #load(place: number): number {
    return Atomics.load(this.#views.words, this.#at + place);
  }

  #store(place: number, value: number): void {
    Atomics.store(this.#views.words, this.#at + place, value);
  }

  /** A party that has failed stays so. */
  #exchange(from: number, to: number): void {
    Atomics.compareExchange(this.#views.words, this.#at + STATE, from, to);
  }
}

/** The upper rows are in rising order. */
function ordinalOf(words: Uint32Array, view: number, row: number): number {
  const rows = (words[view + UPPER_ROWS] ?? 0) / 4;
  const count = words[view + UPPER_COUNT] ?? 0;
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((words[rows + middle] ?? NO_NODE) < row) low = middle + 1;
    else high = middle;
  }
  return low < count && words[rows + low] === row ? low : NO_NODE;
}

export function lostError(): InsulaError {
  return new InsulaError(
    "worker_lost",
    "Cannot build a graph: a thread that helped with it has ended.",
  );
}
