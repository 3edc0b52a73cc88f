/** Changes of the states of many tenants. */
import { isInsulaError } from "../base/errors.ts";
import type { RequestedState } from "../model/index.ts";
import type { TenantStatesRequest, TenantStatesSlice } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { findSlice, workThrough, type TenantOutcome } from "./tenant-slices.ts";
import type { TenantStates } from "./tenant-states.ts";

/** Frames that wait for one sync together; a tenant that is in use holds up one of them. */
const CHANGES_AT_ONCE = 64;

export interface ChangeDoors {
  readonly catalog: Pick<Catalog, "scan">;
  readonly states: Pick<TenantStates, "change">;
}

/** @throws InsulaError `argument_invalid`, `offload_not_configured`. */
export async function changeTenants(
  doors: ChangeDoors,
  collection: CollectionEntry,
  request: TenantStatesRequest,
): Promise<TenantStatesSlice> {
  const { state: wanted } = request;
  const isSettled = ({ state }: { readonly state: string }): boolean => state === wanted;
  const slice = await findSlice(doors.catalog, collection, { ...request, isSettled });
  return workThrough(slice, CHANGES_AT_ONCE, (tenant) =>
    changeOne(doors, collection, tenant, wanted),
  );
}

async function changeOne(
  { states }: ChangeDoors,
  collection: CollectionEntry,
  tenant: string,
  state: RequestedState,
): Promise<TenantOutcome> {
  try {
    const { before, row } = await states.change(collection, tenant, state);
    return { outcome: before === row.state ? "unchanged" : "changed" };
  } catch (error) {
    if (!isInsulaError(error)) throw error;
    if (error.code === "tenant_not_found") return { outcome: "missing" };
    // The same for every tenant: none of the others could be moved.
    if (error.code === "offload_not_configured" || error.code === "engine_closed") throw error;
    return { outcome: "failed", error };
  }
}
