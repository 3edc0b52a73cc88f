/** Counts the calls about records of each tenant. */
import { wrapEngine } from "../access/index.ts";
import type { Engine } from "../engine/api.ts";
import type { Place } from "../model/index.ts";

/** Calls whose first argument is a place; those of a search over many are counted for each. */
const CALLS = [
  ...(["upsert", "insert", "update", "updateWhere", "delete", "deleteWhere", "deleteAll"] as const),
  ...(["get", "count", "list", "query", "queryAll", "queryMany", "measureRecall"] as const),
];

/** @param count  told `database/collection/tenant`, without the last where there are no tenants. */
export function countTenantCalls(engine: Engine, count: (name: string) => void): Engine {
  return wrapEngine(engine, CALLS, (_call, body) => (...parameters) => {
    const [first] = parameters as [Place | readonly Place[]];
    if ("database" in first) count(nameOf(first));
    else for (const place of first) count(nameOf(place));
    return body(...parameters);
  });
}

function nameOf({ database, collection, tenant }: Place): string {
  const name = `${database}/${collection}`;
  return tenant === undefined ? name : `${name}/${tenant}`;
}
