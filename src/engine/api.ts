/**
 * All that the floors above know of the engine: plain calls over names, records and queries.
 *
 * Every call checks its arguments against the schema and the limits of base/limits.ts and throws
 * InsulaError; the codes that a caller can meet are named at each method. Names and keys are
 * compared by their UTF-8 bytes, listings are in that order.
 */
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
  Schema,
  TenantPolicy,
  TenantPolicyPatch,
  TenantState,
  UsageItem,
  UsagePeriod,
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

export interface DatabaseOptions {
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Small settings a dialect keeps with a database or collection (policy, logging, tags). */
export interface AttributePatch {
  readonly attributes?: Readonly<Record<string, string | null>>;
}

export interface DatabaseInfo {
  readonly name: string;
  readonly createdAtMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Exact, from the catalogue. */
  readonly collectionCount: number;
}

export interface CollectionOptions {
  readonly schema: Schema;
  /** `single`: one shard, no tenants. Default `single`. */
  readonly tenancy?: "single" | "multi";
  readonly attributes?: Readonly<Record<string, string>>;
  /** The model whose vectors fill the collection; text queries by another are refused. */
  readonly embeddingModel?: string;
  /** A write to a tenant that does not exist creates it. Default true; with tenants only. */
  readonly createsTenants?: boolean;
  /** A call about the records of an INACTIVE tenant makes it ACTIVE. Default false. */
  readonly activatesTenants?: boolean;
  /** What happens to tenants that nobody uses. With tenants only; default: nothing. */
  readonly policy?: TenantPolicyPatch;
}

export interface VectorFieldPatch {
  readonly name: string;
  /** Null: the usual one again. */
  readonly recall?: number | null;
}

export interface CollectionPatch extends AttributePatch {
  /** Fields that change; others stay as they are. */
  readonly vectors?: readonly VectorFieldPatch[];
  readonly status?: "enabled" | "disabled";
  readonly embeddingModel?: string | null;
  /** Of a collection with tenants; as in {@link CollectionOptions}. */
  readonly createsTenants?: boolean;
  readonly activatesTenants?: boolean;
  /** Of a collection with tenants: fields that change. */
  readonly policy?: TenantPolicyPatch;
}

export interface CollectionInfo {
  readonly database: string;
  readonly name: string;
  readonly schema: Schema;
  readonly tenancy: "single" | "multi";
  /** A disabled collection refuses reads and writes of records with `collection_disabled`. */
  readonly status: "enabled" | "disabled";
  readonly createdAtMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly embeddingModel?: string;
  /** Present where there are tenants; as in {@link CollectionOptions}. */
  readonly createsTenants?: boolean;
  readonly activatesTenants?: boolean;
  /** Absent while nothing is set. */
  readonly policy?: TenantPolicy;
  /** Exact sums over all tenants, from the catalogue. */
  readonly rowCount: number;
  readonly byteCount: number;
  readonly tenantCount: number;
}

export interface TenantPlace {
  readonly database: string;
  readonly collection: string;
  readonly tenant: string;
}

/** What to back up or restore; everything when no name is given. */
export interface BackupScope {
  readonly database?: string;
  readonly collection?: string;
  readonly tenant?: string;
}

export interface CopyProgress {
  readonly tenants: number;
  readonly bytes: number;
}

export interface BackupOptions extends BackupScope {
  readonly onProgress?: (progress: CopyProgress) => void;
  /** A shard that is out of service is left out. */
  readonly onDamage?: (error: Error) => void;
  readonly signal?: AbortSignal;
}

export interface AdoptOptions {
  /** Gives up what is being fetched. */
  readonly signal?: AbortSignal;
}

export interface RestoreOptions extends BackupScope {
  /** Id of the backup; the newest when absent. */
  readonly backup?: string;
  /** The newest that was begun by then, milliseconds since 1970. */
  readonly atMs?: number;
  /** Other names for what is named above. */
  readonly as?: BackupScope;
  /** 32 bytes, of the folder that was backed up; default that of this folder. */
  readonly masterKey?: Uint8Array;
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly signal?: AbortSignal;
}

export interface BackupInfo {
  readonly id: string;
  readonly createdAtMs: number;
  readonly databases: number;
  readonly collections: number;
  readonly tenants: number;
  readonly records: number;
  /** Bytes of segments and log frames. */
  readonly bytes: number;
  /** How many of all bytes this backup had to send. */
  readonly bytesSent: number;
  /** Shards left out because they are out of service. */
  readonly damaged: number;
}

export interface RestoreSummary {
  readonly backup: string;
  readonly databases: number;
  readonly collections: number;
  readonly tenants: number;
  readonly records: number;
  readonly bytes: number;
}

/** What was left of a tenant when it had been erased. */
export interface TenantsCreated {
  readonly created: number;
  /** Of the different names, those that were there before. */
  readonly existing: number;
}

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

/** Result of {@link Engine.rotateMasterKey}. */
export interface MasterKeyRotation {
  /** Rotations of this data folder so far. */
  readonly rotations: number;
  /** True: the new key lies in the data folder. False: whoever starts next must give it. */
  readonly isInFolder: boolean;
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

export interface UsagePage extends Page<UsageItem> {
  /** The last place looked at, with items or without: the next page is after it. */
  readonly last?: Place;
}

export interface LocatedPlace {
  /** Hexadecimal uid of the shard, as files and log lines name it. */
  readonly shard: string;
  /** Why it is out of service; absent when it is healthy. */
  readonly quarantine?: string;
  /** Sorted by file and offset. */
  readonly extents: readonly ShardExtent[];
}

/** Bytes of one shard in one file of the data folder. */
export interface ShardExtent {
  /**
   * `catalogue`: rows about it, beside rows of others, in a block of a table or a frame of the log;
   * `object`: an offloaded segment.
   */
  readonly kind: "segment" | "pack" | "log" | "catalogue" | "key" | "collection key" | "object";
  /** Relative to the data folder; of an `object` what its names in the store begin with. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  /** Number of the slot whose key sealed the bytes; 0 for bytes that are not sealed. */
  readonly keySlot: number;
  /** False for bytes that nothing names any more and that wait for their removal. */
  readonly isLive: boolean;
}

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

export interface PlaceFigures {
  readonly rowCount: number;
  readonly byteCount: number;
  /**
   * Grows with each write to the place and with nothing else; all writes up to it are durable, and
   * seen by every read that begins now.
   */
  readonly sequence: number;
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
