/**
 * Makes the inverted index of a sparse field, in bounded memory: a first pass over the rows counts
 * the postings of each term, further ones collect as many lists as fit and write them.
 *
 * ```
 * builder.count(rows) for all rows → while (builder.begin()) { builder.add(rows) for all rows;
 * builder.lists() } → builder.dictionary(rowCount)
 * ```
 */
import { assert } from "../../base/errors.ts";
import type { SparseRows } from "../../model/index.ts";
import { DimensionTable } from "./dimension-table.ts";
import {
  BLOCK_SHIFT,
  listBytesOf,
  viewList,
  writeTrailer,
  type ListShape,
} from "./sparse-format.ts";

/** Postings held at once: 64 MiB. One list that is longer is held alone. */
const RUN_POSTINGS_MAX = 8_388_608;
const BLOCK_MASK = (1 << BLOCK_SHIFT) - 1;

export class SparseIndexBuilder {
  readonly #runPostingsMax: number;
  readonly #counts = new DimensionTable();
  /** Ascending, and what each has; fixed by the first {@link SparseIndexBuilder.begin}. */
  #terms: Uint32Array | undefined;
  readonly #shapes: ListShape[] = [];
  /** Terms of the run under way: `[first, end)`. */
  #first = 0;
  #end = 0;
  /** Next place in the arrays of the run, by term. */
  #cursors = new DimensionTable();
  #rows = new Uint32Array(0);
  #values = new Float32Array(0);
  #nextRow = 0;

  /** @param runPostingsMax postings held at once; tests make it small. */
  constructor(runPostingsMax: number = RUN_POSTINGS_MAX) {
    this.#runPostingsMax = runPostingsMax;
  }

  /** Of the first pass. */
  count({ indices }: SparseRows): void {
    for (const index of indices) this.#counts.add(index, 1);
  }

  /** Begins the next pass; false when all lists are written. */
  begin(): boolean {
    const terms = (this.#terms ??= this.#counts.dimensions());
    this.#first = this.#end;
    this.#cursors = new DimensionTable();
    this.#nextRow = 0;
    let postings = 0;
    while (this.#end < terms.length) {
      const term = terms[this.#end] ?? 0;
      const more = this.#counts.get(term);
      if (postings > 0 && postings + more > this.#runPostingsMax) break;
      this.#cursors.add(term, postings);
      postings += more;
      this.#end++;
    }
    this.#rows = new Uint32Array(postings);
    this.#values = new Float32Array(postings);
    return this.#end > this.#first;
  }

  /** The next rows of the segment, in their order. */
  add({ starts, indices, values }: SparseRows): void {
    const terms = this.#terms ?? new Uint32Array(0);
    const lowest = terms[this.#first] ?? 0;
    const highest = terms[this.#end - 1] ?? 0;
    for (let i = 0; i + 1 < starts.length; i++) {
      const end = starts[i + 1] ?? 0;
      for (let at = starts[i] ?? 0; at < end; at++) {
        const index = indices[at] ?? 0;
        if (index < lowest || index > highest) continue;
        const place = this.#cursors.add(index, 1);
        this.#rows[place] = this.#nextRow;
        this.#values[place] = values[at] ?? 0;
      }
      this.#nextRow++;
    }
  }

  /** The bytes of the run's lists, one behind the other. */
  *lists(): Iterable<Uint8Array> {
    let start = 0;
    for (let term = this.#first; term < this.#end; term++) {
      const count = this.#counts.get(this.#terms?.[term] ?? 0);
      const rows = this.#rows.subarray(start, start + count);
      const values = this.#values.subarray(start, start + count);
      const { bytes, shape } = encodeList(rows, values);
      this.#shapes.push(shape);
      start += count;
      yield bytes;
    }
    assert(start === this.#rows.length, "each pass gives the same rows");
  }

  /** Dictionary and trailer: the end of the section. The builder is used up. */
  end(rowCount: number): readonly Uint8Array[] {
    const terms = this.#terms ?? new Uint32Array(0);
    const dictionary = new Uint32Array(terms.length * 4);
    dictionary.set(terms);
    let listBytes = 0;
    for (const [i, shape] of this.#shapes.entries()) {
      dictionary[terms.length + i] = listBytes / 4;
      dictionary[terms.length * 2 + i] = shape.postings;
      dictionary[terms.length * 3 + i] = shape.blocks;
      listBytes += listBytesOf(shape.postings, shape.blocks);
    }
    assert(listBytes / 4 <= 0xffff_ffff, "lists of one segment stay below 16 GiB");
    const trailer = writeTrailer({ rowCount, termCount: terms.length, listBytes });
    return [new Uint8Array(dictionary.buffer), trailer];
  }
}

function encodeList(
  rows: Uint32Array,
  values: Float32Array,
): { readonly bytes: Uint8Array; readonly shape: ListShape } {
  let blocks = 0;
  for (let i = 0; i < rows.length; i++) {
    if (i === 0 || (rows[i] ?? 0) >>> BLOCK_SHIFT !== (rows[i - 1] ?? 0) >>> BLOCK_SHIFT) blocks++;
  }
  const shape = { postings: rows.length, blocks };
  const bytes = new Uint8Array(listBytesOf(rows.length, blocks));
  const list = viewList(bytes, shape);
  list.values.set(values);
  let block = -1;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    const number = row >>> BLOCK_SHIFT;
    if (block < 0 || list.blockNumbers[block] !== number) list.blockNumbers[++block] = number;
    list.blockEnds[block] = i + 1;
    list.blockMaxima[block] = Math.max(list.blockMaxima[block] ?? 0, Math.abs(values[i] ?? 0));
    list.rows[i] = row & BLOCK_MASK;
  }
  return { bytes, shape };
}
