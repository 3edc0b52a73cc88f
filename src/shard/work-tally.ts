/**
 * What a call costs in work units. A unit is what a worker does in about a tenth of a millisecond:
 * a mebi (2^20) of multiply-adds. Everything else is weighed against that, in points, of which a
 * unit has 2^20; so sums are whole numbers and exact.
 *
 * Counted is what a call asks of the data as they lie, never time, cache hits or threads: the same
 * call on the same files costs the same, on any machine. The table is that of docs/fairness.md.
 */
import type { Filter, Include, SparseVector } from "../model/index.ts";

/** Points of one unit. */
const UNIT_POINTS = 1_048_576;
/** A row of a segment that a filter passes over by the index: 16,384 are a unit. */
const FILTERED_ROW_POINTS = 64;
/** A row whose metadata a filter reads: 128 are a unit. */
const READ_ROW_POINTS = 8_192;
/** A record found by key, listed, answered, written or deleted: 32 are a unit. */
const RECORD_POINTS = 32_768;
/** A byte answered: 65,536 are a unit. */
const BYTE_OUT_POINTS = 16;
/** A byte written, which is written again by flush and merges: 16,384 are a unit. */
const BYTE_WRITTEN_POINTS = 64;

export class WorkTally {
  #points = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  /** Whole, at least 1. */
  get units(): number {
    return Math.max(1, Math.ceil(this.#points / UNIT_POINTS));
  }

  /** With the part of a unit that is begun. */
  get exactUnits(): number {
    return this.#points / UNIT_POINTS;
  }

  /** Of keys, metadata and vectors that came, as they are stored. */
  get bytesIn(): number {
    return this.#bytesIn;
  }

  /** Of keys, metadata and vectors that were answered, as they are stored. */
  get bytesOut(): number {
    return this.#bytesOut;
  }

  /** @param multiplyAdds of each comparison of two vectors. */
  compared(rows: number, multiplyAdds: number): void {
    this.#points += rows * multiplyAdds;
  }

  /** A filter is applied to all of a view. */
  filtered(
    { memtables, segments }: FilteredView,
    filter: Filter | undefined,
    unfilterable: readonly string[],
  ): void {
    if (filter === undefined) return;
    const isRead = unfilterable.length > 0 && namesOneOf(filter, unfilterable);
    for (const { rowCount } of memtables) this.looked(rowCount);
    for (const { segment, liveCount } of segments) {
      this.#points += segment.rowCount * FILTERED_ROW_POINTS;
      if (isRead) this.looked(liveCount);
    }
  }

  /** Rows whose metadata a filter reads one by one. */
  looked(rows: number): void {
    this.#points += rows * READ_ROW_POINTS;
  }

  /** Keys looked for, or records found. */
  records(count: number): void {
    this.#points += count * RECORD_POINTS;
  }

  answered(bytes: number): void {
    this.#bytesOut += bytes;
    this.#points += bytes * BYTE_OUT_POINTS;
  }

  /** Came with a call that reads: the vector that is searched for. */
  came(bytes: number): void {
    this.#bytesIn += bytes;
  }

  written(bytes: number): void {
    this.#bytesIn += bytes;
    this.#points += bytes * BYTE_WRITTEN_POINTS;
  }

  /** A search of a call of several: what it costs by itself. */
  search(tally: WorkTally): void {
    this.#points += tally.units * UNIT_POINTS;
    this.#bytesIn += tally.#bytesIn;
    this.#bytesOut += tally.#bytesOut;
  }
}

/** The sizes of what a filter is applied to. */
interface FilteredView {
  readonly memtables: readonly { readonly rowCount: number }[];
  readonly segments: readonly {
    readonly segment: { readonly rowCount: number };
    readonly liveCount: number;
  }[];
}

/** A record's share of an answer, bytes. */
export function answeredBytes(
  keyBytes: number,
  metadata: Uint8Array | undefined,
  include: Include,
  { vectors, sparse }: AnsweredVectors,
): number {
  let bytes = keyBytes + (include.metadata ? (metadata?.length ?? 0) : 0);
  for (const { byteLength } of vectors?.values() ?? []) bytes += byteLength;
  for (const vector of sparse?.values() ?? []) bytes += sparseBytes(vector);
  return bytes;
}

/** What a record shows of its vectors, by field. */
export interface AnsweredVectors {
  readonly vectors?: ReadonlyMap<string, Float32Array>;
  readonly sparse?: ReadonlyMap<string, SparseVector>;
}

/** As stored: a position and a value each. */
export function sparseBytes({ indices }: SparseVector): number {
  return indices.length * 8;
}

function namesOneOf(filter: Filter, properties: readonly string[]): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.some((part) => namesOneOf(part, properties));
    case "not":
      return namesOneOf(filter.filter, properties);
    default:
      return properties.includes(filter.property);
  }
}
