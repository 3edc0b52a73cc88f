/**
 * Pages of tenants: by name, the largest first, or the longest unused first; only those of some
 * names or states. Rows of the catalogue are read and nobody is woken, however many sleep.
 */
import { InsulaError } from "../base/errors.ts";
import { TENANTS_LOOKED_MAX } from "../base/limits.ts";
import { toNamePattern } from "../base/name-pattern.ts";
import type { TenantCountRequest, TenantInfo, TenantPage, TenantPageRequest } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { tenantPrefix } from "./catalog-keys.ts";
import { decodeTenant, type TenantRow } from "./catalog-rows.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import type { Infos } from "./infos.ts";
import { checkPageLimit, listNames } from "./name-listing.ts";

export interface ListingDoors {
  readonly catalog: Pick<Catalog, "scan">;
  readonly infos: Pick<Infos, "tenant" | "collection">;
  /** Gives the thread back between two steps. */
  readonly pause: () => Promise<void>;
}

/** Rows read between two pauses: a name and the size of its shard take about 20 us. */
export const STEP_ROWS = 200;

interface FoundTenant {
  readonly name: string;
  readonly row: TenantRow;
}

/** @throws InsulaError `argument_invalid`, and the reason of the signal. */
export async function listTenants(
  doors: ListingDoors,
  collection: CollectionEntry,
  request: TenantPageRequest,
): Promise<TenantPage> {
  const { limit, order = "name" } = request;
  checkPageLimit(limit);
  const list = ORDERS.get(order);
  if (list !== undefined) return list(doors, collection, request);
  throw new InsulaError("argument_invalid", "Cannot list: order: expected name, size or use.");
}

/** All of them by the collection's own count; names alone are read where there is a prefix. */
export async function countTenants(
  doors: ListingDoors,
  collection: CollectionEntry,
  { prefix = "", most, signal }: TenantCountRequest,
): Promise<number> {
  if (prefix === "") {
    const { tenantCount } = await doors.infos.collection(collection);
    return Math.min(tenantCount, most);
  }
  let count = 0;
  const request = { prefix, ...(signal === undefined ? {} : { signal }) };
  for await (const { tenants } of stepsOf(doors, collection, request)) {
    count += tenants.length;
    if (count >= most) return most;
  }
  return count;
}

/** Looks at TENANTS_LOOKED_MAX rows at most: a page of few matches ends early, and says where. */
async function listByName(
  doors: ListingDoors,
  collection: CollectionEntry,
  request: TenantPageRequest,
): Promise<TenantPage> {
  const items: TenantInfo[] = [];
  let looked = 0;
  let last = request.after;
  for await (const { tenants, hasMore } of stepsOf(doors, collection, request)) {
    const room = Math.min(tenants.length, TENANTS_LOOKED_MAX - looked);
    const meant: FoundTenant[] = [];
    let i = 0;
    while (i < room && items.length + meant.length < request.limit) {
      const tenant = tenants[i++];
      if (tenant?.isMeant === true) meant.push(tenant);
    }
    looked += i;
    last = tenants[i - 1]?.name ?? last;
    // Sizes lie apart in the catalogue: side by side the disk is asked for many at once.
    items.push(...(await Promise.all(meant.map(({ name, row }) => doors.infos.tenant(name, row)))));
    if (items.length === request.limit || looked === TENANTS_LOOKED_MAX) {
      const isMore = i < tenants.length || hasMore;
      return { items, hasMore: isMore, ...(isMore && { next: last }) };
    }
  }
  return { items, hasMore: false };
}

/** A tenant and the number it is ranked by. */
interface Ranked {
  readonly info: TenantInfo;
  readonly rank: number;
}

/** The highest first. */
type RankOf = (info: TenantInfo) => number;

/** Keeps the best of all rows it reads: twice a page, whatever there is. */
function listByRank(rankOf: RankOf): typeof listByName {
  return async (doors, collection, request) => {
    const { after, limit, ...rest } = request;
    const behind = after === undefined ? undefined : readPlace(after);
    let best: Ranked[] = [];
    for await (const { tenants } of stepsOf(doors, collection, rest)) {
      const meant = tenants.filter(({ isMeant }) => isMeant);
      const infos = meant.map(({ name, row }) => doors.infos.tenant(name, row));
      for (const info of await Promise.all(infos)) {
        const ranked = { info, rank: rankOf(info) };
        if (behind === undefined || compareRanks(behind, placeOf(ranked)) < 0) best.push(ranked);
        if (best.length > 2 * (limit + 1)) best = firstOf(best, limit + 1);
      }
    }
    const items = firstOf(best, limit);
    const last = items.at(-1);
    const isMore = best.length > limit && last !== undefined;
    const found = items.map(({ info }) => info);
    return { items: found, hasMore: isMore, ...(isMore && { next: printPlace(placeOf(last)) }) };
  };
}

function firstOf(all: Ranked[], count: number): Ranked[] {
  return all.sort((a, b) => compareRanks(placeOf(a), placeOf(b))).slice(0, count);
}

/** A program in JavaScript can ask for any word. */
const ORDERS: ReadonlyMap<string, typeof listByName> = new Map([
  ["name", listByName],
  ["size", listByRank(({ byteCount }) => byteCount)],
  ["use", listByRank(({ lastUsedAtMs, createdAtMs }) => -Math.floor(lastUsedAtMs ?? createdAtMs))],
]);

interface Step {
  readonly tenants: readonly (FoundTenant & { readonly isMeant: boolean })[];
  readonly hasMore: boolean;
}

/** All rows that can match, in the order of names. */
async function* stepsOf(
  { catalog, pause }: ListingDoors,
  collection: CollectionEntry,
  request: Omit<TenantPageRequest, "limit"> & { readonly limit?: number },
): AsyncGenerator<Step> {
  const { prefix = "", pattern = "*", state, signal } = request;
  const { prefix: fixed, matches } = toNamePattern(pattern);
  // Names that match both begin with the longer of the two, if there are any.
  const [short, long] = fixed.length < prefix.length ? [fixed, prefix] : [prefix, fixed];
  if (!long.startsWith(short)) return;
  const isFiltered = request.pattern !== undefined || state !== undefined;
  const limit = isFiltered ? STEP_ROWS : Math.min(request.limit ?? STEP_ROWS, STEP_ROWS);
  let { after } = request;
  for (;;) {
    signal?.throwIfAborted();
    const page = { prefix: long, limit, ...(after === undefined ? {} : { after }) };
    const { items, hasMore } = await listNames(catalog, tenantPrefix(collection.row.number), page);
    const tenants = items.map(({ name, value }) => {
      const row = decodeTenant(value);
      return { name, row, isMeant: matches(name) && (state === undefined || row.state === state) };
    });
    yield { tenants, hasMore };
    if (!hasMore) return;
    after = items.at(-1)?.name;
    await pause();
  }
}

interface RankedPlace {
  readonly name: string;
  readonly rank: number;
}

function placeOf({ info: { name }, rank }: Ranked): RankedPlace {
  return { name, rank };
}

/** Equal ones by the bytes of their names. */
function compareRanks(a: RankedPlace, b: RankedPlace): number {
  return b.rank - a.rank || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

function printPlace({ rank, name }: RankedPlace): string {
  return `${String(rank)} ${name}`;
}

/** A tenant that has changed its rank since may be seen twice, or not at all. */
function readPlace(text: string): RankedPlace {
  const match = /^(-?\d{1,16}) (.*)$/su.exec(text);
  if (match !== null) return { rank: Number(match[1]), name: match[2] ?? "" };
  throw new InsulaError(
    "argument_invalid",
    "Cannot list by size or use: after: expected the next of the page before.",
  );
}
