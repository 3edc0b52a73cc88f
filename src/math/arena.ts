/**
 * One shared WebAssembly memory and the allocator of its bytes.
 *
 * Layout: page 0 (64 KiB) is nobody's, so that offset 0 can mean "none" in a kernel call and a
 * stray write near it hits no tenant. Behind it blocks of 4 KiB to 1 GiB; a block of 2^n bytes
 * begins at 64 KiB plus a multiple of 2^n, so the first gibibyte block needs a memory of one
 * gibibyte, not two. What is allocated begins like a block and is cut at its end.
 */
import { assert } from "../base/errors.ts";
import { BuddyAllocator } from "./buddy.ts";
import { PAGE_BYTES } from "./wasm.ts";
import type { SharedMemory } from "./wasm.ts";

/** Smallest block, bytes: one page of the operating system. */
export const BLOCK_BYTES_MIN = 4_096;
/** Largest block, bytes. Source: a segment keeps at most 1 GiB resident. */
export const BLOCK_BYTES_MAX = 1_073_741_824;

const ORDER_MAX = Math.log2(BLOCK_BYTES_MAX / BLOCK_BYTES_MIN);

/** Order of the smallest block that holds so many bytes. */
export function orderOf(bytes: number): number {
  return Math.max(0, Math.ceil(Math.log2(bytes / BLOCK_BYTES_MIN)));
}

/**
 * Blocks taken for so many bytes, in units of the smallest: at most an eighth of the next power of
 * two more than needed. Exact fits would leave pieces too small to be of use.
 */
function unitsOf(bytes: number): number {
  const step = 2 ** Math.max(0, orderOf(bytes) - 3);
  return Math.ceil(bytes / BLOCK_BYTES_MIN / step) * step;
}

export class Arena {
  readonly memory: SharedMemory;
  /** Bytes the memory may reach. */
  readonly bytesMax: number;
  readonly #blocks: BuddyAllocator = new BuddyAllocator(ORDER_MAX);

  /** Takes a memory of one page. */
  constructor(memory: SharedMemory, bytesMax: number) {
    assert(memory.buffer.byteLength === PAGE_BYTES, "a new arena has one page");
    this.memory = memory;
    this.bytesMax = bytesMax;
  }

  /** Bytes of the memory, page 0 included. */
  get capacityBytes(): number {
    return PAGE_BYTES + this.#blocks.capacity * BLOCK_BYTES_MIN;
  }

  /** Bytes of all blocks handed out. */
  get usedBytes(): number {
    return this.#blocks.used * BLOCK_BYTES_MIN;
  }

  /** Offset of a block for so many bytes, or 0 when the memory has to grow first. */
  allocate(bytes: number): number {
    const unit = this.#blocks.allocateUnits(unitsOf(bytes));
    return unit < 0 ? 0 : PAGE_BYTES + unit * BLOCK_BYTES_MIN;
  }

  free(offset: number, bytes: number): void {
    const unit = (offset - PAGE_BYTES) / BLOCK_BYTES_MIN;
    assert(Number.isInteger(unit) && unit >= 0, "a freed extent begins where a block can begin");
    this.#blocks.freeUnits(unit, unitsOf(bytes));
  }

  /** Bytes the memory must have so that {@link allocate} succeeds; may exceed {@link bytesMax}. */
  capacityFor(bytes: number): number {
    return PAGE_BYTES + this.#blocks.capacityFor(orderOf(bytes)) * BLOCK_BYTES_MIN;
  }

  /**
   * Grows the memory to at least so many bytes. Threads that run in it are not disturbed; their
   * views end where it ended. Cost: microseconds, the pages are touched later.
   *
   * @throws RangeError of the runtime when the system refuses.
   */
  grow(capacityBytes: number): void {
    const pages = Math.ceil((capacityBytes - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (pages <= 0) return;
    this.memory.grow(pages);
    this.#blocks.extend((this.memory.buffer.byteLength - PAGE_BYTES) / BLOCK_BYTES_MIN);
  }
}
