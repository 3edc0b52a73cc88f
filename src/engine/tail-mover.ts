/**
 * Copies small tails from the oldest log file to the head of the log, so that the file can go and
 * no tenant gets a segment for a handful of records. Frames are copied as they lie there, sealed
 * and under their own sequence numbers; no shard is woken and no key is needed.
 *
 * Copying is paid for by appending: of each byte that tenants append, {@link TAIL_MOVE_SHARE} bytes
 * may be copied. What is not covered is flushed, and so leaves the log for good. The log is
 * therefore written at most 1 + TAIL_MOVE_SHARE times what it was given, whatever the load; and
 * each byte of a tail goes into at most one first segment.
 */
import { allDone } from "../base/all-done.ts";
import type { ShardUid } from "../base/brands.ts";
import { sleep, type Clock } from "../io/index.ts";
import { tailBytes, type TailExtent } from "../shard/index.ts";
import type { LogFooter, LogFrameHeader, NodeLog } from "../storage/index.ts";
import type { Catalog } from "./catalog.ts";

/** Bytes that may be copied for each byte appended otherwise. */
export const TAIL_MOVE_SHARE = 0.5;
/** Bytes copied a second, so that writers hardly notice. */
export const TAIL_MOVE_BYTES_PER_SECOND = 16_777_216;
/** Copied before the rate is looked at. */
export const STEP_BYTES = 262_144;
/** Of a frame besides its payload: directory entry, and its part of a group's header. */
const FRAME_OVERHEAD_BYTES = 256;

export interface TailMoverOptions {
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly catalog: Catalog;
  /** A tail of at least this much is worth a segment. */
  readonly smallTailBytesMax: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

export class TailMover {
  readonly #options: TailMoverOptions;
  /** Copied since the last wait. */
  #unpaidBytes = 0;
  /** Being copied: not among the moved bytes yet. */
  #comingBytes = 0;

  constructor(options: TailMoverOptions) {
    this.#options = options;
  }

  /**
   * Copies what the shard has in the file of the footer, when its tail is small and appends have
   * paid for it.
   *
   * @returns false: nothing was done, the tail is to be flushed.
   * @throws InsulaError `data_damaged` when a frame cannot be read, or what an append throws.
   */
  async move(uid: ShardUid, footer: LogFooter): Promise<boolean> {
    const { catalog, smallTailBytesMax } = this.#options;
    const state = await catalog.acquireShard(uid);
    if (state === undefined) return false;
    try {
      if (tailBytes(state) >= smallTailBytesMax) return false;
      const { file } = footer.place;
      const extents = state.tail.filter((extent) => extent.file === file);
      const bytes = extents.reduce((sum, { length }) => sum + length + FRAME_OVERHEAD_BYTES, 0);
      if (bytes > this.#creditBytes) return false;
      const headers = new Map(footer.entriesOf(uid).map((entry) => [entry.extent.offset, entry]));
      this.#comingBytes += bytes;
      try {
        await allDone(
          extents.map(async (extent) => {
            const header = headers.get(extent.offset);
            if (header === undefined) return;
            const moved = await this.#copy(header, extent);
            catalog.noteMoved(state, extent.sequenceLast, moved);
          }),
        );
      } finally {
        this.#comingBytes -= bytes;
      }
      this.#unpaidBytes += bytes;
      return true;
    } finally {
      catalog.releaseShard(state);
    }
  }

  /** Waits as long as what was copied takes at the allowed rate. */
  async rest(): Promise<void> {
    const { clock, signal } = this.#options;
    if (this.#unpaidBytes < STEP_BYTES || signal.aborted) return;
    const ms = (this.#unpaidBytes * 1_000) / TAIL_MOVE_BYTES_PER_SECOND;
    this.#unpaidBytes = 0;
    await sleep(clock, ms, signal).catch(() => undefined);
  }

  async #copy(header: LogFrameHeader, extent: TailExtent): ReturnType<NodeLog["append"]> {
    const { log } = this.#options;
    const { shard, kind, isSealed, sequenceFirst, sequenceLast, netRows, netBytes } = header;
    const parts = [await log.read(extent)];
    const place = { shard, kind, sequenceFirst, sequenceLast, netRows, netBytes };
    return log.append({ ...place, isSealed, isMoved: true, parts });
  }

  get #creditBytes(): number {
    const { bytes, movedBytes } = this.#options.log.counters;
    return (bytes - movedBytes) * TAIL_MOVE_SHARE - movedBytes - this.#comingBytes;
  }
}
