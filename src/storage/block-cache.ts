/**
 * Verified blocks kept in memory, least recently used out first, bounded in bytes.
 *
 * Keys are chosen by the caller and must name immutable bytes: nothing is ever invalidated, what is
 * no longer asked for grows old and goes.
 */

/**
 * What a block costs beside its bytes: map entry, key, array object. Source: heap differences, Node
 * 20.
 */
const ENTRY_OVERHEAD_BYTES = 200;

export class BlockCache {
  readonly #bytesMax: number;
  readonly #blocks = new Map<string, Uint8Array>();
  #bytes = 0;

  /** @param bytesMax bound on {@link BlockCache.bytes}; 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held, with an estimate of what surrounds them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Blocks held. */
  get count(): number {
    return this.#blocks.size;
  }

  /** The block, for reading only; it becomes the most recently used. */
  get(key: string): Uint8Array | undefined {
    const block = this.#blocks.get(key);
    if (block === undefined) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    return block;
  }

  /**
   * Keeps the block from now on; nobody may change it. A block larger than the whole cache is not
   * kept. Pass bytes that own their memory: a view would keep more alive than is counted.
   */
  set(key: string, block: Uint8Array): void {
    this.delete(key);
    const cost = block.length + ENTRY_OVERHEAD_BYTES;
    if (cost > this.#bytesMax) return;
    this.#blocks.set(key, block);
    this.#bytes += cost;
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const block = this.#blocks.get(key);
    if (block === undefined) return;
    this.#blocks.delete(key);
    this.#bytes -= block.length + ENTRY_OVERHEAD_BYTES;
  }

  clear(): void {
    this.#blocks.clear();
    this.#bytes = 0;
  }
}
