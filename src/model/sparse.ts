/** Sparse vectors: few numbers, each with the number of its dimension. */

/** Written and read as it is: dimensions strictly ascending, one value each. */
export interface SparseVector {
  readonly indices: Uint32Array;
  /** As many as there are indices, all finite; 0 is a value like any other. */
  readonly values: Float32Array;
}

/** Sparse vectors of several records, one behind the other. */
export interface SparseRows {
  /**
   * Row `i` is what lies from `starts[i]` up to `starts[i + 1]`: one number more than there are
   * rows. A row without numbers is a record without such a vector.
   */
  readonly starts: Uint32Array;
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** One sparse field of a batch. */
export interface SparseColumn extends SparseRows {
  readonly field: string;
}

/**
 * A field of sparse vectors. Its distance is `dot`: minus the sum of the products of values whose
 * dimension both vectors have. Dimensions are any 32-bit numbers; nothing need declare them.
 */
export interface SparseField {
  readonly name: string;
}

/** The sparse part of a query. */
export interface SparseQuery {
  /** Sparse field searched. */
  readonly field: string;
  readonly vector: SparseVector;
}

/** What each part counts in one score: dense · dot product + sparse · sparse dot product. */
export interface ScoreWeights {
  readonly dense: number;
  readonly sparse: number;
}

/** Bytes of one number with its dimension, in totals of a shard and in limits. */
export const SPARSE_VALUE_BYTES = 8;

/** The vector of one row, a view on the rows; undefined when the record has none. */
export function sparseRow(rows: SparseRows, row: number): SparseVector | undefined {
  const start = rows.starts[row] ?? 0;
  const end = rows.starts[row + 1] ?? start;
  if (end === start) return undefined;
  return { indices: rows.indices.subarray(start, end), values: rows.values.subarray(start, end) };
}

/** Vectors one behind the other; undefined ones are rows without. */
export function joinSparse(vectors: readonly (SparseVector | undefined)[]): SparseRows {
  const starts = new Uint32Array(vectors.length + 1);
  for (const [i, vector] of vectors.entries()) {
    starts[i + 1] = (starts[i] ?? 0) + (vector?.indices.length ?? 0);
  }
  const count = starts[vectors.length] ?? 0;
  const rows = { starts, indices: new Uint32Array(count), values: new Float32Array(count) };
  for (const [i, vector] of vectors.entries()) {
    if (vector === undefined) continue;
    rows.indices.set(vector.indices, starts[i]);
    rows.values.set(vector.values, starts[i]);
  }
  return rows;
}

/**
 * The vector with its dimensions ascending: for protocols that take them in any order. Doubles
 * stay, for the check to refuse. The same vector when it is in order.
 */
export function sortSparse(vector: SparseVector): SparseVector {
  const { indices, values } = vector;
  if (indices.every((index, i) => i === 0 || index >= (indices[i - 1] ?? 0))) return vector;
  const order = Array.from(indices, (_, i) => i).sort(
    (a, b) => (indices[a] ?? 0) - (indices[b] ?? 0),
  );
  return {
    indices: Uint32Array.from(order, (i) => indices[i] ?? 0),
    values: Float32Array.from(order, (i) => values[i] ?? 0),
  };
}
