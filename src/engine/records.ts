/** Calls about records: a place to its shard, checks against the schema, the use of the shard. */
import type { ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import {
  checkBatch,
  checkFilter,
  encodeMetadata,
  type Activation,
  type Filter,
  type Include,
  type Place,
  type Query,
  type QueryResult,
  type RecordView,
  type TenantState,
  type WriteBatch,
} from "../model/index.ts";
import { quarantineError, recordMissing } from "../shard/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { ListRequest, Page, WriteResult } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { aimed } from "./field-recalls.ts";
import type { RecallProbe } from "./recall-probe.ts";
import { checkKeys, checkListRequest, checkQueries } from "./request-checks.ts";

export class Records {
  readonly #catalog: Catalog;
  readonly #directory: Directory;
  readonly #keeper: ShardKeeper;
  readonly #probe: Pick<RecallProbe, "offer">;
  #isClosed = false;

  constructor(
    catalog: Catalog,
    directory: Directory,
    keeper: ShardKeeper,
    probe: Pick<RecallProbe, "offer">,
  ) {
    this.#catalog = catalog;
    this.#directory = directory;
    this.#keeper = keeper;
    this.#probe = probe;
  }

  /** Refuses every later call. */
  close(): void {
    this.#isClosed = true;
  }

  async delete(place: Place, keys: readonly string[]): Promise<WriteResult> {
    checkKeys(keys);
    const { shard } = await this.resolve(place);
    if (shard === undefined || keys.length === 0) return NOTHING_WRITTEN;
    const unique = [...new Set(keys)];
    return this.#keeper.use(shard, (open) => open.write({ kind: "delete", keys: unique }));
  }

  async deleteWhere(place: Place, filter: Filter): Promise<WriteResult> {
    checkFilter(filter);
    const { shard } = await this.resolve(place);
    if (shard === undefined) return NOTHING_WRITTEN;
    return this.#keeper.use(shard, (open) => open.deleteWhere(filter));
  }

  async deleteAll(place: Place): Promise<WriteResult> {
    const { shard } = await this.resolve(place);
    if (shard === undefined) return NOTHING_WRITTEN;
    return this.#keeper.use(shard, (open) => open.write({ kind: "delete-all" }));
  }

  async get(
    place: Place,
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]> {
    checkKeys(keys);
    const { shard } = await this.resolve(place);
    if (shard === undefined) return keys.map(() => undefined);
    return this.#keeper.use(shard, (open) => open.get(keys, include));
  }

  async count(place: Place, filter?: Filter): Promise<number> {
    if (filter !== undefined) checkFilter(filter);
    const { shard } = await this.resolve(place);
    if (shard === undefined) return 0;
    if (filter !== undefined) return this.#keeper.use(shard, (open) => open.count(filter));
    const state = await this.#catalog.readShard(shard);
    if (state !== undefined && state.quarantine !== "") throw quarantineError(state.quarantine);
    return state?.rowCount ?? 0;
  }

  async list(place: Place, request: ListRequest): Promise<Page<RecordView>> {
    if (request.filter !== undefined) checkFilter(request.filter);
    checkListRequest(request);
    const { shard } = await this.resolve(place);
    if (shard === undefined) return { items: [], hasMore: false };
    return this.#keeper.use(shard, async (open) => {
      const { records, hasMore } = await open.scan(request);
      return { items: records, hasMore };
    });
  }

  async query(place: Place, query: Query): Promise<QueryResult> {
    const [result = EMPTY_RESULT] = await this.queryAll(place, [query]);
    return result;
  }

  /** Results in the order of the queries, all of one state of the shard. */
  async queryAll(place: Place, queries: readonly Query[]): Promise<readonly QueryResult[]> {
    const { shard, collection, state } = await this.resolve(place);
    checkQueries(collection.schema, queries);
    for (const { signal } of queries) signal?.throwIfAborted();
    if (shard === undefined) return queries.map(emptyResult);
    const { recalls } = collection.row;
    const asked = queries.map((query) => aimed(query, recalls));
    const results = await this.#keeper.use(shard, async (open, { wasAsleep, wakeMs }) => {
      const activation = { state, wasAsleep, wakeMs };
      return (await open.query(asked)).map((result) => withActivation(result, activation));
    });
    for (const query of asked) this.#probe.offer(place, shard, query);
    return results;
  }

  async write(place: Place, batch: WriteBatch, refusesExisting: boolean): Promise<WriteResult> {
    const { collection, shard: known } = await this.resolve(place);
    checkBatch(collection.schema, batch);
    if (batch.keys.length === 0) return NOTHING_WRITTEN;
    const columns = new Map(batch.vectors.map(({ field, values }) => [field, values]));
    const write = {
      kind: "upsert" as const,
      keys: batch.keys,
      metadata: batch.metadata.map((value) =>
        value === undefined ? value : encodeMetadata(value),
      ),
      vectors: collection.schema.vectors.map(({ name, dimension }) => ({
        field: name,
        dimension,
        values: columns.get(name) ?? new Float32Array(0),
      })),
      ...(batch.sparse === undefined ? {} : { sparse: batch.sparse }),
      refusesExisting,
    };
    const shard = known ?? (await this.#shardFor(collection, place));
    return this.#keeper.use(shard, (open) => open.write(write));
  }

  async #shardFor(collection: CollectionEntry, place: Place): Promise<ShardUid> {
    const tenant = await this.#directory.tenants.ensure(collection, place.tenant ?? "");
    return tenant.row.shard;
  }

  /** The shard of a place; undefined for a tenant that does not exist yet. */
  async resolve(place: Place): Promise<{
    readonly collection: CollectionEntry;
    readonly shard: ShardUid | undefined;
    readonly state: TenantState;
  }> {
    if (this.#isClosed) {
      throw new InsulaError("engine_closed", "Cannot use the engine: it is closed.");
    }
    const collection = await this.#directory.collectionNamed(place.database, place.collection);
    if (!collection.row.isEnabled) {
      throw new InsulaError(
        "collection_disabled",
        `Cannot use collection "${place.collection}": an operator has disabled it.`,
      );
    }
    if (collection.isMultiTenant !== (place.tenant !== undefined)) {
      throw new InsulaError(
        "argument_invalid",
        collection.isMultiTenant
          ? `Cannot use collection "${place.collection}": it has tenants, name one.`
          : `Cannot use collection "${place.collection}": it has no tenants.`,
      );
    }
    if (place.tenant === undefined) {
      return { collection, shard: collection.row.shard, state: "ACTIVE" };
    }
    const tenant = await this.#directory.tenants.find(collection, place.tenant);
    return { collection, shard: tenant?.row.shard, state: tenant?.row.state ?? "ACTIVE" };
  }
}

const NOTHING_WRITTEN: WriteResult = { rowsAdded: 0, rowsReplaced: 0 };
const EMPTY_RESULT: QueryResult = {
  hits: [],
  plan: { rowsScanned: 0, rowsRescored: 0, segmentCount: 0, workUnits: 0, path: "empty" },
};

/** Of a tenant that does not exist. */
function emptyResult({ like, isExplained }: Query): QueryResult {
  if (like !== undefined) throw recordMissing(like);
  if (isExplained !== true) return EMPTY_RESULT;
  const ms = { wake: 0, load: 0, filter: 0, scan: 0, rescore: 0, fetch: 0, total: 0 };
  const reason = "There is no such tenant.";
  return { ...EMPTY_RESULT, explanation: { reason, parts: [], bytesRead: 0, workUnits: 0, ms } };
}

function withActivation(result: QueryResult, activation: Activation): QueryResult {
  const { hits, plan, explanation } = result;
  if (explanation === undefined) return { hits, plan, activation };
  const { wakeMs } = activation;
  const ms = { ...explanation.ms, wake: wakeMs, total: explanation.ms.total + wakeMs };
  return { hits, plan, activation, explanation: { ...explanation, ms } };
}
