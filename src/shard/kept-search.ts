/**
 * A search that is gone on with page by page: the ranked records in a compact form, and the view
 * they were found in, which keeps every page of one state of the shard. 14 bytes a record.
 */
import { InsulaError } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import type { Hit, Query } from "../model/index.ts";
import { keyOf, toHits, type ComparedFields, type RankedRecord } from "./ranked-records.ts";
import type { MemtableView, ReadView, SegmentView } from "./read-view.ts";
import type { WorkTally } from "./work-tally.ts";

export interface RankedSearch {
  readonly view: ReadView;
  readonly query: Query;
  readonly fields: ComparedFields;
  readonly ranked: readonly RankedRecord[];
}

/** Steps of reading the key of a record. */
const KEY_STEPS = 64;

export class KeptSearch {
  readonly length: number;
  readonly #view: ReadView;
  readonly #turn: () => Promise<void>;
  readonly #include: Query["include"];
  readonly #fields: ComparedFields;
  readonly #parts: readonly (MemtableView | SegmentView)[];
  /** Of each record, in its order: index of its part, row in it, distance as it was ranked by. */
  readonly #partOf: Uint16Array;
  readonly #rows: Uint32Array;
  readonly #distances: Float64Array;
  #isOpen = true;
  /** Pages that are being read; the view is closed after the last of them. */
  #readers = 0;

  /** @param turn as for a {@link Pace}, which each page has of its own. */
  constructor({ view, query, fields, ranked }: RankedSearch, turn: () => Promise<void>) {
    this.#turn = turn;
    this.#view = view;
    this.#include = query.include;
    this.#fields = fields;
    this.length = ranked.length;
    const parts = new Map<MemtableView | SegmentView, number>();
    this.#partOf = new Uint16Array(ranked.length);
    this.#rows = new Uint32Array(ranked.length);
    this.#distances = new Float64Array(ranked.length);
    for (const [i, { candidate }] of ranked.entries()) {
      const part = parts.get(candidate.view) ?? parts.size;
      parts.set(candidate.view, part);
      this.#partOf[i] = part;
      this.#rows[i] = candidate.row;
      this.#distances[i] = candidate.distance;
    }
    this.#parts = [...parts.keys()];
  }

  /** False once it is closed. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Hits from `start` to before `end`, which may be beyond the last.
   *
   * @param work told what is done.
   * @throws InsulaError `search_not_found` when it is closed; `data_damaged`, `io_failed`.
   */
  async hits(start: number, end: number, work: WorkTally): Promise<readonly Hit[]> {
    if (!this.#isOpen) throw searchMissing();
    this.#readers++;
    try {
      const pace = new Pace(this.#turn);
      const ranked: RankedRecord[] = [];
      for (let i = start; i < Math.min(end, this.length); i++) {
        if (!pace.fits(KEY_STEPS)) await pace.take(KEY_STEPS);
        ranked.push(await this.#record(i));
      }
      return await toHits(ranked, { include: this.#include }, this.#fields, { work, pace });
    } finally {
      this.#readers--;
      this.#closeView();
    }
  }

  /** Forgets it; pages under way end well. Closing twice is harmless. */
  close(): void {
    this.#isOpen = false;
    this.#closeView();
  }

  #closeView(): void {
    if (!this.#isOpen && this.#readers === 0) this.#view.close();
  }

  async #record(i: number): Promise<RankedRecord> {
    const view = this.#parts[this.#partOf[i] ?? 0];
    if (view === undefined) throw searchMissing();
    const candidate = { view, row: this.#rows[i] ?? 0, distance: this.#distances[i] ?? 0 };
    return { candidate, key: await keyOf(candidate) };
  }
}

/** What is said of a search that is not kept, or not any more. */
export function searchMissing(): InsulaError {
  return new InsulaError(
    "search_not_found",
    "Cannot go on with the search: it is not kept any more. Search again.",
  );
}
