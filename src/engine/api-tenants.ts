/** Tenants, as they are shown, and what is told of one that was erased. */
import type { TenantState } from "../model/index.ts";

export interface TenantPlace {
  readonly database: string;
  readonly collection: string;
  readonly tenant: string;
}

export interface TenantsCreated {
  readonly created: number;
  /** Of the different names, those that were there before. */
  readonly existing: number;
}

export interface TenantInfo {
  readonly name: string;
  readonly state: TenantState;
  readonly createdAtMs: number;
  readonly rowCount: number;
  readonly byteCount: number;
  /** How it came into its state; absent while it is what it was made. */
  readonly lastChange?: StateChange;
  /**
   * When a call was about its records, by an hour too early at most; of a collection whose policy
   * is shorter than sixteen hours, by a sixteenth of that. Absent while nobody used it.
   */
  readonly lastUsedAtMs?: number;
  /** Which pin of the collection keeps it awake and ACTIVE; of one tenant that is asked for. */
  readonly pinnedBy?: string;
  /** The warm schedule whose window is open and that keeps it; of one tenant that is asked for. */
  readonly keptWarm?: { readonly schedule: string; readonly untilMs: number };
}

/** The last change of a tenant's state. */
export interface StateChange {
  readonly from: TenantState;
  /**
   * `asked`: by a call for the state. `used`: by a call about the records of an INACTIVE one.
   * `policy`: by the policy of its collection. `schedule`: by a warm schedule of it, which wakes
   * those that the policy made INACTIVE.
   */
  readonly reason: "asked" | "used" | "policy" | "schedule";
  readonly atMs: number;
  /** How long nobody had used it; of `policy` only. */
  readonly idleMs?: number;
  /** Its name; of `schedule` only. */
  readonly schedule?: string;
}

/** What was left of a tenant when it had been erased. */
export interface ErasureReceipt extends TenantPlace {
  /** Uid of its shard, hexadecimal: no other tenant ever had it or will. */
  readonly shard: string;
  /** Slot of its key; 0: it was not sealed. */
  readonly keyId: number;
  /** The key was overwritten, on disk and in memory; nothing else holds it. */
  readonly isKeyDestroyed: boolean;
  readonly recordCount: number;
  /** Files of its own. */
  readonly filesRemoved: number;
  /** Files of its own that a running read still holds; they go with it. */
  readonly filesLeft: number;
  /** Bytes among those of others, in packs and in the log, until those files are rewritten. */
  readonly sharedBytes: number;
  /**
   * Of a tenant with a copy in the object store for offloaded ones: nothing of it is there any
   * more. False: it could not be removed yet and is tried again; the key lies in it, wrapped by the
   * folder's.
   */
  readonly isCopyRemoved?: boolean;
  /** True when nobody can read any of its records from this data folder or that object store. */
  readonly isUnreadable: boolean;
  readonly erasedAtMs: number;
}
