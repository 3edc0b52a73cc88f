/** What is asked of many tenants slice by slice, and what is answered. */
import type { RequestedState, TenantPolicyPatch, TenantState, WarmWindow } from "../model/index.ts";

/** Which tenants: by name, or those whose names match. One of the two. */
export interface TenantChoice {
  /** At most TENANTS_NAMED_MAX. */
  readonly names?: readonly string[];
  /** `*` any text, `?` one character, `\\` before a sign that is meant itself. */
  readonly pattern?: string;
}

export interface TenantsRequest extends TenantChoice {
  /** Goes on behind this name. */
  readonly after?: string;
  /** Names looked at in this slice, 1 to PAGE_ITEMS_MAX. */
  readonly limit: number;
}

export interface TenantWarmRequest extends TenantsRequest {
  /**
   * Those of this warm schedule, in place of names or a pattern, as its window would: no use is
   * noted, those that the policy made INACTIVE become ACTIVE, others that rest count as unchanged.
   * `after` is then what `next` of the slice before was.
   */
  readonly schedule?: string;
  /** Tells who would be woken, and wakes nobody. */
  readonly isDryRun?: boolean;
  /** Of a dry run: as if the policy were changed by this. */
  readonly policy?: TenantPolicyPatch;
}

export interface TenantStatesRequest extends TenantsRequest {
  readonly state: RequestedState;
}

export interface TenantSweepRequest {
  /** Goes on behind this name. */
  readonly after?: string;
  /** Tenants looked at in this slice, 1 to PAGE_ITEMS_MAX. */
  readonly limit: number;
  /** Tells what is due and does nothing. */
  readonly isDryRun?: boolean;
  /** Of a dry run: as if the policy were changed by this. */
  readonly policy?: TenantPolicyPatch;
}

/** A tenant that nobody used for longer than the policy of its collection says. */
export interface DueTenant {
  readonly tenant: string;
  readonly from: TenantState;
  readonly to: "INACTIVE" | "OFFLOADED";
  readonly idleMs: number;
}

export interface TenantSweepSlice {
  readonly looked: number;
  /** Of those, so many would be due and are pinned. */
  readonly pinned: number;
  /** Where the policy has warm schedules: so many would be due and are kept by an open one. */
  readonly keptWarm?: number;
  /** Where the policy has a share: what tenants of the collection hold now, and what they may. */
  readonly memory?: { readonly loadedBytes: number; readonly loadedBytesMax: number };
  /** What became of them, or of a dry run what would; those of `failures` are not among them. */
  readonly due: readonly DueTenant[];
  /** The first FAILURES_TOLD_MAX. */
  readonly failures: readonly { readonly tenant: string; readonly error: Error }[];
  readonly failed: number;
  /** The next slice goes on behind this name; absent: there is none. */
  readonly next?: string;
}

/** Tenants by what came of them. */
export interface TenantOutcomes {
  readonly changed: number;
  /** They were so already. */
  readonly unchanged: number;
  /** Named, and not there. */
  readonly missing: number;
  readonly failed: number;
}

export interface TenantStatesSlice extends TenantOutcomes {
  /** The first FAILURES_TOLD_MAX. */
  readonly failures: readonly { readonly tenant: string; readonly error: Error }[];
  /** The next slice goes on behind this name; absent: there is none. */
  readonly next?: string;
}

export interface TenantWarmSlice extends TenantStatesSlice {
  /** Of a dry run: who would be woken. */
  readonly names?: readonly string[];
  /** Of a schedule: its next windows, at most WINDOWS_TOLD_MAX; the first may be open. */
  readonly windows?: readonly WarmWindow[];
}
