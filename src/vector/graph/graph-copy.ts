/**
 * Takes a graph over into a new one whose rows have other numbers and some of whose rows have gone.
 *
 * A node keeps its neighbours. For one that has gone its own neighbours stand in, and the heuristic
 * chooses among all of them again: the repair of FreshDiskANN (Singh et al. 2021, algorithm 4) with
 * HNSW's choice. What it leaves out fills the list up to its former length, nearest first: without
 * that, lists shrink and ten rounds of 20 % churn cost 2 points of recall instead of 0.4. Rows that
 * lost every neighbour, or that nobody leads to any more, are given back to be put in like new
 * ones.
 */
import { LINK_IDS_MAX } from "./build-layout.ts";
import { NO_NODE, graphLayout, type WholeHeader } from "./graph-layout.ts";

/** A graph that is read, and where its rows are now. */
export interface OldGraph {
  readonly header: WholeHeader;
  /** The whole section, beginning at a multiple of 4. */
  readonly bytes: Uint8Array;
  /** Row of the new graph for each of its rows; {@link NO_NODE} for those that have gone. */
  readonly newRows: Uint32Array;
}

/** What is known of graphs that these rows were in. */
export interface GraphBefore {
  /** The one that is taken over. */
  readonly old?: OldGraph | undefined;
  /** Breadths of the one that most of the rows were in, as GRAPH_RECALLS. */
  readonly keptEfs?: readonly number[] | undefined;
}

/** A row on level 0, an ordinal above. */
interface CopiedNode {
  readonly id: number;
  readonly level: number;
}

/** The new graph as a copy writes it. */
export interface CopyTarget {
  ordinalOf(row: number): number;
  /** The list of a row (level 0) or an ordinal. */
  list(id: number, level: number): Uint32Array;
  /** All lists of level 0. */
  readonly links: Uint32Array;
  /**
   * Chooses at least `countMin` neighbours of a node among ids: at most {@link LINK_IDS_MAX}, none
   * twice.
   */
  choose(node: CopiedNode, ids: Uint32Array, countMin: number): void;
}

/** Whether every row of a graph is one of these, and there are no others. */
export function isSameRows({ newRows }: OldGraph, rowCount: number): boolean {
  return newRows.length === rowCount && newRows.every((row) => row !== NO_NODE);
}

export class GraphCopy {
  readonly #old: OldGraph;
  readonly #rowCount: number;
  /** Row of the new graph, {@link NO_NODE} when it has gone or is to be put in anew. */
  readonly #newRows: Uint32Array;
  /** Rows of the old graph by row of the new one. */
  readonly #oldRows: Uint32Array;
  readonly #links: Uint32Array;
  readonly #upperRows: Uint32Array;
  readonly #upperStarts: Uint32Array;
  readonly #upperLinks: Uint32Array;
  readonly #oldOrdinals = new Map<number, number>();

  constructor(old: OldGraph, rowCount: number) {
    this.#old = old;
    this.#rowCount = rowCount;
    const { bytes, header } = old;
    const layout = graphLayout(header);
    const words = (from: number, to: number): Uint32Array =>
      new Uint32Array(bytes.buffer, bytes.byteOffset + from, (to - from) / 4);
    this.#links = words(layout.links, layout.upperRows);
    this.#upperRows = words(layout.upperRows, layout.upperRows + header.upperCount * 4);
    this.#upperStarts = words(layout.upperStarts, layout.upperStarts + (header.upperCount + 1) * 4);
    this.#upperLinks = words(layout.upperLinks, layout.bytes);
    for (const [ordinal, row] of this.#upperRows.entries()) this.#oldOrdinals.set(row, ordinal);
    this.#newRows = this.#withoutOrphans();
    this.#oldRows = new Uint32Array(rowCount).fill(NO_NODE);
    for (const [oldRow, row] of this.#newRows.entries()) {
      if (row !== NO_NODE) this.#oldRows[row] = oldRow;
    }
  }

  /** Level of a row that is taken over; undefined for one that is not. */
  levelOf(row: number): number | undefined {
    const oldRow = this.#oldRows[row] ?? NO_NODE;
    if (oldRow === NO_NODE) return undefined;
    const ordinal = this.#oldOrdinals.get(oldRow);
    return ordinal === undefined ? 0 : this.#levels(ordinal);
  }

  /** Writes the lists; returns the rows that are to be put in. */
  apply(target: CopyTarget): Uint32Array {
    const repair = new Repair(target);
    const { m } = this.#old.header;
    const renumber = (id: number): number => this.#newRows[id] ?? NO_NODE;
    const listOf = (id: number): Uint32Array => this.#links.subarray(id * m * 2, (id + 1) * m * 2);
    for (const [oldRow, row] of this.#newRows.entries()) {
      if (row !== NO_NODE) repair.link({ id: row, level: 0 }, listOf(oldRow), listOf, renumber);
    }
    this.#applyUpper(repair, target);
    return this.#leftOver(target);
  }

  #applyUpper(repair: Repair, target: CopyTarget): void {
    const { m } = this.#old.header;
    const renumber = (ordinal: number): number => {
      const row = this.#newRows[this.#upperRows[ordinal] ?? 0] ?? NO_NODE;
      return row === NO_NODE ? NO_NODE : target.ordinalOf(row);
    };
    for (let ordinal = 0; ordinal < this.#upperRows.length; ordinal++) {
      const id = renumber(ordinal);
      if (id === NO_NODE) continue;
      for (let level = 1; level <= this.#levels(ordinal); level++) {
        const listOf = (other: number): Uint32Array => {
          const list = (this.#upperStarts[other] ?? 0) + level - 1;
          return this.#upperLinks.subarray(list * m, (list + 1) * m);
        };
        repair.link({ id, level }, listOf(ordinal), listOf, renumber);
      }
    }
  }

  /** Rows that are new, and rows of level 0 that no list names: these lose their lists. */
  #leftOver(target: CopyTarget): Uint32Array {
    const isNamed = new Uint8Array(this.#rowCount);
    for (const id of target.links) if (id !== NO_NODE) isNamed[id] = 1;
    const rows: number[] = [];
    for (let row = 0; row < this.#rowCount; row++) {
      const isCopied = this.#oldRows[row] !== NO_NODE;
      if (isCopied && (isNamed[row] === 1 || target.ordinalOf(row) !== NO_NODE)) continue;
      if (isCopied) target.list(row, 0).fill(NO_NODE);
      rows.push(row);
    }
    return Uint32Array.from(rows);
  }

  #levels(ordinal: number): number {
    return (this.#upperStarts[ordinal + 1] ?? 0) - (this.#upperStarts[ordinal] ?? 0);
  }

  /** A row without one neighbour left counts as gone, until no more rows do. */
  #withoutOrphans(): Uint32Array {
    const newRows = this.#old.newRows.slice();
    const width = this.#old.header.m * 2;
    for (let isChanged = true; isChanged;) {
      isChanged = false;
      for (let row = 0; row < newRows.length; row++) {
        if (newRows[row] === NO_NODE) continue;
        let at = row * width;
        const end = at + width;
        while (at < end && newRows[this.#links[at] ?? NO_NODE] === NO_NODE) at++;
        // Beyond the list's end is NONE, which names no row.
        if (at < end && this.#links[at] !== NO_NODE) continue;
        newRows[row] = NO_NODE;
        isChanged = true;
      }
    }
    return newRows;
  }
}

/** Writes one list after the other. */
class Repair {
  readonly #target: CopyTarget;
  readonly #ids: Uint32Array = new Uint32Array(LINK_IDS_MAX);
  readonly #seen = new Set<number>();

  constructor(target: CopyTarget) {
    this.#target = target;
  }

  /**
   * @param list     of the node in the old graph.
   * @param listOf   of any old node on this level.
   * @param renumber old node to new one, {@link NO_NODE} when it has gone.
   */
  link(
    node: CopiedNode,
    list: Uint32Array,
    listOf: (old: number) => Uint32Array,
    renumber: (old: number) => number,
  ): void {
    const { id, level } = node;
    this.#seen.clear();
    this.#seen.add(id);
    let count = 0;
    let isWhole = true;
    const add = (old: number): boolean => {
      const renewed = renumber(old);
      if (renewed === NO_NODE) return false;
      if (count < LINK_IDS_MAX && !this.#seen.has(renewed)) {
        this.#seen.add(renewed);
        this.#ids[count++] = renewed;
      }
      return true;
    };
    for (const old of list) {
      if (old === NO_NODE) break;
      if (!add(old)) isWhole = false;
    }
    if (isWhole) {
      this.#target.list(id, level).set(this.#ids.subarray(0, count));
      return;
    }
    for (const old of list) {
      if (old === NO_NODE) break;
      if (renumber(old) !== NO_NODE) continue;
      for (const next of listOf(old)) {
        if (next === NO_NODE) break;
        add(next);
      }
    }
    const degree = list.findIndex((old) => old === NO_NODE);
    const countMin = degree < 0 ? list.length : degree;
    this.#target.choose(node, this.#ids.subarray(0, count), countMin);
  }
}
