/** Calls about namespaces themselves: tenants, made, listed, described and erased. */
import { InsulaError, isInsulaError } from "../../../base/errors.ts";
import { PAGE_ITEMS_MAX } from "../../../base/limits.ts";
import type { TenantInfo } from "../../../engine/api.ts";
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { DEFAULT_NAMESPACE, namespaceMissing, tenantOf } from "../namespace.ts";
import { isAllowed, type Answered, type DataCall } from "./call.ts";
import { pageLimit } from "./list.ts";
import type {
  CreateNamespaceRequest,
  DeleteAnswer,
  InNamespace,
  ListNamespacesAnswer,
  ListNamespacesRequest,
  NamespaceDescription,
} from "./messages.ts";
import { parseToken, printToken } from "./tokens.ts";

/** In the order of their bytes. A key that is bound to some namespaces is told of these. */
export async function listNamespaces(
  call: DataCall,
  asked: ListNamespacesRequest,
): Promise<Answered<ListNamespacesAnswer>> {
  const { prefix = "" } = asked;
  const limit = pageLimit(asked.limit);
  const after = await parseToken(call, "namespaces", asked.paginationToken, { prefix });
  if (!call.index.hasNamespaces) {
    const namespaces = DEFAULT_NAMESPACE.startsWith(prefix) ? [ofWholeIndex(call)] : [];
    return { message: { namespaces, totalCount: namespaces.length } };
  }
  const page = await readPage(call, { prefix, after, limit });
  const last = page.namespaces.at(-1)?.name;
  const next =
    page.hasMore && last !== undefined
      ? await printToken(call, "namespaces", { prefix }, last)
      : undefined;
  const totalCount = await countAll(call, prefix);
  return {
    message: {
      namespaces: page.namespaces,
      totalCount,
      ...(next === undefined ? {} : { next }),
    },
  };
}

interface Wanted {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly limit: number;
}

interface FoundNamespaces {
  readonly namespaces: readonly NamespaceDescription[];
  readonly hasMore: boolean;
}

/** One page of those that the key may know of. */
async function readPage(call: DataCall, wanted: Wanted): Promise<FoundNamespaces> {
  const seesAll = isAllowed(call, "admin:ListTenants");
  const namespaces: NamespaceDescription[] = [];
  const limit = seesAll ? wanted.limit : PAGE_ITEMS_MAX;
  let { after } = wanted;
  for (;;) {
    const page = await readTenants(call, { ...wanted, after, limit });
    for (const tenant of page.items) {
      if (!seesAll && !isAllowed(call, "admin:GetTenant", tenant.name)) continue;
      if (namespaces.length === wanted.limit) return { namespaces, hasMore: true };
      namespaces.push(describe(tenant));
    }
    if (seesAll || !page.hasMore) return { namespaces, hasMore: seesAll && page.hasMore };
    after = page.items.at(-1)?.name;
    call.signal.throwIfAborted();
  }
}

/** As many as the key may know of, as far as a bound. */
async function countAll(call: DataCall, prefix: string): Promise<number> {
  const { database, name: collection, tenantCount } = call.index.info;
  if (isAllowed(call, "admin:ListTenants")) {
    if (prefix === "") return tenantCount;
    const asked = { prefix, most: PINECONE_LIMITS.namespacesCountedMax, signal: call.signal };
    return call.server.context.engine.countTenants({ database, collection }, asked);
  }
  let count = 0;
  let after: string | undefined;
  for (;;) {
    const page = await readTenants(call, { prefix, after, limit: PAGE_ITEMS_MAX });
    count += page.items.filter(({ name }) => isAllowed(call, "admin:GetTenant", name)).length;
    if (!page.hasMore) return count;
    after = page.items.at(-1)?.name;
    call.signal.throwIfAborted();
  }
}

function readTenants(
  { index, server }: DataCall,
  { prefix, after, limit }: Wanted,
): ReturnType<DataCall["server"]["context"]["engine"]["listTenants"]> {
  const { database, name } = index.info;
  return server.context.engine.listTenants(database, name, {
    limit,
    ...(prefix === "" ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
  });
}

/** @throws InsulaError `tenant_not_found` */
export async function describeNamespace(
  call: DataCall,
  { namespace }: InNamespace,
): Promise<Answered<NamespaceDescription>> {
  const { index, server } = call;
  if (!index.hasNamespaces && tenantOf(namespace) === DEFAULT_NAMESPACE) {
    return { message: ofWholeIndex(call) };
  }
  const info = index.hasNamespaces
    ? await server.context.engine.getTenant(tenantPlace(call, namespace))
    : undefined;
  if (info === undefined) throw namespaceMissing();
  return { message: describe(info) };
}

/** @throws InsulaError `tenant_exists` */
export async function createNamespace(
  call: DataCall,
  { namespace }: CreateNamespaceRequest,
): Promise<Answered<NamespaceDescription>> {
  const { index, server } = call;
  if (namespace === "") throw refusal("name is required");
  if (!index.hasNamespaces) {
    throw refusal("The index was made without namespaces: it has the default one only");
  }
  try {
    const info = await server.context.engine.createTenant(tenantPlace(call, namespace));
    return { message: describe(info) };
  } catch (error) {
    if (!isInsulaError(error) || error.code !== "tenant_exists") throw error;
    throw new InsulaError("tenant_exists", "Namespace already exists", { cause: error });
  }
}

/** Gone, its key and files too, when it is answered. @throws InsulaError `tenant_not_found` */
export async function deleteNamespace(
  call: DataCall,
  { namespace }: InNamespace,
): Promise<Answered<DeleteAnswer>> {
  const { index, server } = call;
  const { engine } = server.context;
  if (index.hasNamespaces) await engine.eraseTenant(tenantPlace(call, namespace));
  else if (tenantOf(namespace) !== DEFAULT_NAMESPACE) throw namespaceMissing();
  else await engine.deleteAll({ database: index.info.database, collection: index.info.name });
  return { message: {} };
}

function tenantPlace(
  { index }: DataCall,
  namespace: string,
): { readonly database: string; readonly collection: string; readonly tenant: string } {
  const { database, name: collection } = index.info;
  return { database, collection, tenant: tenantOf(namespace) };
}

function describe({ name, rowCount, byteCount }: TenantInfo): NamespaceDescription {
  return { name, recordCount: rowCount, sizeBytes: byteCount };
}

function ofWholeIndex({ index: { info } }: DataCall): NamespaceDescription {
  return { name: DEFAULT_NAMESPACE, recordCount: info.rowCount, sizeBytes: info.byteCount };
}
