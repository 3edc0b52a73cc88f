/**
 * The part of the WebAssembly interface this room uses.
 *
 * The compiler's own description comes only together with that of a browser; declaring it globally
 * would collide with a user's. These shapes are what `WebAssembly.Memory` and friends already have,
 * so values pass both ways without a cast.
 */
import { InsulaError, assert } from "../base/errors.ts";

/** Bytes of one page, the unit memories grow by. Source: WebAssembly specification, 4.2.8. */
export const PAGE_BYTES = 65_536;
/** Pages of the largest memory: 4 GiB. Source: 32-bit addresses. */
export const PAGES_MAX = 65_536;

/** A `WebAssembly.Memory` made with `shared: true`; structured-cloneable to other threads. */
export interface SharedMemory {
  /** A new object after each growth; the old one keeps its old length. */
  readonly buffer: SharedArrayBuffer;
  /** Adds pages; returns how many there were. Throws a RangeError when they are not to be had. */
  grow(pages: number): number;
}

/** A memory of one thread alone. Growing it detaches all earlier views. */
export interface OwnMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

declare const moduleBrand: unique symbol;
/** A compiled `WebAssembly.Module`; structured-cloneable to other threads. */
export interface WasmModule {
  readonly [moduleBrand]?: never;
}

interface MemoryDescriptor {
  readonly initial: number;
  readonly maximum: number;
  readonly shared: true;
}

interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly Memory: new (descriptor: MemoryDescriptor) => SharedMemory;
}

// The one cast: the global exists in every supported runtime, only its description does not.
const webAssembly = (globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface })
  .WebAssembly;

/**
 * Makes a shared memory of `initial` pages that may grow to `maximum`. Reserves address space for
 * all.
 */
export type CreateMemory = (initial: number, maximum: number) => SharedMemory;

export const createSharedMemory: CreateMemory = (initial, maximum) =>
  new webAssembly.Memory({ initial, maximum, shared: true });

/**
 * Makes this thread see at least `bytes` of a memory that another thread has grown.
 *
 * A memory that arrives by message while its sender grows it can keep its short `buffer` on the
 * receiving thread for good (V8 of Node 20: 297 of 12,000 hand-overs under stress). Growing it by
 * nothing makes the runtime look again. Cost: none when the buffer is long enough.
 */
export function catchUp(memory: SharedMemory, bytes: number): void {
  if (memory.buffer.byteLength >= bytes) return;
  memory.grow(0);
  assert(memory.buffer.byteLength >= bytes, "a memory is as long here as where it was grown");
}

/**
 * Compiles a module, synchronously: ours have 2 to 10 kB; the larger one took 4.5 ms (Node 20,
 * shared machine).
 *
 * @throws InsulaError `format_unsupported` for bytes that are no module this runtime can run.
 */
export function compileModule(bytes: Uint8Array): WasmModule {
  try {
    return new webAssembly.Module(bytes);
  } catch (cause) {
    throw new InsulaError(
      "format_unsupported",
      "Cannot compile a WebAssembly module: expected SIMD128 and threads to be available and the bytes to be those of scripts/build-kernels.mjs.",
      { cause },
    );
  }
}

/** Instantiates a module; the second argument is what it imports as `env`. */
export function instantiate(
  module: WasmModule,
  environment: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return new webAssembly.Instance(module, { env: environment }).exports;
}
