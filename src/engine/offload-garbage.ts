/**
 * Objects of offloads that nobody needs any more: of tenants that came back, that were deleted, and
 * of tries that failed. Rows of the catalogue remember them; they are removed in the background
 * after a time of grace, and tried again until the store lists nothing of them.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { ShardUid } from "../base/brands.ts";
import { offloadShardPrefix as shardPrefix, removeOffload } from "../backup/index.ts";
import { InsulaError } from "../base/errors.ts";
import type { Clock, Timer } from "../io/index.ts";
import type { Catalog } from "./catalog.ts";
import {
  GARBAGE_OFFLOAD_PREFIX,
  endOfPrefix,
  garbageOffloadKey,
  prefixOfGarbageKey,
  type EncodedKey,
} from "./catalog-keys.ts";
import type { RemoteStore } from "./remote-store.ts";

/** Between two looks. */
export const OFFLOAD_SWEEP_MS = 60_000;
/**
 * Objects stay so long after nobody needs them. Source: a copy of the data folder may need them.
 */
export const OFFLOAD_GRACE_MS = 3_600_000;
/** Rows looked at in one step. */
const STEP_ROWS = 256;

export interface OffloadGarbageDoors {
  readonly catalog: Pick<Catalog, "scan" | "get" | "note" | "forget">;
  readonly clock: Clock;
  readonly remote: RemoteStore;
  readonly graceMs: number;
  readonly onFault: (error: unknown) => void;
}

export class OffloadGarbage {
  readonly #doors: OffloadGarbageDoors;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #ending = new AbortController();

  constructor(doors: OffloadGarbageDoors) {
    this.#doors = doors;
    if (doors.remote.isConfigured) this.#schedule();
  }

  /** Removes what is due; resolves when it was tried. */
  sweep(): Promise<void> {
    const { onFault } = this.#doors;
    this.#running = this.#running.then(() => this.#sweepOnce()).catch(onFault);
    return this.#running;
  }

  /**
   * Removes all copies of a shard that is gone, whatever grace they have left. A failure leaves
   * them to the sweep.
   *
   * @returns true when nothing of them is in the store, false when something may be; undefined when
   *   there was no copy.
   */
  async removeShard(shard: ShardUid): Promise<boolean | undefined> {
    const { catalog, onFault } = this.#doors;
    const start = garbageOffloadKey(shardPrefix(shard));
    let isRemoved: boolean | undefined;
    for (;;) {
      const range = { start, end: endOfPrefix(start), limit: STEP_ROWS };
      const rows = await catalog.scan(range);
      try {
        for (const [key] of rows) await this.#remove(key);
        if (rows.length > 0) isRemoved = true;
      } catch (error) {
        onFault(error);
        return false;
      }
      if (rows.length < STEP_ROWS) return isRemoved;
    }
  }

  /** Gives up the removal under way. */
  async stop(): Promise<void> {
    this.#ending.abort(new InsulaError("engine_closed", "The engine is closed."));
    this.#timer?.cancel();
    await this.#running;
  }

  #schedule(): void {
    this.#timer = this.#doors.clock.after(OFFLOAD_SWEEP_MS, () => {
      void this.sweep().then(() => {
        if (!this.#ending.signal.aborted) this.#schedule();
      });
    });
  }

  async #sweepOnce(): Promise<void> {
    const { catalog, clock, graceMs } = this.#doors;
    let start = GARBAGE_OFFLOAD_PREFIX;
    for (;;) {
      const end = endOfPrefix(GARBAGE_OFFLOAD_PREFIX);
      const rows = await catalog.scan({ start, end, limit: STEP_ROWS, startIsExclusive: true });
      for (const [key, value] of rows) {
        if (this.#ending.signal.aborted) return;
        start = key;
        const nowMs = clock.wallMs();
        const dueMs = value.length === 0 ? undefined : new ByteReader(value).float64();
        if (dueMs === undefined) {
          catalog.note(key, new ByteWriter(8).float64(nowMs + graceMs).finish());
        }
        if (dueMs === undefined || dueMs > nowMs) continue;
        // One that cannot be removed now keeps no other from it.
        await this.#remove(key).catch((error: unknown) => {
          if (!this.#ending.signal.aborted) this.#doors.onFault(error);
        });
      }
      if (rows.length < STEP_ROWS) return;
    }
  }

  async #remove(key: EncodedKey): Promise<void> {
    const { remote, catalog } = this.#doors;
    const store = await remote.openUntil(this.#ending.signal);
    await removeOffload(store, prefixOfGarbageKey(key));
    // Found again after a crash, its objects are removed once more, which changes nothing.
    catalog.forget(key);
  }
}
