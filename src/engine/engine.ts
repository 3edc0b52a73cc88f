/** The engine behind the plain calls of api.ts: names to shards, checks, and the uses of shards. */
import { toHex, type ShardUid } from "../base/brands.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";
import {
  type Filter,
  type Include,
  type MultiQueryResult,
  type Place,
  type Query,
  type QueryResult,
  type RecordView,
  type WriteBatch,
} from "../model/index.ts";
import { Shard } from "../shard/index.ts";
import { ShardKeeper } from "../tenancy/index.ts";
import type {
  AttributePatch,
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  DatabaseInfo,
  DatabaseOptions,
  Engine,
  EngineStats,
  ListRequest,
  Page,
  PageRequest,
  TenantFigures,
  TenantInfo,
  TenantPlace,
  WriteResult,
} from "./api.ts";
import {
  DATABASE_PREFIX,
  SETTING_PREFIX,
  collectionPrefix,
  databaseTotalsKey,
  settingKey,
  tenantPrefix,
} from "./catalog-keys.ts";
import { decodeTenant } from "./catalog-rows.ts";
import type { TotalsRow } from "./catalog-rows.ts";
import { Directory, ROOT_NUMBER, type CollectionEntry } from "./directory.ts";
import { Infos } from "./infos.ts";
import { LogCleaner } from "./log-cleaner.ts";
import { listNames } from "./name-listing.ts";
import { checkName } from "./names.ts";
import { openNode, type EngineOptions, type NodeContext } from "./node-context.ts";
import { readStats } from "./node-stats.ts";
import { PackCleaner } from "./pack-cleaner.ts";
import { queryPlaces } from "./query-many.ts";
import { Records } from "./records.ts";
import { TenantTotals } from "./tenant-totals.ts";

/** Awake shards at most; each costs a few kilobytes besides its data. */
const AWAKE_SHARDS_MAX = 10_000;
const IDLE_MS = 600_000;
/** Share of the memory budget in use from which idle shards are put to sleep. */
const TIGHT_SHARE = 0.9;
const LOG_BYTES_MAX = 1024 * 1024 * 1024;

/**
 * Opens the data folder and recovers it.
 *
 * @throws InsulaError `data_folder_locked`, `data_damaged`, `format_unsupported`, `io_failed`.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const node = await openNode(options);
  try {
    const nodeTotals = await node.catalog.holdTotals(databaseTotalsKey(ROOT_NUMBER));
    const tenants = await TenantTotals.open(node.catalog);
    node.sweeper.sweep();
    return new NodeEngine(options, node, { node: nodeTotals, tenants });
  } catch (error) {
    await node.close();
    throw error;
  }
}

/** A shard may be dropped while one goes through all of them. */
async function ignoreDeleted(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isInsulaError(error) || error.code !== "tenant_not_found") throw error;
  }
}

class NodeEngine implements Engine {
  readonly #node: NodeContext;
  readonly #directory: Directory;
  readonly #infos: Infos;
  readonly #records: Records;
  readonly #keeper: ShardKeeper;
  readonly #cleaner: LogCleaner;
  readonly #packCleaner: PackCleaner;
  readonly #nodeTotals: TotalsRow;
  /** Shards that could not be opened since the start, by hexadecimal uid. */
  readonly #damaged = new Set<string>();
  readonly #tenantTotals: TenantTotals;
  /** Of shards that sleep again. */
  readonly #past = { flushes: 0, compactions: 0 };
  #closing: Promise<void> | undefined;

  constructor(
    options: EngineOptions,
    node: NodeContext,
    totals: { readonly node: TotalsRow; readonly tenants: TenantTotals },
  ) {
    this.#node = node;
    this.#nodeTotals = totals.node;
    this.#directory = new Directory(node.catalog, options);
    this.#infos = new Infos(node.catalog);
    this.#tenantTotals = totals.tenants;
    const { arenas } = node.shards.memory;
    const onFault = options.onFault ?? ((): void => undefined);
    this.#keeper = new ShardKeeper({
      clock: options.clock,
      open: (uid) => this.#openShard(uid),
      closed: (shard) => {
        this.#past.flushes += shard.flushCount;
        this.#past.compactions += shard.compactionCount;
        node.catalog.releaseShard(shard.state);
      },
      awakeMax: options.awakeShardsMax ?? AWAKE_SHARDS_MAX,
      idleMs: options.idleMs ?? IDLE_MS,
      isTight: () => arenas.usedBytes > node.memoryBytesMax * TIGHT_SHARE,
      onFault,
      observer: node.shards.observer,
    });
    node.sweeper.attach((shards, commit) => this.#keeper.drop(shards, commit));
    this.#records = new Records(node.catalog, this.#directory, this.#keeper);
    this.#cleaner = new LogCleaner({
      clock: options.clock,
      log: node.log,
      catalog: node.catalog,
      flushShard: (uid) => this.#keeper.use(uid, (shard) => shard.flush()),
      logBytesMax: options.logBytesMax ?? LOG_BYTES_MAX,
      onFault,
    });
    this.#packCleaner = new PackCleaner({
      clock: options.clock,
      fileSystem: options.files,
      files: node.shards.files,
      packs: node.shards.packs,
      catalog: node.catalog,
      rewriteShard: (uid, pack) => this.#keeper.use(uid, (shard) => shard.leavePack(pack)),
      isHeld: (pack) => node.sweeper.isPackHeld(pack),
      onFault,
    });
  }

  async createDatabase(name: string, options: DatabaseOptions = {}): Promise<DatabaseInfo> {
    return this.#infos.database(
      await this.#directory.createDatabase(name, options.attributes ?? {}),
    );
  }

  async getDatabase(name: string): Promise<DatabaseInfo | undefined> {
    const entry = await this.#directory.database(name);
    return entry === undefined || entry.isGone ? undefined : this.#infos.database(entry);
  }

  async listDatabases(page: PageRequest): Promise<Page<DatabaseInfo>> {
    const names = await listNames(this.#node.catalog, DATABASE_PREFIX, page);
    const items: DatabaseInfo[] = [];
    for (const { name } of names.items) {
      const info = await this.getDatabase(name);
      if (info !== undefined) items.push(info);
    }
    return { items, hasMore: names.hasMore };
  }

  async updateDatabase(name: string, patch: AttributePatch): Promise<DatabaseInfo> {
    return this.#infos.database(await this.#directory.updateDatabase(name, patch.attributes ?? {}));
  }

  deleteDatabase(name: string): Promise<void> {
    return this.#directory.deleteDatabase(name);
  }

  async createCollection(
    database: string,
    name: string,
    options: CollectionOptions,
  ): Promise<CollectionInfo> {
    return this.#infos.collection(await this.#directory.createCollection(database, name, options));
  }

  async getCollection(database: string, name: string): Promise<CollectionInfo | undefined> {
    const entry = await this.#directory.collection(database, name);
    return entry === undefined || entry.isGone ? undefined : this.#infos.collection(entry);
  }

  async listCollections(database: string, page: PageRequest): Promise<Page<CollectionInfo>> {
    const parent = await this.#directory.databaseNamed(database);
    const { removals } = this.#directory;
    const names = await listNames(this.#node.catalog, collectionPrefix(parent.row.number), page);
    const items: CollectionInfo[] = [];
    for (const { name, value } of names.items) {
      const entry = await this.#directory.collectionOf(parent, { name, value, removals });
      if (entry !== undefined) items.push(await this.#infos.collection(entry));
    }
    return { items, hasMore: names.hasMore };
  }

  async updateCollection(
    database: string,
    name: string,
    patch: CollectionPatch,
  ): Promise<CollectionInfo> {
    return this.#infos.collection(await this.#directory.updateCollection(database, name, patch));
  }

  async deleteCollection(database: string, name: string): Promise<void> {
    await this.#directory.deleteCollection(database, name, ({ row: { shard } }, commit) =>
      this.#keeper.drop(shard === undefined ? [] : [shard], commit),
    );
    this.#node.sweeper.sweep();
  }

  async createTenant(place: TenantPlace): Promise<TenantInfo> {
    const collection = await this.#multiTenant(place);
    const { name, row } = await this.#directory.createTenant(collection, place.tenant);
    return { name, state: row.state, createdAtMs: row.createdAtMs, rowCount: 0, byteCount: 0 };
  }

  async getTenant(place: TenantPlace): Promise<TenantInfo | undefined> {
    const collection = await this.#multiTenant(place);
    const entry = await this.#directory.tenant(collection, place.tenant);
    return entry === undefined ? undefined : this.#infos.tenant(entry.name, entry.row);
  }

  async listTenants(
    database: string,
    collection: string,
    page: PageRequest,
  ): Promise<Page<TenantInfo>> {
    const entry = await this.#multiTenant({ database, collection, tenant: "" });
    const names = await listNames(this.#node.catalog, tenantPrefix(entry.row.number), page);
    const items: TenantInfo[] = [];
    for (const { name, value } of names.items) {
      items.push(await this.#infos.tenant(name, decodeTenant(value)));
    }
    return { items, hasMore: names.hasMore };
  }

  async deleteTenant(place: TenantPlace): Promise<void> {
    const collection = await this.#multiTenant(place);
    await this.#directory.deleteTenant(collection, place.tenant, (shard, commit) =>
      this.#keeper.drop([shard], commit),
    );
    this.#node.sweeper.sweep();
  }

  upsert(place: Place, batch: WriteBatch): Promise<WriteResult> {
    return this.#records.write(place, batch, false);
  }

  insert(place: Place, batch: WriteBatch): Promise<WriteResult> {
    return this.#records.write(place, batch, true);
  }

  delete(place: Place, keys: readonly string[]): Promise<WriteResult> {
    return this.#records.delete(place, keys);
  }

  deleteWhere(place: Place, filter: Filter): Promise<WriteResult> {
    return this.#records.deleteWhere(place, filter);
  }

  deleteAll(place: Place): Promise<WriteResult> {
    return this.#records.deleteAll(place);
  }

  get(
    place: Place,
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]> {
    return this.#records.get(place, keys, include);
  }

  count(place: Place, filter?: Filter): Promise<number> {
    return this.#records.count(place, filter);
  }

  list(place: Place, request: ListRequest): Promise<Page<RecordView>> {
    return this.#records.list(place, request);
  }

  query(place: Place, query: Query): Promise<QueryResult> {
    return this.#records.query(place, query);
  }

  queryMany(places: readonly Place[], query: Query): Promise<MultiQueryResult> {
    return queryPlaces(places, query, (place) => this.query(place, query));
  }

  async readSetting(name: string): Promise<Uint8Array | undefined> {
    return this.#node.catalog.get(settingKey(name));
  }

  async writeSetting(name: string, value: Uint8Array | undefined): Promise<void> {
    checkName(name);
    const key = settingKey(name);
    await this.#node.catalog.commit([
      value === undefined ? { kind: "delete", key } : { kind: "put", key, value },
    ]);
  }

  async listSettings(page: PageRequest): Promise<Page<{ name: string; value: Uint8Array }>> {
    return listNames(this.#node.catalog, SETTING_PREFIX, page);
  }

  async flush(place?: Place): Promise<void> {
    if (place !== undefined) {
      const { shard } = await this.#records.resolve(place);
      if (shard !== undefined) await this.#keeper.use(shard, (open) => open.flush());
      return;
    }
    for (const { state } of [...this.#keeper.shards()]) {
      await ignoreDeleted(this.#keeper.use(state.uid, (open) => open.flush()));
    }
    await this.#node.catalog.flush();
  }

  async compact(place: Place): Promise<void> {
    const { shard } = await this.#records.resolve(place);
    if (shard === undefined) return;
    await this.#keeper.use(shard, async (open) => {
      await open.flush();
      await open.compact(true);
    });
  }

  async deactivate(place: Place): Promise<void> {
    const { shard } = await this.#records.resolve(place);
    if (shard !== undefined) await this.#keeper.sleep(shard);
  }

  stats(): EngineStats {
    return readStats({
      node: this.#node,
      keeper: this.#keeper,
      totals: this.#nodeTotals,
      past: this.#past,
      quarantinedShards: this.#damaged.size,
    });
  }

  tenantFigures(): TenantFigures {
    const awakeRowCounts = Array.from(this.#keeper.shards(), ({ state }) => state.rowCount);
    return { counts: this.#tenantTotals.counts(), awakeRowCounts };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#records.close();
    await this.#cleaner.stop();
    await this.#packCleaner.stop();
    await this.#keeper.close();
    try {
      await this.#node.catalog.flush();
    } finally {
      await this.#node.close();
    }
  }

  async #openShard(uid: ShardUid): Promise<Shard | undefined> {
    const { catalog, shards } = this.#node;
    const state = await catalog.acquireShard(uid);
    if (state === undefined) return undefined;
    try {
      const schema = await this.#directory.schemas.ofCollection(state.collectionNumber);
      if (schema === undefined) {
        throw new InsulaError("data_damaged", `Cannot open shard ${toHex(uid)}: no schema.`);
      }
      return await Shard.open(shards, state, schema);
    } catch (error) {
      catalog.releaseShard(state);
      if (isInsulaError(error) && error.code === "data_damaged") this.#damaged.add(toHex(uid));
      throw error;
    }
  }

  async #multiTenant(place: TenantPlace): Promise<CollectionEntry> {
    const entry = await this.#directory.collectionNamed(place.database, place.collection);
    if (entry.isMultiTenant) return entry;
    throw new InsulaError(
      "argument_invalid",
      `Cannot use tenants of collection "${place.collection}": it was created without tenants.`,
    );
  }
}
