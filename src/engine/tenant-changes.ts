/** Changes of many tenants, slice by slice: which they are, and what came of each. */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { FAILURES_TOLD_MAX, TENANTS_NAMED_MAX } from "../base/limits.ts";
import { toNamePattern } from "../base/name-pattern.ts";
import type { RequestedState } from "../model/index.ts";
import type { TenantStatesRequest, TenantStatesSlice } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { tenantPrefix } from "./catalog-keys.ts";
import { decodeTenant } from "./catalog-rows.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { checkPageLimit, listNames } from "./name-listing.ts";
import type { TenantStates } from "./tenant-states.ts";

/** Frames that wait for one sync together; a tenant that is in use holds up one of them. */
const CHANGES_AT_ONCE = 64;

export interface ChangeDoors {
  readonly catalog: Pick<Catalog, "scan">;
  readonly states: Pick<TenantStates, "change">;
}

type Outcome = "changed" | "unchanged" | "missing" | "failed";

/** A part of the tenants that are meant. */
interface Slice {
  readonly names: readonly string[];
  /** Looked at, and as they were asked to be. */
  readonly settledCount: number;
  readonly next: string | undefined;
}

/** @throws InsulaError `argument_invalid`, `offload_not_configured`. */
export async function changeTenants(
  doors: ChangeDoors,
  collection: CollectionEntry,
  request: TenantStatesRequest,
): Promise<TenantStatesSlice> {
  const { names, settledCount, next } = await findSlice(doors.catalog, collection, request);
  const counts = { changed: 0, unchanged: settledCount, missing: 0, failed: 0 };
  const failures: { tenant: string; error: Error }[] = [];
  const change = async (tenant: string): Promise<void> => {
    const { outcome, error } = await changeOne(doors, collection, tenant, request.state);
    counts[outcome]++;
    if (error !== undefined && failures.length < FAILURES_TOLD_MAX)
      failures.push({ tenant, error });
  };
  const waiting = names.values();
  const work = async (): Promise<void> => {
    for (const tenant of waiting) await change(tenant);
  };
  await Promise.all(Array.from({ length: CHANGES_AT_ONCE }, work));
  return { ...counts, failures, ...(next === undefined ? {} : { next }) };
}

async function changeOne(
  { states }: ChangeDoors,
  collection: CollectionEntry,
  tenant: string,
  state: RequestedState,
): Promise<{ readonly outcome: Outcome; readonly error?: Error }> {
  try {
    const { before, row } = await states.change(collection, tenant, state);
    return { outcome: before === row.state ? "unchanged" : "changed" };
  } catch (error) {
    if (!isInsulaError(error)) throw error;
    if (error.code === "tenant_not_found") return { outcome: "missing" };
    // The same for every tenant: none of the others could be moved.
    if (error.code === "offload_not_configured" || error.code === "engine_closed") throw error;
    return { outcome: "failed", error };
  }
}

function findSlice(
  catalog: Pick<Catalog, "scan">,
  collection: CollectionEntry,
  request: TenantStatesRequest,
): Promise<Slice> {
  const { names, pattern } = request;
  checkPageLimit(request.limit);
  if ((names === undefined) === (pattern === undefined)) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot change tenants: expected either names or a pattern.",
    );
  }
  return pattern === undefined
    ? Promise.resolve(sliceOfNames(names ?? [], request))
    : sliceOfPattern(catalog, collection, { ...request, pattern });
}

function sliceOfNames(
  names: readonly string[],
  { after, limit }: Pick<TenantStatesRequest, "after" | "limit">,
): Slice {
  if (names.length > TENANTS_NAMED_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot change tenants: expected at most ${String(TENANTS_NAMED_MAX)} names, received ${String(names.length)}.`,
    );
  }
  const ordered = [...new Set(names)].sort(compareNames);
  const left =
    after === undefined ? ordered : ordered.filter((name) => compareNames(name, after) > 0);
  const taken = left.slice(0, limit);
  const next = left.length > limit ? taken.at(-1) : undefined;
  return { names: taken, settledCount: 0, next };
}

async function sliceOfPattern(
  catalog: Pick<Catalog, "scan">,
  collection: CollectionEntry,
  { pattern, after, limit, state }: TenantStatesRequest & { readonly pattern: string },
): Promise<Slice> {
  const { prefix, matches } = toNamePattern(pattern);
  const page = { prefix, limit, ...(after === undefined ? {} : { after }) };
  const { items, hasMore } = await listNames(catalog, tenantPrefix(collection.row.number), page);
  const meant = items.filter(({ name }) => matches(name));
  const names = meant
    .filter(({ value }) => decodeTenant(value).state !== state)
    .map(({ name }) => name);
  const next = hasMore ? items.at(-1)?.name : undefined;
  return { names, settledCount: meant.length - names.length, next };
}

function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
