/** What the ledger says: one row a place, its entries as the periods that were asked for. */
import { InsulaError } from "../base/errors.ts";
import type { Place, UsageItem, UsageRequest } from "../model/index.ts";
import type { UsagePage } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import {
  endOfPrefix,
  namesOfUsageKey,
  usageKey,
  usagePrefix,
  type EncodedKey,
} from "./catalog-keys.ts";
import { USAGE_PLACES_MAX } from "./limits.ts";
import { USAGE_PERIODS, coarsen, decodeUsage, mergeEntries, startOf } from "./usage-row.ts";

type Rows = Pick<Catalog, "get" | "scan">;
type Row = readonly [EncodedKey, Uint8Array];

/**
 * One page of places in the order of their names, each with its periods in theirs.
 *
 * Cost: one row a place. A tenant in all collections costs one look a collection that was ever
 * used, not one a tenant.
 *
 * @throws InsulaError `argument_invalid`.
 */
export async function readUsage(catalog: Rows, request: UsageRequest): Promise<UsagePage> {
  checkRequest(request);
  const rows = await findRows(catalog, request);
  const taken = rows.slice(0, request.limit);
  const last = taken.at(-1);
  return {
    items: taken.flatMap((row) => itemsOf(row, request)),
    hasMore: rows.length > request.limit,
    ...(last === undefined ? {} : { last: placeOf(last[0]) }),
  };
}

function checkRequest({ limit, period, collection, database, fromMs, toMs }: UsageRequest): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > USAGE_PLACES_MAX) {
    throw refusal(`expected a limit of 1 to ${String(USAGE_PLACES_MAX)}`);
  }
  if (!USAGE_PERIODS.includes(period)) throw refusal("expected a period of hour, day or month");
  if (collection !== undefined && database === undefined) {
    throw refusal("expected a database beside the collection");
  }
  if ((fromMs ?? 0) >= (toMs ?? Infinity)) throw refusal("expected an end after the begin");
}

function refusal(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot read the usage: ${reason}.`);
}

/** At most one more than the page may have. */
function findRows(catalog: Rows, request: UsageRequest): Promise<readonly Row[]> {
  const { database, collection, tenant, after, limit } = request;
  const prefix = usagePrefix(database, collection);
  const behind = after === undefined ? undefined : keyOf(after);
  if (tenant !== undefined) return findTenant(catalog, { ...request, tenant }, behind);
  const start = behind === undefined || behind < prefix ? prefix : behind;
  return catalog.scan({
    start,
    end: endOfPrefix(prefix),
    limit: limit + 1,
    startIsExclusive: start === behind,
  });
}

/** Goes from collection to collection. */
async function findTenant(
  catalog: Rows,
  { database, collection, tenant, limit }: UsageRequest & { readonly tenant: string },
  behind: EncodedKey | undefined,
): Promise<readonly Row[]> {
  const prefix = usagePrefix(database, collection);
  const found: Row[] = [];
  for (let start: EncodedKey = prefix; found.length <= limit;) {
    const [next] = await catalog.scan({ start, end: endOfPrefix(prefix), limit: 1 });
    if (next === undefined) break;
    const names = namesOfUsageKey(next[0]);
    const key = usageKey(names.database, names.collection, tenant);
    const value = behind !== undefined && key <= behind ? undefined : await catalog.get(key);
    if (value !== undefined) found.push([key, value]);
    start = endOfPrefix(usagePrefix(names.database, names.collection));
  }
  return found;
}

function keyOf({ database, collection, tenant = "" }: Place): EncodedKey {
  return usageKey(database, collection, tenant);
}

function placeOf(key: EncodedKey): Place {
  const { database, collection, tenant } = namesOfUsageKey(key);
  return { database, collection, ...(tenant === "" ? {} : { tenant }) };
}

function itemsOf([key, bytes]: Row, { period, fromMs, toMs }: UsageRequest): readonly UsageItem[] {
  const place = placeOf(key);
  const entries = mergeEntries(decodeUsage(bytes).map((entry) => coarsen(entry, period)));
  return entries.flatMap((entry): readonly UsageItem[] => {
    const startMs = startOf(entry);
    const endMs = startOf({ ...entry, number: entry.number + 1 });
    if (endMs <= (fromMs ?? 0) || startMs >= (toMs ?? Infinity)) return [];
    const { records: storedRecords, bytes: storedBytes } = entry.stored;
    return [
      {
        ...place,
        period: entry.period,
        startMs,
        endMs,
        ...entry.counters,
        storedRecords,
        storedBytes,
        ...(entry.renamedFrom !== undefined && { renamedFrom: entry.renamedFrom }),
        ...(entry.renamedTo !== undefined && { renamedTo: entry.renamedTo }),
      },
    ];
  });
}
