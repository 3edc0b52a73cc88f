/**
 * How a merge on a worker is held to what it is granted, and stopped: four counters in shared
 * memory. The control thread grants and stops, the worker counts what it has read and written and
 * waits while that is more than the grant.
 */
import { InsulaError } from "../base/errors.ts";
import { sleep, type Clock } from "../io/index.ts";

/** Places in the block; bytes are counted in KiB, so that 32 bits reach 2 TiB. */
const STOP = 0;
const GRANTED_KIB = 1;
const READ_KIB = 2;
const WRITTEN_KIB = 3;
const BLOCK_LENGTH = 4;
const KIB = 1_024;
/** A worker without a grant looks again after this long. */
const LOOK_AGAIN_MS = 10;
/** Other work of the thread gets its turn after so many bytes. */
const YIELD_BYTES = 256 * KIB;

/** Shared by the control thread and one merge. */
export type MergeBlock = Int32Array;

/** The control thread's side. */
export class MergeControl {
  readonly block: MergeBlock = new Int32Array(
    new SharedArrayBuffer(BLOCK_LENGTH * Int32Array.BYTES_PER_ELEMENT),
  );

  get grantedBytes(): number {
    return Atomics.load(this.block, GRANTED_KIB) * KIB;
  }

  get readBytes(): number {
    return Atomics.load(this.block, READ_KIB) * KIB;
  }

  get writtenBytes(): number {
    return Atomics.load(this.block, WRITTEN_KIB) * KIB;
  }

  /** @param bytes a multiple of 1,024. */
  grant(bytes: number): void {
    Atomics.add(this.block, GRANTED_KIB, Math.floor(bytes / KIB));
  }

  /** The merge ends at its next read or write. */
  stop(): void {
    Atomics.store(this.block, STOP, 1);
  }
}

/** The worker's side: told of each read and write. */
export class MergePace {
  readonly #block: MergeBlock;
  readonly #clock: Clock;
  readonly #untold = { read: 0, written: 0 };
  #sinceYield = 0;

  constructor(block: MergeBlock, clock: Clock) {
    this.#block = block;
    this.#clock = clock;
  }

  /** @throws InsulaError `engine_closed` when the merge was stopped. */
  read(bytes: number): Promise<void> {
    this.#untold.read = this.#tell(READ_KIB, this.#untold.read + bytes);
    return this.#keep(bytes);
  }

  /** @throws InsulaError `engine_closed` when the merge was stopped. */
  written(bytes: number): Promise<void> {
    this.#untold.written = this.#tell(WRITTEN_KIB, this.#untold.written + bytes);
    return this.#keep(bytes);
  }

  /**
   * Between two slices of arithmetic: other work of the thread gets its turn.
   *
   * @throws InsulaError `engine_closed` when the merge was stopped.
   */
  async turn(): Promise<void> {
    this.#checkStop();
    await this.#clock.yield();
  }

  /** Counts whole KiB; the rest is kept for the next time. */
  #tell(place: number, bytes: number): number {
    if (bytes >= KIB) Atomics.add(this.#block, place, Math.floor(bytes / KIB));
    return bytes % KIB;
  }

  async #keep(bytes: number): Promise<void> {
    this.#checkStop();
    this.#sinceYield += bytes;
    if (this.#sinceYield < YIELD_BYTES) return;
    this.#sinceYield = 0;
    await this.#clock.yield();
    while (this.#isAhead()) {
      this.#checkStop();
      await sleep(this.#clock, LOOK_AGAIN_MS);
    }
  }

  #isAhead(): boolean {
    const used = Atomics.load(this.#block, READ_KIB) + Atomics.load(this.#block, WRITTEN_KIB);
    return used > Atomics.load(this.#block, GRANTED_KIB);
  }

  #checkStop(): void {
    if (Atomics.load(this.#block, STOP) === 0) return;
    throw new InsulaError("engine_closed", "Cannot finish the merge: its shard is put to sleep.");
  }
}
