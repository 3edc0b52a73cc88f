/**
 * When tenants were used last, without waking them and without memory for those that sleep: kept in
 * the row of the tenant, and only when what is kept is older than the policy of its collection
 * needs. A tenant that is used all day costs a row of the log an hour.
 *
 * What is noted waits a few seconds for others and goes into the log with them. A crash forgets
 * what waits; a stop does not.
 */
import type { Clock, Timer } from "../io/index.ts";
import { keepsUsesEveryMs } from "../tenancy/index.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { USES_WAITING_MAX } from "../base/limits.ts";
import type { TenantDirectory, TenantUse } from "./tenant-directory.ts";

/** A crash forgets the uses of so long. */
const WRITING_DELAY_MS = 10_000;
/** Applied in one turn, which stays about a millisecond. */
const USES_PER_FRAME = 500;

export interface UseDoors {
  readonly clock: Clock;
  readonly tenants: Pick<TenantDirectory, "markUsed">;
  readonly onFault: (error: unknown) => void;
}

export class TenantUses {
  readonly #doors: UseDoors;
  readonly #waiting = new Map<string, TenantUse & { atMs: number }>();
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #isClosed = false;

  constructor(doors: UseDoors) {
    this.#doors = doors;
  }

  /**
   * A call about records of the tenant was admitted. Costs a comparison while what is kept is new
   * enough.
   *
   * @param keptAtMs its last use as its row has it.
   */
  note(collection: CollectionEntry, name: string, keptAtMs: number): void {
    const nowMs = this.#doors.clock.wallMs();
    // Also when the wall clock went back: what is kept would be wrong until it is there again.
    if (Math.abs(nowMs - keptAtMs) < keepsUsesEveryMs(collection.row.policy)) return;
    const key = keyOf(collection, name);
    const known = this.#waiting.get(key);
    if (known !== undefined) known.atMs = nowMs;
    // When there is no room the next call of the tenant notes it.
    else if (this.#waiting.size < USES_WAITING_MAX) {
      this.#waiting.set(key, { collection, name, atMs: nowMs });
    }
    if (this.#waiting.size >= USES_PER_FRAME) this.#write();
    else this.#timer ??= this.#doors.clock.after(WRITING_DELAY_MS, () => this.#write());
  }

  /** A use that is not in the tenant's row yet. */
  waitingOf(collection: CollectionEntry, name: string): number | undefined {
    return this.#waiting.get(keyOf(collection, name))?.atMs;
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#writeAll();
  }

  #write(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#isClosed) return;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    // What comes meanwhile waits for the next time.
    const all = [...this.#waiting];
    for (let first = 0; first < all.length; first += USES_PER_FRAME) {
      const part = all.slice(first, first + USES_PER_FRAME);
      try {
        await this.#doors.tenants.markUsed(part.map(([, use]) => use));
      } catch (error) {
        // Nobody waits for it, and the next use is noted again.
        if (!this.#isClosed) this.#doors.onFault(error);
      }
      for (const [key] of part) this.#waiting.delete(key);
    }
  }
}

function keyOf({ row }: CollectionEntry, name: string): string {
  return `${String(row.number)}\0${name}`;
}
