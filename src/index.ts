/**
 * The embeddable library: the engine, its model and the face over both, nothing else. No dialect,
 * no server, no npm package.
 *
 * ```ts
 * import { open } from "insula-db";
 *
 * await using db = await open({ dataDir: "./data" });
 * ```
 */
export { open } from "./library/index.ts";
export type { EmbeddedInsula, OpenOptions } from "./library/index.ts";
export { InsulaError, type ErrorCode, type ErrorKind } from "./base/errors.ts";
export type {
  Batch,
  CallOptions,
  Collection,
  Columns,
  FoundRecord,
  Includes,
  Insula,
  ListOptions,
  ManyResult,
  NewCollection,
  NewRecord,
  PageOptions,
  PlacedRecord,
  ReadOptions,
  Records,
  ScanOptions,
  Search,
  SearchResult,
  StoredRecord,
  UsageOptions,
  VectorLike,
} from "./client/index.ts";
export type {
  AttributePatch,
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  DatabaseInfo,
  DatabaseOptions,
  Engine,
  EngineStats,
  ListRequest,
  Page,
  PageRequest,
  TenantInfo,
  TenantPlace,
  TenantState,
  UsagePage,
  WriteResult,
} from "./engine/index.ts";
export type {
  Activation,
  Condition,
  Filter,
  FilterScalar,
  Hit,
  Include,
  LimitsInfo,
  LimitsPatch,
  Metadata,
  MetadataObject,
  MetadataScalar,
  MetadataValue,
  Metric,
  MultiQueryResult,
  OriginHit,
  PlaceLimits,
  Place,
  Query,
  QueryPlan,
  QueryResult,
  RangeBound,
  RecordView,
  Schema,
  ScoreWeights,
  SearchedPlace,
  SparseColumn,
  SparseField,
  SparseQuery,
  SparseRows,
  SparseVector,
  UsageCounters,
  UsageItem,
  UsagePeriod,
  UsageRequest,
  VectorColumn,
  VectorField,
  Where,
  WriteBatch,
} from "./model/index.ts";
