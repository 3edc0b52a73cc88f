/**
 * ON DISK: one block of the dictionary.
 *
 * ```
 * entry  bytes shared with the term before varint (0 for the first), rest length varint, rest,
 *        rows varint, row varint when there is one, else length of the postings varint
 * ```
 *
 * Postings lie in the order of the terms, so a block needs only the offset of its first.
 */
import { ByteReader } from "../base/bytes.ts";
import { INVERTED_TERM_BYTES_MAX } from "../base/limits.ts";
import { damaged } from "./postings.ts";

/** Kind and string. */
const TERM_BYTES_MAX = INVERTED_TERM_BYTES_MAX + 1;

/** Where the postings of some terms lie. */
export interface PostingsExtent {
  /** From the start of the postings. */
  readonly start: number;
  readonly length: number;
}

/** Steps through the entries of one block; the fields tell of the current one. */
export class DictionaryBlock {
  /** The only row, or undefined when the rows are in postings. */
  row: number | undefined;
  postings: PostingsExtent = { start: 0, length: 0 };
  /** How many rows have the term. */
  rows = 0;
  readonly #reader: ByteReader;
  readonly #postingsEnd: number;
  readonly #term: Buffer = Buffer.alloc(TERM_BYTES_MAX);
  #termLength = 0;
  #postingsAt: number;

  /** @param postings those of the whole block. */
  constructor(bytes: Uint8Array, postings: PostingsExtent) {
    this.#reader = new ByteReader(bytes);
    this.#postingsAt = postings.start;
    this.#postingsEnd = postings.start + postings.length;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.remaining === 0) return false;
    const shared = reader.varint();
    const rest = reader.bytes();
    if (shared > this.#termLength || shared + rest.length > TERM_BYTES_MAX) {
      throw damaged("a term is too long");
    }
    this.#term.set(rest, shared);
    this.#termLength = shared + rest.length;
    this.rows = reader.varint();
    if (this.rows === 0) throw damaged("a term without rows");
    this.row = this.rows === 1 ? reader.varint() : undefined;
    const length = this.rows === 1 ? 0 : reader.varint();
    this.postings = { start: this.#postingsAt, length };
    this.#postingsAt += length;
    if (this.#postingsAt > this.#postingsEnd) throw damaged("postings reach past their block");
    return true;
  }

  /** Order of the current term against another: negative when it is smaller. */
  compare(term: Uint8Array): number {
    return this.#term.compare(term, 0, term.length, 0, this.#termLength);
  }
}
