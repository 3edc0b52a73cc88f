/** Work on many tenants, slice after slice, told as it goes on. */
import { FAILURES_TOLD_MAX, TENANTS_NAMED_MAX } from "../base/limits.ts";
import type {
  TenantChoice,
  TenantOutcomes,
  TenantStatesRequest,
  TenantStatesSlice,
  TenantWarmRequest,
  TenantWarmSlice,
  TenantsRequest,
} from "../engine/api.ts";
import type { RequestedState, WarmWindow } from "../model/index.ts";
import type { CallOptions } from "./calls.ts";

/** Names of one slice: a second or so, after which it can be ended. */
const SLICE_NAMES = 1_000;

export interface TenantsWalk extends TenantChoice, CallOptions {
  /** Goes on behind this name, of an earlier one that was ended. */
  readonly after?: string;
  /** Told after every slice. */
  readonly onProgress?: (progress: TenantsProgress) => void;
}

export interface TenantsChange extends TenantsWalk {
  readonly state: RequestedState;
}

export interface TenantsWarming
  extends TenantsWalk, Pick<TenantWarmRequest, "schedule" | "isDryRun" | "policy"> {}

export interface TenantsProgress extends TenantOutcomes {
  /** A change that is ended now goes on behind this name; absent: there is nothing left. */
  readonly next?: string;
}

export interface TenantsChanged extends TenantOutcomes {
  /** The first FAILURES_TOLD_MAX. */
  readonly failures: TenantStatesSlice["failures"];
}

export interface TenantsWarmed extends TenantsChanged {
  /** Of a dry run: who would be woken, the first TENANTS_NAMED_MAX. */
  readonly names?: readonly string[];
  /** Of a schedule: its next windows; the first may be open. */
  readonly windows?: readonly WarmWindow[];
}

/** As {@link walkTenants}. */
export async function warmTenants(
  ask: (request: TenantWarmRequest) => Promise<TenantWarmSlice>,
  { schedule, isDryRun, policy, ...walk }: TenantsWarming,
): Promise<TenantsWarmed> {
  const names: string[] = [];
  let windows: readonly WarmWindow[] | undefined;
  const changed = await walkTenants(async (request) => {
    const slice = await ask({
      ...request,
      ...(schedule === undefined ? {} : { schedule }),
      ...(isDryRun === undefined ? {} : { isDryRun }),
      ...(policy === undefined ? {} : { policy }),
    });
    names.push(...(slice.names ?? []).slice(0, TENANTS_NAMED_MAX - names.length));
    windows ??= slice.windows;
    return slice;
  }, walk);
  return {
    ...changed,
    ...(isDryRun === true && { names }),
    ...(windows !== undefined && { windows }),
  };
}

/** As {@link walkTenants}. */
export function changeTenants(
  ask: (request: TenantStatesRequest) => Promise<TenantStatesSlice>,
  { state, ...walk }: TenantsChange,
): Promise<TenantsChanged> {
  return walkTenants((request) => ask({ ...request, state }), walk);
}

/**
 * @param ask one slice of it.
 * @throws the signal's reason between two slices: what is changed stays so.
 */
export async function walkTenants(
  ask: (request: TenantsRequest) => Promise<TenantStatesSlice>,
  { names, pattern, after, signal, onProgress }: TenantsWalk,
): Promise<TenantsChanged> {
  let sums: TenantsChanged = { changed: 0, unchanged: 0, missing: 0, failed: 0, failures: [] };
  let behind = after;
  do {
    signal?.throwIfAborted();
    const slice = await ask({
      limit: SLICE_NAMES,
      ...(names === undefined ? {} : { names }),
      ...(pattern === undefined ? {} : { pattern }),
      ...(behind === undefined ? {} : { after: behind }),
    });
    sums = {
      changed: sums.changed + slice.changed,
      unchanged: sums.unchanged + slice.unchanged,
      missing: sums.missing + slice.missing,
      failed: sums.failed + slice.failed,
      failures: [...sums.failures, ...slice.failures].slice(0, FAILURES_TOLD_MAX),
    };
    behind = slice.next;
    const { failures: _, ...counts } = sums;
    onProgress?.({ ...counts, ...(behind === undefined ? {} : { next: behind }) });
  } while (behind !== undefined);
  return sums;
}
