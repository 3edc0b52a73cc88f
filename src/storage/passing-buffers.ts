/**
 * Buffers for bytes that only pass through: blocks of the catalogue that are looked at once, sealed
 * chunks on their way to be opened. Made anew each time, what they left until the next collection
 * was more memory than all that sleeps takes, and the collections held up whoever came then.
 */

export class PassingBuffers {
  readonly #free: Buffer[] = [];
  readonly #bufferBytes: number;
  readonly #keptMax: number;

  /**
   * @param bufferBytes length of a buffer; who wants more, or less than an eighth, gets one of his
   *   own: many small ones at once would take many large ones.
   * @param keptMax     buffers kept when nobody reads.
   */
  constructor(bufferBytes: number, keptMax: number) {
    this.#bufferBytes = bufferBytes;
    this.#keptMax = keptMax;
  }

  /**
   * Calls `read` with `length` bytes of no known content, which are somebody else's when its
   * promise has settled.
   */
  async during<Value>(length: number, read: (bytes: Buffer) => Promise<Value>): Promise<Value> {
    if (length > this.#bufferBytes || length < this.#bufferBytes / 8) {
      return read(Buffer.allocUnsafeSlow(length));
    }
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes);
    try {
      return await read(buffer.subarray(0, length));
    } finally {
      if (this.#free.length < this.#keptMax) this.#free.push(buffer);
    }
  }
}
