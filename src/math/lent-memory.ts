/**
 * Memories that a thread lends to whoever builds something small beside the arenas.
 *
 * Each memory takes 8 GiB and more of address space, whatever its length, and its instance a fifth
 * of a millisecond: made anew for every segment of a handful of records, they cost more than the
 * segment, and the space of a process ends at 128 TiB.
 */
import { assert } from "../base/errors.ts";
import { KernelSet, type Kernels } from "./kernel-set.ts";
import { PAGE_BYTES, createSharedMemory, type SharedMemory, type WasmModule } from "./wasm.ts";

/** Kept by a thread; builds that go on at the same time beyond them have memories of their own. */
const KEPT_MAX = 4;
/** Pages of those that are kept, 4 MiB; larger ones end with their borrower. */
const KEPT_PAGES_MAX = 64;

/** Its bytes are whatever the one before has left; the borrower's alone until it is given back. */
export interface LentMemory {
  readonly memory: SharedMemory;
  readonly kernels: Kernels;
}

/** Of this thread, by the module of their instances. */
const kept = new WeakMap<WasmModule, LentMemory[]>();

/** A memory of at least `bytes` that nobody had: all of it is 0. It ends with its owner. */
export function freshMemory(module: WasmModule, bytes: number): LentMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const memory = createSharedMemory(pages, Math.max(pages, KEPT_PAGES_MAX));
  return { memory, kernels: new KernelSet(module).kernelsFor(memory) };
}

/**
 * A memory of at least `bytes`, of a former borrower most often, so what is not written must not be
 * read. One that is never given back is collected like any object.
 */
export function lendMemory(module: WasmModule, bytes: number): LentMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const lent = pages > KEPT_PAGES_MAX ? undefined : kept.get(module)?.pop();
  if (lent === undefined) return freshMemory(module, bytes);
  const missing = pages - lent.memory.buffer.byteLength / PAGE_BYTES;
  if (missing > 0) lent.memory.grow(missing);
  return lent;
}

/** Ends a loan; once for each. */
export function giveBackMemory(module: WasmModule, lent: LentMemory): void {
  const free = kept.get(module) ?? [];
  kept.set(module, free);
  assert(!free.includes(lent), "a memory is given back once");
  const pages = lent.memory.buffer.byteLength / PAGE_BYTES;
  if (free.length < KEPT_MAX && pages <= KEPT_PAGES_MAX) free.push(lent);
}
