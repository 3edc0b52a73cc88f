/** Bytes of one file in memory; a write past the end fills the gap with zeros, as on a disk. */
export class GrowingContent {
  #bytes: Uint8Array;
  #length: number;

  /** Takes `bytes` over. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes;
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  /** Fills `target` from `position`; returns the bytes there were. */
  read(position: number, target: Uint8Array): number {
    const count = Math.max(0, Math.min(target.length, this.#length - position));
    target.set(this.#bytes.subarray(position, position + count));
    return count;
  }

  write(position: number, source: Uint8Array): void {
    this.grow(position + source.length);
    this.#bytes.set(source, position);
  }

  /** Makes the file at least `length` long, with zeros. */
  grow(length: number): void {
    if (length <= this.#length) return;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#length = length;
  }

  /** Bytes behind `length` are gone for good: what grows there again is zeros. */
  truncate(length = 0): void {
    if (length === 0) this.#bytes = new Uint8Array(0);
    else this.#bytes.fill(0, length, this.#length);
    this.#length = Math.min(this.#length, length);
  }

  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
