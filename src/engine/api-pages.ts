/** Pages of listings, and how they are asked for. */
import type { Filter, Include, Place, TenantState, UsageItem } from "../model/index.ts";
import type { TenantInfo } from "./api-tenants.ts";

export interface PageRequest {
  /** Names start with this. */
  readonly prefix?: string;
  /** Names after this one, which need not exist. */
  readonly after?: string;
  /** 1 to PAGE_ITEMS_MAX. */
  readonly limit: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** True only when another page would not be empty. The next page starts after the last item. */
  readonly hasMore: boolean;
}

export interface TenantPageRequest extends PageRequest {
  /** Names that match it, as in {@link TenantChoice}. */
  readonly pattern?: string;
  /** Only tenants in this state. */
  readonly state?: TenantState;
  /**
   * `size`: the most bytes first. `use`: first who was not used for the longest. In both `after` is
   * the `next` of the page before.
   */
  readonly order?: "name" | "size" | "use";
  readonly signal?: AbortSignal;
}

export interface TenantCountRequest {
  /** All tenants without one. */
  readonly prefix?: string;
  /** An answer of this much means: so many, or more. */
  readonly most: number;
  readonly signal?: AbortSignal;
}

/** With a pattern or a state another page may turn out to be empty. */
export interface TenantPage extends Page<TenantInfo> {
  /** `after` of the next page, when there is more. */
  readonly next?: string;
}

export interface ListRequest extends PageRequest {
  readonly include: Include;
  /** Keys with crc32(UTF-8 of key) mod count = index. */
  readonly part?: { readonly count: number; readonly index: number };
  readonly filter?: Filter;
  /** The page ends early when it holds this much. */
  readonly bytesMax?: number;
}

export interface UsagePage extends Page<UsageItem> {
  /** The last place looked at, with items or without: the next page is after it. */
  readonly last?: Place;
}
