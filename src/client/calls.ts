/**
 * The plain calls under the face: one body puts them to an engine in this process, the other sends
 * them over HTTP. Nothing here knows handles, types of metadata or how a vector was given.
 */
import type {
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  CustomerErasure,
  CustomerInfo,
  CustomerPlace,
  CustomerStanding,
  CustomerUsage,
  CustomerUsageRequest,
  DatabaseInfo,
  LocatedPlace,
  ErasureReceipt,
  Page,
  PageRequest,
  TenantInfo,
  TenantPage,
  TenantPageRequest,
  TenantPlace,
  TenantStatesRequest,
  TenantStatesSlice,
  TenantSweepRequest,
  TenantSweepSlice,
  TenantWarmRequest,
  TenantWarmSlice,
  TenantsCreated,
  UsagePage,
  WriteResult,
} from "../engine/api.ts";
import type {
  Include,
  LimitsInfo,
  LimitsPatch,
  KeptResult,
  MultiQueryResult,
  NextHits,
  Place,
  Query,
  QueryResult,
  RecallReport,
  RecallRequest,
  RecordView,
  RequestedState,
  UsageRequest,
  WriteBatch,
} from "../model/index.ts";

export interface CallOptions {
  /**
   * Ends the wait: the promise rejects with the signal's reason. A read is given up at once, and so
   * is a write that still waits: for its turn, for its tenant to wake, for writes before it. One
   * that the engine of this process has taken tells its end, as if there were no signal. Over a
   * connection it is given up at once too, and whether it happened is not known, as when the
   * connection breaks; other calls that change something may happen all the same.
   */
  readonly signal?: AbortSignal;
}

/** A search whose filter nobody has read yet. */
export interface PlainQuery extends Omit<Query, "filter" | "signal"> {
  readonly where?: object;
}

export interface PlainListing extends PageRequest {
  readonly include: Include;
  readonly where?: object;
}

export type Deletion =
  | { readonly kind: "keys"; readonly keys: readonly string[] }
  | { readonly kind: "where"; readonly where: object }
  | { readonly kind: "all" };

export interface CatalogCalls {
  createDatabase(name: string, options: CallOptions): Promise<DatabaseInfo>;
  getDatabase(name: string, options: CallOptions): Promise<DatabaseInfo | undefined>;
  listDatabases(page: PageRequest, options: CallOptions): Promise<Page<DatabaseInfo>>;
  deleteDatabase(name: string, options: CallOptions): Promise<void>;
  createCollection(
    place: Place,
    made: CollectionOptions,
    options: CallOptions,
  ): Promise<CollectionInfo>;
  getCollection(place: Place, options: CallOptions): Promise<CollectionInfo | undefined>;
  listCollections(
    database: string,
    page: PageRequest,
    options: CallOptions,
  ): Promise<Page<CollectionInfo>>;
  updateCollection(
    place: Place,
    patch: CollectionPatch,
    options: CallOptions,
  ): Promise<CollectionInfo>;
  deleteCollection(place: Place, options: CallOptions): Promise<void>;
  createTenant(place: TenantPlace, options: CallOptions): Promise<TenantInfo>;
  /** At most TENANTS_CREATED_MAX names. */
  createTenants(
    place: Place,
    names: readonly string[],
    options: CallOptions,
  ): Promise<TenantsCreated>;
  getTenant(place: TenantPlace, options: CallOptions): Promise<TenantInfo | undefined>;
  listTenants(place: Place, page: TenantPageRequest, options: CallOptions): Promise<TenantPage>;
  setTenantState(
    place: TenantPlace,
    state: RequestedState,
    options: CallOptions,
  ): Promise<TenantInfo>;
  /** One slice. */
  setTenantStates(
    place: Place,
    request: TenantStatesRequest,
    options: CallOptions,
  ): Promise<TenantStatesSlice>;
  /** One slice. */
  warmTenants(
    place: Place,
    request: TenantWarmRequest,
    options: CallOptions,
  ): Promise<TenantWarmSlice>;
  /** One slice. */
  sweepTenants(
    place: Place,
    request: TenantSweepRequest,
    options: CallOptions,
  ): Promise<TenantSweepSlice>;
  renameTenant(place: TenantPlace, name: string, options: CallOptions): Promise<TenantInfo>;
  deleteTenant(place: TenantPlace, options: CallOptions): Promise<void>;
  usage(request: UsageRequest, options: CallOptions): Promise<UsagePage>;
  locate(place: Place, options: CallOptions): Promise<LocatedPlace>;
  eraseTenant(place: TenantPlace, options: CallOptions): Promise<ErasureReceipt>;
  readonly customers: CustomerRequests;
}

/** As `CustomerCalls` of engine/api.ts. */
export interface CustomerRequests {
  list(database: string, page: PageRequest, options: CallOptions): Promise<Page<CustomerStanding>>;
  get(place: CustomerPlace, options: CallOptions): Promise<CustomerInfo>;
  suspend(place: CustomerPlace, options: CallOptions): Promise<CustomerInfo>;
  resume(place: CustomerPlace, options: CallOptions): Promise<CustomerInfo>;
  erase(place: CustomerPlace, options: CallOptions): Promise<CustomerErasure>;
  copy(place: CustomerPlace, name: string, options: CallOptions): Promise<CustomerInfo>;
  usage(
    place: CustomerPlace,
    asked: CustomerUsageRequest,
    options: CallOptions,
  ): Promise<CustomerUsage>;
  /**
   * All its records with vectors and metadata, as `scan` of a customer gives them, in one answer
   * that is read as it is asked for. Absent where records are at hand, and pages cost nothing.
   */
  readonly stream?: (
    place: CustomerPlace,
    options: CallOptions,
  ) => AsyncGenerator<readonly CustomerRecord[], void, void>;
}

export interface CustomerRecord {
  readonly collection: string;
  readonly record: RecordView;
}

/** A measurement of recall whose filter is still as it was written. */
export interface PlainMeasurement extends Omit<RecallRequest, "filter" | "signal"> {
  readonly where?: object;
}

export interface RecordCalls {
  /**
   * At least one record; the columns are as long as the keys say. Nobody but the body itself ends a
   * write by its signal: it knows whether the write has been taken.
   */
  write(
    kind: "upsert" | "insert",
    place: Place,
    batch: WriteBatch,
    options: CallOptions,
  ): Promise<WriteResult>;
  delete(place: Place, what: Deletion, options: CallOptions): Promise<WriteResult>;
  get(
    place: Place,
    keys: readonly string[],
    include: Include,
    options: CallOptions,
  ): Promise<readonly (RecordView | undefined)[]>;
  count(place: Place, where: object | undefined, options: CallOptions): Promise<number>;
  list(place: Place, listing: PlainListing, options: CallOptions): Promise<Page<RecordView>>;
  query(place: Place, query: PlainQuery, options: CallOptions): Promise<QueryResult>;
  queryAll(
    place: Place,
    queries: readonly PlainQuery[],
    options: CallOptions,
  ): Promise<readonly QueryResult[]>;
  /** The first page of a search; the next by its cursor. */
  keepQuery(
    place: Place,
    query: PlainQuery,
    pageSize: number,
    options: CallOptions,
  ): Promise<KeptResult>;
  nextHits(place: Place, cursor: string, options: CallOptions): Promise<NextHits>;
  forgetQuery(place: Place, cursor: string, options: CallOptions): Promise<void>;
  measureRecall(place: Place, what: PlainMeasurement, options: CallOptions): Promise<RecallReport>;
  getLimits(place: Place, options: CallOptions): Promise<LimitsInfo>;
  setLimits(place: Place, patch: LimitsPatch, options: CallOptions): Promise<LimitsInfo>;
  queryMany(
    places: readonly Place[],
    query: PlainQuery,
    options: CallOptions,
  ): Promise<MultiQueryResult>;
}

export interface Calls extends CatalogCalls, RecordCalls {
  close(): Promise<void>;
}
