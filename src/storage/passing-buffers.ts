/**
 * Buffers for bytes that only pass through: blocks of the catalogue that are looked at once, chunks
 * of segments on their way to be opened or copied. Made anew each time, what they left until the
 * next collection was more memory than all that sleeps takes, and the collections held up whoever
 * came then.
 */

export interface PassingSizes {
  /** Length of the smallest and of the largest; lengths between are powers of two. */
  readonly smallest: number;
  readonly largest: number;
  /** Of all that are kept when nobody reads. */
  readonly keptBytes: number;
}

export class PassingBuffers {
  readonly #sizes: PassingSizes;
  /** By length. */
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;

  constructor(sizes: PassingSizes) {
    this.#sizes = sizes;
  }

  /**
   * Calls `read` with `length` bytes of no known content, which are somebody else's when its
   * promise has settled. What is longer than the largest buffer, or shorter than half of the
   * smallest, is made anew.
   */
  async during<Value>(length: number, read: (bytes: Buffer) => Promise<Value>): Promise<Value> {
    const { smallest, largest } = this.#sizes;
    if (length > largest || length * 2 < smallest) return read(Buffer.allocUnsafeSlow(length));
    const buffer = this.#take(Math.max(smallest, 2 ** Math.ceil(Math.log2(length))));
    try {
      return await read(buffer.subarray(0, length));
    } finally {
      this.#giveBack(buffer);
    }
  }

  #take(bytes: number): Buffer {
    const buffer = this.#free.get(bytes)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(bytes);
    this.#keptBytes -= bytes;
    return buffer;
  }

  #giveBack(buffer: Buffer): void {
    if (this.#keptBytes + buffer.length > this.#sizes.keptBytes) return;
    const free = this.#free.get(buffer.length) ?? [];
    this.#free.set(buffer.length, free);
    free.push(buffer);
    this.#keptBytes += buffer.length;
  }
}
