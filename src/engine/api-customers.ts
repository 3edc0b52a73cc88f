/** One customer over all collections of a database. */
import type { TenantState, UsageItem, UsagePeriod } from "../model/index.ts";
import type { PageRequest, Page } from "./api-pages.ts";
import type { TenantInfo, ErasureReceipt } from "./api-tenants.ts";

/**
 * One customer over all collections: what has one name as a tenant in the collections of a
 * database. Every call looks at each collection of the database once; nobody is woken.
 */
export interface CustomerCalls {
  /**
   * Those that are suspended or being erased, by name. The others are names of tenants, and nobody
   * keeps a list of them. @throws `database_not_found`, `argument_invalid`
   */
  list(database: string, page: PageRequest): Promise<Page<CustomerStanding>>;
  /** @throws `database_not_found`, `tenant_not_found` when it is in no collection. */
  get(place: CustomerPlace): Promise<CustomerInfo>;
  /**
   * Refuses every call about its records, and whatever would make a tenant of this name, with
   * `customer_suspended`, in all collections there are and will be, until it is resumed. Calls
   * under way end as they would. Nothing is lost, a restart changes nothing; states, limits, usage
   * and removal go on. Durable, and in force for the next call, when the promise resolves; nothing
   * when it is so already.
   * @throws `database_not_found`, `tenant_not_found`
   */
  suspend(place: CustomerPlace): Promise<CustomerInfo>;
  /** Nothing when it is not suspended. @throws as suspend; `customer_suspended` in an erasure */
  resume(place: CustomerPlace): Promise<CustomerInfo>;
  /**
   * Erases its tenants one after the other, as `eraseTenant` does, and says of each what was found.
   * From the beginning on all its calls are refused with `customer_suspended`; at the end the name
   * is free, and not suspended. A crash in between: the next start goes on, and the same call gets
   * the receipt, of what was removed before the crash too.
   * @throws `database_not_found`, `tenant_not_found`
   */
  erase(place: CustomerPlace): Promise<CustomerErasure>;
  /**
   * Second tenants with the records these have now, each as it was at one moment. They appear in
   * all collections at once, ACTIVE and without limits, or in none.
   * @throws `database_not_found`, `tenant_not_found`, `tenant_exists`, `name_invalid`
   */
  copy(place: CustomerPlace, name: string): Promise<CustomerInfo>;
  /** What it did by period, in each collection and in all. @throws `argument_invalid` */
  usage(place: CustomerPlace, asked: CustomerUsageRequest): Promise<CustomerUsage>;
}

export interface CustomerPlace {
  readonly database: string;
  /** The name it has in every collection. */
  readonly tenant: string;
}

export interface CustomerStanding extends CustomerPlace {
  readonly state: "SUSPENDED" | "ERASING";
  readonly sinceMs: number;
}

export interface CustomerTenant extends Omit<TenantInfo, "name"> {
  readonly collection: string;
  readonly state: TenantState;
}

export interface CustomerInfo extends CustomerPlace {
  /** Unless ACTIVE, calls about its records are refused, whatever the states of its tenants. */
  readonly state: "ACTIVE" | "SUSPENDED" | "ERASING";
  /** Of a state that is not ACTIVE. */
  readonly sinceMs?: number;
  /** By collection. */
  readonly tenants: readonly CustomerTenant[];
  readonly rowCount: number;
  readonly byteCount: number;
}

/** One receipt of all collections. */
export interface CustomerErasure extends CustomerPlace {
  /** One a removed tenant; of one collection two, when it was made again after an interruption. */
  readonly tenants: readonly ErasureReceipt[];
  readonly recordCount: number;
  /** True when that is so of each. */
  readonly isUnreadable: boolean;
  /** An erasure begun before did not come to its end, and is in this receipt. */
  readonly wasInterrupted: boolean;
}

export interface CustomerUsageRequest {
  readonly period: UsagePeriod;
  readonly fromMs?: number;
  readonly toMs?: number;
}

export interface CustomerUsage extends CustomerPlace {
  /** Over all collections, by start. */
  readonly total: readonly UsageSum[];
  /** By collection, then by start. */
  readonly items: readonly UsageItem[];
}

export type UsageSum = Omit<UsageItem, "database" | "collection" | "tenant">;
