/**
 * The shared memory of all searches: arenas, the kernels over each, and scratch for the scans.
 *
 * Arenas and scratch are given out by the control thread alone. A worker sees the same memories
 * through {@link ThreadMemory}, which learns of each new arena before any job that names it.
 */
import { assert } from "../base/errors.ts";
import {
  KernelSet,
  RowScanner,
  SCRATCH_BYTES,
  type ArenaPool,
  type Extent,
  type Kernels,
  type SharedMemory,
  type WasmModule,
} from "../math/index.ts";
import type { GraphWalker } from "./graph/graph-walker.ts";

/** Topic under which workers hear of a new arena. */
export const ARENA_TOPIC = "vector/arena";

/** Scratch kept in an arena while nobody searches, each about a mebibyte. */
export const IDLE_SCANNERS_MAX = 8;

export interface ArenaNews {
  readonly arena: number;
  readonly memory: SharedMemory;
}

/** Where bytes of an extent are seen: the same on every thread. */
export interface MemoryViews {
  readonly kernelModule: WasmModule;
  memory(arena: number): SharedMemory;
}

/** Arenas and kernels as one thread sees them. */
export class ThreadMemory implements MemoryViews {
  readonly kernelModule: WasmModule;
  readonly #kernels: KernelSet;
  readonly #memories = new Map<number, SharedMemory>();

  constructor(module: WasmModule) {
    this.kernelModule = module;
    this.#kernels = new KernelSet(module);
  }

  add(news: ArenaNews): void {
    this.#memories.set(news.arena, news.memory);
  }

  memory(arena: number): SharedMemory {
    const memory = this.#memories.get(arena);
    assert(memory !== undefined, "an arena this thread was told of");
    return memory;
  }

  kernels(arena: number): Kernels {
    return this.#kernels.kernelsFor(this.memory(arena));
  }

  /** A scanner on a leased scratch extent. */
  scanner(scratch: Extent): RowScanner {
    return new RowScanner(this.kernels(scratch.arena), this.memory(scratch.arena), scratch);
  }
}

export interface LeasedScanner {
  readonly scratch: Extent;
  readonly scanner: RowScanner;
  /** In the same scratch; made by the first walk. */
  walker?: GraphWalker;
}

/** The control thread's view: also allocates. */
export class SearchMemory extends ThreadMemory {
  readonly arenas: ArenaPool;
  readonly #idle = new Map<number, LeasedScanner[]>();

  constructor(module: WasmModule, arenas: ArenaPool) {
    super(module);
    this.arenas = arenas;
    arenas.onArena((arena, memory) => {
      this.add({ arena, memory });
    });
  }

  /**
   * Scratch in the arena of the rows to be scanned, with a scanner of this thread on it; give it
   * back with {@link SearchMemory.giveBack}.
   *
   * @throws InsulaError `memory_exhausted`.
   */
  lease(arena: number): LeasedScanner {
    const idle = this.#idle.get(arena)?.pop();
    if (idle !== undefined) return idle;
    const scratch = this.arenas.allocateIn(arena, SCRATCH_BYTES);
    return { scratch, scanner: this.scanner(scratch) };
  }

  /** Frees the scratch that nobody uses, when memory has run out. */
  releaseIdle(): void {
    for (const idle of this.#idle.values()) {
      for (const { scratch } of idle.splice(0)) this.arenas.free(scratch);
    }
  }

  /** A few are kept; of a burst of searches the others' memory is everybody's again. */
  giveBack(leased: LeasedScanner): void {
    const { scratch } = leased;
    const idle = this.#idle.get(scratch.arena);
    if (idle === undefined) this.#idle.set(scratch.arena, [leased]);
    else if (idle.length < IDLE_SCANNERS_MAX) idle.push(leased);
    else this.arenas.free(scratch);
  }
}
