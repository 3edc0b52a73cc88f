/**
 * Keeps the node log within its budget: tails in the oldest file become small segments, then the
 * file goes. A file may go when the catalogue's flushed position is past it and no shard's tail is
 * in it; its own footer says whose frames it holds, so nothing is remembered per tenant.
 */
import { toShardUid, type ShardUid } from "../base/brands.ts";
import { isInsulaError } from "../base/errors.ts";
import type { Clock, Timer } from "../io/index.ts";
import type { NodeLog } from "../storage/index.ts";
import type { Catalog } from "./catalog.ts";

const INTERVAL_MS = 1_000;
/** Log files between the catalogue's last flush and the end. */
const REPLAY_FILES_MAX = 1;
/** Entries of a footer looked at before the thread is given back. */
const STEP_ENTRIES = 512;

export interface LogCleanerOptions {
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly catalog: Catalog;
  readonly flushShard: (uid: ShardUid) => Promise<void>;
  readonly logBytesMax: number;
  readonly onFault: (error: unknown) => void;
}

export class LogCleaner {
  readonly #options: LogCleanerOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(INTERVAL_MS, () => {
      this.#running = this.#clean()
        .catch(this.#options.onFault)
        .finally(() => {
          this.#running = undefined;
          if (!this.#isStopped) this.#schedule();
        });
    });
  }

  async #clean(): Promise<void> {
    const { log, catalog, logBytesMax } = this.#options;
    // A start after a crash reads the log from here: keep that short.
    if (log.position.file - catalog.recoverFrom.file > REPLAY_FILES_MAX) await catalog.flush();
    while (log.bytes > logBytesMax && !this.#isStopped) {
      let [oldest] = log.filesBefore(catalog.recoverFrom);
      if (oldest === undefined) {
        await catalog.flush();
        [oldest] = log.filesBefore(catalog.recoverFrom);
      }
      // Only the file that is written is left: there is nothing to win.
      if (oldest === undefined) return;
      // Held by a shard that cannot be flushed: the next round looks again.
      if (!(await this.#retire(oldest))) return;
    }
  }

  /** False when the file must stay. */
  async #retire(file: number): Promise<boolean> {
    const { log, catalog, clock } = this.#options;
    const footer = await log.readFooter(file);
    for (let n = 0; n < footer.count && !this.#isStopped; n++) {
      if (n % STEP_ENTRIES === STEP_ENTRIES - 1) await clock.yield();
      const uid = toShardUid(Uint8Array.from(footer.entry(n).shard));
      const state = await catalog.readShard(uid);
      if (state?.tail.some((extent) => extent.file === file) !== true) continue;
      await this.#flush(uid);
      const left = await catalog.readShard(uid);
      // A damaged shard cannot be flushed: its log is kept, the budget notwithstanding.
      if (left?.tail.some((extent) => extent.file === file) === true) return false;
    }
    if (this.#isStopped) return false;
    await log.removeFile(file);
    return true;
  }

  async #flush(uid: ShardUid): Promise<void> {
    try {
      await this.#options.flushShard(uid);
    } catch (error) {
      if (!isInsulaError(error) || error.code !== "tenant_not_found") this.#options.onFault(error);
    }
  }
}
