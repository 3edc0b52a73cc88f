/** Delete: records by ids or by filter, or a whole namespace. */
import type { Place } from "../../../model/index.ts";
import { isInsulaError } from "../../../base/errors.ts";
import { refusal } from "../errors.ts";
import { namespaceMissing, placeOf, tenantOf } from "../namespace.ts";
import { isAllowed, type Answered, type DataCall } from "./call.ts";
import { checkIds } from "./fetch.ts";
import { parseFilter } from "./filter.ts";
import { committedAt } from "./lsn.ts";
import type { DeleteAnswer, DeleteRequest } from "./messages.ts";

/**
 * Ids that are not there are no error; a namespace that is not there is one.
 *
 * @throws InsulaError `tenant_not_found`, `argument_invalid`, `filter_invalid`
 */
export async function deleteVectors(
  call: DataCall,
  asked: DeleteRequest,
): Promise<Answered<DeleteAnswer>> {
  const { engine } = call.server.context;
  const kinds = [asked.ids.length > 0, asked.deleteAll, asked.filter !== undefined];
  if (kinds.filter(Boolean).length !== 1) {
    throw refusal("Delete must have one of ids, deleteAll and filter");
  }
  const keys = asked.ids.length > 0 ? checkIds(asked.ids) : undefined;
  const filter = asked.filter === undefined ? undefined : parseFilter(asked.filter);
  if (asked.filter !== undefined && filter === undefined) {
    throw refusal("Delete by filter must have at least one condition");
  }
  const place = await placeThatIs(call, asked.namespace);
  if (keys !== undefined) await engine.delete(place, keys);
  else if (filter !== undefined) await engine.deleteWhere(place, filter);
  else await empty(call, place);
  return { message: {}, ...(await committedAt(call, place)) };
}

/** @throws InsulaError `tenant_not_found` */
async function placeThatIs(call: DataCall, namespace: string): Promise<Place> {
  const place = placeOf(call, namespace);
  if (place === undefined) throw namespaceMissing();
  const { database, collection, tenant } = place;
  if (tenant === undefined) return place;
  const info = await call.server.context.engine.getTenant({ database, collection, tenant });
  if (info === undefined) throw namespaceMissing();
  return place;
}

/**
 * All records of a namespace. Who may delete the namespace erases it, its key and its files; who
 * may write records only leaves it there without any.
 */
async function empty(call: DataCall, place: Place): Promise<void> {
  const { engine } = call.server.context;
  const { database, collection, tenant } = place;
  if (tenant === undefined || !isAllowed(call, "admin:DeleteTenant", tenantOf(tenant))) {
    await engine.deleteAll(place);
    return;
  }
  try {
    await engine.eraseTenant({ database, collection, tenant });
  } catch (error) {
    // Another request was faster: what was asked for is so.
    if (!isInsulaError(error) || error.code !== "tenant_not_found") throw error;
  }
}
