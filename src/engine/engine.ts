/** The engine behind the plain calls of api.ts: names to shards, checks, and the uses of shards. */
import { closeAll } from "../base/close-all.ts";
import { isInsulaError } from "../base/errors.ts";
import {
  type Filter,
  type Include,
  type Metadata,
  type MultiQueryResult,
  type Place,
  type Query,
  type QueryResult,
  type RecallReport,
  type RecallRequest,
  type RecordPatch,
  type RecordView,
  type RequestedState,
  type WriteBatch,
} from "../model/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { ObjectStore } from "../io/index.ts";
import type {
  AttributePatch,
  BackupInfo,
  BackupOptions,
  CollectionInfo,
  DatabaseInfo,
  DatabaseOptions,
  Engine,
  EngineStats,
  ListRequest,
  LocatedPlace,
  MasterKeyRotation,
  Page,
  PageRequest,
  PlaceFigures,
  RecallFigure,
  RestoreOptions,
  RestoreSummary,
  TenantFigures,
  TenantInfo,
  TenantCountRequest,
  TenantPage,
  TenantPageRequest,
  TenantPlace,
  TenantsCreated,
  WriteResult,
} from "./api.ts";
import { QUARANTINED_KEY, databaseTotalsKey } from "./catalog-keys.ts";
import type { TotalsRow } from "./catalog-rows.ts";
import { Collections } from "./collections.ts";
import { Copies } from "./copies.ts";
import { Customers } from "./customers.ts";
import { Databases } from "./databases.ts";
import { Directory, ROOT_NUMBER } from "./directory.ts";
import { Infos } from "./infos.ts";
import { MeteredPlaces } from "./metered-places.ts";
import { openNode, type EngineOptions, type NodeContext } from "./node-context.ts";
import { readStats } from "./node-stats.ts";
import { Quarantine } from "./quarantine.ts";
import { queryPlaces } from "./query-many.ts";
import { measureRecall } from "./recall.ts";
import { RecallProbe } from "./recall-probe.ts";
import { Records } from "./records.ts";
import type { Mirror } from "../mirror/index.ts";
import { openMirror } from "./open-mirror.ts";
import { KeptSearches } from "./kept-searches.ts";
import { openShard } from "./open-shard.ts";
import { locatePlace } from "./locate-place.ts";
import { makeKeeper } from "./make-keeper.ts";
import { discardHalfRestores } from "./pending-restores.ts";
import { rotateMasterKey } from "./rotate-master-key.ts";
import { Settings } from "./settings.ts";
import { SearchPages } from "./search-pages.ts";
import { ShardCalls } from "./shard-calls.ts";
import { TenantControl } from "./tenant-control.ts";
import { Tenants } from "./tenants.ts";
import { TenantTotals } from "./tenant-totals.ts";
import { Upkeep } from "./upkeep.ts";

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
    const quarantined = await node.catalog.holdTotals(QUARANTINED_KEY);
    await discardHalfRestores(node.catalog);
    node.sweeper.sweep();
    const mirror = await openMirror(options, node);
    const parts = { mirror, node: nodeTotals, tenants, quarantined };
    return new NodeEngine({ ...options, files: node.shards.fileSystem }, node, parts);
  } catch (error) {
    await node.close();
    throw error;
  }
}

class NodeEngine implements Engine {
  readonly #mirror: Mirror | undefined;
  readonly #node: NodeContext;
  readonly #directory: Directory;
  readonly #databases: Databases;
  readonly #collections: Collections;
  readonly #settings: Settings;
  readonly #records: Records;
  readonly #copies: Copies;
  readonly #keeper: ShardKeeper;
  readonly #probe: RecallProbe;
  readonly #upkeep: Upkeep;
  readonly #nodeTotals: TotalsRow;
  readonly #quarantine: Quarantine;
  readonly #quarantined: TotalsRow;
  readonly #tenantTotals: TenantTotals;
  readonly #tenants: Tenants;
  readonly #control: TenantControl;
  readonly customers: Customers;
  readonly #places: MeteredPlaces;
  readonly #shardCalls: ShardCalls;
  readonly #kept: KeptSearches;
  readonly #pages: SearchPages;
  /** Of shards that sleep again. */
  readonly #past = { flushes: 0, compactions: 0 };
  #closing: Promise<void> | undefined;

  constructor(
    options: EngineOptions,
    node: NodeContext,
    opened: {
      readonly node: TotalsRow;
      readonly tenants: TenantTotals;
      readonly quarantined: TotalsRow;
      readonly mirror: Mirror | undefined;
    },
  ) {
    this.#mirror = opened.mirror;
    this.#node = node;
    this.#nodeTotals = opened.node;
    this.#quarantined = opened.quarantined;
    this.#kept = new KeptSearches(options);
    this.#directory = new Directory(node.catalog, { ...options, takeKeySlot: node.takeKeySlot });
    node.keys.attach((collectionNumber) => this.#directory.schemas.keySlotOf(collectionNumber));
    this.#tenantTotals = opened.tenants;
    const onFault = options.onFault ?? ((): void => undefined);
    node.shardFaults.tell = (error, uid) => {
      if (!isInsulaError(error) || error.code !== "data_damaged") onFault(error);
      else this.#quarantine.examine(uid, error, false).catch(() => undefined);
    };
    this.#quarantine = new Quarantine({
      ...node.shards,
      catalog: node.catalog,
      pause: () => options.clock.yield(),
      release: (uid, commit) => this.#keeper.drop([uid], commit),
      onDamage: options.onDamage ?? onFault,
    });
    this.#keeper = makeKeeper(options, node, {
      open: (uid) => openShard(node, this.#directory.schemas, uid),
      closed: (shard) => {
        this.#past.flushes += shard.flushCount;
        this.#past.compactions += shard.compactionCount;
        this.#kept.forgetShard(shard.state.uid);
        node.catalog.releaseShard(shard.state);
      },
      onDamage: (uid, error, isCertain) => this.#quarantine.examine(uid, error, isCertain),
      onExhausted: this.#kept.forgetAll,
    });
    node.sweeper.attach((shards, commit) => this.#keeper.drop(shards, commit));
    this.#copies = new Copies({
      node,
      directory: this.#directory,
      dropShards: (shards, commit) => this.#keeper.drop(shards, commit),
      getTenant: (place) => this.getTenant(place),
    });
    const [directory, keeper] = [this.#directory, this.#keeper];
    this.#control = new TenantControl({ node, directory, keeper, onFault });
    const { gate } = this.#control;
    const doors = { node, directory, infos: new Infos(node.catalog), keeper };
    this.#databases = new Databases(doors);
    this.#collections = new Collections(doors);
    this.#tenants = new Tenants({ ...doors, control: this.#control });
    this.#settings = new Settings(node.catalog);
    this.#probe = new RecallProbe(options, this.#keeper);
    this.#places = new MeteredPlaces({ node, directory, gate, onFault });
    this.#records = new Records(node.catalog, directory, this.#places.calls, this.#probe);
    const { calls } = this.#places;
    this.#pages = new SearchPages({ records: this.#records, calls, kept: this.#kept });
    this.#shardCalls = new ShardCalls({ node, keeper, records: this.#records, gate });
    this.#upkeep = new Upkeep(options, { node, keeper, quarantine: this.#quarantine });
    this.customers = new Customers({
      ...{ ...doors, tenants: this.#tenants, onFault },
      copyAll: (sources, name) => this.#copies.copyTenants(sources, name),
      usage: this.usage,
    });
    this.customers.start();
  }

  createDatabase(name: string, options: DatabaseOptions = {}): Promise<DatabaseInfo> {
    return this.#databases.create(name, options);
  }

  getDatabase(name: string): Promise<DatabaseInfo | undefined> {
    return this.#databases.get(name);
  }

  listDatabases(page: PageRequest): Promise<Page<DatabaseInfo>> {
    return this.#databases.list(page);
  }

  updateDatabase(name: string, patch: AttributePatch): Promise<DatabaseInfo> {
    return this.#databases.update(name, patch);
  }

  deleteDatabase(name: string): Promise<void> {
    return this.#databases.delete(name);
  }

  readonly createCollection: Engine["createCollection"] = (database, name, options) =>
    this.#collections.create(database, name, options);

  getCollection(database: string, name: string): Promise<CollectionInfo | undefined> {
    return this.#collections.get(database, name);
  }

  listCollections(database: string, page: PageRequest): Promise<Page<CollectionInfo>> {
    return this.#collections.list(database, page);
  }

  readonly updateCollection: Engine["updateCollection"] = (database, name, patch) =>
    this.#collections.update(database, name, patch);

  deleteCollection(database: string, name: string): Promise<void> {
    return this.#collections.delete(database, name);
  }

  createTenant(place: TenantPlace): Promise<TenantInfo> {
    return this.#node.disk.run(() => this.#tenants.create(place));
  }

  createTenants(
    database: string,
    collection: string,
    names: readonly string[],
  ): Promise<TenantsCreated> {
    return this.#node.disk.run(() => this.#tenants.createMany(database, collection, names));
  }

  getTenant(place: TenantPlace): Promise<TenantInfo | undefined> {
    return this.#tenants.get(place);
  }

  listTenants(database: string, collection: string, page: TenantPageRequest): Promise<TenantPage> {
    return this.#tenants.list(database, collection, page);
  }

  countTenants(place: Place, request: TenantCountRequest): Promise<number> {
    return this.#tenants.count(place, request);
  }

  setTenantState(place: TenantPlace, state: RequestedState): Promise<TenantInfo> {
    return this.#tenants.setState(place, state);
  }

  readonly setTenantStates: Engine["setTenantStates"] = (database, collection, request) =>
    this.#tenants.setStates({ database, collection }, request);
  readonly warmTenants: Engine["warmTenants"] = (database, collection, request) =>
    this.#tenants.warm({ database, collection }, request);

  readonly sweepTenants: Engine["sweepTenants"] = (database, collection, request) =>
    this.#tenants.sweep({ database, collection }, request);
  readonly renameTenant: Engine["renameTenant"] = (place, name) =>
    this.#places.renamed(place, name, this.#tenants.rename(place, name));
  readonly deleteTenant: Engine["deleteTenant"] = (place) => this.#tenants.delete(place);
  readonly eraseTenant: Engine["eraseTenant"] = (place) => this.#tenants.erase(place);

  async rotateMasterKey(masterKey?: string): Promise<MasterKeyRotation> {
    return rotateMasterKey(this.#node.vault, masterKey);
  }

  async syncMirror(): Promise<void> {
    await this.#mirror?.sync();
  }

  deriveKey(purpose: string): Uint8Array | undefined {
    return this.#node.vault?.nodeKey(purpose);
  }

  upsert(place: Place, batch: WriteBatch): Promise<WriteResult> {
    return this.#node.disk.run(() => this.#records.write(place, batch, false));
  }

  insert(place: Place, batch: WriteBatch): Promise<WriteResult> {
    return this.#node.disk.run(() => this.#records.write(place, batch, true));
  }

  delete(place: Place, keys: readonly string[]): Promise<WriteResult> {
    return this.#records.delete(place, keys);
  }

  deleteWhere(place: Place, filter: Filter): Promise<WriteResult> {
    return this.#records.deleteWhere(place, filter);
  }

  update(place: Place, patches: readonly RecordPatch[]): Promise<WriteResult> {
    return this.#node.disk.run(() => this.#records.update(place, patches));
  }

  updateWhere(place: Place, filter: Filter, metadata: Metadata): Promise<WriteResult> {
    return this.#node.disk.run(() => this.#records.updateWhere(place, filter, metadata));
  }

  measure(place: Place): Promise<PlaceFigures | undefined> {
    return this.#records.measure(place);
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

  queryAll(place: Place, queries: readonly Query[]): Promise<readonly QueryResult[]> {
    return this.#records.queryAll(place, queries);
  }

  readonly keepQuery: Engine["keepQuery"] = (place, query, pageSize) =>
    this.#pages.first(place, query, pageSize);
  readonly nextHits: Engine["nextHits"] = (place, cursor) => this.#pages.next(place, cursor);
  readonly forgetQuery: Engine["forgetQuery"] = (place, cursor) =>
    this.#pages.forget(place, cursor);

  measureRecall(place: Place, request: RecallRequest): Promise<RecallReport> {
    return measureRecall({ records: this.#records, calls: this.#places.calls }, place, request);
  }

  queryMany(places: readonly Place[], query: Query): Promise<MultiQueryResult> {
    return queryPlaces(places, query, (place) => this.query(place, query));
  }

  readonly usage: Engine["usage"] = (request) => this.#places.usage(request);
  readonly getLimits: Engine["getLimits"] = (place) => this.#places.limits.read(place);
  readonly setLimits: Engine["setLimits"] = (place, patch) =>
    this.#places.limits.change(place, patch);

  readonly readSetting: Engine["readSetting"] = (name) => this.#settings.read(name);
  readonly writeSetting: Engine["writeSetting"] = (name, value) =>
    this.#settings.write(name, value);
  readonly listSettings: Engine["listSettings"] = (page) => this.#settings.list(page);

  locate(place: Place): Promise<LocatedPlace> {
    return locatePlace({ ...this.#node.shards, ...this.#node }, this.#directory, place);
  }

  backup(store: ObjectStore, options: BackupOptions = {}): Promise<BackupInfo> {
    return this.#copies.backup(store, options);
  }

  restore(store: ObjectStore, options: RestoreOptions = {}): Promise<RestoreSummary> {
    return this.#copies.restore(store, options);
  }

  readonly copyTenant: Engine["copyTenant"] = (source, target) =>
    this.#copies.copyTenant(source, target);
  readonly adoptTenant: Engine["adoptTenant"] = (object, target, options) =>
    this.#copies.adoptTenant(object, target, options);

  readonly flush: Engine["flush"] = (place) => this.#shardCalls.flush(place);
  readonly compact: Engine["compact"] = (place) => this.#shardCalls.compact(place);
  readonly deactivate: Engine["deactivate"] = (place) => this.#shardCalls.deactivate(place);

  recallFigures(): readonly RecallFigure[] {
    return this.#probe.figures();
  }

  stats(): EngineStats {
    return readStats({
      node: this.#node,
      keeper: this.#keeper,
      totals: this.#nodeTotals,
      past: this.#past,
      quarantinedShards: this.#quarantined.childCount,
      meter: this.#places.meter,
      scrub: this.#upkeep.scrubFigures,
      mirror: this.#mirror?.figures,
      control: this.#control,
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
    this.#kept.forgetAll();
    this.#node.lazy?.endSoon();
    // What cannot be written now is in the log; the folder is given back all the same.
    await closeAll([
      () => this.customers.close(),
      () => this.#control.stop(),
      () => this.#copies.close(),
      () => this.#probe.close(),
      () => this.#upkeep.stop(),
      () => this.#keeper.close(),
      () => this.#places.meter.close(),
      () => this.#control.close(),
      () => this.#node.catalog.flush(),
      // What was flushed last goes along, so that the copy starts as fast as the folder.
      async () => this.#mirror?.close(),
      () => this.#node.close(),
    ]);
  }
}
