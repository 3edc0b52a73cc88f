/**
 * The model: what a caller can say and get back, and the checks of it. Plain values only: nothing
 * here knows files, threads or protocols.
 */
export { DEFAULT_RECALL, DEFAULT_VECTOR } from "./schema.ts";
export type { FieldMemory, Metric, Schema, VectorField } from "./schema.ts";
export type { Metadata, MetadataObject, MetadataScalar, MetadataValue } from "./metadata.ts";
export type { Filter, FilterScalar, RangeBound } from "./filter.ts";
export { joinSparse, sortSparse, SPARSE_VALUE_BYTES, sparseRow } from "./sparse.ts";
export type {
  ScoreWeights,
  SparseColumn,
  SparseField,
  SparseQuery,
  SparseRows,
  SparseVector,
} from "./sparse.ts";
export { checkSparseVector } from "./sparse-check.ts";
export { filterFromWhere } from "./where.ts";
export type { Condition, Where } from "./where.ts";
export { checkPatches, mergeMetadata } from "./patch.ts";
export type { RecordPatch } from "./patch.ts";
export type { Include, RecordView, VectorColumn, WriteBatch } from "./record.ts";
export type {
  Activation,
  DiverseChoice,
  ExplainedPart,
  Explanation,
  Hit,
  LikeRecord,
  MultiQueryResult,
  OriginHit,
  Place,
  Query,
  QueryPhase,
  QueryPlan,
  KeptResult,
  NextHits,
  QueryResult,
  SearchedPlace,
  RequestedState,
  TenantState,
} from "./query.ts";
export { TENANT_STATES } from "./query.ts";
export { NO_POLICY, patchPolicy, toPolicy } from "./tenant-policy.ts";
export { pinOf } from "./tenant-pins.ts";
export type { PolicyRules, TenantPolicy, TenantPolicyPatch } from "./tenant-policy.ts";
export { WEEKDAYS } from "./warm-schedule.ts";
export type {
  NamedWarmSchedule,
  WarmSchedule,
  WarmSchedules,
  WarmSchedulesPatch,
  Weekday,
} from "./warm-schedule.ts";
export { keptWarmBy, openSchedules, readTenants, windowsOf } from "./warm-window.ts";
export type { OpenSchedule, WarmWindow } from "./warm-window.ts";
export {
  compareNumbers,
  compareScalars,
  compareStrings,
  INTEGER_MAX,
  INTEGER_MIN,
  isList,
  isObject,
  kindOf,
  toCanonicalNumber,
} from "./compare.ts";
export type { ValueKind } from "./compare.ts";
export { checkFilter } from "./filter-check.ts";
export { joinValues } from "./filter-join.ts";
export { compileFilter, matchesFilter, matchesLeaf } from "./filter-match.ts";
export type { CompiledFilter, FilterLeaf } from "./filter-match.ts";
export { decodeMetadata, decodeProperty, visitProperties } from "./metadata-decode.ts";
export { encodeMetadata, writeMetadata } from "./metadata-encode.ts";
export { checkMetadata } from "./metadata-size.ts";
export { RECALL_SAMPLE_DEFAULT, type RecallReport, type RecallRequest } from "./recall.ts";
export { checkQuery, checkQueryOfMany, defaultCandidates } from "./query-check.ts";
export { checkRecall } from "./recall-check.ts";
export { batchCheck, checkKey, checkVector } from "./record-check.ts";
export type { BatchSize } from "./record-check.ts";
export { checkSchema } from "./schema-check.ts";
export { isWellFormed } from "./well-formed.ts";
export {
  printUsageCsv,
  type UsageCounters,
  type UsageItem,
  type UsagePeriod,
  type UsageRequest,
} from "./usage.ts";
export {
  KEY_LIMIT_NAMES,
  LIMIT_MAX,
  LIMIT_NAMES,
  LIMIT_RATE_MIN,
  patchKeyLimits,
  patchLimits,
  type KeyLimits,
  type KeyLimitsPatch,
  type LimitsInfo,
  type LimitsPatch,
  type PlaceLimits,
} from "./place-limits.ts";
