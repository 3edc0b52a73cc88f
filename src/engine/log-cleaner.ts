/**
 * Keeps the node log within its budget: small tails in the oldest file are moved to the head of the
 * log, others become segments, then the file goes. A file may go when the catalogue's flushed
 * position is past it and no shard's tail is in it; its own footer says whose frames it holds, so
 * nothing is remembered per tenant.
 */
import { toShardUid, type ShardUid } from "../base/brands.ts";
import { isInsulaError } from "../base/errors.ts";
import { WeightedGate } from "../base/weighted-gate.ts";
import type { Clock, Timer } from "../io/index.ts";
import type { LogFooter, NodeLog } from "../storage/index.ts";
import { FRAME_CATALOG, type Catalog } from "./catalog.ts";
import { STEP_BYTES, TailMover } from "./tail-mover.ts";

const INTERVAL_MS = 1_000;
/** Log files between the catalogue's last flush and the end. */
const REPLAY_FILES_MAX = 1;
/** Shards emptied at once, of {@link STEP_BYTES} together: what they append shares its syncs. */
const EMPTIED_AT_ONCE = 64;
/**
 * Of these, shards flushed whose whole tails, the parts in other files too, have so many bytes
 * together; each counts as a sixteenth at least. Four at once would cost each nearly twice as much,
 * for its syncs.
 */
const FLUSHED_BYTES_AT_ONCE = 4_194_304;
const FLUSHED_BYTES_MIN = FLUSHED_BYTES_AT_ONCE / 16;
/** Entries of a footer looked at before the thread is given back. */
const STEP_ENTRIES = 512;

/** A shard that has something in the file, and the bytes of its whole tail. */
interface Tail {
  readonly uid: ShardUid;
  readonly bytes: number;
}

export interface LogCleanerOptions {
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly catalog: Catalog;
  /** A shard that is woken for it alone sleeps again afterwards. */
  readonly flushShard: (uid: ShardUid) => Promise<void>;
  /** Resolves when it is upkeep's turn. */
  readonly turn: () => Promise<void>;
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
  readonly #flushes = new WeightedGate(FLUSHED_BYTES_AT_ONCE);
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
    const { log, clock, isHeld } = this.#options;
    // Looked at twice: frames come into a file under a hold before a tail names them, and whoever
    // reads a tail took its hold while the tail named them.
    if (isHeld(file)) return false;
    const footer = await log.readFooter(file);
    let previous: ShardUid | undefined;
    let [some, bytes]: [Tail[], number] = [[], 0];
    // What a tenant wrote in plain is not left lying in a file that waits to be written again.
    let isSealed = true;
    for (let n = 0; n < footer.count && !this.#isStopped; n++) {
      if (n % STEP_ENTRIES === STEP_ENTRIES - 1) await clock.yield();
      const entry = footer.entry(n);
      const uid = toShardUid(Uint8Array.from(entry.shard));
      if (!entry.isSealed && entry.kind !== FRAME_CATALOG) isSealed = false;
      // Entries are in the order of shards.
      if (previous !== undefined && Buffer.compare(uid, previous) === 0) continue;
      previous = uid;
      const held = await this.#bytesIn(file, uid);
      if (held.here === 0) continue;
      some.push({ uid, bytes: held.all });
      bytes += held.here;
      if (some.length < EMPTIED_AT_ONCE && bytes < STEP_BYTES) continue;
      if (!(await this.#emptyAll(some, footer))) return false;
      [some, bytes] = [[], 0];
    }
    if (!(await this.#emptyAll(some, footer))) return false;
    if (this.#isStopped || isHeld(file)) return false;
    await log.removeFile(file, isSealed);
    return true;
  }

  /** False when one of them still has a tail in the file, or the cleaner was stopped. */
  async #emptyAll(tails: readonly Tail[], footer: LogFooter): Promise<boolean> {
    await Promise.all(tails.map((tail) => this.#empty(tail, footer)));
    for (const { uid } of tails) {
      // A damaged shard cannot be flushed: its log is kept, the budget notwithstanding.
      if (this.#isStopped || (await this.#bytesIn(footer.place.file, uid)).here > 0) return false;
    }
    await this.#mover.rest();
    return true;
  }

  /** Of the shard's tail: in the file, and in all. */
  async #bytesIn(
    file: number,
    uid: ShardUid,
  ): Promise<{ readonly here: number; readonly all: number }> {
    const state = await this.#options.catalog.readShard(uid);
    let [here, all] = [0, 0];
    for (const extent of state?.tail ?? []) {
      all += extent.length;
      if (extent.file === file) here += extent.length;
    }
    return { here, all };
  }

  async #empty({ uid, bytes }: Tail, footer: LogFooter): Promise<void> {
    const { flushShard, turn } = this.#options;
    try {
      if (await this.#mover.move(uid, footer)) return;
      await this.#flushes.run(Math.max(FLUSHED_BYTES_MIN, bytes), async () => {
        if (this.#isStopped) return;
        await turn();
        await flushShard(uid);
      });
    } catch (error) {
      if (!isInsulaError(error) || error.code !== "tenant_not_found") this.#options.onFault(error);
    }
  }
}
