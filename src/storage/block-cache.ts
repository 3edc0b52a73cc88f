/**
 * Verified blocks kept in memory, bounded in bytes; what was not used goes first.
 *
 * Which goes is decided by second chance (CLOCK): a use only marks a block and costs a look into
 * the map, nothing else. Strict order of use would move the block in the map each time, a tenth of
 * a whole query over a small tenant.
 *
 * Nothing is ever invalidated: what is no longer asked for grows old and goes.
 */

/**
 * What a block costs beside its bytes: map entry, key, array object. Source: heap differences, Node
 * 20.
 */
const ENTRY_OVERHEAD_BYTES = 200;

/** A block that is kept, and where it is found. */
interface Kept {
  readonly shelf: BlockShelf;
  readonly number: number;
  readonly block: Uint8Array;
  /** Since it was last considered for going. */
  isUsed: boolean;
}

/** The blocks of one owner, by number: a number is found without making a name of it first. */
export class BlockShelf {
  readonly name: string;
  readonly #cache: BlockCache;
  /** Of the cache alone. */
  readonly blocks: Map<number, Kept> = new Map();

  constructor(cache: BlockCache, name: string) {
    this.#cache = cache;
    this.name = name;
  }

  /** The block, for reading only; it is given a second chance. */
  get(number: number): Uint8Array | undefined {
    const kept = this.blocks.get(number);
    if (kept === undefined) return undefined;
    kept.isUsed = true;
    return kept.block;
  }

  /**
   * Keeps the block from now on; nobody may change it. A block larger than the whole cache is not
   * kept. Pass bytes that own their memory: a view would keep more alive than is counted.
   */
  set(number: number, block: Uint8Array): void {
    this.#cache.keep(this, number, block);
  }
}

export class BlockCache {
  readonly #bytesMax: number;
  readonly #shelves = new Map<string, BlockShelf>();
  /** In the order in which they are considered. */
  readonly #kept = new Set<Kept>();
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
    return this.#kept.size;
  }

  /** @param name must name immutable bytes, for ever: what is kept is found under it again. */
  shelf(name: string): BlockShelf {
    return this.#shelves.get(name) ?? new BlockShelf(this, name);
  }

  /** For {@link BlockShelf.set}. */
  keep(asked: BlockShelf, number: number, block: Uint8Array): void {
    // Two owners of one name have one shelf from the first block on.
    const shelf = this.#shelves.get(asked.name) ?? asked;
    this.#remove(shelf.blocks.get(number));
    const cost = block.length + ENTRY_OVERHEAD_BYTES;
    if (cost > this.#bytesMax) return;
    this.#shelves.set(shelf.name, shelf);
    const kept = { shelf, number, block, isUsed: false };
    shelf.blocks.set(number, kept);
    this.#kept.add(kept);
    this.#bytes += cost;
    this.#shrink();
  }

  clear(): void {
    for (const kept of this.#kept) this.#remove(kept);
  }

  #shrink(): void {
    for (const oldest of this.#kept) {
      if (this.#bytes <= this.#bytesMax) break;
      if (!oldest.isUsed) {
        this.#remove(oldest);
        continue;
      }
      oldest.isUsed = false;
      this.#kept.delete(oldest);
      this.#kept.add(oldest);
    }
  }

  #remove(kept: Kept | undefined): void {
    if (kept === undefined) return;
    const { shelf, number, block } = kept;
    this.#kept.delete(kept);
    shelf.blocks.delete(number);
    if (shelf.blocks.size === 0) this.#shelves.delete(shelf.name);
    this.#bytes -= block.length + ENTRY_OVERHEAD_BYTES;
  }
}
