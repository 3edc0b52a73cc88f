import { assert } from "../base/errors.ts";
import type { SharedMemory } from "./wasm.ts";

/**
 * A contiguous run of bytes inside one arena. Plain numbers, so that a job can name it to a worker.
 * Whoever allocated it frees it, once, after the last job that may read it has answered.
 */
export interface Extent {
  /** Number of the arena, as told by `ArenaPool.onArena`. */
  readonly arena: number;
  /** Byte offset in the memory of the arena, a multiple of 4,096 and never 0. */
  readonly offset: number;
  /** Bytes asked for. The block behind it may be longer; what lies there is nobody's. */
  readonly bytes: number;
}

/**
 * The bytes of an extent. Take views anew for each job: a view made before a growth stays valid for
 * what it covers but ends where the memory ended then.
 */
export function extentBytes(memory: SharedMemory, extent: Extent): Uint8Array<SharedArrayBuffer> {
  assertInside(memory, extent);
  return new Uint8Array(memory.buffer, extent.offset, extent.bytes);
}

/** The whole float32 values of an extent, as {@link extentBytes}. */
export function extentFloat32(
  memory: SharedMemory,
  extent: Extent,
): Float32Array<SharedArrayBuffer> {
  assertInside(memory, extent);
  return new Float32Array(memory.buffer, extent.offset, Math.floor(extent.bytes / 4));
}

/** The whole uint32 values of an extent, as {@link extentBytes}. */
export function extentUint32(memory: SharedMemory, extent: Extent): Uint32Array<SharedArrayBuffer> {
  assertInside(memory, extent);
  return new Uint32Array(memory.buffer, extent.offset, Math.floor(extent.bytes / 4));
}

function assertInside(memory: SharedMemory, extent: Extent): void {
  assert(
    extent.offset + extent.bytes <= memory.buffer.byteLength,
    "an extent lies inside the memory of its arena",
  );
}
