/**
 * Searches that are answered page by page, all pages of one state of the shard. A cursor names the
 * search and how many hits came before: asking for the same page again gives the same.
 */
import { InsulaError } from "../base/errors.ts";
import type { KeptResult, NextHits, Place, Query } from "../model/index.ts";
import { searchMissing } from "../shard/index.ts";
import { aimed } from "./field-recalls.ts";
import type { KeptSearches } from "./kept-searches.ts";
import { READ, type PlaceCalls } from "./place-calls.ts";
import { emptyResult, withActivation, type Records } from "./records.ts";
import { checkQueries } from "./request-checks.ts";
import { hasShard } from "./tenant-gate.ts";

const CURSOR = /^([0-9a-f]{32})-(\d{1,5})$/u;

export interface SearchPageDoors {
  readonly records: Pick<Records, "resolve">;
  readonly calls: PlaceCalls;
  readonly kept: KeptSearches;
}

export class SearchPages {
  readonly #doors: SearchPageDoors;

  constructor(doors: SearchPageDoors) {
    this.#doors = doors;
  }

  async first(place: Place, query: Query, pageSize: number): Promise<KeptResult> {
    const { records, calls, kept } = this.#doors;
    const found = await records.resolve(place);
    const { collection, state } = found;
    checkQueries(collection.schema, [query]);
    checkPageSize(pageSize, query.topK);
    if (query.mmr !== undefined) {
      throw new InsulaError("argument_invalid", "Cannot search page by page with mmr.");
    }
    query.signal?.throwIfAborted();
    if (!hasShard(found)) return emptyResult(query);
    const asked = aimed(query, collection.row.recalls);
    return calls.use(
      found,
      { kind: "query", fields: [query.field], signal: query.signal },
      async (open, { work, waking }) => {
        const { result, search } = await open.keepSearch(asked, pageSize, work);
        const { wasAsleep, wakeMs } = waking;
        const shown = withActivation(result, { state, wasAsleep, wakeMs });
        if (search.length > pageSize) {
          return {
            ...shown,
            cursor: toCursor(kept.keep(found.shard, { search, pageSize }), pageSize),
          };
        }
        search.close();
        return shown;
      },
    );
  }

  /** Wakes nobody: the searches of a shard that sleeps are not kept. */
  async next(place: Place, cursor: string): Promise<NextHits> {
    const { records, calls, kept } = this.#doors;
    const { id, start } = readCursor(cursor);
    const found = await records.resolve(place);
    if (!hasShard(found) || kept.find(found.shard, id) === undefined) throw searchMissing();
    return calls.use(found, READ, async (_, { work }) => {
      // The shard may have been asleep for a moment.
      const paged = kept.find(found.shard, id);
      if (paged === undefined) throw searchMissing();
      const { search, pageSize } = paged;
      const end = start + pageSize;
      const hits = await search.hits(start, end, work);
      return end < search.length ? { hits, cursor: toCursor(id, end) } : { hits };
    });
  }

  /** No error when it is not kept. */
  async forget(place: Place, cursor: string): Promise<void> {
    const { id } = readCursor(cursor);
    const found = await this.#doors.records.resolve(place);
    if (hasShard(found)) this.#doors.kept.forget(found.shard, id);
  }
}

function toCursor(id: string, start: number): string {
  return `${id}-${String(start)}`;
}

function readCursor(cursor: string): { readonly id: string; readonly start: number } {
  const [, id, start] = CURSOR.exec(cursor) ?? [];
  if (id !== undefined && start !== undefined) return { id, start: Number(start) };
  throw new InsulaError(
    "page_token_invalid",
    "Cannot go on with the search: expected a cursor that a search has answered.",
  );
}

/** @param most hits of all pages. */
function checkPageSize(pageSize: number, most: number): void {
  if (Number.isInteger(pageSize) && pageSize >= 1 && pageSize <= most) return;
  throw new InsulaError(
    "argument_invalid",
    `Cannot search page by page: expected pages of 1 to ${String(most)} hits, received ${String(pageSize)}.`,
  );
}
