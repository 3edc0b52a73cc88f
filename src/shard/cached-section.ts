/** A section of which what was read stays in memory as long as the cache has room for it. */
import type { BlockShelf, SectionReader } from "../storage/index.ts";

/** A read of more bytes than this does not push out what is kept. */
const KEPT_BYTES_MAX = 524_288;

export class CachedSection {
  readonly #section: SectionReader;
  readonly #shelf: BlockShelf;

  constructor(section: SectionReader, shelf: BlockShelf) {
    this.#section = section;
    this.#shelf = shelf;
  }

  /** Bytes of the section. */
  get length(): number {
    return this.#section.length;
  }

  /**
   * Verified bytes of a range; not to be changed, they may lie in the cache.
   *
   * @throws InsulaError `data_damaged`, and what the file throws.
   * Cost: nothing but the look into the cache when the range lies in one chunk that is kept.
   */
  async read(start: number, length: number): Promise<Uint8Array> {
    const { chunkBytes } = this.#section;
    const first = Math.floor(start / chunkBytes);
    const last = Math.floor(Math.max(start, start + length - 1) / chunkBytes);
    if (length === 0 || length > KEPT_BYTES_MAX) return this.#section.read(start, length);
    const offset = start - first * chunkBytes;
    const only = first === last ? this.#kept(first) : undefined;
    if (only !== undefined) return only.subarray(offset, offset + length);
    const kept = this.#keptRange(first, last) ?? (await this.#read(first, last));
    return kept.subarray(offset, offset + length);
  }

  /** A copy of neighbouring chunks; undefined when one is missing. */
  #keptRange(first: number, last: number): Uint8Array | undefined {
    const chunks: Uint8Array[] = [];
    for (let chunk = first; chunk <= last; chunk++) {
      const kept = this.#kept(chunk);
      if (kept === undefined) return undefined;
      chunks.push(kept);
    }
    return Buffer.concat(chunks);
  }

  /** Neighbouring chunks, one read; each is kept from now on. */
  async #read(first: number, last: number): Promise<Uint8Array> {
    const { chunkBytes, length } = this.#section;
    const start = first * chunkBytes;
    const end = Math.min(length, (last + 1) * chunkBytes);
    const bytes = await this.#section.read(start, end - start);
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const isAlone = bytes.length <= chunkBytes;
      const chunk = isAlone ? bytes : bytes.slice(at, at + chunkBytes);
      this.#shelf.set(this.#name(first + at / chunkBytes), chunk);
    }
    return bytes;
  }

  #kept(chunk: number): Uint8Array | undefined {
    return this.#shelf.get(this.#name(chunk));
  }

  #name(chunk: number): string {
    return `${this.#section.number}:${chunk}`;
  }
}
