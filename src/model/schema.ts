import type { SparseField } from "./sparse.ts";

/** What a collection holds. Equal schemas are interned: a million equal collections share one. */
export interface Schema {
  /**
   * Every record has all of them. Names are unique, also among the sparse ones. The dialects with a
   * single vector use {@link DEFAULT_VECTOR}.
   */
  readonly vectors: readonly VectorField[];
  /**
   * A record may have any of them; absent is none. With the dense ones 1 to VECTOR_FIELDS_MAX, and
   * where there is no dense one each record has one of these.
   */
  readonly sparseVectors?: readonly SparseField[];
  /** `key`: a record is upserted by its key. `row`: every row is new, the key is generated. */
  readonly identity: "key" | "row";
  /**
   * Top-level properties that are returned but never indexed; filters on them are refused by
   * dialects.
   */
  readonly unfilterable: readonly string[];
}

export interface VectorField {
  readonly name: string;
  /** Number of float32 components, 1 to DIMENSION_MAX. */
  readonly dimension: number;
  readonly metric: Metric;
  /**
   * Share of the true nearest that searches aim at, RECALL_MIN to RECALL_MAX; absent:
   * {@link DEFAULT_RECALL}. It can be changed at any time and holds from the next search on.
   */
  readonly recall?: number;
  /**
   * What searches of this field keep in memory. `fast`, the default: a byte a component, and the
   * rows themselves while there is room. `small`: a bit a component and 12 bytes a row, from
   * segments of 256 rows on; the rows that may be nearest are read from their file.
   */
  readonly memory?: FieldMemory;
}

export type FieldMemory = "small" | "fast";

/** The recall of fields that do not name one. */
export const DEFAULT_RECALL = 0.95;

/**
 * Distances, smaller is nearer:
 * `cosine` 1 - cos(a, b); `dot` -(a · b); `euclidean` |a - b| (the engine compares squares);
 * `manhattan` the sum of the components of |a - b|; `hamming` how many components differ. Searches
 * by the last two look at float32 rows: their cost grows with the number of records.
 */
export type Metric = "cosine" | "dot" | "euclidean" | "manhattan" | "hamming";

/** The field name of collections with one unnamed vector. */
export const DEFAULT_VECTOR = "";
