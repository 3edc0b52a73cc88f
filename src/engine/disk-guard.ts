/**
 * Refuses what takes room before the disk is full, so that there is always enough left to delete,
 * to flush and to stop. Looks at the disk once a second; when somebody has made room, writes are
 * taken again by themselves.
 */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { Clock, DiskRoom, FileSystem, Timer } from "../io/index.ts";

/** Time between two looks. */
const LOOK_INTERVAL_MS = 1_000;
/** A write that finds the last look older than this looks first: a fast writer outruns a second. */
const LOOK_AGE_MS_MAX = 10;
/** Bytes kept free when nobody says it: this share of the disk, but at most so many. */
const RESERVE_SHARE = 0.1;
const RESERVE_BYTES_MAX = 1_073_741_824;
/** Writes are taken again above this multiple of the reserve: no flapping at the edge. */
const RESUME_FACTOR = 1.1;

export interface DiskGuardOptions {
  readonly clock: Clock;
  readonly files: Pick<FileSystem, "room">;
  /** Bytes to keep free; 0 for none. Absent: a tenth of the disk, at most 1 GiB. */
  readonly reserveBytes: number | undefined;
  readonly onFault: (error: unknown) => void;
}

export class DiskGuard {
  readonly #options: DiskGuardOptions;
  #room: DiskRoom | undefined;
  #isLow = false;
  #lookedAtMs = 0;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  private constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** Looks once, then once a second until {@link DiskGuard.stop}. */
  static async open(options: DiskGuardOptions): Promise<DiskGuard> {
    const guard = new DiskGuard(options);
    await guard.look();
    if (guard.#room !== undefined) guard.#schedule();
    return guard;
  }

  /** True while there is less room than is to be kept. */
  get isLow(): boolean {
    return this.#isLow;
  }

  /** Undefined on a body without a bound. */
  get freeBytes(): number | undefined {
    return this.#room?.freeBytes;
  }

  /** Free bytes above those that are kept, 0 when there are fewer; infinite without a bound. */
  get spareBytes(): number {
    const free = this.freeBytes ?? Number.POSITIVE_INFINITY;
    return Math.max(0, free - this.reserveBytes);
  }

  get reserveBytes(): number {
    const { reserveBytes } = this.#options;
    if (reserveBytes !== undefined) return reserveBytes;
    return Math.min(RESERVE_BYTES_MAX, (this.#room?.totalBytes ?? 0) * RESERVE_SHARE);
  }

  /**
   * Runs what takes room.
   *
   * @throws InsulaError `disk_full` at once while there is too little; what `task` throws.
   */
  async run<Value>(task: () => Promise<Value>): Promise<Value> {
    const { clock } = this.#options;
    if (this.#room !== undefined && clock.monotonicMs() - this.#lookedAtMs > LOOK_AGE_MS_MAX) {
      await this.look();
    }
    if (this.#isLow) throw this.#refusal();
    try {
      return await task();
    } catch (error) {
      // Faster than the clock: the next caller is refused without a try.
      if (isInsulaError(error) && error.code === "disk_full") await this.look();
      throw error;
    }
  }

  /** Looks at the disk now; one look at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  async #lookOnce(): Promise<void> {
    this.#lookedAtMs = this.#options.clock.monotonicMs();
    try {
      this.#room = await this.#options.files.room();
    } catch (error) {
      // Not known is not low: a write that does not fit is refused by the disk itself.
      this.#options.onFault(error);
      this.#room = undefined;
    }
    const free = this.#room?.freeBytes ?? Number.POSITIVE_INFINITY;
    this.#isLow = free < this.reserveBytes * (this.#isLow ? RESUME_FACTOR : 1);
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(LOOK_INTERVAL_MS, () => {
      void this.look().finally(() => {
        if (!this.#isStopped) this.#schedule();
      });
    });
  }

  #refusal(): InsulaError {
    const freeBytes = this.freeBytes ?? 0;
    const reserveBytes = Math.round(this.reserveBytes);
    return new InsulaError(
      "disk_full",
      `Cannot write: the disk is almost full: ${String(freeBytes)} bytes are free, ` +
        `${String(reserveBytes)} are kept (diskReserve). Reading and deleting go on. Make room: ` +
        "writes are taken again by themselves.",
      { details: { freeBytes, reserveBytes }, retryAfterMs: LOOK_INTERVAL_MS * 5 },
    );
  }
}
