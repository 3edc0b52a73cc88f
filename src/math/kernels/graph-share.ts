/**
 * Puts rows into a graph that several threads build at once.
 *
 * Lists are read without a lock. That is safe, whatever else is written meanwhile:
 *
 * - A list has a fixed place and a fixed width. Before other threads begin, every word of every
 *   list is NONE or an id of a node of its level, and only such words are stored afterwards.
 * - A word is 4 bytes at a multiple of 4 and is read and written whole (WebAssembly threads: such
 *   accesses do not tear). So what a reader gets is NONE or an id of a node of this level, which
 *   has codes, a row and lists of this level: no access leads outside, and none of them is waited
 *   for.
 * - A list that is being rewritten may show old and new ids, one of them twice, or an end too
 *   early; a node that was just linked may still show an empty list to a processor that reorders
 *   loads. A walk then misses a candidate, or meets one that lost its link. It marks what it has
 *   met, so twice counts once and every walk ends.
 *
 * Lists are written under the lock of their row, one of LOCKS that rows share; but the lists of a
 * new row are its thread's alone until something links to it. Nobody holds two locks, and nothing
 * is waited for under one, so no two threads wait for each other. All lists of a row are there
 * before the first link to it, and links are made from level 0 up: who meets a row above finds it
 * below.
 *
 * Where walks begin is one word, level and id, that only rises and is changed by a compare and
 * exchange. A row that loses it to another of its height or a lower one joins that one on the
 * levels it has opened, then tries again.
 */
import {
  GraphView, NONE, baseOf, codeOf, factorOf, idOf, listOf, rowOf, widthOf,
} from "./graph-view";
import { choose, linkBack } from "./graph-build";
import { descend, walkLevel } from "./graph-walk";

/** A power of two. The places behind the locks are those of graph-party.ts of the room "vector". */
const LOCKS: u32 = 1024;
const ENTRY_AT: usize = 4096;
const STATE_AT: usize = 4100;
const FAILED: i32 = 2;
/** A lock is held for some microseconds, unless its thread has to wait for a processor. */
const SPINS: u32 = 400;
const WAIT_NS: i64 = 50_000;
/** Ten seconds: nobody waits for ever, not even if nobody is left to say that the build failed. */
const WAITS_MAX: u32 = 200_000;

/** Bits of an id in the word of the entry. */
const ID_BITS: u32 = 24;
const ID_MASK: u32 = 0x00ffffff;

@inline
function lockOf(view: GraphView, row: u32): usize {
  return view.locks + ((<usize>(row & (LOCKS - 1))) << 2);
}

/** False when the build has failed: the thread that has the lock may never give it back. */
function take(view: GraphView, lock: usize): bool {
  let spins: u32 = 0, waits: u32 = 0;
  while (atomic.cmpxchg<i32>(lock, 0, 1) != 0) {
    if (++spins < SPINS) continue;
    spins = 0;
    if (atomic.load<i32>(view.locks + STATE_AT) == FAILED) return false;
    if (++waits > WAITS_MAX) return false;
    atomic.wait<i32>(lock, 1, WAIT_NS);
  }
  return true;
}

@inline
function giveBack(lock: usize): void {
  atomic.store<i32>(lock, 0);
}

/** Writes the list of a node that nobody links to yet; returns the nearest that was met. */
function seek(view: GraphView, id: u32, level: u32, from: u32, efConstruction: u32): u32 {
  const row = rowOf(view, id, level);
  const code = codeOf(view, row), factor = factorOf(view, row), base = baseOf(view, row);
  const count = walkLevel(
    view, code, factor, base, from, level, efConstruction, 1, efConstruction, <f32>Infinity);
  const nearest = idOf(load<u64>(view.pool));
  const list = listOf(view, id, level);
  choose(view, level, view.pool, count, view.upperWidth, list, widthOf(view, level));
  return nearest;
}

/** Links the neighbours of a new node to it. Others may write its list from the first link on. */
function linkAround(view: GraphView, id: u32, level: u32): bool {
  const list = listOf(view, id, level), own = view.chosen, width = view.upperWidth;
  memory.copy(own, list, (<usize>width) << 2);
  for (let i: u32 = 0; i < width; i++) {
    const neighbour = load<u32>(own + ((<usize>i) << 2));
    if (neighbour == NONE) break;
    const lock = lockOf(view, rowOf(view, neighbour, level));
    if (!take(view, lock)) return false;
    linkBack(view, level, neighbour, id);
    giveBack(lock);
  }
  return true;
}

/**
 * Puts a row into the graph while other threads do the same with other rows. Its lists must be
 * empty, and one row must be in the graph. The view is this thread's.
 *
 * Returns 0 when the build has failed elsewhere: the row may be half in.
 */
export function graphInsertShared(
  viewAt: usize, row: u32, ordinal: u32, level: u32, efConstruction: u32,
): u32 {
  const view = changetype<GraphView>(viewAt);
  const code = codeOf(view, row), factor = factorOf(view, row), base = baseOf(view, row);
  let seen = atomic.load<u32>(view.locks + ENTRY_AT), low: u32 = 0;
  while (true) {
    const top = seen >>> ID_BITS, high = min<u32>(level, top);
    let from = seen & ID_MASK;
    for (let above = top; above > high; above--) {
      from = descend(view, code, factor, base, from, above);
    }
    for (let joined = high; joined > 0 && joined >= low; joined--) {
      from = seek(view, ordinal, joined, from, efConstruction);
    }
    if (low == 0) seek(view, row, 0, top == 0 ? from : rowOf(view, from, 1), efConstruction);
    for (let joined = low; joined <= high; joined++) {
      if (!linkAround(view, joined == 0 ? row : ordinal, joined)) return 0;
    }
    if (level <= top) return 1;
    const raised = (level << ID_BITS) | ordinal;
    const found = atomic.cmpxchg<u32>(view.locks + ENTRY_AT, seen, raised);
    if (found == seen) return 1;
    seen = found;
    low = high + 1;
  }
}
