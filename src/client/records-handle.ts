/** The records of one place, over plain calls. */
import { InsulaError } from "../base/errors.ts";
import type { Page, WriteResult } from "../engine/api.ts";
import type {
  Include,
  LimitsInfo,
  LimitsPatch,
  NextHits,
  Place,
  RecallReport,
  RecordView,
  Where,
} from "../model/index.ts";
import { abortable } from "./abort.ts";
import { toFloat32, toWriteBatch } from "./batch.ts";
import { toSparse } from "./sparse.ts";
import type { CallOptions, Deletion, PlainListing, PlainQuery, RecordCalls } from "./calls.ts";
import type {
  Batch,
  FoundRecord,
  Includes,
  ListOptions,
  ReadOptions,
  Records,
  ScanOptions,
  Search,
  Measurement,
  QueryPagesOptions,
  SearchResult,
  StoredRecord,
} from "./insula.ts";

const PAGE_DEFAULT = 1_000;
const TOP_K_DEFAULT = 10;
const PAGE_HITS_DEFAULT = 100;
/** Of all pages of a search. */
const PAGES_TOP_K_DEFAULT = 1_000;

export class RecordsHandle<M extends object> implements Records<M> {
  readonly place: Place;
  readonly #calls: RecordCalls;

  constructor(calls: RecordCalls, place: Place) {
    this.#calls = calls;
    this.place = place;
  }

  upsert(records: Batch<M>, options: CallOptions = {}): Promise<WriteResult> {
    return this.#write("upsert", records, options);
  }

  insert(records: Batch<M>, options: CallOptions = {}): Promise<WriteResult> {
    return this.#write("insert", records, options);
  }

  async get(
    keys: readonly string[],
    options: ReadOptions = {},
  ): Promise<readonly (StoredRecord<M> | undefined)[]> {
    const found = await abortable(options.signal, () =>
      this.#calls.get(this.place, keys, toInclude(options), options),
    );
    return found.map((record) => record && toStored<M>(record));
  }

  delete(keys: readonly string[], options: CallOptions = {}): Promise<WriteResult> {
    return this.#delete({ kind: "keys", keys }, options);
  }

  deleteWhere(where: Where<M>, options: CallOptions = {}): Promise<WriteResult> {
    return this.#delete({ kind: "where", where }, options);
  }

  deleteAll(options: CallOptions = {}): Promise<WriteResult> {
    return this.#delete({ kind: "all" }, options);
  }

  count(where?: Where<M>, options: CallOptions = {}): Promise<number> {
    return abortable(options.signal, () => this.#calls.count(this.place, where, options));
  }

  async list(page: ListOptions<M> = {}): Promise<Page<StoredRecord<M>>> {
    const { limit = PAGE_DEFAULT, prefix, after, where } = page;
    const listing: PlainListing = {
      limit,
      include: toInclude(page),
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after }),
      ...(where === undefined ? {} : { where }),
    };
    const { items, hasMore } = await abortable(page.signal, () =>
      this.#calls.list(this.place, listing, page),
    );
    return { items: items.map((record) => toStored<M>(record)), hasMore };
  }

  async *scan(options: ScanOptions<M> = {}): AsyncIterableIterator<StoredRecord<M>> {
    const { pageSize: limit = PAGE_DEFAULT, ...listing } = options;
    let { after } = options;
    for (;;) {
      const { items, hasMore } = await this.list({
        ...listing,
        limit,
        ...(after === undefined ? {} : { after }),
      });
      yield* items;
      if (!hasMore) return;
      after = items.at(-1)?.key;
    }
  }

  async query(query: Search<M>, options: CallOptions = {}): Promise<SearchResult<M>> {
    const { hits, ...rest } = await abortable(options.signal, async () =>
      this.#calls.query(this.place, toPlainQuery(query), options),
    );
    return { hits: hits.map((hit) => toFound<M>(hit)), ...rest };
  }

  async queryAll(
    queries: readonly Search<M>[],
    options: CallOptions = {},
  ): Promise<readonly SearchResult<M>[]> {
    const results = await abortable(options.signal, async () =>
      this.#calls.queryAll(this.place, queries.map(toPlainQuery), options),
    );
    return results.map(({ hits, ...rest }) => ({
      hits: hits.map((hit) => toFound<M>(hit)),
      ...rest,
    }));
  }

  async *queryPages(
    query: Search<M>,
    options: QueryPagesOptions = {},
  ): AsyncIterableIterator<readonly FoundRecord<M>[]> {
    const { pageSize = PAGE_HITS_DEFAULT } = options;
    const topK = query.topK ?? Math.max(PAGES_TOP_K_DEFAULT, pageSize);
    let page: NextHits = await abortable(options.signal, async () =>
      this.#calls.keepQuery(
        this.place,
        toPlainQuery({ ...query, topK }),
        Math.min(pageSize, topK),
        options,
      ),
    );
    try {
      for (;;) {
        const { hits, cursor } = page;
        page = { hits: [], ...(cursor === undefined ? {} : { cursor }) };
        yield hits.map((hit) => toFound<M>(hit));
        if (cursor === undefined) return;
        page = await abortable(options.signal, () =>
          this.#calls.nextHits(this.place, cursor, options),
        );
      }
    } finally {
      // Of no use to anybody any more; it would be forgotten by itself a minute later.
      if (page.cursor !== undefined) {
        await this.#calls.forgetQuery(this.place, page.cursor, {}).catch(() => undefined);
      }
    }
  }

  async measureRecall(
    { vectors, where, topK = TOP_K_DEFAULT, field = "", sample }: Measurement<M> = {},
    options: CallOptions = {},
  ): Promise<RecallReport> {
    const plain = {
      field,
      topK,
      ...(vectors === undefined ? {} : { vectors: vectors.map(toFloat32) }),
      ...(sample === undefined ? {} : { sample }),
      ...(where === undefined ? {} : { where }),
    };
    return abortable(options.signal, async () =>
      this.#calls.measureRecall(this.place, plain, options),
    );
  }

  limits(options: CallOptions = {}): Promise<LimitsInfo> {
    return abortable(options.signal, () => this.#calls.getLimits(this.place, options));
  }

  setLimits(patch: LimitsPatch, options: CallOptions = {}): Promise<LimitsInfo> {
    return abortable(options.signal, () => this.#calls.setLimits(this.place, patch, options));
  }

  async #write(
    kind: "upsert" | "insert",
    records: Batch<M>,
    options: CallOptions,
  ): Promise<WriteResult> {
    const batch = toWriteBatch(records);
    if (batch.keys.length === 0) return { rowsAdded: 0, rowsReplaced: 0 };
    options.signal?.throwIfAborted();
    return this.#calls.write(kind, this.place, batch, options);
  }

  async #delete(what: Deletion, options: CallOptions): Promise<WriteResult> {
    options.signal?.throwIfAborted();
    return this.#calls.delete(this.place, what, options);
  }
}

/** A search of any type of metadata. */
interface AnySearch extends Omit<Search, "where"> {
  readonly where?: object;
}

export function toPlainQuery(query: AnySearch): PlainQuery {
  const { where, isExact, recall, field = "", topK = TOP_K_DEFAULT } = query;
  const { vector, like, sparse, weights, maxDistance, mmr, isExplained } = query;
  if (vector !== undefined && like !== undefined) {
    throw new InsulaError("argument_invalid", "Cannot search: expected either vector or like.");
  }
  if ((vector ?? like ?? sparse) === undefined) {
    throw new InsulaError("argument_invalid", "Cannot search: expected vector, like or sparse.");
  }
  return {
    field,
    ...(vector === undefined ? {} : { vector: toFloat32(vector) }),
    ...(sparse === undefined ? {} : { sparse: { field: sparse.field, vector: toSparse(sparse) } }),
    ...(weights === undefined ? {} : { weights }),
    topK,
    include: toInclude(query),
    ...(like === undefined ? {} : { like }),
    ...(where === undefined ? {} : { where }),
    ...(isExact === undefined ? {} : { isExact }),
    ...(recall === undefined ? {} : { recall }),
    ...(maxDistance === undefined ? {} : { maxDistance }),
    ...(mmr === undefined ? {} : { mmr }),
    ...(isExplained === undefined ? {} : { isExplained }),
  };
}

export function toInclude({ vectors = false, metadata = true }: Includes): Include {
  return { vectors, metadata };
}

/** A hit as callers see it. */
export function toFound<M extends object>(
  hit: RecordView & { readonly distance: number },
): FoundRecord<M> {
  return { ...toStored<M>(hit), distance: hit.distance };
}

/** The type of the metadata is the caller's promise. */
export function toStored<M extends object>(record: RecordView): StoredRecord<M> {
  const { key, vectors, sparse, metadata } = record;
  const vector = vectors?.get("");
  const named = new Map([...(vectors ?? [])].filter(([field]) => field !== ""));
  return {
    key,
    ...(vector === undefined ? {} : { vector }),
    ...(named.size === 0 ? {} : { vectors: named }),
    ...(sparse === undefined ? {} : { sparse }),
    ...(metadata === undefined ? {} : { metadata: metadata as M }),
  };
}
