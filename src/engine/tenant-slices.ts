/** Many tenants, slice by slice: which they are, the work on each, and what came of it. */
import { InsulaError } from "../base/errors.ts";
import { FAILURES_TOLD_MAX, TENANTS_NAMED_MAX } from "../base/limits.ts";
import { toNamePattern } from "../base/name-pattern.ts";
import type { TenantChoice, TenantOutcomes, TenantStatesSlice } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { tenantPrefix } from "./catalog-keys.ts";
import { decodeTenant, type TenantRow } from "./catalog-rows.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { checkPageLimit, listNames } from "./name-listing.ts";

/** Rows read and looked at in one step: about a millisecond. */
const STEP_ROWS = 512;

export interface TenantSliceRequest extends TenantChoice {
  readonly after?: string;
  readonly limit: number;
  /** True for a tenant that needs no work; counted as unchanged. */
  readonly isSettled: (row: TenantRow) => boolean;
}

/** A part of the tenants that are meant. */
export interface Slice {
  readonly names: readonly string[];
  /** Looked at, and as they were asked to be. */
  readonly settledCount: number;
  readonly next: string | undefined;
}

export interface TenantOutcome {
  readonly outcome: keyof TenantOutcomes;
  readonly error?: Error;
}

/** @throws what `work` throws: it ends the slice. */
export async function workThrough(
  { names, settledCount, next }: Slice,
  atOnce: number,
  work: (tenant: string) => Promise<TenantOutcome>,
): Promise<TenantStatesSlice> {
  const counts = { changed: 0, unchanged: settledCount, missing: 0, failed: 0 };
  const failures: { tenant: string; error: Error }[] = [];
  const waiting = names.values();
  const worker = async (): Promise<void> => {
    for (const tenant of waiting) {
      const { outcome, error } = await work(tenant);
      counts[outcome]++;
      if (error !== undefined && failures.length < FAILURES_TOLD_MAX) {
        failures.push({ tenant, error });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { ...counts, failures, ...(next === undefined ? {} : { next }) };
}

/** @throws InsulaError `argument_invalid`. */
export function findSlice(
  catalog: Pick<Catalog, "scan">,
  collection: CollectionEntry,
  request: TenantSliceRequest,
): Promise<Slice> {
  const { names, pattern } = request;
  checkPageLimit(request.limit);
  if ((names === undefined) === (pattern === undefined)) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot take the tenants: expected either names or a pattern.",
    );
  }
  return pattern === undefined
    ? Promise.resolve(sliceOfNames(names ?? [], request))
    : sliceOfPattern(catalog, collection, { ...request, pattern });
}

function sliceOfNames(names: readonly string[], { after, limit }: TenantSliceRequest): Slice {
  if (names.length > TENANTS_NAMED_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot take the tenants: expected at most ${String(TENANTS_NAMED_MAX)} names, received ${String(names.length)}.`,
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
  { pattern, after, limit, isSettled }: TenantSliceRequest & { readonly pattern: string },
): Promise<Slice> {
  const { prefix, matches } = toNamePattern(pattern);
  const parent = tenantPrefix(collection.row.number);
  const names: string[] = [];
  let settledCount = 0;
  let next = after;
  let hasMore = true;
  for (let left = limit; left > 0 && hasMore; left -= STEP_ROWS) {
    const page = { prefix, limit: Math.min(STEP_ROWS, left) };
    const found = await listNames(
      catalog,
      parent,
      next === undefined ? page : { ...page, after: next },
    );
    for (const { name, value } of found.items) {
      if (!matches(name)) continue;
      if (isSettled(decodeTenant(value))) settledCount++;
      else names.push(name);
    }
    hasMore = found.hasMore;
    next = found.items.at(-1)?.name ?? next;
  }
  return { names, settledCount, next: hasMore ? next : undefined };
}

function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
