import type { Metadata } from "./metadata.ts";
import type { SparseColumn, SparseVector } from "./sparse.ts";

/**
 * Records to write, by columns, so that 500 vectors are one block of memory.
 *
 * The engine does not keep the batch after the call returns its promise's value, and does not
 * change it.
 */
export interface WriteBatch {
  /** Keys in the order given; no key twice. */
  readonly keys: readonly string[];
  /** Per vector field: `keys.length` rows of `dimension` float32, row-major, all finite. */
  readonly vectors: readonly VectorColumn[];
  /** Per sparse field that any of the records has: a row for each key. */
  readonly sparse?: readonly SparseColumn[];
  /** Same length as `keys`; undefined for none. */
  readonly metadata: readonly (Metadata | undefined)[];
}

export interface VectorColumn {
  readonly field: string;
  readonly values: Float32Array;
}

/** What of a record to return. */
export interface Include {
  readonly vectors: boolean;
  readonly metadata: boolean;
}

export interface RecordView {
  readonly key: string;
  /** Only when asked for; by field name, owned by the caller. */
  readonly vectors?: ReadonlyMap<string, Float32Array>;
  /** The sparse ones, when vectors are asked for and the record has any; owned by the caller. */
  readonly sparse?: ReadonlyMap<string, SparseVector>;
  /** Only when asked for and when the record has any. */
  readonly metadata?: Metadata;
}
