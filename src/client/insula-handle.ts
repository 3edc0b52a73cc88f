/** The face over plain calls; the same for both bodies. */
import { InsulaError } from "../base/errors.ts";
import type {
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  CustomerStanding,
  DatabaseInfo,
  Page,
  UsagePage,
} from "../engine/api.ts";
import type { Metadata, Place } from "../model/index.ts";
import { abortable } from "./abort.ts";
import type { CallOptions, Calls } from "./calls.ts";
import { CollectionHandle, searchMany, toPageRequest } from "./collection-handle.ts";
import { CustomerHandle } from "./customer-handle.ts";
import type {
  Collection,
  Customer,
  Insula,
  ManyResult,
  NewCollection,
  PageOptions,
  Search,
  UsageOptions,
} from "./insula.ts";

/** Of a page of usage. */
const PLACES_DEFAULT = 100;

export class InsulaHandle implements Insula {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  createDatabase(name: string, options: CallOptions = {}): Promise<DatabaseInfo> {
    return abortable(options.signal, () => this.#calls.createDatabase(name, options));
  }

  getDatabase(name: string, options: CallOptions = {}): Promise<DatabaseInfo | undefined> {
    return abortable(options.signal, () => this.#calls.getDatabase(name, options));
  }

  listDatabases(page: PageOptions = {}): Promise<Page<DatabaseInfo>> {
    return abortable(page.signal, () => this.#calls.listDatabases(toPageRequest(page), page));
  }

  deleteDatabase(name: string, options: CallOptions = {}): Promise<void> {
    return abortable(options.signal, () => this.#calls.deleteDatabase(name, options));
  }

  async createCollection<M extends object = Metadata>(
    database: string,
    collection: string,
    made: NewCollection,
    options: CallOptions = {},
  ): Promise<Collection<M>> {
    const place = { database, collection };
    await abortable(options.signal, async () =>
      this.#calls.createCollection(place, toCollectionOptions(made), options),
    );
    return this.collection<M>(database, collection);
  }

  getCollection(
    database: string,
    collection: string,
    options: CallOptions = {},
  ): Promise<CollectionInfo | undefined> {
    return abortable(options.signal, () =>
      this.#calls.getCollection({ database, collection }, options),
    );
  }

  listCollections(database: string, page: PageOptions = {}): Promise<Page<CollectionInfo>> {
    return abortable(page.signal, () =>
      this.#calls.listCollections(database, toPageRequest(page), page),
    );
  }

  updateCollection(
    database: string,
    collection: string,
    patch: Omit<CollectionPatch, "attributes">,
    options: CallOptions = {},
  ): Promise<CollectionInfo> {
    return abortable(options.signal, () =>
      this.#calls.updateCollection({ database, collection }, patch, options),
    );
  }

  deleteCollection(database: string, collection: string, options: CallOptions = {}): Promise<void> {
    return abortable(options.signal, () =>
      this.#calls.deleteCollection({ database, collection }, options),
    );
  }

  collection<M extends object = Metadata>(database: string, name: string): Collection<M> {
    return new CollectionHandle<M>(this.#calls, database, name);
  }

  queryMany<M extends object = Metadata>(
    places: readonly (Place | { readonly place: Place })[],
    query: Search<M>,
    options: CallOptions = {},
  ): Promise<ManyResult<M>> {
    const plain = places.map((place) => ("place" in place ? place.place : place));
    return searchMany<M>(this.#calls, plain, query, options);
  }

  customer(database: string, name: string): Customer {
    return new CustomerHandle(this.#calls, { database, tenant: name });
  }

  listSuspended(database: string, page: PageOptions = {}): Promise<Page<CustomerStanding>> {
    return abortable(page.signal, () =>
      this.#calls.customers.list(database, toPageRequest(page), page),
    );
  }

  usage({ signal, ...asked }: UsageOptions = {}): Promise<UsagePage> {
    const request = { period: "day" as const, limit: PLACES_DEFAULT, ...asked };
    return abortable(signal, () =>
      this.#calls.usage(request, signal === undefined ? {} : { signal }),
    );
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * @throws InsulaError `argument_invalid` unless there is one of `dimension` and `vectors`, or only
 *   `sparseVectors`.
 */
function toCollectionOptions(made: NewCollection): CollectionOptions {
  const { dimension, metric, recall, memory, vectors, tenancy, embeddingModel } = made;
  const { sparseVectors = [], unfilterable = [], createsTenants, activatesTenants, policy } = made;
  const isSparse = sparseVectors.length > 0 && dimension === undefined;
  if (!isSparse && (dimension === undefined) === (vectors === undefined)) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot create the collection: expected either dimension or vectors.",
    );
  }
  if (vectors !== undefined && (recall !== undefined || memory !== undefined)) {
    const name = recall === undefined ? "memory" : "recall";
    throw new InsulaError(
      "argument_invalid",
      `Cannot create the collection: ${name}: expected it in vectors, for each field.`,
    );
  }
  // A program in JavaScript can say anything: with a word of its own it would get one shard.
  if (tenancy !== undefined && !["single", "multi"].includes(tenancy)) {
    throw new InsulaError(
      "argument_invalid",
      'Cannot create the collection: tenancy: expected "single" or "multi".',
    );
  }
  const unnamed = {
    ...{ name: "", dimension: dimension ?? 0, metric: metric ?? "cosine" },
    ...(recall === undefined ? {} : { recall }),
    ...(memory === undefined ? {} : { memory }),
  };
  return {
    schema: {
      vectors: vectors ?? (isSparse ? [] : [unnamed]),
      ...(sparseVectors.length === 0 ? {} : { sparseVectors }),
      identity: "key",
      unfilterable,
    },
    ...(tenancy === undefined ? {} : { tenancy }),
    ...(embeddingModel === undefined ? {} : { embeddingModel }),
    ...(createsTenants === undefined ? {} : { createsTenants }),
    ...(activatesTenants === undefined ? {} : { activatesTenants }),
    ...(policy === undefined ? {} : { policy }),
  };
}
