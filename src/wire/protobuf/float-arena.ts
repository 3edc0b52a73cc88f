/** Floats of one message, one behind the other in one buffer. */

export class FloatArena {
  readonly #bytes: Uint8Array;
  readonly #floats: Float32Array;
  #count = 0;

  /** @param floatsMax  more than that are never taken. */
  constructor(floatsMax: number) {
    this.#floats = new Float32Array(floatsMax);
    this.#bytes = new Uint8Array(this.#floats.buffer);
  }

  /** Takes packed float32 in little-endian order, at any alignment. */
  addPacked(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#count * 4);
    this.#count += bytes.length / 4;
  }

  add(value: number): void {
    this.#floats[this.#count++] = value;
  }

  get count(): number {
    return this.#count;
  }

  /** What was added since there were `start` of them; a view. */
  since(start: number): Float32Array {
    return this.#floats.subarray(start, this.#count);
  }
}
