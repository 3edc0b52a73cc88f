/**
 * An engine and its judge side by side: each operation is done to both and the answers are
 * compared.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { CollectionOptions, Engine, WriteResult } from "../../src/engine/api.ts";
import { InsulaError } from "../../src/base/errors.ts";
import { matchesFilter } from "../../src/model/index.ts";
import type { Hit, Metadata, Place, RecordView, Schema } from "../../src/model/index.ts";
import type { Chance } from "./chance.ts";
import {
  applyWrite,
  byteCountOf,
  EMPTY_SHARD,
  listed,
  ranked,
  sortedRecords,
  type PlainRecord,
  type PlainShard,
  type PlainWrite,
} from "./plain-model.ts";

export const DATABASE = "db";

export interface PlainCollection {
  readonly options: CollectionOptions;
  isEnabled: boolean;
  /** By tenant name; a single-tenant collection has one shard, named "". */
  shards: Map<string, PlainShard>;
}

export const COLLECTIONS: Readonly<Record<string, CollectionOptions>> = {
  plain: collection([{ name: "", dimension: 8, metric: "cosine" }]),
  tenants: { ...collection([{ name: "", dimension: 5, metric: "euclidean" }]), tenancy: "multi" },
  two: collection([
    { name: "a", dimension: 4, metric: "dot" },
    { name: "b", dimension: 20, metric: "cosine" },
  ]),
  wide: { ...collection([{ name: "", dimension: 130, metric: "dot" }]), tenancy: "multi" },
};

function collection(vectors: Schema["vectors"]): CollectionOptions {
  return { schema: { vectors, identity: "key", unfilterable: ["text"] } };
}

/** What the engine should hold. */
export class PlainWorld {
  readonly collections: Map<string, PlainCollection>;

  constructor(collections: ReadonlyMap<string, PlainCollection> = new Map()) {
    this.collections = new Map(
      [...collections].map(([name, { options, isEnabled, shards }]) => [
        name,
        { options, isEnabled, shards: new Map(shards) },
      ]),
    );
  }

  copy(): PlainWorld {
    return new PlainWorld(this.collections);
  }

  add(name: string): void {
    const options = COLLECTIONS[name];
    if (options === undefined) throw new Error("a collection the test knows");
    const shards = new Map(options.tenancy === "multi" ? [] : [["", EMPTY_SHARD] as const]);
    this.collections.set(name, { options, isEnabled: true, shards });
  }

  collection(name: string): PlainCollection {
    const found = this.collections.get(name);
    if (found === undefined) throw new Error("a collection that is there");
    return found;
  }

  schema(place: Place): Schema {
    return this.collection(place.collection).options.schema;
  }

  shard(place: Place): PlainShard {
    return this.collection(place.collection).shards.get(place.tenant ?? "") ?? EMPTY_SHARD;
  }

  set(place: Place, shard: PlainShard): void {
    this.collection(place.collection).shards.set(place.tenant ?? "", shard);
  }

  /** Places that have a shard. */
  places(): Place[] {
    return [...this.collections].flatMap(([name, { options, shards }]) =>
      [...shards.keys()].map((tenant) =>
        placeOf(name, options.tenancy === "multi" ? tenant : undefined),
      ),
    );
  }
}

export function placeOf(name: string, tenant: string | undefined): Place {
  return { database: DATABASE, collection: name, ...(tenant === undefined ? {} : { tenant }) };
}

/** Sends a write to the engine as it stands. */
export function send(engine: Engine, place: Place, write: PlainWrite): Promise<WriteResult> {
  switch (write.kind) {
    case "upsert":
      return engine.upsert(place, write.batch);
    case "insert":
      return engine.insert(place, write.batch);
    case "delete":
      return engine.delete(place, write.keys);
    case "deleteWhere":
      return engine.deleteWhere(place, write.filter);
    case "update":
      return engine.update(place, write.patches);
    case "updateWhere":
      return engine.updateWhere(place, write.filter, write.metadata);
    case "deleteAll":
      return engine.deleteAll(place);
  }
}

/** Writes to both and compares results or refusals. */
export async function writeToBoth(
  engine: Engine,
  world: PlainWorld,
  place: Place,
  write: PlainWrite,
): Promise<void> {
  const before = world.shard(place);
  const after = applyWrite(before, world.schema(place), write);
  if (after === undefined) {
    await refused(send(engine, place, write), "record_exists");
    if (place.tenant !== undefined) world.set(place, before);
    return;
  }
  const result = await send(engine, place, write);
  const isTenantMade = write.kind === "upsert" || write.kind === "insert";
  if (isTenantMade || world.collection(place.collection).shards.has(place.tenant ?? "")) {
    world.set(place, after);
  }
  strictEqual(result.rowsAdded, after.size - before.size, "rowsAdded");
  let replaced = before.size - after.size;
  if (write.kind === "update") {
    replaced = write.patches.filter(({ key }) => before.has(key)).length;
  } else if (write.kind === "updateWhere") {
    const { filter } = write;
    replaced = [...before.values()].filter(({ metadata }) =>
      matchesFilter(filter, metadata),
    ).length;
  }
  if (isTenantMade) replaced = write.batch.keys.filter((key) => before.has(key)).length;
  strictEqual(result.rowsReplaced, replaced, "rowsReplaced");
}

export async function refused(call: Promise<unknown>, code: string): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  ok(error instanceof InsulaError, `expected ${code}, received ${String(error)}`);
  strictEqual(error.code, code, error.message);
}

export function checkRecord(
  actual: RecordView | undefined,
  expected: PlainRecord | undefined,
): void {
  strictEqual(actual?.key, expected?.key);
  if (actual === undefined || expected === undefined) return;
  checkMetadataEqual(actual.metadata, expected.metadata);
  if (actual.vectors === undefined) return;
  for (const [field, vector] of actual.vectors) {
    deepStrictEqual(Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength),
      bytesOf(expected.vectors.get(field)), `vector "${field}" of ${actual.key}`); // prettier-ignore
  }
}

function bytesOf(vector: Float32Array | undefined): Buffer {
  if (vector === undefined) throw new Error("a vector that was written");
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** Empty metadata may come back as none. */
function checkMetadataEqual(actual: Metadata | undefined, expected: Metadata | undefined): void {
  const left = actual ?? EMPTY_METADATA;
  const right = expected ?? EMPTY_METADATA;
  deepStrictEqual(left, right);
}
const EMPTY_METADATA: Metadata = Object.create(null) as Metadata;

/** All records of a place, page by page. */
export async function readAll(engine: Engine, place: Place, limit: number): Promise<RecordView[]> {
  const records: RecordView[] = [];
  const include = { vectors: true, metadata: true };
  for (let after: string | undefined; ;) {
    const page = await engine.list(place, {
      limit,
      include,
      ...(after === undefined ? {} : { after }),
    });
    records.push(...page.items);
    after = page.items.at(-1)?.key;
    if (!page.hasMore) return records;
    ok(page.items.length > 0, "a page that has a next one is not empty");
  }
}

export interface RecallTally {
  found: number;
  wanted: number;
}

/** A random query against the exact answer; how strict depends on whether codes may choose. */
export async function checkQuery(
  engine: Engine,
  world: PlainWorld,
  place: Place,
  chance: Chance,
  tally: RecallTally,
): Promise<void> {
  const schema = world.schema(place);
  const field = chance.pick(schema.vectors);
  const filter = chance.once(2) ? chance.filter() : undefined;
  const topK = chance.pick([1, 3, 10, 50]);
  const isExact = chance.once(3);
  const vector = chance.vector(field.dimension);
  const include = { vectors: chance.once(3), metadata: true };
  const query = {
    field: field.name,
    vector,
    topK,
    include,
    isExact,
    ...(filter === undefined ? {} : { filter }),
  };
  const { hits } = await engine.query(place, query);
  const expected = ranked(world.shard(place), schema, { field: field.name, vector, filter });
  const best = expected.slice(0, topK);
  strictEqual(hits.length, best.length, "as many hits as records pass, up to topK");
  const isCertain = isExact || expected.length <= 2 * topK + 16;
  hits.forEach((hit, i) => {
    const wanted = isCertain ? best[i] : expected.find(({ record }) => record.key === hit.key);
    ok(wanted !== undefined, `${hit.key} passes the filter`);
    checkRecord(hit, wanted.record);
    ok(
      Object.is(hit.distance, wanted.distance),
      `distance of ${hit.key}: ${String(hit.distance)} for ${String(wanted.distance)}`,
    );
  });
  checkOrder(hits);
  const edge = best.at(-1)?.distance ?? 0;
  tally.wanted += best.length;
  tally.found += hits.filter(({ distance }) => distance <= edge).length;
}

function checkOrder(hits: readonly Hit[]): void {
  for (let i = 1; i < hits.length; i++) {
    const [a, b] = [hits[i - 1], hits[i]];
    if (a === undefined || b === undefined) continue;
    const order = a.distance - b.distance || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
    ok(order < 0, "hits are in the order of (distance, key)");
  }
}

export async function checkList(
  engine: Engine,
  world: PlainWorld,
  place: Place,
  chance: Chance,
): Promise<void> {
  const request = {
    ...(chance.once(2) ? { prefix: chance.pick(["k", "k/", "é", "k1", "zz"]) } : {}),
    ...(chance.once(2) ? { after: chance.key(40) } : {}),
    ...(chance.once(3) ? { part: { count: 3, index: chance.below(3) } } : {}),
    ...(chance.once(3) ? { filter: chance.filter() } : {}),
  };
  const limit = chance.pick([1, 4, 1_000]);
  const page = await engine.list(place, {
    ...request,
    limit,
    include: { vectors: true, metadata: true },
  });
  const expected = listed(world.shard(place), request);
  strictEqual(page.items.length, Math.min(limit, expected.length), "records of the page");
  strictEqual(page.hasMore, expected.length > limit, "hasMore");
  page.items.forEach((item, i) => {
    checkRecord(item, expected[i]);
  });
}

/** Everything: every record, every total. */
export async function checkWorld(engine: Engine, world: PlainWorld): Promise<void> {
  const database = await engine.getDatabase(DATABASE);
  strictEqual(database?.collectionCount, world.collections.size, "collectionCount");
  const names = await engine.listCollections(DATABASE, { limit: 100 });
  deepStrictEqual(
    names.items.map(({ name }) => name),
    [...world.collections.keys()].sort(),
  );
  for (const [name, { options, isEnabled, shards }] of world.collections) {
    const info = await engine.getCollection(DATABASE, name);
    ok(info !== undefined, `collection ${name}`);
    let rows = 0;
    let bytes = 0;
    for (const [tenant, shard] of shards) {
      rows += shard.size;
      bytes += byteCountOf(shard);
      if (options.tenancy !== "multi") continue;
      const found = await engine.getTenant({ database: DATABASE, collection: name, tenant });
      strictEqual(found?.rowCount, shard.size, `rowCount of tenant ${tenant}`);
      strictEqual(found.byteCount, byteCountOf(shard), `byteCount of tenant ${tenant}`);
    }
    strictEqual(info.rowCount, rows, `rowCount of ${name}`);
    strictEqual(info.byteCount, bytes, `byteCount of ${name}`);
    strictEqual(
      info.tenantCount,
      options.tenancy === "multi" ? shards.size : 0,
      `tenantCount of ${name}`,
    );
    strictEqual(info.status, isEnabled ? "enabled" : "disabled");
    if (!isEnabled) continue;
    for (const place of world.places().filter((each) => each.collection === name)) {
      await checkShard(engine, world.shard(place), place);
    }
  }
}

async function checkShard(engine: Engine, shard: PlainShard, place: Place): Promise<void> {
  strictEqual(
    await engine.count(place),
    shard.size,
    `count of ${place.collection}/${place.tenant ?? ""}`,
  );
  const records = await readAll(engine, place, 1_000);
  const expected = sortedRecords(shard);
  deepStrictEqual(records.map(({ key }) => key), expected.map(({ key }) => key), "keys"); // prettier-ignore
  records.forEach((record, i) => {
    checkRecord(record, expected[i]);
  });
}
