/**
 * Tenants woken before they are needed: each is opened, and searched once by each of its dense
 * fields, so that what a search reads is in memory. None is activated by it.
 */
import { isInsulaError } from "../base/errors.ts";
import type { Query } from "../model/index.ts";
import type { TenantStatesSlice, TenantWarmRequest } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { notActive, stateOf, type TenantGate } from "./tenant-gate.ts";
import { findSlice, workThrough, type TenantOutcome } from "./tenant-slices.ts";
import type { ShardKeeper } from "../tenancy/index.ts";

/** Tenants woken at once: calls that come meanwhile find half of the disk's time. */
const WARMED_AT_ONCE = 8;

export interface WarmingDoors {
  readonly catalog: Pick<Catalog, "scan">;
  readonly directory: Directory;
  readonly gate: Pick<TenantGate, "use">;
  readonly keeper: Pick<ShardKeeper, "peek">;
}

/** @throws InsulaError `argument_invalid`; what fails for one tenant is in the answer. */
export async function warmTenants(
  doors: WarmingDoors,
  collection: CollectionEntry,
  request: TenantWarmRequest,
): Promise<TenantStatesSlice> {
  const isSettled = (): boolean => false;
  const slice = await findSlice(doors.catalog, collection, { ...request, isSettled });
  const queries = queriesOf(collection);
  return workThrough(slice, WARMED_AT_ONCE, (tenant) =>
    warmOne(doors, collection, tenant, queries),
  );
}

async function warmOne(
  { directory, gate, keeper }: WarmingDoors,
  collection: CollectionEntry,
  tenant: string,
  queries: readonly Query[],
): Promise<TenantOutcome> {
  try {
    const row = (await directory.tenants.find(collection, tenant))?.row;
    if (row === undefined) return { outcome: "missing" };
    const { shard, state } = row;
    if (state !== "ACTIVE") throw notActive(tenant, state);
    if (keeper.peek(shard) !== undefined) return { outcome: "unchanged" };
    const warming = { kind: "background", fields: queries.map(({ field }) => field) } as const;
    const place = { collection, tenant, shard, ...stateOf(row) };
    await gate.use(place, (open) => open.query(queries), { load: warming });
    return { outcome: "changed" };
  } catch (error) {
    if (!isInsulaError(error) || error.code === "engine_closed") throw error;
    return error.code === "tenant_not_found"
      ? { outcome: "missing" }
      : { outcome: "failed", error };
  }
}

/** Any direction will do: what is nearest to it is of no interest. */
function queriesOf({ schema }: CollectionEntry): readonly Query[] {
  return schema.vectors.map(({ name, dimension }) => ({
    field: name,
    vector: new Float32Array(dimension).fill(1),
    topK: 1,
    include: { vectors: false, metadata: false },
  }));
}
