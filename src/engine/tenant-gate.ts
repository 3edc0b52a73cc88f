/**
 * The way from a place to its shard, for calls about records: open while the tenant is ACTIVE. One
 * that is not is refused, or made ACTIVE where the collection activates tenants by itself; there
 * one that is OFFLOADED answers from the object store while it is brought back.
 */
import type { ShardUid } from "../base/brands.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { CallPayer } from "../base/throttle.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import type { TenantState } from "../model/index.ts";
import type { Shard } from "../shard/index.ts";
import type { Manner, ShardKeeper, Waking } from "../tenancy/index.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import type { TenantRow } from "./catalog-rows.ts";
import { USED, type TenantStates } from "./tenant-states.ts";
import type { TenantUses } from "./tenant-uses.ts";

/** A call that loses a race with who puts the tenant to rest activates it again, so often. */
const ACTIVATIONS_MAX = 8;

/** A place and its shard, as they were found. */
export interface FoundPlace {
  readonly collection: CollectionEntry;
  /** undefined in a collection without tenants. */
  readonly tenant: string | undefined;
  /** undefined for a tenant that does not exist. */
  readonly shard: ShardUid | undefined;
  /** ACTIVE also for what has none. */
  readonly state: TenantState;
  /** Of a tenant, as it is kept: since then it may have been used. */
  readonly usedAtMs: number;
  /** Of the place that was named, as the next one. */
  readonly payer?: CallPayer;
  readonly signal?: AbortSignal;
}

export interface FoundShard extends FoundPlace {
  readonly shard: ShardUid;
}

export interface GateDoors {
  readonly directory: Directory;
  readonly keeper: ShardKeeper;
  readonly states: Pick<TenantStates, "change" | "wake">;
  readonly uses: Pick<TenantUses, "note">;
}

export class TenantGate {
  readonly #doors: GateDoors;

  constructor(doors: GateDoors) {
    this.#doors = doors;
  }

  /**
   * As {@link ShardKeeper.use}, and a tenant that is not ACTIVE is refused or made so. Who is
   * aborted while it becomes so waits no longer; the tenant becomes so all the same.
   *
   * @throws InsulaError `tenant_not_active`.
   */
  async use<Value>(
    found: FoundShard,
    task: (shard: Shard, waking: Waking) => Promise<Value>,
    manner: Manner = {},
  ): Promise<Value> {
    const { keeper } = this.#doors;
    const { collection, tenant, shard } = found;
    if (tenant === undefined) return keeper.use(shard, task, undefined, manner);
    let place: FoundPlace = found;
    for (let left = ACTIVATIONS_MAX; ; left--) {
      await this.admit(place, manner.signal);
      try {
        const { number: group, policy: rules } = collection.row;
        const admit = (): Promise<void> => this.#check(collection, tenant);
        const standing = { group, tenant, rules };
        return await keeper.use(shard, task, admit, { ...manner, standing });
      } catch (error) {
        const isRefused = isInsulaError(error) && error.code === "tenant_not_active";
        if (!isRefused || left === 0 || !collection.row.activatesTenants) throw error;
        const entry = await this.#doors.directory.tenants.find(collection, tenant);
        place = { ...found, ...stateOf(entry?.row) };
      }
    }
  }

  /**
   * As use, of a tenant that is ACTIVE, and no use that is noted: nobody asked for its records.
   *
   * @throws InsulaError `tenant_not_active`.
   */
  wake<Value>(
    { collection, shard }: FoundShard,
    tenant: string,
    task: (shard: Shard) => Promise<Value>,
    manner: Manner,
  ): Promise<Value> {
    const { number: group, policy: rules } = collection.row;
    const admit = (): Promise<void> => this.#check(collection, tenant);
    const standing = { group, tenant, rules };
    return this.#doors.keeper.use(shard, task, admit, { ...manner, standing });
  }

  /**
   * Of a call that needs no shard awake; notes that the tenant is used.
   *
   * @throws InsulaError `tenant_not_active`; the reason of the signal while it becomes so.
   */
  async admit(place: FoundPlace, signal?: AbortSignal): Promise<void> {
    const { collection, tenant, shard } = place;
    if (tenant === undefined || shard === undefined) return;
    if (place.state !== "ACTIVE") await unlessAborted(signal, this.#activate(place, tenant));
    this.#doors.uses.note(collection, tenant, place.usedAtMs);
  }

  isAwake(shard: ShardUid): boolean {
    return this.#doors.keeper.peek(shard) !== undefined;
  }

  async #activate(place: FoundPlace, tenant: string): Promise<void> {
    const { collection } = place;
    if (!collection.row.activatesTenants) throw notActive(tenant, place.state);
    // The call may have waited for its turn since its place was found.
    const entry = await this.#doors.directory.tenants.find(collection, tenant);
    const { state } = stateOf(entry?.row);
    // What is in the object store answers from there until it has arrived.
    if (state === "ACTIVE" || state === "ONLOADING") return;
    if (state === "OFFLOADED") await this.#doors.states.wake(collection, tenant);
    else await this.#doors.states.change(collection, tenant, "ACTIVE", USED);
  }

  /** The state of now: it may have changed since the place was found. Waits for nobody. */
  async #check(collection: CollectionEntry, tenant: string): Promise<void> {
    const entry = await this.#doors.directory.tenants.find(collection, tenant);
    const state = entry?.row.state ?? "ACTIVE";
    const isOpen = state === "ONLOADING" && collection.row.activatesTenants;
    if (state !== "ACTIVE" && !isOpen) throw notActive(tenant, state);
  }
}

/** What a place says of its tenant. */
export function stateOf(row: TenantRow | undefined): Pick<FoundPlace, "state" | "usedAtMs"> {
  if (row === undefined) return { state: "ACTIVE", usedAtMs: 0 };
  return { state: row.state, usedAtMs: row.lastUsedAtMs ?? row.createdAtMs };
}

export function hasShard(found: FoundPlace): found is FoundShard {
  return found.shard !== undefined;
}

export function notActive(tenant: string, state: TenantState): InsulaError {
  return new InsulaError(
    "tenant_not_active",
    `Cannot use tenant "${tenant}": it is ${state}: make it ACTIVE, or set activatesTenants of its collection.`,
    { details: { state } },
  );
}
