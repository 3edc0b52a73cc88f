/** DescribeIndexStats: how many records there are, and in which namespaces. Wakes nobody. */
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { DEFAULT_NAMESPACE } from "../namespace.ts";
import { isAllowed, type Answered, type DataCall } from "./call.ts";
import type { StatsAnswer, StatsRequest } from "./messages.ts";

/**
 * A key that is bound to some namespaces is told of these. Beyond a number of namespaces the rest
 * is not named; the total is of all.
 */
export async function describeIndexStats(
  call: DataCall,
  { filter }: StatsRequest,
): Promise<Answered<StatsAnswer>> {
  if (filter !== undefined && Object.keys(filter).length > 0) {
    throw refusal("Serverless indexes do not support describing index stats with a filter");
  }
  const { info, dimension, metric, vectorType, hasNamespaces } = call.index;
  const namespaces = hasNamespaces
    ? await readNamespaces(call)
    : info.rowCount === 0
      ? []
      : [{ name: "", vectorCount: info.rowCount }];
  const total = isAllowed(call, "admin:GetCollection")
    ? info.rowCount
    : namespaces.reduce((sum, { vectorCount }) => sum + vectorCount, 0);
  return {
    message: {
      namespaces,
      ...(dimension === undefined ? {} : { dimension }),
      indexFullness: 0,
      totalVectorCount: total,
      metric,
      vectorType,
    },
  };
}

/** Read at once; the engine gives the thread back between shorter steps. */
const STEP_NAMESPACES = 1_000;

/**
 * All namespaces, or the first ones in the order of names where there are very many. Rows of the
 * catalogue are read: what an answer costs is bound by what it may name, not by what there is.
 */
async function readNamespaces(call: DataCall): Promise<StatsAnswer["namespaces"]> {
  const { database, name: collection, tenantCount } = call.index.info;
  const { statsNamespacesMax, statsNamespacesOfMany, statsNameBytesMax } = PINECONE_LIMITS;
  const seesAll = isAllowed(call, "admin:ListTenants");
  const isMany = seesAll && tenantCount > statsNamespacesMax;
  const namesMax = isMany ? statsNamespacesOfMany : statsNamespacesMax;
  const found: { name: string; vectorCount: number }[] = [];
  let nameBytes = 0;
  let after: string | undefined;
  do {
    const { items, hasMore } = await call.server.context.engine.listTenants(database, collection, {
      limit: seesAll ? Math.min(STEP_NAMESPACES, namesMax - found.length) : STEP_NAMESPACES,
      signal: call.signal,
      ...(after === undefined ? {} : { after }),
    });
    for (const { name, rowCount } of items) {
      if (!seesAll && !isAllowed(call, "admin:GetTenant", name)) continue;
      if (name === DEFAULT_NAMESPACE && rowCount === 0) continue;
      nameBytes += Buffer.byteLength(name);
      if (found.length === namesMax || nameBytes > statsNameBytesMax) return found;
      found.push({ name: name === DEFAULT_NAMESPACE ? "" : name, vectorCount: rowCount });
    }
    after = hasMore ? items.at(-1)?.name : undefined;
  } while (after !== undefined && found.length < namesMax);
  return found;
}
