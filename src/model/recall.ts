/** The measurement of recall: what the planner's answers lack beside exact ones. */
import type { Filter } from "./filter.ts";
import type { QueryPlan } from "./query.ts";

export interface RecallRequest {
  /** Vector field searched. */
  readonly field: string;
  /** What is searched for; absent: stored vectors drawn by chance, each without its own record. */
  readonly vectors?: readonly Float32Array[];
  /** How many are drawn; default {@link RECALL_SAMPLE_DEFAULT}. Not beside `vectors`. */
  readonly sample?: number;
  /** Of each search. */
  readonly topK: number;
  readonly filter?: Filter;
  /** What the planned searches aim at; default that of the field. */
  readonly recall?: number;
  readonly signal?: AbortSignal;
}

/** Enough to tell 0.90 from 0.95 at ten hits each. */
export const RECALL_SAMPLE_DEFAULT = 25;

/**
 * Of all queries together. A hit counts as found when the planned search has it, or another one no
 * farther away than the last of the exact hits: equals may stand for each other.
 */
export interface RecallReport {
  /** Found of wanted; 1 when nothing was wanted. */
  readonly recall: number;
  /** That of the worst query. */
  readonly recallMin: number;
  /** Fewer than asked for when there are not so many records to draw. */
  readonly queryCount: number;
  /** Hits of the exact searches. */
  readonly wanted: number;
  readonly found: number;
  /** Queries by the path of their plan. */
  readonly paths: Readonly<Partial<Record<QueryPlan["path"], number>>>;
  /** Milliseconds of all searches as planned, and of the exact ones. */
  readonly ms: { readonly planned: number; readonly exact: number };
}
