/** List: ids in the order of their bytes, page by page. */
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { placeOf, tenantOf } from "../namespace.ts";
import type { Answered, DataCall } from "./call.ts";
import type { ListAnswer, ListRequest } from "./messages.ts";
import { parseToken, printToken } from "./tokens.ts";

/** A call costs one unit whatever it finds. */
const LIST_UNITS = 1;

export async function list(call: DataCall, asked: ListRequest): Promise<Answered<ListAnswer>> {
  const { namespace, prefix = "" } = asked;
  if (prefix.length > PINECONE_LIMITS.idCharactersMax) {
    throw refusal(`prefix must have at most ${String(PINECONE_LIMITS.idCharactersMax)} characters`);
  }
  const limit = pageLimit(asked.limit);
  const bound = { namespace: tenantOf(namespace), prefix };
  const after = await parseToken(call, "list", asked.paginationToken, bound);
  const place = placeOf(call, namespace);
  const usage = { readUnits: LIST_UNITS };
  if (place === undefined) return { message: { ids: [], namespace, usage } };
  const { items, hasMore } = await call.server.context.engine.list(place, {
    limit,
    include: { vectors: false, metadata: false },
    ...(prefix === "" ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
  });
  const ids = items.map(({ key }) => key);
  const last = ids.at(-1);
  if (!hasMore || last === undefined) return { message: { ids, namespace, usage } };
  const next = await printToken(call, "list", bound, last);
  return { message: { ids, next, namespace, usage } };
}

/** More than a page holds is asked for in vain, and no error. @throws InsulaError */
export function pageLimit(limit: number | undefined): number {
  const { pageItemsMax } = PINECONE_LIMITS;
  if (limit === undefined) return pageItemsMax;
  if (!Number.isInteger(limit) || limit < 1) throw refusal("limit must be a whole number above 0");
  return Math.min(limit, pageItemsMax);
}
