/**
 * All that the floors above know of the engine: plain calls over names, records and queries.
 *
 * Every call checks its arguments against the schema and the limits of base/limits.ts and throws
 * InsulaError; the codes that a caller can meet are named at each method. Names and keys are
 * compared by their UTF-8 bytes, listings are in that order.
 */
import type {
  DatabaseOptions,
  AttributePatch,
  DatabaseInfo,
  CollectionOptions,
  CollectionPatch,
  CollectionInfo,
} from "./api-catalog.ts";
import type { TenantPlace, TenantsCreated, TenantInfo, ErasureReceipt } from "./api-tenants.ts";
import type {
  BackupOptions,
  AdoptOptions,
  RestoreOptions,
  BackupInfo,
  RestoreSummary,
} from "./api-copies.ts";
import type {
  PageRequest,
  Page,
  TenantPageRequest,
  TenantCountRequest,
  TenantPage,
  ListRequest,
  UsagePage,
} from "./api-pages.ts";
import type { PlaceFigures, LocatedPlace } from "./api-places.ts";
import type { CustomerCalls } from "./api-customers.ts";
import type { EngineStats, RecallFigure, TenantFigures } from "./engine-figures.ts";
import type {
  DueTenant,
  TenantChoice,
  TenantOutcomes,
  TenantStatesRequest,
  TenantStatesSlice,
  TenantSweepRequest,
  TenantSweepSlice,
  TenantWarmRequest,
  TenantWarmSlice,
  TenantsRequest,
} from "./tenant-walks.ts";
import type { ObjectStore } from "../io/index.ts";
import type {
  Filter,
  Include,
  KeptResult,
  Metadata,
  LimitsInfo,
  LimitsPatch,
  Metric,
  MultiQueryResult,
  NextHits,
  Place,
  Query,
  QueryResult,
  RecallReport,
  RecallRequest,
  RecordPatch,
  RecordView,
  RequestedState,
  TenantState,
  UsageRequest,
  WriteBatch,
} from "../model/index.ts";

export interface Engine extends AsyncDisposable {
  /** @throws `database_exists`, `name_invalid` */
  createDatabase(name: string, options?: DatabaseOptions): Promise<DatabaseInfo>;
  /** undefined when there is none */
  getDatabase(name: string): Promise<DatabaseInfo | undefined>;
  listDatabases(page: PageRequest): Promise<Page<DatabaseInfo>>;
  /**
   * Attributes: a string sets, null removes, what is not named stays. @throws `database_not_found`
   */
  updateDatabase(name: string, patch: AttributePatch): Promise<DatabaseInfo>;
  /** @throws `database_not_found`, `database_not_empty` while it has collections. */
  deleteDatabase(name: string): Promise<void>;

  /** @throws `database_not_found`, `collection_exists`, `name_invalid`, `argument_invalid` */
  createCollection(
    database: string,
    name: string,
    options: CollectionOptions,
  ): Promise<CollectionInfo>;
  /** undefined when the collection or its database is missing */
  getCollection(database: string, name: string): Promise<CollectionInfo | undefined>;
  /** @throws `database_not_found` */
  listCollections(database: string, page: PageRequest): Promise<Page<CollectionInfo>>;
  /** @throws `collection_not_found` */
  updateCollection(database: string, name: string, patch: CollectionPatch): Promise<CollectionInfo>;
  /** Gone for every reader when the promise resolves; bytes are removed in the background. */
  deleteCollection(database: string, name: string): Promise<void>;

  /**
   * Only in collections with `tenancy: "multi"`. @throws `collection_not_found`, `tenant_exists`
   */
  createTenant(place: TenantPlace): Promise<TenantInfo>;
  /**
   * Makes those of the names that are missing, at most TENANTS_CREATED_MAX in one call; repeating
   * it is harmless. Durable and visible when the promise resolves. Frames of 500: a call that fails
   * may have made the first of them. @throws `collection_not_found`, `name_invalid`,
   * `argument_invalid` for a collection without tenants or too many names
   */
  createTenants(
    database: string,
    collection: string,
    names: readonly string[],
  ): Promise<TenantsCreated>;
  getTenant(place: TenantPlace): Promise<TenantInfo | undefined>;
  /**
   * Wakes nobody. By name a page looks at TENANTS_LOOKED_MAX tenants at most, and may have few or
   * none of those that are meant; by size every page looks at all, 0.1 ms each or less.
   * @throws `collection_not_found`, `argument_invalid`
   */
  listTenants(database: string, collection: string, page: TenantPageRequest): Promise<TenantPage>;
  /**
   * How many tenants have names that begin with a prefix, counted as far as `most`. Wakes nobody.
   * Cost: one row of the catalogue for all of them; with a prefix a look at each that is counted,
   * in short steps.
   * @throws `collection_not_found`, and the reason of the signal
   */
  countTenants(place: Place, request: TenantCountRequest): Promise<number>;
  /**
   * What a tenant is asked to be, until it is asked for something else. INACTIVE: it sleeps, and
   * calls about its records are refused with `tenant_not_active`, or make it ACTIVE where the
   * collection has `activatesTenants`. Durable when the promise resolves; nothing when the tenant
   * is that already. Waits for the calls that use the tenant. Cost: one frame of the log.
   * @throws `collection_not_found`, `tenant_not_found`, `argument_invalid`,
   *   `offload_not_configured`
   */
  setTenantState(place: TenantPlace, state: RequestedState): Promise<TenantInfo>;
  /**
   * One slice of a change of many tenants: as {@link Engine.setTenantState} for each of them. Each
   * is changed by a frame of its own, so that after a crash the same request goes on with those
   * that are left. Cost: bounded by `limit`; a look at the row for those that are so already.
   * @throws `collection_not_found`, `argument_invalid`, `offload_not_configured`; what fails for
   *   one tenant is in the answer.
   */
  setTenantStates(
    database: string,
    collection: string,
    request: TenantStatesRequest,
  ): Promise<TenantStatesSlice>;
  /**
   * One slice of many tenants, woken before they are needed; `changed` counts those that slept,
   * `unchanged` those that were awake. They sleep again when they are idle, or too many are awake.
   * One that is not ACTIVE fails with `tenant_not_active`. Cost: a search of each.
   * @throws `collection_not_found`, `argument_invalid`
   */
  warmTenants(
    database: string,
    collection: string,
    request: TenantWarmRequest,
  ): Promise<TenantWarmSlice>;
  /**
   * One slice of what the node does by itself for a collection with a policy: tenants that nobody
   * used for long enough become INACTIVE or OFFLOADED. Wakes nobody; a tenant that is used while
   * it is looked at stays. Cost: a look at each row, and what
   * {@link Engine.setTenantState} costs for those that are due.
   * @throws `collection_not_found`, `argument_invalid`; what fails for one tenant is in the answer.
   */
  sweepTenants(
    database: string,
    collection: string,
    request: TenantSweepRequest,
  ): Promise<TenantSweepSlice>;
  /**
   * Gives it another name in its collection, whatever its state; nobody is woken, calls under way
   * go on. Each look finds it by one of the names, and the old one is free at once. Limits and data
   * go along; keys and the ledger of usage go by names, and stay. Durable when the promise
   * resolves. Cost: one frame of the log. @throws `tenant_not_found`, `tenant_exists`,
   * `name_invalid`, `customer_suspended`
   */
  renameTenant(place: TenantPlace, name: string): Promise<TenantInfo>;
  deleteTenant(place: TenantPlace): Promise<void>;
  /**
   * Removes a tenant as {@link Engine.deleteTenant} does, waits until its key is overwritten and
   * its files are gone, and says what was found. Cost: what the sweeper has to do before.
   */
  eraseTenant(place: TenantPlace): Promise<ErasureReceipt>;
  /**
   * Wraps all keys with another master key while everything goes on; nothing sealed is touched.
   *
   * @param masterKey as text; needed when the key comes from outside, else a fresh one is made.
   * @throws `operation_unsupported` when nothing is sealed, `argument_invalid`.
   */
  rotateMasterKey(masterKey?: string): Promise<MasterKeyRotation>;
  /** 32 bytes for one purpose of the node itself, the same each time; undefined without keys. */
  deriveKey(purpose: string): Uint8Array | undefined;

  /**
   * Writes all records or none; durable and visible when the promise resolves. A tenant that does
   * not exist is created when the collection has `createsTenants`. Repeating a batch is harmless.
   * @throws `collection_not_found`, `collection_disabled`, `tenant_not_active`, `tenant_not_found`,
   *         `dimension_mismatch`, `vector_invalid`, `key_invalid`, `key_duplicate`,
   *         `metadata_too_large`, `batch_too_large`, `log_poisoned`
   */
  upsert(place: Place, batch: WriteBatch): Promise<WriteResult>;
  /** As upsert, but refuses the whole batch with `record_exists` when a key is taken. */
  insert(place: Place, batch: WriteBatch): Promise<WriteResult>;
  /** Keys that are not there are no error. */
  delete(place: Place, keys: readonly string[]): Promise<WriteResult>;
  deleteWhere(place: Place, filter: Filter): Promise<WriteResult>;
  /**
   * Changes records, all at once: a patch sets vectors and properties, the rest stays. Keys that
   * are not there are passed over; `rowsReplaced` counts those that were.
   * @throws `dimension_mismatch`, `vector_invalid`, `key_invalid`, `key_duplicate`,
   *         `metadata_invalid`, `metadata_too_large`, `batch_too_large`, `argument_invalid`
   */
  update(place: Place, patches: readonly RecordPatch[]): Promise<WriteResult>;
  /**
   * Sets properties of all records that pass the filter. Up to UPDATE_RECORDS_MAX, or 16 MiB, go at
   * once; more go in steps, and what a failure or a crash between two leaves is done in part. Cost:
   * a write of the records.
   * @throws `filter_invalid`, `metadata_invalid`, `metadata_too_large`
   */
  updateWhere(place: Place, filter: Filter, metadata: Metadata): Promise<WriteResult>;
  deleteAll(place: Place): Promise<WriteResult>;

  /** One entry per key in the order asked, undefined where there is no record. */
  get(
    place: Place,
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]>;
  /** Without a filter: from the catalogue, wakes nobody. */
  count(place: Place, filter?: Filter): Promise<number>;
  list(place: Place, request: ListRequest): Promise<Page<RecordView>>;
  /** Undefined for a tenant that is not there. From the catalogue, wakes nobody. */
  measure(place: Place): Promise<PlaceFigures | undefined>;
  /** @throws `record_not_found` when `like` names no record. */
  query(place: Place, query: Query): Promise<QueryResult>;
  /**
   * Several searches of one state of the place, in their order, at most QUERIES_MAX; an error of
   * one is that of all.
   */
  queryAll(place: Place, queries: readonly Query[]): Promise<readonly QueryResult[]>;
  /**
   * A search that is answered page by page: `pageSize` hits now, as many each time of those left of
   * its `topK` by {@link Engine.nextHits}. All pages are of one state of the place. It is kept for
   * SEARCH_KEPT_MS after its last page; less when the tenant sleeps, when memory is short or when
   * others need its place: SEARCHES_KEPT_MAX, SEARCHES_KEPT_OF_SHARD_MAX. Cost: the search of topK
   * hits; 14 bytes a hit and what the place has overwritten since, as long as it is kept.
   */
  keepQuery(place: Place, query: Query, pageSize: number): Promise<KeptResult>;
  /** The same page when asked again. @throws `search_not_found`, `page_token_invalid` */
  nextHits(place: Place, cursor: string): Promise<NextHits>;
  /** Gives up what is kept; no error when it is not. @throws `page_token_invalid` */
  forgetQuery(place: Place, cursor: string): Promise<void>;
  /**
   * The recall of searches at one place: each is done as planned and exactly, over one state. Cost:
   * as many exact searches.
   */
  measureRecall(place: Place, request: RecallRequest): Promise<RecallReport>;
  /**
   * Searches every place at most once, merges exactly; see MultiQueryResult. At most
   * QUERY_PLACES_MAX.
   */
  queryMany(places: readonly Place[], query: Query): Promise<MultiQueryResult>;

  /**
   * What was done at places, by period: one page of places in the order of their names. What was
   * counted before the call is in it, and durable. Wakes nobody. @throws `argument_invalid`
   */
  usage(request: UsageRequest): Promise<UsagePage>;

  /**
   * The limits of a place. Of a collection with tenants: what holds for those that have none.
   * @throws `collection_not_found`, `tenant_not_found`
   */
  getLimits(place: Place): Promise<LimitsInfo>;
  /** Durable, and in force for the next call, when the promise resolves. @throws also
   * `argument_invalid` */
  setLimits(place: Place, patch: LimitsPatch): Promise<LimitsInfo>;

  /** One customer over all collections of a database. */
  readonly customers: CustomerCalls;

  /**
   * Small durable values of the floors above (access keys, node settings); undefined when unset.
   */
  readSetting(name: string): Promise<Uint8Array | undefined>;
  /** Durable when the promise resolves; undefined removes. */
  writeSetting(name: string, value: Uint8Array | undefined): Promise<void>;
  listSettings(
    page: PageRequest,
  ): Promise<Page<{ readonly name: string; readonly value: Uint8Array }>>;

  /**
   * Every place on this node's disk that holds bytes of the collection's or tenant's shard; wakes
   * nobody. Costs a read of parts of the log and the packs: for operators, not for requests.
   * @throws `collection_not_found`, `tenant_not_found`, `data_damaged`
   */
  locate(place: Place): Promise<LocatedPlace>;

  /**
   * Copies everything, a database, a collection or a tenant to an object store, while all goes on.
   * Each shard is in it as it was at one moment; sleeping ones are not woken. What an earlier
   * backup in the store has is not sent again.
   *
   * @throws InsulaError `database_not_found`, `collection_not_found`, `tenant_not_found`, and what
   *   the store throws; then there is no backup.
   */
  backup(store: ObjectStore, options?: BackupOptions): Promise<BackupInfo>;
  /**
   * Brings back what a backup holds, under names that are free, while all goes on. It appears as a
   * whole or not at all.
   *
   * @throws InsulaError `backup_not_found`, `database_exists`, `collection_exists`,
   *   `tenant_exists`, `data_damaged` that names the object, `master_key_wrong`.
   */
  restore(store: ObjectStore, options?: RestoreOptions): Promise<RestoreSummary>;
  /**
   * A second tenant with the records the first has now. The collections must have equal schemas.
   *
   * @throws InsulaError `tenant_not_found`, `tenant_exists`, `argument_invalid`.
   */
  copyTenant(source: TenantPlace, target: TenantPlace): Promise<TenantInfo>;
  /**
   * A tenant with the records that another data folder has offloaded to the same store, under the
   * same master key: its way to another node. That folder's own tenant stays what it was: erase it
   * there when this one answers. All bytes are fetched.
   *
   * @param object one of the offload's, as `locate` there names them:
   *   `tenants/SHARD/GENERATION/…`.
   * @throws InsulaError `offload_not_configured`, `argument_invalid` (no such name, another
   *   schema), `tenant_exists`, `data_damaged` (objects missing or not what was written),
   *   `master_key_wrong`, and what the store throws; there is no tenant then.
   */
  adoptTenant(object: string, target: TenantPlace, options?: AdoptOptions): Promise<TenantInfo>;

  /**
   * Brings the mirror to the state of now; nothing when there is no mirror.
   *
   * @throws InsulaError `mirror_taken`, `io_failed`.
   */
  syncMirror(): Promise<void>;

  /** Turns what is in memory into segments; for tests, benchmarks and graceful stops. */
  flush(place?: Place): Promise<void>;
  /** Merges the segments of one shard into one. */
  compact(place: Place): Promise<void>;
  /**
   * Lets go of everything loaded for the shard; its next use wakes it again. No change of its
   * state: that is {@link Engine.setTenantState}.
   */
  deactivate(place: Place): Promise<void>;
  stats(): EngineStats;
  /** Wakes nobody. Cost: a walk over the awake shards. */
  tenantFigures(): TenantFigures;
  /** Recall of live searches since the start, of collections that were probed. Wakes nobody. */
  recallFigures(): readonly RecallFigure[];
  /** Waits for running calls, flushes what the policy asks for, releases the folder. */
  close(): Promise<void>;
}

/** Result of {@link Engine.rotateMasterKey}. */
export interface MasterKeyRotation {
  /** Rotations of this data folder so far. */
  readonly rotations: number;
  /** True: the new key lies in the data folder. False: whoever starts next must give it. */
  readonly isInFolder: boolean;
}

export interface WriteResult {
  /** Rows in the shard now minus rows before. */
  readonly rowsAdded: number;
  /** Records that existed and were replaced or deleted. */
  readonly rowsReplaced: number;
}

export type { Metric, RequestedState, TenantState };
export type { EngineStats, RecallFigure, TenantFigures };
export type {
  DueTenant,
  TenantChoice,
  TenantOutcomes,
  TenantStatesRequest,
  TenantStatesSlice,
  TenantSweepRequest,
  TenantSweepSlice,
  TenantWarmRequest,
  TenantWarmSlice,
  TenantsRequest,
};
export type {
  DatabaseOptions,
  AttributePatch,
  DatabaseInfo,
  CollectionOptions,
  VectorFieldPatch,
  CollectionPatch,
  CollectionInfo,
} from "./api-catalog.ts";
export type {
  TenantPlace,
  TenantsCreated,
  TenantInfo,
  StateChange,
  ErasureReceipt,
} from "./api-tenants.ts";
export type {
  BackupScope,
  CopyProgress,
  BackupOptions,
  AdoptOptions,
  RestoreOptions,
  BackupInfo,
  RestoreSummary,
} from "./api-copies.ts";
export type {
  PageRequest,
  Page,
  TenantPageRequest,
  TenantCountRequest,
  TenantPage,
  ListRequest,
  UsagePage,
} from "./api-pages.ts";
export type { PlaceFigures, LocatedPlace, ShardExtent } from "./api-places.ts";
export type {
  CustomerCalls,
  CustomerPlace,
  CustomerStanding,
  CustomerTenant,
  CustomerInfo,
  CustomerErasure,
  CustomerUsageRequest,
  CustomerUsage,
  UsageSum,
} from "./api-customers.ts";
