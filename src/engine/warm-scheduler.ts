/**
 * Wakes the tenants of warm schedules when their windows open, slice by slice and schedule by
 * schedule in turns. What there is to do is in the catalogue; what is remembered is which windows
 * were begun, so a node that starts within one begins it again: who is awake costs a look.
 */
import { crc32 } from "../base/crc32.ts";
import { isInsulaError } from "../base/errors.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Clock, Timer } from "../io/index.ts";
import { openSchedules, type NamedWarmSchedule, type WarmWindow } from "../model/index.ts";
import type { Catalog } from "./catalog.ts";
import { WARM_PREFIX, endOfPrefix, warmKey } from "./catalog-keys.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { decodeNames, type CollectionNames } from "./policy-rows.ts";
import { warmTenants, type WarmingDoors } from "./tenant-warming.ts";

/** A node that has just started looks after so long, and then every so often. */
const FIRST_LOOK_MS = 1_000;
const INTERVAL_MS = 15_000;
/** Rows of collections, or of tenants, read at once. */
const STEP_ROWS = 256;
/** Schedules whose tenants are woken in turns; further ones are begun when one of them is done. */
const RUNS_MAX = 64;
/** Remembered windows that were begun; one that is forgotten is begun again. */
const WINDOWS_REMEMBERED_MAX = 10_000;

export interface SchedulerDoors extends WarmingDoors {
  readonly catalog: Pick<Catalog, "scan">;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** Since the start: what came of windows of warm schedules. */
export interface WarmFigures {
  /** Windows that were begun. */
  readonly windows: number;
  readonly warmed: number;
  readonly failed: number;
  /** Windows for whose tenants there was no room left. */
  readonly full: number;
}

/** The tenants of one window. */
interface Run {
  readonly names: CollectionNames;
  /** Of the collection: another one may get its names. */
  readonly number: number;
  readonly schedule: NamedWarmSchedule;
  readonly window: WarmWindow;
  readonly stamp: string;
  after: string | undefined;
}

export class WarmScheduler {
  readonly #doors: SchedulerDoors;
  readonly #begun = new LruMap<string, string>(WINDOWS_REMEMBERED_MAX);
  #runs: Run[] = [];
  #figures: WarmFigures = { windows: 0, warmed: 0, failed: 0, full: 0 };
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #warming: Promise<void> | undefined;
  #isStopped = false;

  constructor(doors: SchedulerDoors) {
    this.#doors = doors;
    this.#schedule(FIRST_LOOK_MS);
  }

  get figures(): WarmFigures {
    return this.#figures;
  }

  /** Ends it between two slices. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#looking;
    await this.#warming;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#doors.clock.after(delayMs, () => {
      this.#looking = this.#look()
        .catch(this.#doors.onFault)
        .finally(() => {
          this.#looking = undefined;
          if (this.#isStopped) return;
          this.#schedule(INTERVAL_MS);
          this.#warming ??= this.#warmAll()
            .catch(this.#doors.onFault)
            .finally(() => {
              this.#warming = undefined;
            });
        });
    });
  }

  async #look(): Promise<void> {
    const { catalog, clock } = this.#doors;
    const range = { end: endOfPrefix(WARM_PREFIX), limit: STEP_ROWS, startIsExclusive: true };
    let start = WARM_PREFIX;
    for (;;) {
      const rows = await catalog.scan({ ...range, start });
      for (const [key, value] of rows) {
        start = key;
        if (this.#isStopped) return;
        await this.#lookAt(key, decodeNames(value));
      }
      if (rows.length < STEP_ROWS) return;
      await clock.yield();
    }
  }

  async #lookAt(key: string, names: CollectionNames): Promise<void> {
    const collection = await this.#find(names);
    // Another one has its names, or none: it is being removed, or restored.
    if (collection === undefined || warmKey(collection.row.number) !== key) return;
    const { number, policy } = collection.row;
    for (const { schedule, window } of openSchedules(policy.warm, this.#doors.clock.wallMs())) {
      const stamp = stampOf(schedule, window);
      const id = `${String(number)} ${schedule.name}`;
      if (this.#begun.get(id) === stamp || this.#runs.length >= RUNS_MAX) continue;
      this.#begun.set(id, stamp);
      this.#runs.push({ names, number, schedule, window, stamp, after: undefined });
      this.#count({ windows: 1 });
    }
  }

  async #warmAll(): Promise<void> {
    while (this.#runs.length > 0) {
      for (const run of [...this.#runs]) {
        if (this.#isStopped) return;
        if (!(await this.#takeStep(run))) this.#runs = this.#runs.filter((each) => each !== run);
        await this.#doors.clock.yield();
      }
    }
  }

  /** False when nothing is left of it. */
  async #takeStep(run: Run): Promise<boolean> {
    const collection = await this.#current(run);
    if (collection === undefined) return false;
    try {
      const { after, schedule } = run;
      const page = { limit: STEP_ROWS, ...(after === undefined ? {} : { after }) };
      const request = { schedule: schedule.name, ...page };
      const slice = await warmTenants(this.#doors, collection, request);
      const isFull = slice.failures.some(
        ({ error }) => isInsulaError(error) && error.code === "memory_exhausted",
      );
      this.#count({ warmed: slice.changed });
      if (isFull) {
        this.#count({ full: 1 });
        return false;
      }
      this.#count({ failed: slice.failed });
      if (slice.failures[0] !== undefined) this.#doors.onFault(slice.failures[0].error);
      run.after = slice.next;
      return slice.next !== undefined;
    } catch (error) {
      if (isInsulaError(error) && error.code === "engine_closed") return false;
      this.#doors.onFault(error);
      return false;
    }
  }

  /** Undefined: its window has ended, it was changed or taken away, or its collection is gone. */
  async #current({
    names,
    number,
    schedule,
    window,
    stamp,
  }: Run): Promise<CollectionEntry | undefined> {
    const collection = await this.#find(names);
    if (collection?.row.number !== number) return undefined;
    const now = collection.row.policy.warm?.find(({ name }) => name === schedule.name);
    if (now === undefined || stampOf(now, window) !== stamp) return undefined;
    return this.#doors.clock.wallMs() < window.toMs ? collection : undefined;
  }

  async #find({
    database,
    collection: name,
  }: CollectionNames): Promise<CollectionEntry | undefined> {
    const collection = await this.#doors.directory.collection(database, name);
    return collection?.isGone === false ? collection : undefined;
  }

  #count(more: Partial<WarmFigures>): void {
    const { windows = 0, warmed = 0, failed = 0, full = 0 } = more;
    const before = this.#figures;
    this.#figures = {
      windows: before.windows + windows,
      warmed: before.warmed + warmed,
      failed: before.failed + failed,
      full: before.full + full,
    };
  }
}

/** Of this window and of what the schedule says: who changes it wants it begun anew. */
function stampOf(schedule: NamedWarmSchedule, { fromMs }: WarmWindow): string {
  return `${String(fromMs)} ${String(crc32(Buffer.from(JSON.stringify(schedule))))}`;
}
