/**
 * All shared memory the kernels work on, in arenas of at most 4 GiB, under one budget.
 *
 * Small and large extents live in different arenas, so that a million small ones cannot cut up the
 * space a large one needs. Memory is never given back to the system (WebAssembly memory cannot
 * shrink): the budget counts capacity, not use.
 *
 * INVARIANT: one thread (control) allocates and frees. Other threads get memories and offsets.
 */
import { InsulaError, assert } from "../base/errors.ts";
import { Arena, BLOCK_BYTES_MAX, BLOCK_BYTES_MIN, orderOf } from "./arena.ts";
import { extentBytes, extentFloat32, extentUint32 } from "./extent.ts";
import type { Extent } from "./extent.ts";
import { PAGES_MAX, PAGE_BYTES, createSharedMemory } from "./wasm.ts";
import type { CreateMemory, SharedMemory } from "./wasm.ts";

/** Extents up to this many bytes live in arenas of their own. */
export const SMALL_EXTENT_BYTES_MAX = 1_048_576;
/**
 * An arena grows by multiples of this, bytes. Source: chosen, so that growth is rare; not tuned.
 */
export const ARENA_STEP_BYTES = 67_108_864;
/**
 * Below this many pages (64 MiB) an arena is not worth having: the search for address space ends.
 */
const ARENA_PAGES_MIN = 1_024;
/**
 * Arenas of one pool. Source: 13,085 reservations of 4 GiB exhaust the address space of a process.
 */
export const ARENAS_MAX = 4_096;

export interface ArenaPoolOptions {
  /** Capacity of all arenas together, bytes. */
  readonly bytesMax: number;
  /** Bytes an arena grows by. */
  readonly stepBytes?: number;
  /** Pages of one arena at most. */
  readonly arenaPagesMax?: number;
  /** How memories are made; tests pass one that refuses. */
  readonly createMemory?: CreateMemory;
}

export type ArenaListener = (arena: number, memory: SharedMemory) => void;

interface Space {
  readonly isSmall: boolean;
  readonly arena: Arena;
}

export class ArenaPool {
  readonly #bytesMax: number;
  readonly #stepBytes: number;
  readonly #createMemory: CreateMemory;
  readonly #spaces: Space[] = [];
  readonly #listeners: ArenaListener[] = [];
  #arenaPagesMax: number;

  constructor(options: ArenaPoolOptions) {
    this.#bytesMax = options.bytesMax;
    this.#stepBytes = options.stepBytes ?? ARENA_STEP_BYTES;
    this.#arenaPagesMax = Math.min(options.arenaPagesMax ?? PAGES_MAX, PAGES_MAX);
    this.#createMemory = options.createMemory ?? createSharedMemory;
    assert(this.#stepBytes > 0, "an arena grows by at least one byte");
  }

  /** Capacity that all arenas together may reach. */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** Bytes of all memories: what the ledger counts, and never falls. */
  get capacityBytes(): number {
    return this.#spaces.reduce((sum, { arena }) => sum + arena.capacityBytes, 0);
  }

  /** Bytes of all blocks handed out; a little more than was asked for. */
  get usedBytes(): number {
    return this.#spaces.reduce((sum, { arena }) => sum + arena.usedBytes, 0);
  }

  /**
   * Tells of every arena, those already there at once, later ones before an extent in them exists.
   * The owner hands the memories on to the worker threads.
   */
  onArena(listener: ArenaListener): void {
    this.#listeners.push(listener);
    for (const [number, { arena }] of this.#spaces.entries()) listener(number, arena.memory);
  }

  /**
   * A contiguous extent of `bytes`, 1 to 1 GiB. Its contents are whatever was there before: write
   * all of it, padding included, or {@link clear} it, before any other tenant's bytes can be read
   * from it.
   *
   * @throws InsulaError `resource_exhausted` / `memory_exhausted` when budget or system refuse.
   */
  allocate(bytes: number): Extent {
    assertSize(bytes);
    const isSmall = bytes <= SMALL_EXTENT_BYTES_MAX;
    for (const [number, space] of this.#spaces.entries()) {
      if (space.isSmall !== isSmall) continue;
      const offset = space.arena.allocate(bytes);
      if (offset !== 0) return { arena: number, offset, bytes };
    }
    for (const [number, space] of this.#spaces.entries()) {
      if (space.isSmall !== isSmall || space.arena.capacityFor(bytes) > space.arena.bytesMax)
        continue;
      return this.#allocateGrown(number, bytes);
    }
    const number = this.#addArena(isSmall, bytes);
    try {
      return this.#allocateGrown(number, bytes);
    } finally {
      // Told only now: one that grows while a worker receives it can stay short there (catchUp).
      for (const listener of this.#listeners) listener(number, this.memoryOf(number));
    }
  }

  /** As {@link allocate}, in one arena whatever the size: the scratch space of a thread. */
  allocateIn(arena: number, bytes: number): Extent {
    assertSize(bytes);
    const offset = this.#arena(arena).allocate(bytes);
    if (offset !== 0) return { arena, offset, bytes };
    if (this.#arena(arena).capacityFor(bytes) > this.#arena(arena).bytesMax) {
      throw exhausted(bytes, "the arena is full");
    }
    return this.#allocateGrown(arena, bytes);
  }

  /**
   * Gives an extent back. A second time, or for an extent of somewhere else, it is a broken
   * invariant.
   */
  free(extent: Extent): void {
    this.#arena(extent.arena).free(extent.offset, extent.bytes);
  }

  memoryOf(arena: number): SharedMemory {
    return this.#arena(arena).memory;
  }

  bytes(extent: Extent): Uint8Array<SharedArrayBuffer> {
    return extentBytes(this.memoryOf(extent.arena), extent);
  }

  float32(extent: Extent): Float32Array<SharedArrayBuffer> {
    return extentFloat32(this.memoryOf(extent.arena), extent);
  }

  uint32(extent: Extent): Uint32Array<SharedArrayBuffer> {
    return extentUint32(this.memoryOf(extent.arena), extent);
  }

  /** Overwrites an extent with zeros. */
  clear(extent: Extent): void {
    this.bytes(extent).fill(0);
  }

  #arena(number: number): Arena {
    const space = this.#spaces[number];
    assert(space !== undefined, "an extent names an arena of this pool");
    return space.arena;
  }

  #allocateGrown(number: number, bytes: number): Extent {
    const arena = this.#arena(number);
    const needed = arena.capacityFor(bytes);
    const left = this.#bytesMax - this.capacityBytes;
    if (needed - arena.capacityBytes > left) throw exhausted(bytes, "the budget is used up");
    const steps = Math.ceil((needed - PAGE_BYTES) / this.#stepBytes);
    const wanted = Math.min(
      PAGE_BYTES + steps * this.#stepBytes,
      arena.bytesMax,
      Math.floor((arena.capacityBytes + left) / PAGE_BYTES) * PAGE_BYTES,
    );
    try {
      arena.grow(Math.max(wanted, needed));
    } catch (cause) {
      throw exhausted(bytes, "the system gives no more memory", cause);
    }
    const offset = arena.allocate(bytes);
    assert(offset !== 0, "an arena grown for an extent has room for it");
    return { arena: number, offset, bytes };
  }

  #addArena(isSmall: boolean, bytes: number): number {
    const needed = PAGE_BYTES + 2 ** orderOf(bytes) * BLOCK_BYTES_MIN;
    if (needed > this.#bytesMax - this.capacityBytes)
      throw exhausted(bytes, "the budget is used up");
    if (this.#spaces.length === ARENAS_MAX) throw exhausted(bytes, "there are too many arenas");
    const memory = this.#makeMemory(bytes, needed);
    const arena = new Arena(memory, this.#arenaPagesMax * PAGE_BYTES);
    return this.#spaces.push({ isSmall, arena }) - 1;
  }

  /** Asks for less address space when 4 GiB are refused, and remembers what was given. */
  #makeMemory(bytes: number, needed: number): SharedMemory {
    let refusal: unknown;
    for (
      let pages = this.#arenaPagesMax;
      pages * PAGE_BYTES >= needed;
      pages = Math.floor(pages / 2)
    ) {
      try {
        const memory = this.#createMemory(1, pages);
        this.#arenaPagesMax = pages;
        return memory;
      } catch (cause) {
        refusal = cause;
        if (pages <= ARENA_PAGES_MIN) break;
      }
    }
    throw exhausted(bytes, "the system gives no address space", refusal);
  }
}

function assertSize(bytes: number): void {
  assert(
    Number.isInteger(bytes) && bytes >= 1 && bytes <= BLOCK_BYTES_MAX,
    "an extent has 1 byte to 1 GiB",
  );
}

function exhausted(bytes: number, reason: string, cause?: unknown): InsulaError {
  return new InsulaError(
    "memory_exhausted",
    `Cannot allocate an extent: ${reason}: expected room for ${String(bytes)} bytes.`,
    { details: { bytes }, ...(cause === undefined ? {} : { cause }) },
  );
}
