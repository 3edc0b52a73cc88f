/**
 * Carries out the policies of collections: looks at the tenants of those that have one every so
 * often, slice by slice. What there is to do is in the catalogue; nothing is remembered of a
 * tenant.
 */
import { isInsulaError } from "../base/errors.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Timer } from "../io/index.ts";
import { keepsUsesEveryMs } from "../tenancy/index.ts";
import type { TenantSweepSlice } from "./api.ts";
import { POLICY_PREFIX, endOfPrefix, policyKey } from "./catalog-keys.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { decodeNames } from "./policy-rows.ts";
import { SweepTally, type SweepCauses } from "./sweep-tally.ts";
import { sweepTenants, type SweepDoors } from "./tenant-sweep.ts";

/** No tenant is looked at more often. */
const INTERVAL_MS = 60_000;
/** Rows of tenants, or of policies, read at once. */
const STEP_ROWS = 256;
/** The wall clock may run away from the other one by so much between two looks. */
const DRIFT_MS_MAX = 60_000;
/** After a jump of the wall clock nobody is put to rest for so long: it may jump back. */
const PAUSE_MS = 3_600_000;
/** Remembered times of the next look; a collection that is forgotten is looked at sooner. */
const COLLECTIONS_REMEMBERED_MAX = 10_000;

export interface SweeperDoors extends SweepDoors {
  readonly directory: Directory;
  readonly onFault: (error: unknown) => void;
}

/** Since the start: what came of the looks at collections with a policy. */
export interface SweepFigures {
  /** Collections looked at, each time. */
  readonly sweeps: number;
  readonly looked: number;
  /** Of those looked at: due, but pinned. */
  readonly pinned: number;
  readonly inactive: number;
  readonly offloaded: number;
  readonly failed: number;
  readonly causes: SweepCauses;
  /** All of them together. */
  readonly ms: number;
}

const NO_SWEEPS: Omit<SweepFigures, "causes"> = {
  ...{ sweeps: 0, looked: 0, pinned: 0, inactive: 0, offloaded: 0, failed: 0, ms: 0 },
};

export class PolicySweeper {
  readonly #doors: SweeperDoors;
  readonly #nextAtMs = new LruMap<number, number>(COLLECTIONS_REMEMBERED_MAX);
  readonly #tally = new SweepTally();
  #figures = NO_SWEEPS;
  #timer: Timer | undefined;
  #sweeping: Promise<void> | undefined;
  #isStopped = false;
  #clocks: { readonly wallMs: number; readonly monotonicMs: number };
  #pausedUntilMs = 0;

  constructor(doors: SweeperDoors) {
    this.#doors = doors;
    this.#clocks = this.#readClocks();
    this.#schedule();
  }

  get figures(): SweepFigures {
    return { ...this.#figures, causes: this.#tally.causes };
  }

  /** Ends it between two slices. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#sweeping;
  }

  #schedule(): void {
    this.#timer = this.#doors.clock.after(INTERVAL_MS, () => {
      this.#sweeping = this.#sweep()
        .catch(this.#doors.onFault)
        .finally(() => {
          this.#sweeping = undefined;
          if (!this.#isStopped) this.#schedule();
        });
    });
  }

  async #sweep(): Promise<void> {
    if (this.#isPaused()) return;
    const { catalog } = this.#doors;
    const range = { end: endOfPrefix(POLICY_PREFIX), limit: STEP_ROWS, startIsExclusive: true };
    let start = POLICY_PREFIX;
    for (;;) {
      const rows = await catalog.scan({ ...range, start });
      for (const [key, value] of rows) {
        start = key;
        if (this.#isStopped) return;
        await this.#sweepNamed(key, value);
      }
      if (rows.length < STEP_ROWS) return;
    }
  }

  async #sweepNamed(key: string, value: Uint8Array): Promise<void> {
    const { database, collection: name } = decodeNames(value);
    const collection = await this.#doors.directory.collection(database, name);
    // Another one has its names, or none: it is being removed, or restored.
    if (collection === undefined || collection.isGone) return;
    if (policyKey(collection.row.number) !== key) return;
    const nowMs = this.#doors.clock.monotonicMs();
    const { number, policy } = collection.row;
    if (nowMs < (this.#nextAtMs.get(number) ?? 0)) return;
    this.#nextAtMs.set(number, nowMs + keepsUsesEveryMs(policy));
    await this.#sweepAll(collection);
  }

  async #sweepAll(collection: CollectionEntry): Promise<void> {
    const startMs = this.#doors.clock.monotonicMs();
    await this.#sweepSlices(collection);
    const { sweeps, ms, ...rest } = this.#figures;
    const tookMs = this.#doors.clock.monotonicMs() - startMs;
    this.#figures = { ...rest, sweeps: sweeps + 1, ms: ms + tookMs };
  }

  async #sweepSlices(collection: CollectionEntry): Promise<void> {
    const { clock, onFault } = this.#doors;
    let after: string | undefined;
    do {
      const page = { limit: STEP_ROWS, ...(after === undefined ? {} : { after }) };
      try {
        const slice = await sweepTenants(this.#doors, collection, page, this.#tally);
        for (const { error } of slice.failures) onFault(error);
        this.#count(slice);
        after = slice.next;
      } catch (error) {
        if (!isInsulaError(error) || error.code !== "engine_closed") throw error;
        return;
      }
      await clock.yield();
    } while (after !== undefined && !this.#isStopped && !collection.isGone);
  }

  #count({ looked, pinned, due, failed }: TenantSweepSlice): void {
    const before = this.#figures;
    const offloaded = due.filter(({ to }) => to === "OFFLOADED").length;
    this.#figures = {
      ...before,
      looked: before.looked + looked,
      pinned: before.pinned + pinned,
      inactive: before.inactive + due.length - offloaded,
      offloaded: before.offloaded + offloaded,
      failed: before.failed + failed,
    };
  }

  /**
   * A wall clock that was set tells nothing of how long nobody used a tenant. Also a machine that
   * slept looks like that.
   */
  #isPaused(): boolean {
    const before = this.#clocks;
    this.#clocks = this.#readClocks();
    const { wallMs, monotonicMs } = this.#clocks;
    const driftMs = wallMs - before.wallMs - (monotonicMs - before.monotonicMs);
    if (Math.abs(driftMs) > DRIFT_MS_MAX) this.#pausedUntilMs = monotonicMs + PAUSE_MS;
    return monotonicMs < this.#pausedUntilMs;
  }

  #readClocks(): { readonly wallMs: number; readonly monotonicMs: number } {
    const { clock } = this.#doors;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  }
}
