/** Where things lie below `/insula/v1/`. */
import { InsulaError } from "../base/errors.ts";
import type { CustomerPlace, PageRequest, TenantPageRequest } from "../engine/api.ts";
import type { Place, UsageRequest } from "../model/index.ts";

export function databasePath(name: string): string {
  return `databases/${segment(name)}`;
}

export function collectionPath({ database, collection }: Place): string {
  return `${databasePath(database)}/collections/${segment(collection)}`;
}

export function tenantPath(place: Place): string {
  return `${collectionPath(place)}/tenants/${segment(place.tenant ?? "")}`;
}

/** What has one name in all collections. */
export function customerPath({ database, tenant }: CustomerPlace): string {
  return `${databasePath(database)}/customers/${segment(tenant)}`;
}

/** Of a tenant when the place has one, else of the collection itself. */
export function recordsPath(place: Place): string {
  return `${place.tenant === undefined ? collectionPath(place) : tenantPath(place)}/records`;
}

export function limitsPath(place: Place): string {
  return `${place.tenant === undefined ? collectionPath(place) : tenantPath(place)}/limits`;
}

export function keyPath(id: string): string {
  return `keys/${segment(id)}`;
}

export function pageQuery({ limit, prefix, after }: PageRequest): string {
  const parameters = new URLSearchParams({ limit: String(limit) });
  if (prefix !== undefined) parameters.set("prefix", prefix);
  if (after !== undefined) parameters.set("after", after);
  return `?${parameters.toString()}`;
}

export function tenantPageQuery({ pattern, state, order, ...page }: TenantPageRequest): string {
  const parameters = new URLSearchParams(pageQuery(page));
  if (pattern !== undefined) parameters.set("pattern", pattern);
  if (state !== undefined) parameters.set("state", state);
  if (order !== undefined) parameters.set("order", order);
  return `?${parameters.toString()}`;
}

/** By path where it can be, so that a key of one tenant may ask for it. */
export function usagePath({
  database,
  collection,
  tenant,
  after,
  period,
  fromMs,
  toMs,
  limit,
}: UsageRequest): string {
  const parameters = new URLSearchParams({ period, limit: String(limit) });
  if (fromMs !== undefined) parameters.set("from", String(fromMs));
  if (toMs !== undefined) parameters.set("to", String(toMs));
  if (after !== undefined) {
    const names = [after.database, after.collection, after.tenant];
    const named = names.filter((name) => name !== undefined).map(encodeURIComponent);
    parameters.set("after", named.join("/"));
  }
  const query = `usage/periods?${parameters.toString()}`;
  if (database !== undefined && collection !== undefined) {
    const place = { database, collection, ...(tenant === undefined ? {} : { tenant }) };
    return `${tenant === undefined ? collectionPath(place) : tenantPath(place)}/${query}`;
  }
  const rest = { collection, tenant };
  let path = database === undefined ? query : `${databasePath(database)}/${query}`;
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined) path += `&${name}=${encodeURIComponent(value)}`;
  }
  return path;
}

/**
 * URLs lose the segments "." and "..", encoded or not: the server takes a "~" before them away, and
 * before what would be mistaken for that.
 *
 * @throws InsulaError `name_invalid` for a name that no path can hold.
 */
function segment(name: string): string {
  if (name === "" || /\p{Surrogate}/u.test(name)) {
    throw new InsulaError("name_invalid", "Cannot use the name: expected text of UTF-8.");
  }
  return encodeURIComponent(/^~*\.\.?$/.test(name) ? `~${name}` : name);
}
