/** FetchByMetadata: records that pass a filter, in the order of their ids, page by page. */
import { createHash } from "node:crypto";
import { printJson } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { placeOf, tenantOf } from "../namespace.ts";
import type { Answered, DataCall } from "./call.ts";
import { EVERYTHING } from "./fetch.ts";
import { parseFilter } from "./filter.ts";
import { reconciledAt } from "./lsn.ts";
import type { FetchByMetadataAnswer, FetchByMetadataRequest } from "./messages.ts";
import { parseToken, printToken } from "./tokens.ts";
import { fetchUnits } from "./units.ts";
import { toStored } from "./vectors.ts";

/** A page ends early when it is large. */
export async function fetchByMetadata(
  call: DataCall,
  asked: FetchByMetadataRequest,
): Promise<Answered<FetchByMetadataAnswer>> {
  const { namespace } = asked;
  const { fetchPageItems, fetchPageItemsMax, fetchPageBytesMax } = PINECONE_LIMITS;
  const filter = parseFilter(asked.filter ?? {});
  if (filter === undefined) throw refusal("Fetch by metadata must have at least one condition");
  const limit = asked.limit ?? fetchPageItems;
  if (limit < 1 || limit > fetchPageItemsMax) {
    throw refusal(`limit must be a whole number from 1 to ${String(fetchPageItemsMax)}`);
  }
  const digest = createHash("sha256")
    .update(printJson(asked.filter ?? {}))
    .digest("base64url");
  const bound = { namespace: tenantOf(namespace), filter: digest };
  const after = await parseToken(call, "fetch", asked.paginationToken, bound);
  const place = placeOf(call, namespace);
  const { lsn } = await reconciledAt(call, place);
  if (place === undefined) {
    return { message: { vectors: [], namespace, usage: { readUnits: fetchUnits(0) } } };
  }
  const { items, hasMore } = await call.server.context.engine.list(place, {
    limit,
    filter,
    include: EVERYTHING,
    bytesMax: fetchPageBytesMax,
    ...(after === undefined ? {} : { after }),
  });
  const vectors = items.map((record) => toStored(call.index, record));
  const usage = { readUnits: fetchUnits(vectors.length) };
  const last = items.at(-1)?.key;
  const next =
    hasMore && last !== undefined ? await printToken(call, "fetch", bound, last) : undefined;
  return {
    message: { vectors, namespace, usage, ...(next === undefined ? {} : { next }) },
    ...(lsn === undefined ? {} : { lsn }),
  };
}
