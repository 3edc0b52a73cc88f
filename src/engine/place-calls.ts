/**
 * Calls about the records of a place: held to its limits, begun when it is its turn among the
 * places of the node, the shard is awake for them, what they do is metered.
 */
import { setMaxListeners } from "node:events";
import { shardHex } from "../base/brands.ts";
import { isInsulaError } from "../base/errors.ts";
import type { FairTurns, Turn, TurnClass } from "../base/fair-turns.ts";
import { Pace } from "../base/pace.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import { NO_COST, Throttle, type AskedCost, type CallCost } from "../base/throttle.ts";
import type { Clock } from "../io/index.ts";
import type { Place, PlaceLimits } from "../model/index.ts";
import { WorkTally, type Shard } from "../shard/index.ts";
import type { Manner, Waking } from "../tenancy/index.ts";
import type { LimitBook } from "./limit-book.ts";
import { THROTTLED_PLACES_MAX } from "./limits.ts";
import { hasShard, type FoundPlace, type FoundShard, type TenantGate } from "./tenant-gate.ts";
import type { UsageMeter } from "./usage-meter.ts";
import { noCounters, type Counters } from "./usage-row.ts";

export interface CallKind {
  /** What it counts as. */
  readonly kind: "query" | "read" | "write";
  /** Searches of the call; default 1. */
  readonly count?: number;
  /** What is searched: its vectors are loaded. */
  readonly fields?: readonly string[];
  /** Default: that of the place. */
  readonly signal?: AbortSignal | undefined;
}

export const READ: CallKind = { kind: "read" };
export const WRITE: CallKind = { kind: "write" };

/** What a task is told besides its shard. */
export interface CallWork {
  /** To be told what is done. */
  readonly work: WorkTally;
  readonly waking: Waking;
  /** Of the place; undefined where there are none. */
  readonly limits: PlaceLimits | undefined;
  /** Until when anybody waits; to be looked at as long as nothing has been written. */
  readonly signal: AbortSignal | undefined;
}

export interface PlaceCallDoors {
  readonly gate: TenantGate;
  readonly meter: UsageMeter;
  readonly book: LimitBook;
  readonly clock: Clock;
  readonly turns: Pick<FairTurns, "enter" | "leave" | "next">;
}

/** To be called when the call has ended, with what it did. */
type End = (cost: CallCost) => void;

export class PlaceCalls {
  readonly #doors: PlaceCallDoors;
  readonly #throttle = new Throttle(THROTTLED_PLACES_MAX);

  constructor(doors: PlaceCallDoors) {
    this.#doors = doors;
  }

  /** Of what is done for a write before it is its turn. */
  paceOf(found: FoundPlace): Pace {
    const { collection, tenant } = found;
    const name = hasShard(found)
      ? shardHex(found.shard)
      : `${String(collection.row.number)}/${tenant ?? ""}`;
    return new Pace(() => this.#doors.turns.next(name, "write"), found.signal);
  }

  /**
   * As {@link TenantGate.use}. A call that fails is metered with what it has done. Whoever is
   * aborted is told so: of a read at once, and what of it cannot be stopped ends unheard, in its
   * turn and holding the shard; of a write as long as the task has not begun.
   *
   * @throws InsulaError `limit_exceeded` before anything is done, also when too many calls of the
   *   place wait; the reason of the signal.
   */
  use<Value>(
    found: FoundShard,
    asked: CallKind,
    task: (shard: Shard, work: CallWork) => Promise<Value>,
  ): Promise<Value> {
    const { signal = found.signal } = asked;
    if (signal === undefined) return this.#use(found, asked, task);
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    // A search over many places has some for each of them: that is no leak.
    setMaxListeners(0, signal);
    const done = this.#use(found, { ...asked, signal }, task);
    return asked.kind === "write" ? done : unlessAborted(signal, done);
  }

  async #use<Value>(
    found: FoundShard,
    kind: CallKind,
    task: (shard: Shard, work: CallWork) => Promise<Value>,
  ): Promise<Value> {
    const { meter, gate } = this.#doors;
    const { signal } = kind;
    const maybe = this.#doors.book.find(found);
    const limits = maybe instanceof Promise ? await maybe : maybe;
    const end = this.#admit(found, limits, kind);
    await meter.room();
    let work: WorkTally | undefined;
    let activations = 0;
    let turn: Turn | undefined;
    try {
      const mine = this.#doors.turns.enter(shardHex(found.shard), {
        kind: this.#turnOf(found, kind),
        weight: limits?.weight ?? 1,
        signal,
      });
      turn = mine instanceof Promise ? await mine : mine;
      return await gate.use(
        found,
        (shard, waking) => {
          if (waking.hasWoken) activations++;
          // A task that is tried once more counts once.
          work = new WorkTally();
          return task(shard, { work, waking, limits, signal });
        },
        mannerOf(kind),
      );
    } finally {
      end?.(costOf(work));
      if (turn !== undefined) this.#doors.turns.leave(turn, work?.exactUnits ?? 0);
      // Without a tally the tenant was refused before anything was done.
      if (work !== undefined) this.#add(found, kind, { work, activations });
    }
  }

  #turnOf({ shard }: FoundShard, { kind }: CallKind): TurnClass {
    if (kind === "write") return "write";
    return this.#doors.gate.isAwake(shard) ? "query" : "waking";
  }

  /** A call that the catalogue answers. @throws InsulaError `tenant_not_active`, as above. */
  admit(found: FoundShard, kind: CallKind): Promise<void> {
    return unlessAborted(found.signal, this.#admitted(found, kind));
  }

  async #admitted(found: FoundShard, kind: CallKind): Promise<void> {
    const limits = await this.#doors.book.find(found);
    const end = this.#admit(found, limits, kind);
    const work = new WorkTally();
    try {
      await this.#doors.gate.admit(found);
    } finally {
      end?.(costOf(work));
    }
    this.#add(found, kind, { work, activations: 0 });
  }

  /** Undefined: nobody holds the call to anything. */
  #admit(
    found: FoundShard,
    limits: PlaceLimits | undefined,
    { kind, count = 1 }: CallKind,
  ): End | undefined {
    if (limits === undefined && found.payer === undefined) return undefined;
    const asked = {
      queriesPerSecond: kind === "query" ? count : 0,
      writesPerSecond: kind === "write" ? 1 : 0,
    };
    try {
      return this.#admitBoth(found, limits, asked);
    } catch (error) {
      if (isInsulaError(error)) {
        const throttledMs = error.retryAfterMs ?? 0;
        const counters = noCounters();
        counters.refused = 1;
        counters.throttledMs = throttledMs;
        this.#doors.meter.add(placeOf(found), found.shard, counters);
      }
      throw error;
    }
  }

  /** The caller's own limits first: it is told what holds for all of its calls. */
  #admitBoth({ payer, shard }: FoundShard, limits: PlaceLimits | undefined, asked: AskedCost): End {
    const ofPayer = payer?.admit(asked);
    try {
      const ofPlace =
        limits && this.#throttle.admit(shardHex(shard), limits, asked, this.#doors.clock);
      return (cost) => {
        ofPlace?.(cost);
        ofPayer?.(cost);
      };
    } catch (error) {
      ofPayer?.(NO_COST);
      throw error;
    }
  }

  #add(
    found: FoundShard,
    { kind, count = 1 }: CallKind,
    { work, activations }: { readonly work: WorkTally; readonly activations: number },
  ): void {
    const counters = noCounters();
    countCalls(counters, kind, count, work.units);
    counters.bytesIn = work.bytesIn;
    counters.bytesOut = work.bytesOut;
    counters.activations = activations;
    this.#doors.meter.add(placeOf(found), found.shard, counters);
  }
}

function countCalls(
  counters: Counters,
  kind: CallKind["kind"],
  count: number,
  units: number,
): void {
  switch (kind) {
    case "query":
      counters.queries = count;
      counters.queryUnits = units;
      return;
    case "read":
      counters.reads = count;
      counters.readUnits = units;
      return;
    case "write":
      counters.writes = count;
      counters.writeUnits = units;
  }
}

function costOf(work: WorkTally | undefined): CallCost {
  return {
    ...{ queriesPerSecond: 0, writesPerSecond: 0 },
    bytesPerSecond: work === undefined ? 0 : work.bytesIn + work.bytesOut,
    workUnitsPerSecond: work?.units ?? 0,
  };
}

function placeOf({ collection, tenant }: FoundShard): Place {
  const place = { database: collection.database.name, collection: collection.name };
  return tenant === undefined ? place : { ...place, tenant };
}

/** Searches load what they compare with; everything else reads what it needs from the files. */
function mannerOf({ fields, signal }: CallKind): Manner {
  return fields === undefined ? { signal } : { load: { kind: "query", fields }, signal };
}
