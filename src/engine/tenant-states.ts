/**
 * Changes of the states of tenants: the plans of tenancy carried out. Each state is committed by
 * one frame; before and after it the tenant is wholly the one or the other.
 */
import { InsulaError } from "../base/errors.ts";
import type { RequestedState, TenantState } from "../model/index.ts";
import { needsStore, planStates, type ShardKeeper, type StateStep } from "../tenancy/index.ts";
import type { StateChange } from "./api.ts";
import type { TenantRow } from "./catalog-rows.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import type { AlteredTenant } from "./tenant-directory.ts";

export interface TenantChange {
  readonly before: TenantState;
  /** As it is now. */
  readonly row: TenantRow;
}

export class TenantStates {
  readonly #directory: Directory;
  readonly #keeper: Pick<ShardKeeper, "suspend">;

  constructor(directory: Directory, keeper: Pick<ShardKeeper, "suspend">) {
    this.#directory = directory;
    this.#keeper = keeper;
  }

  /**
   * Nothing when the tenant is what is asked for.
   *
   * @throws InsulaError `tenant_not_found`, `offload_not_configured`.
   */
  change(
    collection: CollectionEntry,
    name: string,
    requested: RequestedState,
    reason?: StateChange["reason"],
  ): Promise<TenantChange> {
    const work = async (tenant: AlteredTenant): Promise<TenantChange> => {
      const before = tenant.row.state;
      const plan = planStates(before, requested);
      if (needsStore(plan)) throw offloadNotConfigured(name, requested);
      for (const step of plan) await this.#take(tenant, step);
      return { before, row: tenant.row };
    };
    return this.#directory.tenants.alter(collection, name, work, reason);
  }

  async #take(tenant: AlteredTenant, step: StateStep): Promise<void> {
    if (step.kind !== "commit") return;
    const commit = (): Promise<void> => tenant.commit({ ...tenant.row, state: step.state });
    await (step.isQuiet ? this.#keeper.suspend(tenant.row.shard, commit) : commit());
  }
}

function offloadNotConfigured(name: string, requested: RequestedState): InsulaError {
  return new InsulaError(
    "offload_not_configured",
    `Cannot make tenant "${name}" ${requested}: this node has no object store for tenants.`,
    { details: { requested } },
  );
}
