/**
 * Keeps the node log within its budget: small tails in the oldest file are moved to the head of the
 * log, others become segments, then the file goes. A file may go when the catalogue's flushed position is past it and no shard's tail is
 * in it; its own footer says whose frames it holds, so nothing is remembered per tenant.
 */
import { toShardUid, type ShardUid } from "../base/brands.ts";
import { isInsulaError } from "../base/errors.ts";
import type { Clock, Timer } from "../io/index.ts";
import type { LogFooter, NodeLog } from "../storage/index.ts";
import type { Catalog } from "./catalog.ts";
import { TailMover } from "./tail-mover.ts";

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
  /** A shard with less than this in the log is moved rather than flushed. */
  readonly smallTailBytesMax: number;
  /** True while frames of the file are needed that no tail names, or are being read. */
  readonly isHeld: (file: number) => boolean;
  readonly onFault: (error: unknown) => void;
}

export class LogCleaner {
  readonly #options: LogCleanerOptions;
  readonly #stop = new AbortController();
  readonly #mover: TailMover;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
    this.#mover = new TailMover({ ...options, signal: this.#stop.signal });
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#timer?.cancel();
    await this.#running;
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
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
      // Files go in their order, or the log would have a hole: one that must stay holds all.
      if (!(await this.#retire(oldest))) return;
    }
  }

  /** False when the file must stay for now, or the cleaner was stopped. */
  async #retire(file: number): Promise<boolean> {
    const { log, catalog, clock, isHeld } = this.#options;
    // Looked at twice: frames come into a file under a hold before a tail names them, and whoever
    // reads a tail took its hold while the tail named them.
    if (isHeld(file)) return false;
    const footer = await log.readFooter(file);
    let previous: ShardUid | undefined;
    for (let n = 0; n < footer.count && !this.#isStopped; n++) {
      if (n % STEP_ENTRIES === STEP_ENTRIES - 1) await clock.yield();
      const uid = toShardUid(Uint8Array.from(footer.entry(n).shard));
      // Entries are in the order of shards.
      if (previous !== undefined && Buffer.compare(uid, previous) === 0) continue;
      previous = uid;
      const state = await catalog.readShard(uid);
      if (state?.tail.some((extent) => extent.file === file) !== true) continue;
      await this.#empty(uid, footer);
      const left = await catalog.readShard(uid);
      // A damaged shard cannot be flushed: its log is kept, the budget notwithstanding.
      if (left?.tail.some((extent) => extent.file === file) === true) return false;
      await this.#mover.rest();
    }
    if (this.#isStopped || isHeld(file)) return false;
    await log.removeFile(file);
    return true;
  }

  async #empty(uid: ShardUid, footer: LogFooter): Promise<void> {
    try {
      if (!(await this.#mover.move(uid, footer))) await this.#options.flushShard(uid);
    } catch (error) {
      if (!isInsulaError(error) || error.code !== "tenant_not_found") this.#options.onFault(error);
    }
  }
}
