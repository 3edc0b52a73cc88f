/**
 * The engine's contract over plain maps, for tests of dialects: exact, slow, nothing durable. What
 * a dialect does not call throws.
 */
import { InsulaError } from "../../src/base/errors.ts";
import { crc32 } from "../../src/base/crc32.ts";
import { PAGE_ITEMS_MAX } from "../../src/base/limits.ts";
import type {
  AttributePatch,
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  DatabaseInfo,
  DatabaseOptions,
  Engine,
  ListRequest,
  Page,
  PageRequest,
  WriteResult,
} from "../../src/engine/api.ts";
import { checkBatch } from "../../src/model/check-batch.contract.ts";
import { checkFilter, checkQuery, matchesFilter } from "../../src/model/index.ts";
import type {
  Hit,
  Include,
  Metadata,
  Metric,
  Place,
  Query,
  QueryResult,
  RecordView,
  WriteBatch,
} from "../../src/model/index.ts";

interface FakeRecord {
  readonly vectors: ReadonlyMap<string, Float32Array>;
  readonly metadata: Metadata | undefined;
}

interface FakeCollection {
  info: CollectionInfo;
  readonly records: Map<string, FakeRecord>;
}

interface FakeDatabase {
  info: DatabaseInfo;
  readonly collections: Map<string, FakeCollection>;
}

type FakeCalls =
  | "createDatabase"
  | "getDatabase"
  | "listDatabases"
  | "updateDatabase"
  | "deleteDatabase"
  | "createCollection"
  | "getCollection"
  | "listCollections"
  | "updateCollection"
  | "deleteCollection"
  | "upsert"
  | "delete"
  | "get"
  | "list"
  | "query"
  | "readSetting"
  | "writeSetting";

export class FakeEngine implements Pick<Engine, FakeCalls> {
  readonly databases: Map<string, FakeDatabase> = new Map();
  readonly settings: Map<string, Uint8Array> = new Map();
  /** Thrown by the next call about records, once. */
  nextError: Error | undefined;
  nowMs = 1_750_000_000_000;

  async createDatabase(name: string, options: DatabaseOptions = {}): Promise<DatabaseInfo> {
    await Promise.resolve();
    if (this.databases.has(name)) throw new InsulaError("database_exists", "exists");
    const attributes = options.attributes ?? {};
    const info = { name, createdAtMs: this.nowMs, attributes, collectionCount: 0 };
    this.databases.set(name, { info, collections: new Map() });
    return info;
  }

  getDatabase(name: string): Promise<DatabaseInfo | undefined> {
    const database = this.databases.get(name);
    return Promise.resolve(
      database && { ...database.info, collectionCount: database.collections.size },
    );
  }

  listDatabases(page: PageRequest): Promise<Page<DatabaseInfo>> {
    return Promise.resolve(
      pageOf(
        [...this.databases.values()].map(({ info }) => info),
        page,
      ),
    );
  }

  async updateDatabase(name: string, patch: AttributePatch): Promise<DatabaseInfo> {
    await Promise.resolve();
    const database = this.#database(name);
    const attributes = patched(database.info.attributes, patch);
    return (database.info = { ...database.info, attributes });
  }

  async deleteDatabase(name: string): Promise<void> {
    await Promise.resolve();
    if (this.#database(name).collections.size > 0) {
      throw new InsulaError("database_not_empty", "not empty");
    }
    this.databases.delete(name);
  }

  async createCollection(
    database: string,
    name: string,
    options: CollectionOptions,
  ): Promise<CollectionInfo> {
    await Promise.resolve();
    const { collections } = this.#database(database);
    if (collections.has(name)) throw new InsulaError("collection_exists", "exists");
    const info: CollectionInfo = {
      database,
      name,
      schema: options.schema,
      tenancy: options.tenancy ?? "single",
      status: "enabled",
      createdAtMs: this.nowMs,
      attributes: options.attributes ?? {},
      ...(options.embeddingModel === undefined ? {} : { embeddingModel: options.embeddingModel }),
      rowCount: 0,
      byteCount: 0,
      tenantCount: 0,
    };
    collections.set(name, { info, records: new Map() });
    return info;
  }

  getCollection(database: string, name: string): Promise<CollectionInfo | undefined> {
    const collection = this.databases.get(database)?.collections.get(name);
    return Promise.resolve(
      collection && {
        ...collection.info,
        rowCount: collection.info.rowCount || collection.records.size,
      },
    );
  }

  async listCollections(database: string, page: PageRequest): Promise<Page<CollectionInfo>> {
    await Promise.resolve();
    return pageOf(
      [...this.#database(database).collections.values()].map(({ info }) => info),
      page,
    );
  }

  async updateCollection(
    database: string,
    name: string,
    patch: CollectionPatch,
  ): Promise<CollectionInfo> {
    await Promise.resolve();
    const collection = this.databases.get(database)?.collections.get(name);
    if (collection === undefined) throw new InsulaError("collection_not_found", "missing");
    const status = patch.status ?? collection.info.status;
    const attributes = patched(collection.info.attributes, patch);
    const { embeddingModel: old, ...rest } = collection.info;
    const embeddingModel = patch.embeddingModel === undefined ? old : patch.embeddingModel;
    const model = typeof embeddingModel === "string" ? { embeddingModel } : {};
    return (collection.info = { ...rest, ...model, status, attributes });
  }

  async deleteCollection(database: string, name: string): Promise<void> {
    await Promise.resolve();
    this.#database(database).collections.delete(name);
  }

  async upsert(place: Place, batch: WriteBatch): Promise<WriteResult> {
    await Promise.resolve();
    const { info, records } = this.#open(place);
    checkBatch(info.schema, batch);
    const before = records.size;
    for (const [i, key] of batch.keys.entries()) {
      const vectors = new Map<string, Float32Array>();
      for (const { name, dimension } of info.schema.vectors) {
        const column = batch.vectors.find(({ field }) => field === name);
        if (column !== undefined) {
          vectors.set(name, column.values.slice(i * dimension, (i + 1) * dimension));
        }
      }
      records.set(key, { vectors, metadata: batch.metadata[i] });
    }
    const rowsAdded = records.size - before;
    return { rowsAdded, rowsReplaced: batch.keys.length - rowsAdded };
  }

  async delete(place: Place, keys: readonly string[]): Promise<WriteResult> {
    await Promise.resolve();
    const { records } = this.#open(place);
    const gone = keys.filter((key) => records.delete(key)).length;
    return { rowsAdded: -gone, rowsReplaced: gone };
  }

  async get(
    place: Place,
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]> {
    await Promise.resolve();
    const { records } = this.#open(place);
    return keys.map((key) => view(key, records.get(key), include));
  }

  async list(place: Place, request: ListRequest): Promise<Page<RecordView>> {
    await Promise.resolve();
    const { records } = this.#open(place);
    const { part, filter, include } = request;
    if (filter !== undefined) checkFilter(filter);
    const shown = [...records]
      .filter(([key]) => part === undefined || crc32(Buffer.from(key)) % part.count === part.index)
      .filter(([, record]) => filter === undefined || matchesFilter(filter, record.metadata))
      .map(([name, record]) => ({ name, record }));
    const page = pageOf(shown, request);
    const items = page.items.map(
      ({ name, record }) => view(name, record, include) ?? { key: name },
    );
    return { items, hasMore: page.hasMore };
  }

  async query(place: Place, query: Query): Promise<QueryResult> {
    await Promise.resolve();
    const { info, records } = this.#open(place);
    checkQuery(info.schema, query);
    const metric = info.schema.vectors.find(({ name }) => name === query.field)?.metric ?? "cosine";
    const hits: Hit[] = [];
    for (const [key, record] of records) {
      if (query.filter !== undefined && !matchesFilter(query.filter, record.metadata)) continue;
      const vector = record.vectors.get(query.field) ?? new Float32Array();
      const distance = distanceOf(metric, query.vector ?? new Float32Array(), vector);
      hits.push({ key, ...view(key, record, query.include), distance });
    }
    hits.sort((a, b) => a.distance - b.distance || compare(a.key, b.key));
    const plan = {
      rowsScanned: records.size,
      rowsRescored: 0,
      segmentCount: 1,
      workUnits: 1,
      path: "exact" as const,
    };
    return { hits: hits.slice(0, query.topK), plan };
  }

  readSetting(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.settings.get(name));
  }

  writeSetting(name: string, value: Uint8Array | undefined): Promise<void> {
    if (value === undefined) this.settings.delete(name);
    else this.settings.set(name, value);
    return Promise.resolve();
  }

  /** As an Engine; calls that are not faked throw a TypeError. */
  asEngine(): Engine {
    return this as unknown as Engine;
  }

  #database(name: string): FakeDatabase {
    const database = this.databases.get(name);
    if (database === undefined) throw new InsulaError("database_not_found", "missing");
    return database;
  }

  #open({ database, collection }: Place): FakeCollection {
    const error = this.nextError;
    this.nextError = undefined;
    if (error !== undefined) throw error;
    const found = this.databases.get(database)?.collections.get(collection);
    if (found === undefined) throw new InsulaError("collection_not_found", "missing");
    if (found.info.status === "disabled") throw new InsulaError("collection_disabled", "disabled");
    return found;
  }
}

function view(
  key: string,
  record: FakeRecord | undefined,
  include: Include,
): RecordView | undefined {
  if (record === undefined) return undefined;
  const { vectors, metadata } = record;
  return {
    key,
    ...(include.vectors ? { vectors } : {}),
    ...(include.metadata && metadata !== undefined ? { metadata } : {}),
  };
}

function pageOf<Item extends { readonly name: string }>(
  all: readonly Item[],
  { prefix = "", after, limit }: PageRequest,
): Page<Item> {
  if (limit < 1 || limit > PAGE_ITEMS_MAX) throw new InsulaError("argument_invalid", "limit");
  const rest = all
    .filter(({ name }) => name.startsWith(prefix))
    .filter(({ name }) => after === undefined || compare(name, after) > 0)
    .sort((a, b) => compare(a.name, b.name));
  return { items: rest.slice(0, limit), hasMore: rest.length > limit };
}

function patched(
  attributes: Readonly<Record<string, string>>,
  patch: AttributePatch,
): Record<string, string> {
  const rows = Object.entries({ ...attributes, ...patch.attributes });
  return Object.fromEntries(rows.filter((row): row is [string, string] => row[1] !== null));
}

function distanceOf(metric: Metric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squareA = 0;
  let squareB = 0;
  let square = 0;
  for (const [i, x] of a.entries()) {
    const y = b[i] ?? 0;
    dot += x * y;
    squareA += x * x;
    squareB += y * y;
    square += (x - y) ** 2;
  }
  if (metric === "euclidean") return Math.fround(Math.sqrt(square));
  if (metric === "dot") return -dot;
  return Math.fround(1 - Math.fround(dot / Math.sqrt(squareA * squareB)));
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
