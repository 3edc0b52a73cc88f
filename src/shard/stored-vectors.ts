/**
 * Stored vectors of records as they are shown, one after the other: where rows are in their files,
 * those of the next records are read with the first of them, of each segment together.
 */
import { allDone } from "../base/all-done.ts";
import { assert } from "../base/errors.ts";
import type { Pace } from "../base/pace.ts";
import type { VectorField } from "../model/index.ts";
import type { ViewPlace } from "./read-view.ts";
import { listedRowsMax } from "./segment-dense.ts";
import type { SegmentHandle } from "./segment-handle.ts";

interface ShownRecord {
  readonly candidate: ViewPlace;
}

export class StoredVectors {
  readonly #records: readonly ShownRecord[];
  readonly #field: VectorField;
  readonly #pace: Pace;
  readonly #step: number;
  /** By number of the record, until they are asked for. */
  readonly #ahead = new Map<number, Float32Array>();

  /** @param records in the order they will be asked for. */
  constructor(records: readonly ShownRecord[], field: VectorField, pace: Pace) {
    this.#records = records;
    this.#field = field;
    this.#pace = pace;
    this.#step = listedRowsMax(field);
  }

  /**
   * The vector of a record, owned by the caller; once each.
   *
   * @throws InsulaError `data_damaged`; what the signal of the pace was aborted with.
   */
  async take(number: number): Promise<Float32Array> {
    if (!this.#ahead.has(number)) await this.#read(number);
    const vector = this.#ahead.get(number);
    assert(vector !== undefined, "every record has a vector in each dense field");
    this.#ahead.delete(number);
    return vector;
  }

  async #read(first: number): Promise<void> {
    const bySegment = new Map<SegmentHandle, number[]>();
    const next = this.#records.slice(first, first + this.#step);
    for (const [i, { candidate }] of next.entries()) {
      const { view, row } = candidate;
      if ("memtable" in view) {
        this.#ahead.set(first + i, view.memtable.vector(this.#field.name, row));
      } else {
        const numbers = bySegment.get(view.segment) ?? [];
        bySegment.set(view.segment, numbers);
        numbers.push(first + i);
      }
    }
    await allDone([...bySegment].map(([segment, numbers]) => this.#readOf(segment, numbers)));
  }

  async #readOf(segment: SegmentHandle, numbers: readonly number[]): Promise<void> {
    const rows = numbers.map((number) => this.#records[number]?.candidate.row ?? 0);
    const vectors = await segment.dense.rows(this.#field, rows, this.#pace);
    for (const [i, number] of numbers.entries()) {
      const vector = vectors[i];
      if (vector !== undefined) this.#ahead.set(number, vector);
    }
  }
}
