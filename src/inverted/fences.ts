/** Where each dictionary block starts, and the smallest prefix that belongs to it. */
import { ByteReader, compareBytes } from "../base/bytes.ts";
import type { PostingsExtent } from "./dictionary-block.ts";
import type { InvertedHeader } from "./header.ts";
import { damaged } from "./postings.ts";

/** Bytes of the smallest entry of the fences. */
const FENCE_BYTES_MIN = 9;

export class Fences {
  readonly #header: InvertedHeader;
  readonly #dictionaryOffsets: number[] = [];
  readonly #postingsOffsets: number[] = [];
  readonly #fences: Uint8Array[] = [];

  /** @param bytes kept: the fences are views on it. */
  constructor(bytes: Uint8Array, header: InvertedHeader) {
    this.#header = header;
    if (header.blockCount * FENCE_BYTES_MIN > bytes.length) throw damaged("fences are missing");
    const reader = new ByteReader(bytes);
    for (let i = 0; i < header.blockCount; i++) {
      this.#dictionaryOffsets.push(reader.uint32());
      this.#postingsOffsets.push(reader.uint32());
      this.#fences.push(reader.bytes());
    }
    if (reader.remaining > 0) throw damaged("fences are followed by other bytes");
    assertAscending(this.#dictionaryOffsets, header.dictionaryBytes);
    assertAscending(this.#postingsOffsets, header.postingsBytes);
    this.#assertSorted();
  }

  get blockCount(): number {
    return this.#fences.length;
  }

  /** The only block that can hold the term, -1 when it is below all. */
  find(term: Uint8Array): number {
    let low = 0;
    let high = this.#fences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.#fences[middle] ?? term, term) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Whether a term that is above all of the block can still be in it. */
  reaches(block: number, term: Uint8Array): boolean {
    const next = this.#fences[block + 1];
    return next === undefined || compareBytes(next, term) > 0;
  }

  /** Offset in the dictionary where a block starts; its end for the number of blocks. */
  dictionaryOffset(block: number): number {
    return this.#dictionaryOffsets[block] ?? this.#header.dictionaryBytes;
  }

  /** Postings of one block. */
  postings(block: number): PostingsExtent {
    const start = this.#postingsOffsets[block] ?? this.#header.postingsBytes;
    return {
      start,
      length: (this.#postingsOffsets[block + 1] ?? this.#header.postingsBytes) - start,
    };
  }

  #assertSorted(): void {
    let previous: Uint8Array | undefined;
    for (const fence of this.#fences) {
      if (previous !== undefined && compareBytes(previous, fence) >= 0) {
        throw damaged("fences are out of order");
      }
      previous = fence;
    }
  }
}

function assertAscending(offsets: readonly number[], end: number): void {
  let previous = 0;
  for (const offset of [...offsets, end]) {
    if (offset < previous) throw damaged("blocks are out of order");
    previous = offset;
  }
}
