import type { CallPayer } from "../base/throttle.ts";
import type { Filter } from "./filter.ts";
import type { Include, RecordView } from "./record.ts";
import type { ScoreWeights, SparseQuery } from "./sparse.ts";

export interface Query {
  /** Field of the vector, or of what `like` stands for; says nothing where there is neither. */
  readonly field: string;
  /**
   * As many finite float32 as the field's dimension. Absent where `like` names a record instead, or
   * beside a sparse one.
   */
  readonly vector?: Float32Array;
  /**
   * In place of a vector: what this record has stored in `field`, which may be a sparse field too.
   * At one place only.
   */
  readonly like?: LikeRecord;
  /**
   * Alone: the nearest of the records that share a dimension with it. With a vector, or that of a
   * record: one score of both, for a field whose metric is `dot`; a record without a sparse vector
   * has 0 there. Exact always, so any recall is reached; not with `mmr`.
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
  /** Share of the true nearest aimed at, RECALL_MIN to RECALL_MAX; absent: that of the field. */
  readonly recall?: number;
  /** Hits are at most this far away, in the metric's own measure, as {@link Hit.distance}. */
  readonly maxDistance?: number;
  /** The hits are chosen to differ from one another. At one place only, and not page by page. */
  readonly mmr?: DiverseChoice;
  /** True: the result has an {@link Explanation}. */
  readonly isExplained?: boolean;
  readonly signal?: AbortSignal;
}

export interface LikeRecord {
  readonly key: string;
  /** True: the record itself is no hit. */
  readonly isLeftOut?: boolean;
}

/**
 * Maximal marginal relevance: of the nearest `candidates`, hits are chosen one by one, each time
 * the one with the least lambda * (distance to the query) - (1 - lambda) * (distance to the nearest
 * of those chosen), by exact distances. The hits come in that order.
 *
 * Source: Carbonell, Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998, with a
 * similarity that is the distance with the other sign.
 */
export interface DiverseChoice {
  /** 0 to 1. 1: by distance alone; 0: by difference alone, after the nearest. */
  readonly lambda: number;
  /** `topK` to MMR_CANDIDATES_MAX; default four for each hit. */
  readonly candidates?: number | undefined;
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
  /** Present when it was asked for. */
  readonly explanation?: Explanation;
}

/** The first page of a search that is kept, so that it can be gone on with. */
export interface KeptResult extends QueryResult {
  /** Names what comes after these hits; absent when nothing does. */
  readonly cursor?: string;
}

/** A later page of it, of the same state of the shard. */
export type NextHits = Pick<KeptResult, "hits" | "cursor">;

/** What a tenant can be asked to be. */
export type RequestedState = "ACTIVE" | "INACTIVE" | "OFFLOADED";

/**
 * What the user asked a tenant to be, or the way there; not whether its data are in memory now.
 */
export type TenantState = RequestedState | "OFFLOADING" | "ONLOADING";

/** In the order they are encoded in: ON DISK. */
export const TENANT_STATES: readonly TenantState[] = [
  "ACTIVE",
  "INACTIVE",
  "OFFLOADED",
  "OFFLOADING",
  "ONLOADING",
];

/** What a search found of its shard when it came. */
export interface Activation {
  /** Anything but ACTIVE: this search has made it active. */
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
  /** What it cost: docs/fairness.md. Whole; 0 where there was no shard to search. */
  readonly workUnits: number;
  readonly path: "empty" | "exact" | "codes" | "matches" | "sparse" | "graph";
}

/** How a search was done and what it cost: {@link Query.isExplained}. */
export interface Explanation {
  /** Why the path of the plan was taken, one sentence. */
  readonly reason: string;
  /** Every part of the shard that was looked at. */
  readonly parts: readonly ExplainedPart[];
  /** Bytes read from files while the search ran, those of searches beside it included. */
  readonly bytesRead: number;
  /** That of the plan. */
  readonly workUnits: number;
  /** Milliseconds by phase; parts are searched side by side, so the sum may exceed `total`. */
  readonly ms: Readonly<Record<QueryPhase | "total", number>>;
}

/**
 * `wake`: the shard slept. `load`: codes and graphs were brought into memory. `filter`: the filter
 * became candidates. `scan`: candidates were scored, by a walk or a scan. `rescore`: the nearest
 * were scored again in float32, and compared for `mmr`. `fetch`: keys, metadata and vectors.
 */
export type QueryPhase = "wake" | "load" | "filter" | "scan" | "rescore" | "fetch";

export interface ExplainedPart {
  readonly kind: "memtable" | "segment";
  /** Hexadecimal uid of a segment. */
  readonly segment?: string;
  /** Rows in it, dead ones included. */
  readonly rowCount: number;
  /** Live rows that pass the filter. */
  readonly matchCount: number;
  /**
   * `graph`: walked. `codes`: quantized codes scanned, then rescored. `exact`: stored vectors
   * scanned. `sparse`: blocks of the sparse field's index scored. `none`: nothing passed the
   * filter, or no row has the sparse field.
   */
  readonly method: "graph" | "codes" | "exact" | "sparse" | "none";
  /** Why, one sentence. */
  readonly reason: string;
  readonly rowsScanned: number;
  readonly rowsRescored: number;
  readonly bytesRead: number;
}

/** A shard a search over many names: one tenant in one collection. */
export interface Place {
  readonly database: string;
  readonly collection: string;
  /** Absent for collections without tenants. */
  readonly tenant?: string;
  /** Who calls, where its own limits hold beside those of the place; in no answer. */
  readonly payer?: CallPayer;
  /**
   * How long the caller waits; in no answer. A read is given up, a write that waits for its turn or
   * for the shard to wake does not happen; one that has been taken goes on, and tells its end.
   */
  readonly signal?: AbortSignal;
}

export interface OriginHit extends Hit {
  readonly place: Place;
}

/** What was done at one place of a search over many. */
export interface SearchedPlace extends Pick<QueryResult, "plan" | "activation" | "explanation"> {
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
