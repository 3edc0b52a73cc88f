import type { Filter } from "./filter.ts";
import type { Include, RecordView } from "./record.ts";
import type { ScoreWeights, SparseQuery } from "./sparse.ts";

export interface Query {
  /** Vector field searched; without a vector it says nothing. */
  readonly field: string;
  /** As many finite float32 as the field's dimension. Absent only beside a sparse one. */
  readonly vector?: Float32Array;
  /**
   * Alone: the nearest of the records that share a dimension with it. With a vector: one score of
   * both, for a field whose metric is `dot`; a record without a sparse vector has 0 there.
   */
  readonly sparse?: SparseQuery;
  /** Only where there are both; default 1 each. Finite as float32, not negative. */
  readonly weights?: ScoreWeights;
  /** 1 to TOP_K_MAX. */
  readonly topK: number;
  readonly filter?: Filter;
  readonly include: Include;
  /** True: float32 scan of everything that passes the filter, no codes. */
  readonly isExact?: boolean;
  readonly signal?: AbortSignal;
}

export interface Hit extends RecordView {
  /**
   * As the metric defines it, smaller is nearer; rescored in float32. Always finite: what float32
   * cannot hold, of components near 1e19 and above, is shown as the largest number it can.
   */
  readonly distance: number;
}

export interface QueryResult {
  /** Nearest first, ties by key bytes. */
  readonly hits: readonly Hit[];
  readonly plan: QueryPlan;
  /** Absent when there was no shard to search: the tenant does not exist. */
  readonly activation?: Activation;
}

/** What the user asked a tenant to be; not whether its data are in memory now. */
export type TenantState = "ACTIVE" | "INACTIVE" | "OFFLOADED" | "OFFLOADING" | "ONLOADING";

/** What a search found of its shard when it came. */
export interface Activation {
  readonly state: TenantState;
  /** True when this search had to wake the shard, or waited for another call that did. */
  readonly wasAsleep: boolean;
  /** Milliseconds spent waiting for that; 0 when it was awake. */
  readonly wakeMs: number;
}

/** What was done, for `explain` and metrics. */
export interface QueryPlan {
  readonly rowsScanned: number;
  readonly rowsRescored: number;
  readonly segmentCount: number;
  readonly path: "empty" | "exact" | "codes" | "matches" | "sparse" | "graph";
}

/** A shard a search over many names: one tenant in one collection. */
export interface Place {
  readonly database: string;
  readonly collection: string;
  /** Absent for collections without tenants. */
  readonly tenant?: string;
}

export interface OriginHit extends Hit {
  readonly place: Place;
}

/** What was done at one place of a search over many. */
export interface SearchedPlace extends Pick<QueryResult, "plan" | "activation"> {
  readonly place: Place;
}

export interface MultiQueryResult {
  /** Exact top-k of the union, ties by (distance, place, key). */
  readonly hits: readonly OriginHit[];
  /** One per place searched, in the order given; places that failed are not among them. */
  readonly searched: readonly SearchedPlace[];
  /** Places that could not be searched, each with its error; the hits are those of all others. */
  readonly failures: readonly { readonly place: Place; readonly error: Error }[];
}
