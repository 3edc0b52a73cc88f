/**
 * The face: what a program holds, whether the database is in this process or behind HTTP.
 * insula.contract.ts is the suite both bodies pass.
 */
import type {
  CollectionInfo,
  CollectionPatch,
  CustomerErasure,
  CustomerInfo,
  CustomerPlace,
  CustomerStanding,
  CustomerUsage,
  DatabaseInfo,
  ErasureReceipt,
  Page,
  PageRequest,
  TenantInfo,
  TenantPage,
  TenantPageRequest,
  TenantSweepRequest,
  TenantSweepSlice,
  TenantsCreated,
  UsagePage,
  WriteResult,
} from "../engine/api.ts";
import type {
  Activation,
  Explanation,
  LikeRecord,
  LimitsInfo,
  LimitsPatch,
  Metadata,
  Metric,
  Place,
  QueryPlan,
  RecallReport,
  RequestedState,
  SearchedPlace,
  ScoreWeights,
  SparseColumn,
  SparseField,
  SparseVector,
  TenantPolicy,
  UsagePeriod,
  UsageRequest,
  VectorField,
  WarmSchedule,
  WarmSchedules,
  Where,
} from "../model/index.ts";
import type { CallOptions } from "./calls.ts";
import type {
  TenantsChange,
  TenantsChanged,
  TenantsWarmed,
  TenantsWarming,
} from "./change-tenants.ts";

/** A list of numbers becomes float32. */
export type VectorLike = Float32Array | readonly number[];

/**
 * All databases of one data folder, or of one server.
 *
 * Every call throws InsulaError, with the same kind and code from both bodies; the codes are in
 * docs/errors.md. After {@link Insula.close} every call fails with `engine_closed`.
 */
export interface Insula extends AsyncDisposable {
  /** @throws `database_exists`, `name_invalid` */
  createDatabase(name: string, options?: CallOptions): Promise<DatabaseInfo>;
  /** undefined when there is none */
  getDatabase(name: string, options?: CallOptions): Promise<DatabaseInfo | undefined>;
  listDatabases(page?: PageOptions): Promise<Page<DatabaseInfo>>;
  /** @throws `database_not_found`, `database_not_empty` while it has collections. */
  deleteDatabase(name: string, options?: CallOptions): Promise<void>;

  /** @throws `database_not_found`, `collection_exists`, `name_invalid`, `argument_invalid` */
  createCollection<M extends object = Metadata>(
    database: string,
    name: string,
    made: NewCollection,
    options?: CallOptions,
  ): Promise<Collection<M>>;
  /** undefined when the collection or its database is missing */
  getCollection(
    database: string,
    name: string,
    options?: CallOptions,
  ): Promise<CollectionInfo | undefined>;
  /** @throws `database_not_found` */
  listCollections(database: string, page?: PageOptions): Promise<Page<CollectionInfo>>;
  /**
   * Disables, enables, names the embedding model, changes the recall of a field, and what becomes
   * of tenants by themselves.
   * @throws `collection_not_found`, `argument_invalid`
   */
  updateCollection(
    database: string,
    name: string,
    patch: Omit<CollectionPatch, "attributes">,
    options?: CallOptions,
  ): Promise<CollectionInfo>;
  /** Gone for every reader when the promise resolves. @throws `collection_not_found` */
  deleteCollection(database: string, name: string, options?: CallOptions): Promise<void>;

  /**
   * A handle; nothing is looked up. `M` is what you promise the metadata to be: filters and results
   * are typed by it, nothing checks it at run time.
   */
  collection<M extends object = Metadata>(database: string, name: string): Collection<M>;
  /**
   * Searches tenants or collections, each at most once, and merges exactly. A place that fails is
   * named beside the hits of the others; a place the key may not read refuses the whole call.
   */
  queryMany<M extends object = Metadata>(
    places: readonly (Place | { readonly place: Place })[],
    query: Search<M>,
    options?: CallOptions,
  ): Promise<ManyResult<M>>;

  /** A handle; nothing is looked up. */
  customer(database: string, name: string): Customer;
  /** Customers that are suspended or being erased, by name. @throws `database_not_found` */
  listSuspended(database: string, page?: PageOptions): Promise<Page<CustomerStanding>>;

  /**
   * What was done at places by period, one page of places in the order of their names; the next is
   * after `last`. @throws `argument_invalid`
   */
  usage(asked?: UsageOptions): Promise<UsagePage>;

  /** Embedded: waits for running calls and releases the folder. Remote: refuses further calls. */
  close(): Promise<void>;
}

export interface UsageOptions extends CallOptions, Partial<UsageRequest> {
  /** Default `day`. */
  readonly period?: UsagePeriod;
  /** Places, default 100. */
  readonly limit?: number;
}

/** What has one name as a tenant in the collections of a database. Needs rights on all of it. */
export interface Customer {
  readonly place: CustomerPlace;
  /** @throws `database_not_found`, `tenant_not_found` when it is in no collection */
  get(options?: CallOptions): Promise<CustomerInfo>;
  /**
   * Every call about its records, in every collection, is refused with `customer_suspended` until
   * it is resumed; so is what would make a tenant of this name. Nothing is lost.
   */
  suspend(options?: CallOptions): Promise<CustomerInfo>;
  /** @throws `customer_suspended` while it is being erased */
  resume(options?: CallOptions): Promise<CustomerInfo>;
  /**
   * Erases it from every collection; one receipt names them all. Its calls are refused meanwhile.
   * After a crash the next start goes on, and the same call gets the receipt.
   */
  erase(options?: CallOptions): Promise<CustomerErasure>;
  /** Appears in all collections at once, or in none. @throws `tenant_exists` */
  copy(name: string, options?: CallOptions): Promise<CustomerInfo>;
  usage(asked?: CustomerUsageOptions): Promise<CustomerUsage>;
  /** All its records, collection by collection, by key bytes; for exports. */
  scan<M extends object = Metadata>(options?: ScanOptions<M>): CustomerRecords<M>;
}

export type CustomerRecords<M extends object = Metadata> = AsyncIterableIterator<{
  readonly collection: string;
  readonly record: StoredRecord<M>;
}>;

export interface CustomerUsageOptions extends CallOptions {
  /** Default `day`. */
  readonly period?: UsagePeriod;
  readonly fromMs?: number;
  readonly toMs?: number;
}

export interface NewCollection {
  /** Components of the one unnamed vector; or `vectors`. */
  readonly dimension?: number;
  /** Of the unnamed vector; default `cosine`. */
  readonly metric?: Metric;
  /** Of the unnamed vector: share of the true nearest that searches aim at; default 0.95. */
  readonly recall?: number;
  /**
   * Of the unnamed vector. `small`: searches keep a bit a component in memory and read the rows
   * that may be nearest from files. Default `fast`.
   */
  readonly memory?: "small" | "fast";
  /** Several named vectors a record. */
  readonly vectors?: readonly VectorField[];
  /** Sparse vectors that a record may have, besides or instead of the others. */
  readonly sparseVectors?: readonly SparseField[];
  /** `single`: one shard, no tenants. Default `single`. */
  readonly tenancy?: "single" | "multi";
  /** Properties that are returned but never indexed: long texts. */
  readonly unfilterable?: readonly string[];
  readonly embeddingModel?: string;
  /** A write to a tenant that does not exist creates it. Default true. */
  readonly createsTenants?: boolean;
  /** A call about the records of an INACTIVE tenant makes it ACTIVE. Default false. */
  readonly activatesTenants?: boolean;
  /** What becomes of tenants that nobody uses. Default: nothing. */
  readonly policy?: TenantPolicy;
}

export interface PageOptions extends CallOptions, Partial<PageRequest> {}

export interface TenantPageOptions extends CallOptions, Partial<TenantPageRequest> {}

export interface TenantSweepOptions extends CallOptions, Partial<TenantSweepRequest> {}

/** The records of one place: a collection without tenants, or one tenant. */
export interface Records<M extends object = Metadata> {
  readonly place: Place;
  /**
   * Writes all records or none; durable and visible when the promise resolves. A tenant that does
   * not exist is created where the collection has `createsTenants`.
   * @throws `collection_not_found`, `collection_disabled`, `tenant_not_active`,
   *         `dimension_mismatch`, `vector_invalid`, `key_invalid`, `key_duplicate`,
   *         `metadata_invalid`, `batch_too_large`
   */
  upsert(records: Batch<M>, options?: CallOptions): Promise<WriteResult>;
  /** As upsert, but refuses the whole batch with `record_exists` when a key is taken. */
  insert(records: Batch<M>, options?: CallOptions): Promise<WriteResult>;
  /** One entry per key in the order asked, undefined where there is no record. */
  get(
    keys: readonly string[],
    options?: ReadOptions,
  ): Promise<readonly (StoredRecord<M> | undefined)[]>;
  /** Keys that are not there are no error. */
  delete(keys: readonly string[], options?: CallOptions): Promise<WriteResult>;
  /** @throws `filter_invalid`, also for a filter without any condition */
  deleteWhere(where: Where<M>, options?: CallOptions): Promise<WriteResult>;
  deleteAll(options?: CallOptions): Promise<WriteResult>;
  /** Without a filter: from the catalogue, wakes nobody. */
  count(where?: Where<M>, options?: CallOptions): Promise<number>;
  /** One page by key bytes; the next starts `after` the last key. */
  list(page?: ListOptions<M>): Promise<Page<StoredRecord<M>>>;
  /** All records by key bytes, page by page; what is written meanwhile may be seen or not. */
  scan(options?: ScanOptions<M>): AsyncIterableIterator<StoredRecord<M>>;
  /** @throws `record_not_found` when `like` names no record */
  query(query: Search<M>, options?: CallOptions): Promise<SearchResult<M>>;
  /**
   * Several searches of one state of the place, at most 100, in their order; an error of one is
   * that of all.
   */
  queryAll(
    queries: readonly Search<M>[],
    options?: CallOptions,
  ): Promise<readonly SearchResult<M>[]>;
  /**
   * A search read page by page, all of one state of the place, whatever is written meanwhile; its
   * `topK`, 1,000 unless named, is that of all pages. Not with `mmr`. Ends what is kept for it when
   * the loop is left. A page is to be asked for within a minute of the one before.
   * @throws `search_not_found` when the search is not kept any more: the tenant was put to sleep,
   *         memory is short, or sixteen newer ones of the same place are kept
   */
  queryPages(
    query: Search<M>,
    options?: QueryPagesOptions,
  ): AsyncIterableIterator<readonly FoundRecord<M>[]>;
  /** How much searches find: each is done as planned and exactly, over one state of the place. */
  measureRecall(what?: Measurement<M>, options?: CallOptions): Promise<RecallReport>;
  /** Of a collection with tenants: what holds for those that have no limits of their own. */
  limits(options?: CallOptions): Promise<LimitsInfo>;
  /**
   * A number sets, null removes, what is not named stays; in force for the next call. Calls beyond
   * a limit fail with `limit_exceeded` and the time to wait, writes beyond a quota with
   * `record_quota_exceeded` or `storage_quota_exceeded`.
   * @throws `tenant_not_found`, `argument_invalid`
   */
  setLimits(patch: LimitsPatch, options?: CallOptions): Promise<LimitsInfo>;
}

/**
 * One collection. Its own records when it has no tenants, else those of {@link Collection.tenant}.
 */
export interface Collection<M extends object = Metadata> extends Records<M> {
  /** A handle; nothing is looked up. */
  tenant(name: string): Records<M>;
  /** @throws `tenant_exists`, `argument_invalid` for a collection without tenants */
  createTenant(name: string, options?: CallOptions): Promise<TenantInfo>;
  /**
   * Makes those of the names that are missing, 10,000 in a call; what fails or is ended has made
   * the calls before, and the same again goes on. @throws `name_invalid`, `argument_invalid`
   */
  createTenants(names: Iterable<string>, options?: CallOptions): Promise<TenantsCreated>;
  getTenant(name: string, options?: CallOptions): Promise<TenantInfo | undefined>;
  /**
   * By name, the largest or the longest unused first; of a pattern or a state only. Wakes nobody.
   * The next page goes on with `after: next`; with a pattern or a state a page may have few, or
   * none, and still a next.
   */
  listTenants(page?: TenantPageOptions): Promise<TenantPage>;
  /**
   * What the tenant is asked to be. INACTIVE: it sleeps, and calls about its records are refused
   * with `tenant_not_active`, or make it ACTIVE where the collection has `activatesTenants`.
   * @throws `tenant_not_found`, `offload_not_configured`
   */
  setTenantState(name: string, state: RequestedState, options?: CallOptions): Promise<TenantInfo>;
  /**
   * The same of many tenants, named or by a pattern, in slices; told as it goes on, ended by its
   * signal between two of them, and gone on with by saying it again.
   */
  setTenantStates(change: TenantsChange): Promise<TenantsChanged>;
  /**
   * Wakes tenants before they are needed, named or by a pattern, eight at once: `changed` counts
   * those that slept. They sleep again when they are idle. One that is not ACTIVE is a failure.
   * With `schedule` those of a warm schedule, as its window would; with `isDryRun` it says who
   * would be woken and when the next windows of the schedule are, also of one that is in `policy`
   * only.
   */
  warmTenants(walk: TenantsWarming): Promise<TenantsWarmed>;
  /**
   * Tenants that are woken by themselves when a window opens, and kept awake and ACTIVE until it
   * closes; null takes the schedule of that name away. Answers all there are.
   * @throws `argument_invalid`
   */
  setWarmSchedule(
    name: string,
    schedule: WarmSchedule | null,
    options?: CallOptions,
  ): Promise<WarmSchedules>;
  /**
   * Tenants, by name or by patterns, that stay awake and ACTIVE however long nobody uses them, as
   * far as half of the memory and the share of their collection go. Answers all that are pinned.
   * @throws `argument_invalid`
   */
  pinTenants(pins: readonly string[], options?: CallOptions): Promise<readonly string[]>;
  /** Takes pins away, as they were set; answers those that are left. */
  unpinTenants(pins: readonly string[], options?: CallOptions): Promise<readonly string[]>;
  /**
   * One slice of what the policy of the collection does with tenants that nobody uses, or with
   * `isDryRun` would do; `policy` asks a dry run for another one. A node does it by itself.
   * @throws `argument_invalid`
   */
  sweepTenants(sweep?: TenantSweepOptions): Promise<TenantSweepSlice>;
  /**
   * Whatever its state; the old name is free at once. Keys that are bound to the old name stay
   * bound to it, and what was counted under it stays there. @throws `tenant_exists`
   */
  renameTenant(name: string, to: string, options?: CallOptions): Promise<TenantInfo>;
  deleteTenant(name: string, options?: CallOptions): Promise<void>;
  /** As `deleteTenant`, then waits until its key and files are gone and says what was found. */
  eraseTenant(name: string, options?: CallOptions): Promise<ErasureReceipt>;
  /** {@link Insula.queryMany} over tenants of this collection. */
  queryTenants(
    names: readonly string[],
    query: Search<M>,
    options?: CallOptions,
  ): Promise<ManyResult<M>>;
}

/** A sparse vector as callers have it: as many values as indices. */
export interface SparseLike {
  readonly indices: ArrayLike<number>;
  readonly values: VectorLike;
}

/** Records one by one, or by columns: 500 vectors in one block of memory. */
export type Batch<M extends object = Metadata> = readonly NewRecord<M>[] | Columns<M>;

export interface NewRecord<M extends object = Metadata> {
  readonly key: string;
  /** The unnamed vector. */
  readonly vector?: VectorLike;
  /** Named ones. */
  readonly vectors?: ReadonlyMap<string, VectorLike> | Readonly<Record<string, VectorLike>>;
  /** Sparse ones, by field; the indices in any order, each once. */
  readonly sparse?: ReadonlyMap<string, SparseLike> | Readonly<Record<string, SparseLike>>;
  readonly metadata?: M;
}

export interface Columns<M extends object = Metadata> {
  readonly keys: readonly string[];
  /** Per vector field, row after row. */
  readonly vectors: readonly { readonly field: string; readonly values: Float32Array }[];
  /** Per sparse field that any record has, row after row; indices ascending. */
  readonly sparse?: readonly SparseColumn[];
  /** As long as `keys`. */
  readonly metadata: readonly (M | undefined)[];
}

/** A record that was read; can be written again as it is. */
export interface StoredRecord<M extends object = Metadata> {
  readonly key: string;
  /** The unnamed vector, when vectors are asked for. */
  readonly vector?: Float32Array;
  /** Named vectors, when vectors are asked for. */
  readonly vectors?: ReadonlyMap<string, Float32Array>;
  /** Sparse ones, when vectors are asked for and the record has any. */
  readonly sparse?: ReadonlyMap<string, SparseVector>;
  readonly metadata?: M;
}

/** What of a record to return. */
export interface Includes {
  /** Default false. */
  readonly vectors?: boolean;
  /** Default true. */
  readonly metadata?: boolean;
}

export interface ReadOptions extends CallOptions, Includes {}

export interface ListOptions<M extends object = Metadata> extends PageOptions, Includes {
  readonly where?: Where<M>;
}

export interface ScanOptions<M extends object = Metadata> extends CallOptions, Includes {
  readonly where?: Where<M>;
  readonly prefix?: string;
  /** Keys after this one. */
  readonly after?: string;
  /** Records fetched at once, default 1,000. */
  readonly pageSize?: number;
}

export interface Search<M extends object = Metadata> extends Includes {
  /** Absent where there is `like`, or only a sparse vector. */
  readonly vector?: VectorLike;
  /**
   * In place of a vector: the one that this record has stored in `field`, which may be a sparse
   * field. At one place only.
   */
  readonly like?: LikeRecord;
  /**
   * Alone: the nearest of the records that share an index with it. With a vector or `like`: one
   * score of both, for a field whose metric is `dot`. Always exact; not with `mmr`.
   */
  readonly sparse?: SparseLike & { readonly field: string };
  /** What each counts where there are both; default 1. Not negative. */
  readonly weights?: ScoreWeights;
  /** Default 10. */
  readonly topK?: number;
  readonly where?: Where<M>;
  /** Vector field searched; default the unnamed one. */
  readonly field?: string;
  /** True: float32 scan of everything that passes the filter. */
  readonly isExact?: boolean;
  /** Share of the true nearest aimed at, 0.5 to 0.999; default that of the field. */
  readonly recall?: number;
  /** Hits are at most this far away, as the metric defines it. */
  readonly maxDistance?: number;
  /**
   * Maximal marginal relevance: hits that differ from one another, in the order of choice. `lambda`
   * is 1 for distance alone, 0 for difference alone; `candidates` by default four for each hit. At
   * one place only.
   */
  readonly mmr?: { readonly lambda: number; readonly candidates?: number };
  /** True: the result has an explanation. */
  readonly isExplained?: boolean;
}

export interface QueryPagesOptions extends CallOptions {
  /** Hits of a page. Default 100. */
  readonly pageSize?: number;
}

export interface FoundRecord<M extends object = Metadata> extends StoredRecord<M> {
  /** As the metric defines it, smaller is nearer. */
  readonly distance: number;
}

export interface SearchResult<M extends object = Metadata> {
  /** Nearest first, ties by key bytes. */
  readonly hits: readonly FoundRecord<M>[];
  readonly plan: QueryPlan;
  /** Absent when the tenant does not exist. */
  readonly activation?: Activation;
  /** Present when it was asked for. */
  readonly explanation?: Explanation;
}

export interface Measurement<M extends object = Metadata> {
  /** Searched for, at most 100; or `sample`. */
  readonly vectors?: readonly VectorLike[];
  /** Stored vectors drawn by chance, each searched for without its own record. Default 25. */
  readonly sample?: number;
  /** Default 10; of all searches together at most 10,000. */
  readonly topK?: number;
  readonly where?: Where<M>;
  /** Default: the unnamed field. */
  readonly field?: string;
}

export interface PlacedRecord<M extends object = Metadata> extends FoundRecord<M> {
  readonly place: Place;
}

export interface ManyResult<M extends object = Metadata> {
  /** Exact top-k of the union, ties by (distance, place, key). */
  readonly hits: readonly PlacedRecord<M>[];
  readonly searched: readonly SearchedPlace[];
  readonly failures: readonly { readonly place: Place; readonly error: Error }[];
}
