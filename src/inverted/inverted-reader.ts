/**
 * Reads one property's section: head once, then only the blocks and postings that a filter needs.
 *
 * The bytes that a source returns are verified by whoever stores them. Bytes that are damaged all
 * the same end as `data_damaged` or as an answer about rows of the segment, never as a read
 * outside.
 */
import { Bitmap } from "../base/bitset.ts";
import { compareBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import type { Pace } from "../base/pace.ts";
import type { FilterLeaf, FilterScalar } from "../model/index.ts";
import { DictionaryBlock, type PostingsExtent } from "./dictionary-block.ts";
import { Fences } from "./fences.ts";
import { HEADER_BYTES, headBytes, readHeader, type InvertedHeader } from "./header.ts";
import { addPostings, addRow, damaged } from "./postings.ts";
import { leafName } from "./leaf-name.ts";
import { isLongString, TERM_KIND, toTerm } from "./term.ts";
import { toTermRange, type TermRange } from "./term-range.ts";

/** Bytes read first: the whole head of most properties. */
const HEAD_READ_BYTES = 4_096;
/** Bytes of dictionary or postings that a range reads at once. */
const READ_BYTES_TARGET = 131_072;

/** Of one term that is looked for: its fence, and its comparisons. */
const TERM_STEPS = 64;
const NO_TERM = new Uint8Array(0);

/** Steps of adding a list of postings besides its bytes, and bytes added in a step. */
const LIST_STEPS = 16;
const POSTINGS_PER_STEP = 3;

/** The bytes of one section. */
export interface InvertedSource {
  readonly length: number;
  /** Exactly `length` bytes from `start`, verified; they must not change while they are used. */
  read(start: number, length: number): Promise<Uint8Array>;
}

/** Where answers are kept: bits of a leaf by its name. What it holds it may lose at any time. */
export interface LeafMemory {
  get(name: string): Uint8Array | undefined;
  /** The bytes are the memory's from now on. */
  set(name: string, bits: Uint8Array): void;
}

/** Answer of an index to one leaf. */
export interface LeafRows {
  /** Rows that pass, owned by the caller. */
  readonly matches: Bitmap;
  /** Rows with strings too long for the index, which may pass too: look at them. */
  readonly unsure?: Bitmap;
}

export class InvertedReader {
  readonly #source: InvertedSource;
  readonly #header: InvertedHeader;
  readonly #fences: Fences;
  readonly #exists: Uint8Array;
  readonly #long: Uint8Array;
  readonly #memory: LeafMemory | undefined;

  private constructor(
    source: InvertedSource,
    header: InvertedHeader,
    head: Uint8Array,
    memory: LeafMemory | undefined,
  ) {
    this.#source = source;
    this.#memory = memory;
    this.#header = header;
    const fencesEnd = HEADER_BYTES + header.fencesBytes;
    const existsEnd = fencesEnd + header.existsBytes;
    this.#fences = new Fences(head.subarray(HEADER_BYTES, fencesEnd), header);
    this.#exists = head.subarray(fencesEnd, existsEnd);
    this.#long = head.subarray(existsEnd, existsEnd + header.longBytes);
  }

  /**
   * Reads the head: one read for most properties, two for those with many values.
   *
   * @param owner the segment, for the refusal of another format.
   * @param memory keeps answers; a segment never changes, so what it kept stays true.
   * @throws InsulaError `data_damaged`, `format_unsupported`, and what the source throws.
   */
  static async open(
    source: InvertedSource,
    owner = "a segment",
    memory?: LeafMemory,
  ): Promise<InvertedReader> {
    const first = await read(source, 0, Math.min(source.length, HEAD_READ_BYTES));
    const header = readHeader(first, source.length, owner);
    const length = headBytes(header);
    const head = length <= first.length ? first : await read(source, 0, length);
    return new InvertedReader(source, header, head.subarray(0, length), memory);
  }

  /** Rows of the segment. */
  get rowCount(): number {
    return this.#header.rowCount;
  }

  /** Distinct values. */
  get termCount(): number {
    return this.#header.termCount;
  }

  /** Memory held while the reader is open, about. */
  get bytes(): number {
    return headBytes(this.#header) + this.#fences.blockCount * 32;
  }

  /**
   * Rows that pass a leaf about this property.
   *
   * @throws InsulaError `data_damaged`, and what the source throws.
   *
   * Cost: `equal` one block and at most one posting list, `in` the blocks that can hold its values,
   * each once, and their postings, `range` the blocks and postings between its bounds, `exists`
   * nothing. A leaf that is kept costs a copy of its bits.
   */
  async evaluate(leaf: FilterLeaf, pace: Pace): Promise<LeafRows> {
    const name = this.#memory === undefined ? undefined : leafName(leaf);
    if (name === undefined) return this.#evaluate(leaf, pace);
    const kept = this.#memory?.get(name);
    if (kept !== undefined) return { matches: Bitmap.fromBytes(this.rowCount, kept) };
    const found = await this.#evaluate(leaf, pace);
    if (found.unsure === undefined) this.#memory?.set(name, found.matches.bytes().slice());
    return found;
  }

  async #evaluate(leaf: FilterLeaf, pace: Pace): Promise<LeafRows> {
    const matches = new Bitmap(this.rowCount);
    switch (leaf.kind) {
      case "exists":
        addPostings(matches, this.#exists);
        return { matches };
      case "equal":
        return this.#evaluateValues([leaf.value], matches, pace);
      case "in":
        return this.#evaluateValues(leaf.values, matches, pace);
      case "range": {
        const range = toTermRange(leaf);
        if (range === undefined) return { matches };
        await this.#addRange(range, matches, pace);
        return this.#withLong(matches, range.kind === TERM_KIND.string);
      }
    }
  }

  async #evaluateValues(
    values: readonly FilterScalar[],
    matches: Bitmap,
    pace: Pace,
  ): Promise<LeafRows> {
    const terms = values.filter((value) => !isLongString(value)).map(toTerm);
    terms.sort(compareBytes);
    for (let at = 0; at < terms.length;) {
      const block = this.#fences.find(terms[at] ?? NO_TERM);
      let next = at + 1;
      while (next < terms.length && this.#fences.reaches(block, terms[next] ?? NO_TERM)) next++;
      if (block >= 0) {
        const bytes = await this.#readDictionary(block, block + 1);
        const steps = bytes.length + (next - at) * TERM_STEPS;
        if (!pace.fits(steps)) await pace.take(steps);
        const entries = new DictionaryBlock(bytes, this.#fences.postings(block));
        await this.#addExtents(addTerms(entries, terms.slice(at, next), matches), matches, pace);
      }
      at = next;
    }
    return this.#withLong(matches, terms.length < values.length);
  }

  async #addRange(range: TermRange, matches: Bitmap, pace: Pace): Promise<void> {
    const end = this.#fences.find(range.upper) + 1;
    let block = Math.max(this.#fences.find(range.lower), 0);
    while (block < end) {
      const start = this.#fences.dictionaryOffset(block);
      let next = block + 1;
      while (next < end && this.#fences.dictionaryOffset(next + 1) - start <= READ_BYTES_TARGET)
        next++;
      const bytes = await this.#readDictionary(block, next);
      const extents: PostingsExtent[] = [];
      for (; block < next; block++) {
        const from = this.#fences.dictionaryOffset(block) - start;
        const to = this.#fences.dictionaryOffset(block + 1) - start;
        if (!pace.fits(to - from)) await pace.take(to - from);
        const entries = new DictionaryBlock(bytes.subarray(from, to), this.#fences.postings(block));
        addEntries(entries, range, matches, extents);
      }
      await this.#addExtents(extents, matches, pace);
    }
  }

  /** Reads neighbouring postings together, and nothing that lies between others. */
  async #addExtents(
    extents: readonly PostingsExtent[],
    matches: Bitmap,
    pace: Pace,
  ): Promise<void> {
    let at = 0;
    while (at < extents.length) {
      const start = extents[at]?.start ?? 0;
      let next = at;
      let end = start;
      for (let extent = extents[next]; extent !== undefined; extent = extents[++next]) {
        if (next > at && extent.start !== end) break;
        if (next > at && extent.start + extent.length - start > READ_BYTES_TARGET) break;
        end = extent.start + extent.length;
      }
      const bytes = await this.#readPostings({ start, length: end - start });
      for (; at < next; at++) {
        const extent = extents[at];
        if (extent === undefined) continue;
        const from = extent.start - start;
        const steps = LIST_STEPS + extent.length / POSTINGS_PER_STEP;
        if (!pace.fits(steps)) await pace.take(steps);
        addPostings(matches, bytes.subarray(from, from + extent.length));
      }
    }
  }

  #withLong(matches: Bitmap, isAsked: boolean): LeafRows {
    if (!isAsked || this.#long.length === 0) return { matches };
    const unsure = new Bitmap(this.rowCount);
    addPostings(unsure, this.#long);
    return { matches, unsure: unsure.andNot(matches) };
  }

  #readDictionary(block: number, end: number): Promise<Uint8Array> {
    const start = this.#fences.dictionaryOffset(block);
    const length = this.#fences.dictionaryOffset(end) - start;
    return read(this.#source, headBytes(this.#header) + start, length);
  }

  #readPostings({ start, length }: PostingsExtent): Promise<Uint8Array> {
    const base = headBytes(this.#header) + this.#header.dictionaryBytes;
    return read(this.#source, base + start, length);
  }
}

/** Both in one order: the block is walked once. @returns the postings of terms with many rows. */
function addTerms(
  entries: DictionaryBlock,
  terms: readonly Uint8Array[],
  matches: Bitmap,
): readonly PostingsExtent[] {
  const extents: PostingsExtent[] = [];
  let at = 0;
  while (at < terms.length && entries.next()) {
    let order = entries.compare(terms[at] ?? NO_TERM);
    while (order > 0 && ++at < terms.length) order = entries.compare(terms[at] ?? NO_TERM);
    if (order !== 0) continue;
    if (entries.row !== undefined) addRow(matches, entries.row);
    else extents.push(entries.postings);
    // A value that was asked for twice is found once, and is smaller than the next entry.
    at++;
  }
  return extents;
}

function addEntries(
  entries: DictionaryBlock,
  range: TermRange,
  matches: Bitmap,
  extents: PostingsExtent[],
): void {
  while (entries.next()) {
    const above = entries.compare(range.lower);
    if (above < 0 || (above === 0 && !range.isLowerInclusive)) continue;
    const below = entries.compare(range.upper);
    if (below > 0 || (below === 0 && !range.isUpperInclusive)) return;
    if (entries.row !== undefined) addRow(matches, entries.row);
    else extents.push(entries.postings);
  }
}

async function read(source: InvertedSource, start: number, length: number): Promise<Uint8Array> {
  if (start + length > source.length) throw damaged("a part reaches past the section");
  const bytes = await source.read(start, length);
  assert(bytes.length === length, "a source returns what it was asked for");
  return bytes;
}
