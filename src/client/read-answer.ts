/** Records and hits of the server's answers, as the model has them. */
import { InsulaError } from "../base/errors.ts";
import { fromExactMembers } from "../base/exact-json.ts";
import type { TenantStatesSlice, TenantWarmSlice, TenantSweepSlice } from "../engine/api.ts";
import type {
  Hit,
  KeptResult,
  MultiQueryResult,
  NextHits,
  OriginHit,
  Place,
  QueryResult,
  RecordView,
  SearchedPlace,
  SparseVector,
} from "../model/index.ts";
import { fromProblem } from "./http-channel.ts";

/** A record as the interface writes it. */
export interface RecordJson {
  readonly key: string;
  readonly distance?: number;
  readonly vector?: readonly number[];
  readonly vectors?: readonly { readonly field: string; readonly values: readonly number[] }[];
  readonly sparse?: readonly {
    readonly field: string;
    readonly indices: readonly number[];
    readonly values: readonly number[];
  }[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly place?: Place;
}

interface ResultJson extends Omit<KeptResult, "hits"> {
  readonly hits: readonly RecordJson[];
}

interface ManyJson {
  readonly hits: readonly RecordJson[];
  readonly searched: readonly SearchedPlace[];
  readonly failures: readonly { readonly place: Place; readonly problem: unknown }[];
}

export function readRecords(records: readonly RecordJson[]): readonly RecordView[] {
  return records.map(readRecord);
}

export function readRecord(record: RecordJson): RecordView {
  const { key, vector, vectors, sparse = [], metadata } = record;
  const found = new Map<string, Float32Array>();
  if (vector !== undefined) found.set("", Float32Array.from(vector));
  for (const { field, values } of vectors ?? []) found.set(field, Float32Array.from(values));
  return {
    key,
    ...(found.size === 0 ? {} : { vectors: found }),
    ...(sparse.length === 0 ? {} : { sparse: new Map(sparse.map(readSparse)) }),
    ...(metadata === undefined ? {} : { metadata: fromExactMembers(metadata, "metadata_invalid") }),
  };
}

function readSparse({
  field,
  indices,
  values,
}: NonNullable<RecordJson["sparse"]>[number]): readonly [string, SparseVector] {
  return [field, { indices: Uint32Array.from(indices), values: Float32Array.from(values) }];
}

export function readResult(answer: unknown): KeptResult {
  const { hits, ...rest } = answer as ResultJson;
  return { hits: readHits(hits), ...rest };
}

export function readPage(answer: unknown): NextHits {
  const { hits, ...rest } = answer as Pick<ResultJson, "hits" | "cursor">;
  return { hits: readHits(hits), ...rest };
}

export function readResults(answer: unknown): readonly QueryResult[] {
  return (answer as { readonly results: readonly ResultJson[] }).results.map(readResult);
}

function readHits(hits: readonly RecordJson[]): readonly Hit[] {
  return hits.map((hit) => ({ ...readRecord(hit), distance: hit.distance ?? 0 }));
}

export function readManyResult(answer: unknown): MultiQueryResult {
  const { hits, searched, failures } = answer as ManyJson;
  return {
    hits: hits.map((hit): OriginHit => ({
      ...readRecord(hit),
      distance: hit.distance ?? 0,
      place: hit.place ?? { database: "", collection: "" },
    })),
    searched,
    failures: failures.map(({ place, problem }) => ({ place, error: readProblem(problem) })),
  };
}

interface FailuresJson {
  readonly failures: readonly { readonly tenant: string; readonly problem: unknown }[];
}

export function readTenantStates(answer: unknown): TenantStatesSlice {
  return readFailures(answer as Omit<TenantStatesSlice, "failures"> & FailuresJson);
}

export function readWarming(answer: unknown): TenantWarmSlice {
  return readFailures(answer as Omit<TenantWarmSlice, "failures"> & FailuresJson);
}

export function readSweep(answer: unknown): TenantSweepSlice {
  return readFailures(answer as Omit<TenantSweepSlice, "failures"> & FailuresJson);
}

function readFailures<Json extends FailuresJson>(
  answer: Json,
): Omit<Json, "failures"> & Pick<TenantStatesSlice, "failures"> {
  const { failures, ...rest } = answer;
  const errors = failures.map(({ tenant, problem }) => ({ tenant, error: readProblem(problem) }));
  return { ...rest, failures: errors };
}

function readProblem(problem: unknown): InsulaError {
  return fromProblem(problem) ?? new InsulaError("io_failed", "The server named no reason.");
}
