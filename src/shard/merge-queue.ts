/**
 * Whose merge may run, and how fast: one for all shards of a node.
 *
 * A shard has at most one merge here, so first come is first served among tenants. Few run at once;
 * large ones may not take all places, else a small tenant would wait minutes for them. Those that
 * run share one rate in bytes, read and written together: quanta are granted in turn, and who needs
 * nothing leaves its turn to the others. Source: deficit round robin (Shreedhar and Varghese 1995),
 * with equal weights.
 */
import type { Clock, Timer } from "../io/index.ts";
import { MergeControl, type MergeBlock } from "./merge-control.ts";

/** Bytes that merges read and write in a second, unless the node is told otherwise. */
const COMPACTION_BYTES_PER_SECOND = 134_217_728;
/** Merges that run at once. */
export const MERGES_AT_ONCE_MAX = 4;
/** A merge from this many bytes on is a large one. */
export const MERGE_LARGE_BYTES = 134_217_728;
/** Large merges that run at once. */
export const LARGE_MERGES_AT_ONCE_MAX = 2;
/**
 * A merge from this many bytes on is a long one, of a shard that nobody writes to: of these one
 * runs at a time, and leaves a place to large ones for which writers wait.
 */
export const MERGE_LONG_BYTES = 2_147_483_649;
/** Bytes granted in one turn. */
const QUANTUM_BYTES = 1_048_576;
/** A merge that took more than was thought is granted this much ahead. */
const LEAD_BYTES = 4_194_304;
/** What was not used is kept for this long. */
const BURST_MS = 250;
/** Grants are given out so often while a merge waits for some. */
const GRANT_INTERVAL_MS = 20;

export interface MergeQueueOptions {
  readonly clock: Clock;
  /** Default {@link COMPACTION_BYTES_PER_SECOND}. */
  readonly bytesPerSecond?: number | undefined;
  /** Default {@link MERGES_AT_ONCE_MAX}. */
  readonly atOnceMax?: number;
}

/** A merge that waits or runs. */
export interface QueuedMerge {
  /** Ends with the task, or at once when the merge is stopped before it began. */
  readonly done: Promise<void>;
  /** Forgets a merge that waits; one that runs fails with `engine_closed`, soon. */
  stop(): void;
}

export interface MergeCounters {
  /** Merges begun since the start. */
  readonly started: number;
  readonly waiting: number;
  readonly running: number;
  /** Of merges that have ended and those that run. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

interface Entry {
  readonly bytes: number;
  readonly control: MergeControl;
  readonly task: (block: MergeBlock) => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class MergeQueue {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #atOnceMax: number;
  #waiting: Entry[] = [];
  /** In the order of their next turn. */
  #running: Entry[] = [];
  #credit: number;
  #creditAtMs: number;
  #timer: Timer | undefined;
  readonly #past = { started: 0, bytesRead: 0, bytesWritten: 0 };

  constructor({
    clock,
    bytesPerSecond = COMPACTION_BYTES_PER_SECOND,
    atOnceMax = MERGES_AT_ONCE_MAX,
  }: MergeQueueOptions) {
    this.#clock = clock;
    this.#atOnceMax = atOnceMax;
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#credit = this.#bytesPerMs * BURST_MS;
    this.#creditAtMs = clock.monotonicMs();
  }

  get counters(): MergeCounters {
    const { started } = this.#past;
    let { bytesRead, bytesWritten } = this.#past;
    for (const { control } of this.#running) {
      bytesRead += control.readBytes;
      bytesWritten += control.writtenBytes;
    }
    const [waiting, running] = [this.#waiting.length, this.#running.length];
    return { started, waiting, running, bytesRead, bytesWritten };
  }

  /**
   * Runs `task` when it is its turn.
   *
   * @param bytes what the merge will read and write, about.
   * @param task  hands the block to whoever reads and writes.
   */
  add(bytes: number, task: (block: MergeBlock) => Promise<void>): QueuedMerge {
    const control = new MergeControl();
    let entry: Entry | undefined;
    const done = new Promise<void>((resolve, reject) => {
      entry = { bytes, control, task, resolve, reject };
      this.#waiting.push(entry);
    });
    this.#startNext();
    return {
      done,
      stop: () => {
        control.stop();
        const known = this.#waiting.find((other) => other === entry);
        if (known === undefined) return;
        this.#waiting = this.#waiting.filter((other) => other !== known);
        known.resolve();
      },
    };
  }

  #startNext(): void {
    while (this.#running.length < this.#atOnceMax) {
      const large = this.#running.filter(isLarge).length;
      const hasLong = this.#running.some(isLong);
      const next = this.#waiting.find(
        (entry) =>
          !isLarge(entry) || (large < LARGE_MERGES_AT_ONCE_MAX && !(hasLong && isLong(entry))),
      );
      if (next === undefined) return;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#running.push(next);
      this.#past.started++;
      this.#grant();
      void this.#run(next);
    }
  }

  async #run(entry: Entry): Promise<void> {
    try {
      await entry.task(entry.control.block);
      entry.resolve();
    } catch (error) {
      entry.reject(error);
    } finally {
      this.#running = this.#running.filter((other) => other !== entry);
      this.#past.bytesRead += entry.control.readBytes;
      this.#past.bytesWritten += entry.control.writtenBytes;
      if (this.#running.length === 0) this.#timer?.cancel();
      this.#startNext();
    }
  }

  /** Gives out what time has brought, a quantum each in turn. */
  #grant(): void {
    const nowMs = this.#clock.monotonicMs();
    const earned = (nowMs - this.#creditAtMs) * this.#bytesPerMs;
    this.#credit = Math.min(this.#bytesPerMs * BURST_MS, this.#credit + earned);
    this.#creditAtMs = nowMs;
    for (let next = this.#nextInTurn(); next !== undefined; next = this.#nextInTurn()) {
      next.control.grant(QUANTUM_BYTES);
      this.#credit -= QUANTUM_BYTES;
      this.#running = [...this.#running.filter((other) => other !== next), next];
    }
    this.#timer?.cancel();
    this.#timer = this.#clock.after(GRANT_INTERVAL_MS, () => {
      if (this.#running.length > 0) this.#grant();
    });
  }

  #nextInTurn(): Entry | undefined {
    return this.#credit <= 0 ? undefined : this.#running.find(isHungry);
  }
}

function isLarge({ bytes }: Entry): boolean {
  return bytes >= MERGE_LARGE_BYTES;
}

function isLong({ bytes }: Entry): boolean {
  return bytes >= MERGE_LONG_BYTES;
}

function isHungry({ bytes, control }: Entry): boolean {
  const granted = control.grantedBytes;
  return granted < bytes || granted - control.readBytes - control.writtenBytes < LEAD_BYTES;
}
