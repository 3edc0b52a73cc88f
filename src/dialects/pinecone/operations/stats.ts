/** DescribeIndexStats: how many records there are, and in which namespaces. Wakes nobody. */
import { PAGE_ITEMS_MAX } from "../../../base/limits.ts";
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

async function readNamespaces(call: DataCall): Promise<StatsAnswer["namespaces"]> {
  const { database, name: collection } = call.index.info;
  const seesAll = isAllowed(call, "admin:ListTenants");
  const found: { name: string; vectorCount: number }[] = [];
  let after: string | undefined;
  do {
    const { items, hasMore } = await call.server.context.engine.listTenants(database, collection, {
      limit: PAGE_ITEMS_MAX,
      ...(after === undefined ? {} : { after }),
    });
    for (const { name, rowCount } of items) {
      if (!seesAll && !isAllowed(call, "admin:GetTenant", name)) continue;
      if (name !== DEFAULT_NAMESPACE) found.push({ name, vectorCount: rowCount });
      else if (rowCount > 0) found.push({ name: "", vectorCount: rowCount });
    }
    after = hasMore ? items.at(-1)?.name : undefined;
    call.signal.throwIfAborted();
  } while (after !== undefined && found.length < PINECONE_LIMITS.statsNamespacesMax);
  return found.slice(0, PINECONE_LIMITS.statsNamespacesMax);
}
