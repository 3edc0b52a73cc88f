/**
 * How many tenants are in which state, counted from the rows of the catalogue in the background.
 *
 * No total is kept per state, since every change of one would cost a row; whoever wants the numbers
 * gets those of the last walk. A walk wakes nobody and gives the thread back between pages; the
 * next one waits, so that counting takes at most a fiftieth of the time however many there are.
 */
import type { Clock } from "../io/index.ts";
import type { TenantState } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { endOfPrefix, TENANT_PREFIX } from "./catalog-keys.ts";
import { decodeTenant } from "./catalog-rows.ts";

/** Rows read before the thread is given back: about a millisecond. */
const PAGE_ROWS = 512;
/** From the end of one walk to the begin of the next, ms, and in durations of the last walk. */
const PAUSE_MS_MIN = 15_000;
const PAUSE_FACTOR = 50;

type TenantCounts = Readonly<Record<TenantState, number>>;

export class TenantCensus {
  readonly #catalog: Catalog;
  readonly #clock: Clock;
  #counts: TenantCounts | undefined;
  #walk: Promise<void> | undefined;
  #nextAtMs = 0;
  #isStopped = false;

  constructor(catalog: Catalog, clock: Clock) {
    this.#catalog = catalog;
    this.#clock = clock;
  }

  /** Of the last walk; undefined until there was one. Starts the next when it is due. */
  counts(): TenantCounts | undefined {
    if (!this.#isStopped && this.#walk === undefined) {
      if (this.#clock.monotonicMs() >= this.#nextAtMs) this.#start();
    }
    return this.#counts;
  }

  /** Ends the walk under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#walk;
  }

  #start(): void {
    const startMs = this.#clock.monotonicMs();
    this.#walk = this.#count()
      .catch(() => undefined) // The numbers stay what they were; reads of tenants meet the damage.
      .finally(() => {
        const nowMs = this.#clock.monotonicMs();
        this.#nextAtMs = nowMs + Math.max(PAUSE_MS_MIN, (nowMs - startMs) * PAUSE_FACTOR);
        this.#walk = undefined;
      });
  }

  async #count(): Promise<void> {
    const counts = { ACTIVE: 0, INACTIVE: 0, OFFLOADED: 0, OFFLOADING: 0, ONLOADING: 0 };
    const end = endOfPrefix(TENANT_PREFIX);
    let start = TENANT_PREFIX;
    for (;;) {
      if (this.#isStopped) return;
      const rows = await this.#catalog.scan({
        start,
        end,
        limit: PAGE_ROWS,
        startIsExclusive: start !== TENANT_PREFIX,
      });
      for (const [, value] of rows) counts[decodeTenant(value).state]++;
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE_ROWS) break;
      start = last[0];
      await this.#clock.yield();
    }
    this.#counts = counts;
  }
}
