/**
 * Verified blocks kept in memory, bounded in bytes; what was not used goes first.
 *
 * Which goes is decided by second chance (CLOCK): a use only marks a block and costs a look into
 * the map, nothing else. Strict order of use would move the block in the map each time, a tenth of
 * a whole query over a small tenant.
 *
 * Nothing is ever invalidated: what is no longer asked for grows old and goes.
 */
import { PassingBuffers } from "./passing-buffers.ts";

/**
 * What a block costs beside its bytes: map entry, key, array object. Source: heap differences, Node
 * 20.
 */
const ENTRY_OVERHEAD_BYTES = 200;

/** Most blocks of a table have little more than 4 KiB. */
const PASSING = { smallest: 8_192, largest: 65_536, keptBytes: 2_097_152 };

/** Most blocks are numbered; what has no number has a name. */
export type BlockName = number | string;

/** A block that is kept, and where it is found. */
interface Kept {
  readonly shelf: BlockShelf;
  readonly name: BlockName;
  readonly block: Uint8Array;
  /** Since it was last considered for going. */
  isUsed: boolean;
}

/** The blocks of one owner: a number is found without making a name of it first. */
export class BlockShelf {
  readonly name: string;
  readonly #cache: BlockCache;
  /** Of the cache alone. */
  readonly blocks: Map<BlockName, Kept> = new Map();

  constructor(cache: BlockCache, name: string) {
    this.#cache = cache;
    this.name = name;
  }

  /** The block, for reading only; it is given a second chance. */
  get(name: BlockName): Uint8Array | undefined {
    const kept = this.blocks.get(name);
    if (kept === undefined) return undefined;
    kept.isUsed = true;
    return kept.block;
  }

  /** The same for one who passes by: it is not made to stay for him. */
  peek(name: BlockName): Uint8Array | undefined {
    return this.blocks.get(name)?.block;
  }

  /**
   * Keeps the block from now on; nobody may change it. A block larger than the whole cache is not
   * kept. Pass bytes that own their memory: a view would keep more alive than is counted.
   */
  set(name: BlockName, block: Uint8Array): void {
    this.#cache.keep(this, name, block);
  }
}

export class BlockCache {
  /** Where blocks are read that are not to be kept. */
  readonly passing: PassingBuffers = new PassingBuffers(PASSING);
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
  keep(asked: BlockShelf, name: BlockName, block: Uint8Array): void {
    // Two owners of one name have one shelf from the first block on.
    const shelf = this.#shelves.get(asked.name) ?? asked;
    this.#remove(shelf.blocks.get(name));
    const cost = costOf(name, block);
    if (cost > this.#bytesMax) return;
    this.#shelves.set(shelf.name, shelf);
    const kept = { shelf, name, block, isUsed: false };
    shelf.blocks.set(name, kept);
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
    const { shelf, name, block } = kept;
    this.#kept.delete(kept);
    shelf.blocks.delete(name);
    if (shelf.blocks.size === 0) this.#shelves.delete(shelf.name);
    this.#bytes -= costOf(name, block);
  }
}

function costOf(name: BlockName, block: Uint8Array): number {
  return block.length + ENTRY_OVERHEAD_BYTES + (typeof name === "string" ? name.length : 0);
}
