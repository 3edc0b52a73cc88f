/** Reads the inverted index of a sparse field: the dictionary once, then the lists of a query. */
import { assert } from "../../base/errors.ts";
import { damaged } from "../postings.ts";
import type { InvertedSource } from "../inverted-reader.ts";
import {
  checkList,
  DICTIONARY_ENTRY_BYTES,
  listBytesOf,
  readTrailer,
  TRAILER_BYTES,
  viewList,
  type SparseList,
} from "./sparse-format.ts";

/** Where lists that were read and checked are kept, if anywhere. */
export interface ListCache {
  get(term: number): Uint8Array | undefined;
  set(term: number, bytes: Uint8Array): void;
}

export class SparseReader {
  /** Rows of the segment. */
  readonly rowCount: number;
  readonly #source: InvertedSource;
  readonly #cache: ListCache;
  readonly #terms: Uint32Array;
  readonly #offsets: Uint32Array;
  readonly #postings: Uint32Array;
  readonly #blocks: Uint32Array;

  private constructor(
    source: InvertedSource,
    cache: ListCache,
    rowCount: number,
    dictionary: Uint32Array,
  ) {
    this.#source = source;
    this.#cache = cache;
    this.rowCount = rowCount;
    const termCount = dictionary.length / 4;
    this.#terms = dictionary.subarray(0, termCount);
    this.#offsets = dictionary.subarray(termCount, termCount * 2);
    this.#postings = dictionary.subarray(termCount * 2, termCount * 3);
    this.#blocks = dictionary.subarray(termCount * 3);
  }

  /**
   * Two reads, of the trailer and the dictionary.
   *
   * @param owner the segment, for the refusal of another format.
   * @throws InsulaError `data_damaged`, `format_unsupported`, and what the source throws.
   */
  static async open(
    source: InvertedSource,
    cache: ListCache,
    owner = "a segment",
  ): Promise<SparseReader> {
    const at = source.length - TRAILER_BYTES;
    if (at < 0) throw damaged("it is too short");
    const trailer = readTrailer(await source.read(at, TRAILER_BYTES), source.length, owner);
    const { rowCount, termCount, listBytes } = trailer;
    const bytes = await source.read(listBytes, termCount * DICTIONARY_ENTRY_BYTES);
    const dictionary = new Uint32Array(Uint8Array.from(bytes).buffer);
    const reader = new SparseReader(source, cache, rowCount, dictionary);
    reader.#check(listBytes);
    return reader;
  }

  get termCount(): number {
    return this.#terms.length;
  }

  /** Memory held while the reader is open. */
  get bytes(): number {
    return this.#terms.buffer.byteLength;
  }

  /**
   * The postings of a dimension, for reading only; undefined when no row has it.
   *
   * @throws InsulaError `data_damaged`, and what the source throws.
   */
  list(term: number): SparseList | undefined | Promise<SparseList> {
    const at = this.#find(term);
    if (at < 0) return undefined;
    const cached = this.#cache.get(term);
    return cached === undefined ? this.#read(term, at) : viewList(cached, this.#shape(at));
  }

  async #read(term: number, at: number): Promise<SparseList> {
    const shape = this.#shape(at);
    const length = listBytesOf(shape.postings, shape.blocks);
    const read = await this.#source.read((this.#offsets[at] ?? 0) * 4, length);
    assert(read.length === length, "a source returns what it was asked for");
    // A copy: the bytes read lie anywhere in the memory of their chunks, which this lets go.
    const bytes = Uint8Array.from(read);
    const list = viewList(bytes, shape);
    checkList(list, this.rowCount);
    this.#cache.set(term, bytes);
    return list;
  }

  #shape(at: number): { readonly postings: number; readonly blocks: number } {
    return { postings: this.#postings[at] ?? 0, blocks: this.#blocks[at] ?? 0 };
  }

  #find(term: number): number {
    let low = 0;
    let high = this.#terms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#terms[middle] ?? 0) < term) low = middle + 1;
      else high = middle;
    }
    return this.#terms[low] === term ? low : -1;
  }

  #check(listBytes: number): void {
    let offset = 0;
    let previous = -1;
    for (let i = 0; i < this.#terms.length; i++) {
      const { postings, blocks } = this.#shape(i);
      const term = this.#terms[i] ?? 0;
      if (term <= previous) throw damaged("terms are out of order");
      if ((this.#offsets[i] ?? 0) * 4 !== offset) throw damaged("lists do not follow each other");
      if (postings === 0 || blocks === 0 || postings > this.rowCount || blocks > postings) {
        throw damaged("a list has no postings, or more than there are rows");
      }
      offset += listBytesOf(postings, blocks);
      previous = term;
    }
    if (offset !== listBytes) throw damaged("the lists are not as long as the dictionary says");
  }
}
