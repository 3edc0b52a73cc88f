/**
 * Buffers for blocks that are looked at once: a listing of very many reads block after block, and
 * what each left behind until the next collection was more memory than all that sleeps takes.
 */

/** Most blocks of a table have 4 KiB; a larger one gets a buffer of its own. */
const BUFFER_BYTES = 8_192;
/** Kept when nobody reads: 2 MiB. */
const KEPT_MAX = 256;

export class PassingBuffers {
  readonly #free: Buffer[] = [];

  /**
   * Calls `read` with `length` bytes of no known content, which are somebody else's when its
   * promise has settled.
   */
  async during<Value>(length: number, read: (bytes: Buffer) => Promise<Value>): Promise<Value> {
    if (length > BUFFER_BYTES) return read(Buffer.allocUnsafeSlow(length));
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    try {
      return await read(buffer.subarray(0, length));
    } finally {
      if (this.#free.length < KEPT_MAX) this.#free.push(buffer);
    }
  }
}
