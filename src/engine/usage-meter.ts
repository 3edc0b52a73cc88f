/**
 * What every place has done since it was last written to the ledger, in memory for some seconds.
 *
 * The ledger is rows of the catalogue, one a place: each flush reads the rows of the places that
 * did something, adds, and writes them in frames of the log. A frame is there after a crash or it
 * is not, so nothing is ever counted twice, and what a crash loses is at most what was counted
 * since the flush before. A place that does nothing has nothing in memory, and no timer runs while
 * none does.
 */
import { shardHex, type ShardUid } from "../base/brands.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Clock, Timer } from "../io/index.ts";
import type { Place, UsageCounters } from "../model/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { endOfPrefix, usageKey, usagePrefix } from "./catalog-keys.ts";
import { USAGE_FLUSH_MS, USAGE_PLACES_PENDING_MAX } from "./limits.ts";
import {
  addCounters,
  decodeUsage,
  encodeUsage,
  foldEntries,
  hourOf,
  noCounters,
  type Counters,
  type StoredSize,
} from "./usage-row.ts";

/** Places of one frame; between two the thread is given back. */
const STEP_PLACES = 256;
/** Rows looked at with each flush, in turn: those of which nothing is kept any more go. */
const STEP_ROWS = 64;
/** Names that tenants had, remembered for the calls that were under way when they got another. */
const RENAMES_REMEMBERED_MAX = 1_000;

export interface UsageDoors {
  readonly catalog: Pick<Catalog, "get" | "scan" | "commit" | "readShard">;
  readonly clock: Clock;
  /** False while the disk has no room for what is not asked for. */
  readonly hasRoom: () => boolean;
  readonly onFault: (error: unknown) => void;
  /** For tests: other than USAGE_PLACES_PENDING_MAX. */
  readonly placesMax?: number;
}

interface Pending {
  readonly place: Place;
  readonly shard: ShardUid;
  readonly hour: number;
  readonly counters: Counters;
  renamedFrom?: string;
  renamedTo?: string;
}

export class UsageMeter {
  readonly #doors: UsageDoors;
  readonly #placesMax: number;
  readonly #sums = noCounters();
  #pending = new Map<string, Pending>();
  /** One of them, which the next call is likely to be of, too. */
  #last: Pending | undefined;
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #lostCalls = 0;
  /** Where the search for rows that can go has come. */
  #sweptTo = usagePrefix();
  /** Of a shard, what it is called now: what it has is stored there, and nowhere else. */
  readonly #nowCalled = new LruMap<string, string>(RENAMES_REMEMBERED_MAX);
  /** Places being written. */
  #takenCount = 0;
  /** The last flush failed. */
  #isFailing = false;

  constructor(doors: UsageDoors) {
    this.#doors = doors;
    this.#placesMax = doors.placesMax ?? USAGE_PLACES_PENDING_MAX;
  }

  /** Of all places since the start. */
  get sums(): UsageCounters {
    return { ...this.#sums };
  }

  /** Calls that could not be held, because the ledger could not be written for long. */
  get lostCalls(): number {
    return this.#lostCalls;
  }

  /** Places in memory. */
  get pendingCount(): number {
    return this.#pending.size + this.#takenCount;
  }

  /** Adds to a place and to the sums. Cost: a comparison of names, or a look into a map. */
  add(place: Place, shard: ShardUid, counters: UsageCounters): void {
    addCounters(this.#sums, counters);
    const sum = this.#open(place, shard);
    if (sum !== undefined) addCounters(sum, counters);
  }

  /**
   * Notes at both names that a tenant got another: what is counted so far stays where it is, what
   * is stored is from now on told of the new one. Durable when the promise resolves.
   *
   * @throws what the log does; it is tried again.
   */
  async rename(place: Place, name: string, shard: ShardUid): Promise<void> {
    const { tenant = "" } = place;
    // What waits is of before. When it cannot be written neither can the note, which says so.
    await this.flush().catch(() => undefined);
    this.#nowCalled.set(shardHex(shard), name);
    const [from, to] = [place, { ...place, tenant: name }].map((each) => this.#note(each, shard));
    if (from !== undefined) from.renamedTo = name;
    if (to !== undefined) to.renamedFrom = tenant;
    await this.flush();
  }

  /** Resolves when there is room for further places, or none can be made. */
  async room(): Promise<void> {
    if (this.pendingCount >= 2 * this.#placesMax) await this.#start();
  }

  /** All that was counted so far is durable when the promise resolves. @throws what the log does */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    if (this.#pending.size === 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const written = this.#write();
    // Others wait for its end, whatever it is.
    this.#flushing = Promise.allSettled([written]).then(() => {
      this.#flushing = undefined;
    });
    try {
      await written;
    } catch (error) {
      this.#schedule();
      throw error;
    } finally {
      await this.#flushing;
    }
  }

  /** The last flush; what it cannot write is lost, and told. */
  async close(): Promise<void> {
    await this.flush().catch(this.#doors.onFault);
    this.#timer?.cancel();
  }

  #open(place: Place, shard: ShardUid): Counters | undefined {
    return this.#note(place, shard)?.counters;
  }

  /** Undefined when there is no room for another place: its call is lost to the ledger. */
  #note(place: Place, shard: ShardUid): Pending | undefined {
    const hour = hourOf(this.#doors.clock.wallMs());
    if (this.#last !== undefined && isOf(this.#last, place, hour)) return this.#last;
    const id = idOf(place, hour);
    const known = this.#pending.get(id);
    if (known !== undefined) {
      this.#last = known;
      return known;
    }
    if (this.#pending.size >= this.#placesMax) {
      void this.#start();
      // Calls that run while it is written end beyond the bound; what cannot be written must not.
      if (this.#isFailing && this.pendingCount >= 2 * this.#placesMax) {
        this.#lostCalls++;
        return undefined;
      }
    }
    const pending: Pending = { place, shard, hour, counters: noCounters() };
    this.#pending.set(id, pending);
    this.#schedule();
    return pending;
  }

  /** A flush in the background; a failure is told and tried again. */
  #start(): Promise<void> {
    if (!this.#doors.hasRoom()) {
      this.#schedule();
      return Promise.resolve();
    }
    if (this.#flushing !== undefined) return this.#flushing;
    return this.flush().catch((error: unknown) => {
      this.#doors.onFault(error);
    });
  }

  #schedule(): void {
    this.#timer ??= this.#doors.clock.after(USAGE_FLUSH_MS, () => {
      this.#timer = undefined;
      void this.#start();
    });
  }

  async #write(): Promise<void> {
    const taken = [...this.#pending];
    this.#pending = new Map();
    this.#last = undefined;
    this.#takenCount = taken.length;
    let done = 0;
    try {
      for (; done < taken.length; done += STEP_PLACES) {
        if (done > 0) await this.#doors.clock.yield();
        const step = taken.slice(done, done + STEP_PLACES);
        await this.#writeStep(step.map(([, pending]) => pending));
        this.#takenCount -= step.length;
      }
      this.#isFailing = false;
      await this.#sweep();
    } catch (error) {
      this.#isFailing = true;
      this.#takenCount = 0;
      for (const [id, pending] of taken.slice(done)) this.#restore(id, pending);
      throw error;
    }
  }

  #restore(id: string, pending: Pending): void {
    const newer = this.#pending.get(id);
    if (newer === undefined) this.#pending.set(id, pending);
    else this.#pending.set(id, { ...pending, ...newer, counters: sumOf(newer, pending) });
    this.#last = undefined;
  }

  async #writeStep(step: readonly Pending[]): Promise<void> {
    const { catalog, clock } = this.#doors;
    const nowMs = clock.wallMs();
    const rows = new Map<string, readonly Pending[]>();
    for (const pending of step) {
      const { database, collection, tenant = "" } = pending.place;
      const key = usageKey(database, collection, tenant);
      rows.set(key, [...(rows.get(key) ?? []), pending]);
    }
    const changes: CatalogChange[] = [];
    for (const [key, parts] of rows) {
      const bytes = await catalog.get(key);
      const entries = [...(bytes === undefined ? [] : decodeUsage(bytes))];
      for (const { hour: number, place, shard, ...noted } of parts) {
        const stored = await this.#storedOf(place, shard);
        entries.push({ period: "hour", number, ...noted, stored });
      }
      changes.push({ kind: "put", key, value: encodeUsage(foldEntries(entries, nowMs)) });
    }
    await catalog.commit(changes);
  }

  /** Rows of places that did nothing for so long that their last month is forgotten. */
  async #sweep(): Promise<void> {
    const { catalog, clock } = this.#doors;
    const range = { start: this.#sweptTo, end: endOfPrefix(usagePrefix()), limit: STEP_ROWS };
    const rows = await catalog.scan({ ...range, startIsExclusive: true });
    const nowMs = clock.wallMs();
    const changes = rows.flatMap(([key, bytes]): CatalogChange[] =>
      foldEntries(decodeUsage(bytes), nowMs).length === 0 ? [{ kind: "delete", key }] : [],
    );
    if (changes.length > 0) await catalog.commit(changes);
    this.#sweptTo = rows.length < STEP_ROWS ? usagePrefix() : (rows.at(-1)?.[0] ?? usagePrefix());
  }

  async #storedOf({ tenant }: Place, shard: ShardUid): Promise<StoredSize> {
    const now = this.#nowCalled.get(shardHex(shard));
    if (now !== undefined && now !== tenant) return { records: 0, bytes: 0 };
    const state = await this.#doors.catalog.readShard(shard);
    return { records: state?.rowCount ?? 0, bytes: state?.byteCount ?? 0 };
  }
}

function sumOf(one: Pending, other: Pending): Counters {
  return addCounters(addCounters(noCounters(), one.counters), other.counters);
}

function isOf(pending: Pending, { database, collection, tenant }: Place, hour: number): boolean {
  const { place } = pending;
  return (
    pending.hour === hour &&
    place.collection === collection &&
    place.database === database &&
    place.tenant === tenant
  );
}

function idOf({ database, collection, tenant = "" }: Place, hour: number): string {
  return `${String(hour)}\0${database}\0${collection}\0${tenant}`;
}
