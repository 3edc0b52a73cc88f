/** From the names of a place to all its extents. */
import { toHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import type { Place } from "../model/index.ts";
import type { LocatedPlace } from "./api.ts";
import { collectionKey, tenantKey } from "./catalog-keys.ts";
import type { Directory } from "./directory.ts";
import { locateShard, type ExtentDoors } from "./shard-extents.ts";

/** @throws InsulaError `collection_not_found`, `tenant_not_found`, `argument_invalid`. */
export async function locatePlace(
  doors: ExtentDoors,
  directory: Directory,
  { database, collection, tenant }: Place,
): Promise<LocatedPlace> {
  const entry = await directory.collectionNamed(database, collection);
  if (entry.isMultiTenant !== (tenant !== undefined)) {
    const what = entry.isMultiTenant ? "it has tenants, name one" : "it has no tenants";
    throw new InsulaError("argument_invalid", `Cannot locate "${collection}": ${what}.`);
  }
  const named = tenant === undefined ? undefined : await directory.tenants.find(entry, tenant);
  const shard = tenant === undefined ? entry.row.shard : named?.row.shard;
  const state = shard && (await doors.catalog.readShard(shard));
  if (state === undefined) {
    throw new InsulaError("tenant_not_found", `Cannot find tenant "${tenant ?? ""}".`);
  }
  const rowKey =
    tenant === undefined
      ? collectionKey(entry.database.row.number, collection)
      : tenantKey(entry.row.number, tenant);
  const collectionSlot = (await directory.schemas.keySlotOf(entry.row.number)) ?? 0;
  const extents = await locateShard(doors, { state, rowKeys: [rowKey], collectionSlot });
  const { quarantine } = state;
  return { shard: toHex(state.uid), ...(quarantine !== "" && { quarantine }), extents };
}
