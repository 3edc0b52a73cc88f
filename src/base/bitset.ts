/**
 * Set of rows of one segment or memtable: dense, one bit a row.
 *
 * Row i is bit i % 8 of byte i / 8, lowest bit first: what the kernels read. The memory is whole
 * 16-byte groups; INVARIANT: bits at and past `rowCount` are 0. Words are 32 bits in the byte order
 * of the machine, which WebAssembly requires to be little-endian for the two views to agree.
 */
import { assert } from "./errors.ts";

/** Rows of one 16-byte group. */
const GROUP_ROWS = 128;
const GROUP_WORDS = 4;

export class Bitmap {
  readonly rowCount: number;
  /** Whole 16-byte groups; changing it is the owner's right. */
  readonly words: Uint32Array<ArrayBuffer>;

  /** No row is in it. */
  constructor(rowCount: number) {
    this.rowCount = rowCount;
    this.words = new Uint32Array(Math.ceil(rowCount / GROUP_ROWS) * GROUP_WORDS);
  }

  /** All rows. */
  static full(rowCount: number): Bitmap {
    return new Bitmap(rowCount).addRange(0, rowCount);
  }

  /** The rows given, in any order, each below `rowCount`. */
  static fromIds(rowCount: number, ids: Iterable<number>): Bitmap {
    const bitmap = new Bitmap(rowCount);
    for (const id of ids) bitmap.add(id);
    return bitmap;
  }

  /** Copies bits; missing bytes are empty, bits at and past `rowCount` are dropped. */
  static fromBytes(rowCount: number, bytes: Uint8Array): Bitmap {
    const bitmap = new Bitmap(rowCount);
    const target = bitmap.bytes();
    target.set(bytes.subarray(0, target.length));
    bitmap.#clearTail();
    return bitmap;
  }

  /** The same memory as bytes, whole 16-byte groups; a view, not a copy. */
  bytes(): Uint8Array {
    return new Uint8Array(this.words.buffer);
  }

  has(row: number): boolean {
    return ((this.words[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0;
  }

  add(row: number): this {
    assert(row >= 0 && row < this.rowCount, "a row of this bitmap");
    this.words[row >>> 5] = (this.words[row >>> 5] ?? 0) | (1 << (row & 31));
    return this;
  }

  remove(row: number): this {
    assert(row >= 0 && row < this.rowCount, "a row of this bitmap");
    this.words[row >>> 5] = (this.words[row >>> 5] ?? 0) & ~(1 << (row & 31));
    return this;
  }

  /** Adds the rows start ≤ row < end. */
  addRange(start: number, end: number): this {
    assert(start >= 0 && end <= this.rowCount, "rows of this bitmap");
    let row = start;
    for (; row < end && (row & 31) !== 0; row++) this.add(row);
    for (; row + 32 <= end; row += 32) this.words[row >>> 5] = 0xffff_ffff;
    for (; row < end; row++) this.add(row);
    return this;
  }

  /** this ∩ other, in place. */
  and(other: Bitmap): this {
    this.#assertSameSize(other);
    const { words } = this;
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) & (other.words[i] ?? 0);
    return this;
  }

  /** this ∪ other, in place. */
  or(other: Bitmap): this {
    this.#assertSameSize(other);
    const { words } = this;
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) | (other.words[i] ?? 0);
    return this;
  }

  /** this without other, in place. */
  andNot(other: Bitmap): this {
    this.#assertSameSize(other);
    const { words } = this;
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) & ~(other.words[i] ?? 0);
    return this;
  }

  /** The rows below `rowCount` that were not in it, in place. */
  not(): this {
    const { words } = this;
    for (let i = 0; i < words.length; i++) words[i] = ~(words[i] ?? 0);
    this.#clearTail();
    return this;
  }

  clone(): Bitmap {
    const copy = new Bitmap(this.rowCount);
    copy.words.set(this.words);
    return copy;
  }

  /** How many rows are in it. Cost: one pass over the words. */
  count(): number {
    let count = 0;
    for (const word of this.words) count += popcount(word);
    return count;
  }

  get isEmpty(): boolean {
    return this.words.every((word) => word === 0);
  }

  equals(other: Bitmap): boolean {
    return (
      this.rowCount === other.rowCount &&
      this.words.every((word, i) => word === (other.words[i] ?? 0))
    );
  }

  /** Calls `visit` for each row, ascending. */
  forEach(visit: (row: number) => void): void {
    const { words } = this;
    for (let i = 0; i < words.length; i++) {
      let word = words[i] ?? 0;
      while (word !== 0) {
        const lowest = 31 - Math.clz32(word & -word);
        visit(i * 32 + lowest);
        word &= word - 1;
      }
    }
  }

  /** The rows, ascending. */
  toIds(): Uint32Array {
    const ids = new Uint32Array(this.count());
    let at = 0;
    this.forEach((row) => {
      ids[at++] = row;
    });
    return ids;
  }

  #clearTail(): void {
    const { words, rowCount } = this;
    const last = rowCount >>> 5;
    if (last >= words.length) return;
    words[last] = (words[last] ?? 0) & ((1 << (rowCount & 31)) - 1);
    words.fill(0, last + 1);
  }

  #assertSameSize(other: Bitmap): void {
    assert(this.rowCount === other.rowCount, "bitmaps of the same rows");
  }
}

/** Bits set in 32. Source: Warren, Hacker's Delight, 5-2. */
function popcount(word: number): number {
  let v = word - ((word >>> 1) & 0x5555_5555);
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
