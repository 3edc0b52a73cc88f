/**
 * Changes of the states of tenants: the plans of tenancy carried out. Each state is committed by
 * one frame; before and after it the tenant is wholly the one or the other.
 */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { RequestedState, TenantState } from "../model/index.ts";
import { needsStore, planStates } from "../tenancy/index.ts";
import type { Catalog } from "./catalog.ts";
import {
  MOVING_SHARD_PREFIX,
  endOfPrefix,
  movingShardKey,
  type EncodedKey,
} from "./catalog-keys.ts";
import type { TenantRow } from "./catalog-rows.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { decodeMoving, type MovingRow } from "./moving-rows.ts";
import type { AlteredTenant, ChangeCause } from "./tenant-directory.ts";
import type { TenantMoves } from "./tenant-moves.ts";

/** Rows looked at in one step. */
const STEP_ROWS = 256;

export interface TenantChange {
  readonly before: TenantState;
  /** As it is now. */
  readonly row: TenantRow;
}

export interface StateDoors {
  readonly catalog: Catalog;
  readonly directory: Directory;
  readonly moves: TenantMoves;
  readonly onFault: (error: unknown) => void;
}

export const USED: ChangeCause = { reason: "used" };
const ASKED: ChangeCause = { reason: "asked" };

export class TenantStates {
  readonly #doors: StateDoors;

  constructor(doors: StateDoors) {
    this.#doors = doors;
  }

  /**
   * Nothing when the tenant is what is asked for, or `isMeant` says that it is to stay.
   *
   * @throws InsulaError `tenant_not_found`, `offload_not_configured`, and what the object store
   *   throws: then the tenant is what it was before.
   */
  change(
    collection: CollectionEntry,
    name: string,
    requested: RequestedState,
    { isMeant, ...cause }: ChangeCause & { readonly isMeant?: (row: TenantRow) => boolean } = ASKED,
  ): Promise<TenantChange> {
    const { directory, moves } = this.#doors;
    const work = async (tenant: AlteredTenant): Promise<TenantChange> => {
      const before = tenant.row.state;
      if (isMeant?.(tenant.row) === false) return { before, row: tenant.row };
      const plan = planStates(before, requested);
      const move = moves.begin(collection, name, tenant);
      const take = async (): Promise<void> => {
        if (needsStore(plan) && !moves.isConfigured) throw offloadNotConfigured(name, requested);
        for (const step of plan) {
          await moves.rest();
          await move.take(step);
        }
      };
      try {
        await (needsStore(plan) ? moves.during(take) : take());
      } catch (error) {
        await move.undo();
        throw error;
      }
      return { before, row: tenant.row };
    };
    return directory.tenants.alter(collection, name, work, cause);
  }

  /** True when tenants can be offloaded. */
  get canOffload(): boolean {
    return this.#doors.moves.isConfigured;
  }

  /**
   * An OFFLOADED tenant may be used from here on: it is ONLOADING, answers from the object store,
   * and is brought back in the background.
   *
   * @throws InsulaError `tenant_not_found`, `offload_not_configured`.
   */
  async wake(collection: CollectionEntry, name: string): Promise<void> {
    const { directory, moves, onFault } = this.#doors;
    const begin = async (tenant: AlteredTenant): Promise<boolean> => {
      if (tenant.row.state !== "OFFLOADED") return false;
      if (!moves.isConfigured) throw offloadNotConfigured(name, "ACTIVE");
      const goal = { state: "ONLOADING", isQuiet: true, goal: "ACTIVE" } as const;
      await moves.begin(collection, name, tenant).take({ kind: "commit", ...goal });
      return true;
    };
    const isBegun = await directory.tenants.alter(collection, name, begin, USED);
    if (!isBegun) return;
    this.change(collection, name, "ACTIVE", USED).catch((error: unknown) => {
      if (!isInsulaError(error) || error.code !== "engine_closed") onFault(error);
    });
  }

  /** A tenant that is on its way has arrived when this resolves. @throws as change */
  async settle(collection: CollectionEntry, name: string): Promise<void> {
    const { directory, catalog } = this.#doors;
    const row = (await directory.tenants.find(collection, name))?.row;
    const moving = row && (await catalog.get(movingShardKey(row.shard)));
    if (moving !== undefined) await this.change(collection, name, decodeMoving(moving).goal);
  }

  /**
   * Goes on with what the life before this one left on its way, one after the other; what cannot be
   * gone on with becomes what it was.
   */
  async resume(): Promise<void> {
    const { catalog, onFault } = this.#doors;
    const range = { end: endOfPrefix(MOVING_SHARD_PREFIX), limit: STEP_ROWS };
    let start = MOVING_SHARD_PREFIX;
    for (;;) {
      const rows = await catalog.scan({ ...range, start, startIsExclusive: true });
      for (const [key, value] of rows) {
        start = key;
        try {
          await this.#goOn(key, decodeMoving(value));
        } catch (error) {
          if (isInsulaError(error) && error.code === "engine_closed") return;
          onFault(error);
        }
      }
      if (rows.length < STEP_ROWS) return;
    }
  }

  async #goOn(key: EncodedKey, moving: MovingRow): Promise<void> {
    const { directory, catalog } = this.#doors;
    const { database, collection: name, tenant, goal } = moving;
    const collection = await directory.collection(database, name);
    // Of a collection that is being removed: the removal of its tenants takes the row along.
    if (collection === undefined || collection.isGone) return;
    // Asked for something else meanwhile: it is on its way, or there.
    if ((await catalog.get(key)) === undefined) return;
    await this.change(collection, tenant, goal);
  }
}

function offloadNotConfigured(name: string, requested: RequestedState): InsulaError {
  return new InsulaError(
    "offload_not_configured",
    `Cannot make tenant "${name}" ${requested}: this node has no object store for tenants.`,
    { details: { requested } },
  );
}
