/** Calls about records: a place to its shard, checks against the schema, the use of the shard. */
import { InsulaError } from "../base/errors.ts";
import { inTurns } from "../base/pace.ts";
import { UntilBegun } from "../base/until-begun.ts";
import {
  batchCheck,
  SPARSE_VALUE_BYTES,
  checkFilter,
  checkMetadata,
  checkPatches,
  encodeMetadata,
  type Activation,
  type Filter,
  type Include,
  type Metadata,
  type Place,
  type Query,
  type QueryResult,
  type RecordPatch,
  type RecordView,
  type WriteBatch,
} from "../model/index.ts";
import { quarantineError, recordMissing, type Shard, type WorkTally } from "../shard/index.ts";
import type { ListRequest, Page, PlaceFigures, WriteResult } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import type { Directory } from "./directory.ts";
import { aimed } from "./field-recalls.ts";
import { READ, WRITE, type PlaceCalls } from "./place-calls.ts";
import type { RecallProbe } from "./recall-probe.ts";
import { checkKeys, checkListRequest, checkQueries } from "./request-checks.ts";
import { hasShard, stateOf, type FoundPlace, type FoundShard } from "./tenant-gate.ts";

/** Of the metadata of a record that is encoded, besides its bytes. */
const ENCODE_STEPS = 96;

export class Records {
  readonly #catalog: Catalog;
  readonly #directory: Directory;
  readonly #calls: PlaceCalls;
  readonly #probe: Pick<RecallProbe, "offer">;
  #isClosed = false;

  constructor(
    catalog: Catalog,
    directory: Directory,
    calls: PlaceCalls,
    probe: Pick<RecallProbe, "offer">,
  ) {
    this.#catalog = catalog;
    this.#directory = directory;
    this.#calls = calls;
    this.#probe = probe;
  }

  /** Refuses every later call. */
  close(): void {
    this.#isClosed = true;
  }

  async delete(place: Place, keys: readonly string[]): Promise<WriteResult> {
    checkKeys(keys);
    const found = await this.resolve(place);
    if (!hasShard(found)) return NOTHING_WRITTEN;
    if (keys.length === 0) return NOTHING_WRITTEN;
    const unique = [...new Set(keys)];
    return this.#calls.use(found, WRITE, (open, { work, signal }) => {
      work.records(unique.length);
      work.written(bytesOf(unique));
      return open.write({ kind: "delete", keys: unique }, signal);
    });
  }

  async deleteWhere(place: Place, filter: Filter): Promise<WriteResult> {
    checkFilter(filter);
    const found = await this.resolve(place);
    if (!hasShard(found)) return NOTHING_WRITTEN;
    return this.#inSteps(found, (open, work, until) => open.deleteWhere(filter, work, until));
  }

  async update(place: Place, patches: readonly RecordPatch[]): Promise<WriteResult> {
    const found = await this.resolve(place);
    checkPatches(found.collection.schema, patches);
    if (!hasShard(found) || patches.length === 0) return NOTHING_WRITTEN;
    return this.#calls.use(found, WRITE, (open, { work, signal }) =>
      open.update(patches, work, signal),
    );
  }

  async updateWhere(place: Place, filter: Filter, metadata: Metadata): Promise<WriteResult> {
    checkFilter(filter);
    checkMetadata(metadata);
    const found = await this.resolve(place);
    if (!hasShard(found)) return NOTHING_WRITTEN;
    return this.#inSteps(found, (open, work, until) =>
      open.updateWhere({ filter, metadata, work, until }),
    );
  }

  /** As the catalogue has it: nobody is woken. */
  async measure(place: Place): Promise<PlaceFigures | undefined> {
    const found = await this.resolve(place);
    if (!hasShard(found)) return undefined;
    const state = await this.#catalog.readShard(found.shard);
    if (state === undefined) return undefined;
    const { rowCount, byteCount, sequence } = state;
    return { rowCount, byteCount, sequence };
  }

  async deleteAll(place: Place): Promise<WriteResult> {
    const found = await this.resolve(place);
    if (!hasShard(found)) return NOTHING_WRITTEN;
    return this.#calls.use(found, WRITE, (open, { signal }) =>
      open.write({ kind: "delete-all" }, signal),
    );
  }

  async get(
    place: Place,
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]> {
    checkKeys(keys);
    const found = await this.resolve(place);
    if (!hasShard(found)) return keys.map(() => undefined);
    return this.#calls.use(found, READ, (open, { work, signal }) =>
      open.get(keys, include, work, signal),
    );
  }

  async count(place: Place, filter?: Filter): Promise<number> {
    if (filter !== undefined) checkFilter(filter);
    const found = await this.resolve(place);
    if (!hasShard(found)) return 0;
    if (filter !== undefined) {
      return this.#calls.use(found, READ, (open, { work, signal }) =>
        open.count(filter, work, signal),
      );
    }
    await this.#calls.admit(found, READ);
    const state = await this.#catalog.readShard(found.shard);
    if (state !== undefined && state.quarantine !== "") throw quarantineError(state.quarantine);
    return state?.rowCount ?? 0;
  }

  async list(place: Place, request: ListRequest): Promise<Page<RecordView>> {
    if (request.filter !== undefined) checkFilter(request.filter);
    checkListRequest(request);
    const found = await this.resolve(place);
    if (!hasShard(found)) return { items: [], hasMore: false };
    return this.#calls.use(found, READ, async (open, { work, signal }) => {
      const { records, hasMore } = await open.scan(request, work, signal);
      return { items: records, hasMore };
    });
  }

  async query(place: Place, query: Query): Promise<QueryResult> {
    const [result = EMPTY_RESULT] = await this.queryAll(place, [query]);
    return result;
  }

  /** Results in the order of the queries, all of one state of the shard. */
  async queryAll(place: Place, queries: readonly Query[]): Promise<readonly QueryResult[]> {
    const found = await this.resolve(place);
    const { collection, state } = found;
    checkQueries(collection.schema, queries);
    for (const { signal } of queries) signal?.throwIfAborted();
    if (!hasShard(found)) return queries.map(emptyResult);
    const { recalls } = collection.row;
    const asked = queries.map((query) => aimed(query, recalls));
    const { signal } = queries[0] ?? {};
    const fields = queries.map(({ field }) => field);
    const kind = { kind: "query" as const, count: queries.length, fields, signal };
    const results = await this.#calls.use(found, kind, async (open, { work, waking }) => {
      const { wasAsleep, wakeMs } = waking;
      const activation = { state, wasAsleep, wakeMs };
      return (await open.query(asked, work)).map((result) => withActivation(result, activation));
    });
    // The probe asks again on nobody's behalf.
    const { payer: _, signal: __, ...asProbed } = place;
    for (const query of asked) this.#probe.offer(asProbed, found.shard, query);
    return results;
  }

  async write(place: Place, batch: WriteBatch, refusesExisting: boolean): Promise<WriteResult> {
    const found = await this.resolve(place);
    const { collection } = found;
    const pace = this.#calls.paceOf(found);
    const checked = inTurns(batchCheck(collection.schema, batch), pace);
    if (checked instanceof Promise) await checked;
    if (batch.keys.length === 0) return NOTHING_WRITTEN;
    const columns = new Map(batch.vectors.map(({ field, values }) => [field, values]));
    const encoded = inTurns(encodedMetadata(batch.metadata), pace);
    const write = {
      kind: "upsert" as const,
      keys: batch.keys,
      metadata: encoded instanceof Promise ? await encoded : encoded,
      vectors: collection.schema.vectors.map(({ name, dimension }) => ({
        field: name,
        dimension,
        values: columns.get(name) ?? new Float32Array(0),
      })),
      ...(batch.sparse === undefined ? {} : { sparse: batch.sparse }),
      refusesExisting,
    };
    const target = hasShard(found) ? found : { ...found, ...(await this.#made(found)) };
    return this.#calls.use(target, WRITE, (open, { work, limits, signal }) => {
      work.records(write.keys.length);
      work.written(bytesOf(write.keys) + batchBytes(batch, write.metadata));
      return open.write({ ...write, quota: limits }, signal);
    });
  }

  /** Whoever is aborted is told so as long as the first step is not done, and not after it. */
  async #inSteps(
    found: FoundShard,
    write: (open: Shard, work: WorkTally, until: UntilBegun) => Promise<WriteResult>,
  ): Promise<WriteResult> {
    const until = new UntilBegun(found.signal);
    const asked = { ...WRITE, signal: until.signal };
    try {
      return await this.#calls.use(found, asked, (open, { work }) => write(open, work, until));
    } finally {
      until.begin();
    }
  }

  async #made({ collection, tenant = "", signal }: FoundPlace): Promise<FoundShard> {
    signal?.throwIfAborted();
    if (!collection.row.createsTenants) {
      throw new InsulaError(
        "tenant_not_found",
        `Cannot write to tenant "${tenant}": there is none, and collection "${collection.name}" creates none by itself.`,
      );
    }
    const { row } = await this.#directory.tenants.ensure(collection, tenant);
    return { collection, tenant, shard: row.shard, ...stateOf(row) };
  }

  /**
   * The shard of a place; undefined for a tenant that does not exist yet.
   *
   * @throws InsulaError `customer_suspended`, and what a place that cannot be used is told.
   */
  async resolve(place: Place): Promise<FoundPlace> {
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
    const { tenant, payer, signal } = place;
    const who = {
      ...(payer === undefined ? {} : { payer }),
      ...(signal === undefined ? {} : { signal }),
    };
    if (tenant === undefined) {
      return { collection, tenant, shard: collection.row.shard, ...stateOf(undefined), ...who };
    }
    const refused = this.#directory.customers.admit(collection.database.row.number, tenant);
    if (refused !== undefined) await refused;
    const row = (await this.#directory.tenants.find(collection, tenant))?.row;
    return { collection, tenant, shard: row?.shard, ...stateOf(row), ...who };
  }
}

function bytesOf(keys: readonly string[]): number {
  return keys.reduce((sum, key) => sum + Buffer.byteLength(key), 0);
}

/** Without the keys. */
function batchBytes(
  { vectors, sparse = [] }: WriteBatch,
  metadata: readonly (Uint8Array | undefined)[],
): number {
  let bytes = 0;
  for (const { values } of vectors) bytes += values.byteLength;
  for (const { indices } of sparse) bytes += indices.length * SPARSE_VALUE_BYTES;
  for (const encoded of metadata) bytes += encoded?.length ?? 0;
  return bytes;
}

function* encodedMetadata(
  metadata: WriteBatch["metadata"],
): Generator<number, (Uint8Array | undefined)[], void> {
  const encoded: (Uint8Array | undefined)[] = [];
  let bytes = 0;
  for (const value of metadata) {
    yield ENCODE_STEPS + bytes;
    const one = value === undefined ? undefined : encodeMetadata(value);
    encoded.push(one);
    // What one came to is counted with the next.
    bytes = one?.length ?? 0;
  }
  return encoded;
}

const NOTHING_WRITTEN: WriteResult = { rowsAdded: 0, rowsReplaced: 0 };
const EMPTY_RESULT: QueryResult = {
  hits: [],
  plan: { rowsScanned: 0, rowsRescored: 0, segmentCount: 0, workUnits: 0, path: "empty" },
};

/** Of a tenant that does not exist. */
export function emptyResult({ like, isExplained }: Query): QueryResult {
  if (like !== undefined) throw recordMissing(like);
  if (isExplained !== true) return EMPTY_RESULT;
  const ms = { wake: 0, load: 0, filter: 0, scan: 0, rescore: 0, fetch: 0, total: 0 };
  const reason = "There is no such tenant.";
  return { ...EMPTY_RESULT, explanation: { reason, parts: [], bytesRead: 0, workUnits: 0, ms } };
}

export function withActivation(result: QueryResult, activation: Activation): QueryResult {
  const { hits, plan, explanation } = result;
  if (explanation === undefined) return { hits, plan, activation };
  const { wakeMs } = activation;
  const ms = { ...explanation.ms, wake: wakeMs, total: explanation.ms.total + wakeMs };
  return { hits, plan, activation, explanation: { ...explanation, ms } };
}
