/** A change of many tenants, slice after slice, told as it goes on. */
import { FAILURES_TOLD_MAX } from "../base/limits.ts";
import type {
  TenantChoice,
  TenantOutcomes,
  TenantStatesRequest,
  TenantStatesSlice,
} from "../engine/api.ts";
import type { RequestedState } from "../model/index.ts";
import type { CallOptions } from "./calls.ts";

/** Names of one slice: a second or so, after which it can be ended. */
const SLICE_NAMES = 1_000;

export interface TenantsChange extends TenantChoice, CallOptions {
  readonly state: RequestedState;
  /** Goes on behind this name, of an earlier change that was ended. */
  readonly after?: string;
  /** Told after every slice. */
  readonly onProgress?: (progress: TenantsProgress) => void;
}

export interface TenantsProgress extends TenantOutcomes {
  /** A change that is ended now goes on behind this name; absent: there is nothing left. */
  readonly next?: string;
}

export interface TenantsChanged extends TenantOutcomes {
  /** The first FAILURES_TOLD_MAX. */
  readonly failures: TenantStatesSlice["failures"];
}

/**
 * @param ask one slice of it.
 * @throws the signal's reason between two slices: what is changed stays so.
 */
export async function changeTenants(
  ask: (request: TenantStatesRequest) => Promise<TenantStatesSlice>,
  { names, pattern, state, after, signal, onProgress }: TenantsChange,
): Promise<TenantsChanged> {
  let sums: TenantsChanged = { changed: 0, unchanged: 0, missing: 0, failed: 0, failures: [] };
  let behind = after;
  do {
    signal?.throwIfAborted();
    const slice = await ask({
      state,
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
