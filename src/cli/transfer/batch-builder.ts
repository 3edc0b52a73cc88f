/**
 * Gathers single records into batches by columns: of one tenant, one shape, without a key twice.
 */
import { joinSparse, type WriteBatch } from "../../model/index.ts";
import type { BatchBounds, SourceBatch, SourcePosition } from "./record-source.ts";
import type { SourceRecord } from "./record-members.ts";

export class BatchBuilder {
  readonly #bounds: BatchBounds;
  #records: SourceRecord[] = [];
  #keys = new Set<string>();
  #bytes = 0;

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds;
  }

  /** True when the record must begin a batch of its own: then {@link BatchBuilder.take} first. */
  mustBegin(record: SourceRecord): boolean {
    const [first] = this.#records;
    if (first === undefined) return false;
    return (
      this.#records.length >= this.#bounds.recordsMax ||
      this.#bytes >= this.#bounds.bytesMax ||
      first.tenant !== record.tenant ||
      first.collection !== record.collection ||
      this.#keys.has(record.key) ||
      !hasShapeOf(first, record)
    );
  }

  add(record: SourceRecord, bytes: number): void {
    this.#records.push(record);
    this.#keys.add(record.key);
    this.#bytes += bytes;
  }

  /** What was gathered; undefined when there is nothing. */
  take(end: SourcePosition): SourceBatch | undefined {
    const records = this.#records;
    const [first] = records;
    if (first === undefined) return undefined;
    this.#records = [];
    this.#keys = new Set();
    this.#bytes = 0;
    const { tenant, collection } = first;
    const batch = toColumns(records, first);
    return { tenant, ...(collection === undefined ? {} : { collection }), batch, end };
  }
}

/** A record of another shape goes into a batch of its own, and there meets the engine's refusal. */
function hasShapeOf(first: SourceRecord, record: SourceRecord): boolean {
  if (first.vectors.size !== record.vectors.size) return false;
  for (const [field, vector] of record.vectors) {
    if (first.vectors.get(field)?.length !== vector.length) return false;
  }
  return true;
}

function toColumns(records: readonly SourceRecord[], first: SourceRecord): WriteBatch {
  const vectors = [...first.vectors].map(([field, { length }]) => {
    const values = new Float32Array(records.length * length);
    records.forEach((record, i) => {
      values.set(record.vectors.get(field) ?? [], i * length);
    });
    return { field, values };
  });
  const fields = [...new Set(records.flatMap(({ sparse }) => [...sparse.keys()]))];
  const sparse = fields.map((field) => ({
    field,
    ...joinSparse(records.map((record) => record.sparse.get(field))),
  }));
  return {
    keys: records.map(({ key }) => key),
    vectors,
    ...(sparse.length === 0 ? {} : { sparse }),
    metadata: records.map(({ metadata }) => metadata),
  };
}
