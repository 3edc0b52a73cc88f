/** Names of tenants to their shards: the part of the directory below a collection. */
import { toShardUid, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Clock, Random } from "../io/index.ts";
import type { Catalog } from "./catalog.ts";
import { tenantKey, type EncodedKey } from "./catalog-keys.ts";
import { decodeTenant, encodeTenant, type TenantRow } from "./catalog-rows.ts";
import type { CollectionEntry, DirectoryDoors } from "./directory.ts";
import { dropShardChanges } from "./garbage.ts";
import { checkName } from "./names.ts";
import { tenantCountChanges } from "./tenant-totals.ts";

/** Cached names; each costs a few hundred bytes. */
const CACHED_NAMES_MAX = 20_000;

export interface TenantEntry {
  readonly collection: CollectionEntry;
  readonly name: string;
  readonly row: TenantRow;
}

/**
 * Names removed since the start. A row read from the catalogue is cached only when this is as it
 * was before: else a name that was removed meanwhile would come back.
 */
export interface Removals {
  count: number;
}

/** A row that was not removed while it was read. */
export async function readStanding(
  catalog: Pick<Catalog, "get">,
  key: EncodedKey,
  removals: Removals,
): Promise<Uint8Array | undefined> {
  for (;;) {
    const { count } = removals;
    const bytes = await catalog.get(key);
    if (bytes === undefined || count === removals.count) return bytes;
  }
}

export class TenantDirectory {
  readonly #catalog: Catalog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #takeSlot: () => Promise<number>;
  readonly #removals: Removals;
  readonly #locks = new KeyedLock();
  readonly #tenants = new LruMap<string, TenantEntry>(CACHED_NAMES_MAX);

  constructor(catalog: Catalog, doors: DirectoryDoors, removals: Removals) {
    this.#catalog = catalog;
    this.#clock = doors.clock;
    this.#random = doors.random;
    this.#takeSlot = doors.takeKeySlot;
    this.#removals = removals;
  }

  async create(collection: CollectionEntry, name: string): Promise<TenantEntry> {
    checkName(name);
    return this.#locks.run(tenantCacheKey(collection, name), async () => {
      if ((await this.find(collection, name)) !== undefined) {
        throw new InsulaError("tenant_exists", `Cannot create tenant "${name}": it exists.`);
      }
      return this.#createTenant(collection, name);
    });
  }

  /** The tenant, created when it is missing. */
  async ensure(collection: CollectionEntry, name: string): Promise<TenantEntry> {
    const known = await this.find(collection, name);
    if (known !== undefined) return known;
    checkName(name);
    return this.#locks.run(
      tenantCacheKey(collection, name),
      async () => (await this.find(collection, name)) ?? this.#createTenant(collection, name),
    );
  }

  /** Runs `commit`, which gives the name a row, while nobody else can take it. */
  claim(collection: CollectionEntry, name: string, commit: () => Promise<void>): Promise<void> {
    checkName(name);
    return this.#locks.run(tenantCacheKey(collection, name), async () => {
      if ((await this.find(collection, name)) !== undefined) {
        throw new InsulaError("tenant_exists", `Cannot make tenant "${name}": it exists.`);
      }
      await commit();
    });
  }

  async find(collection: CollectionEntry, name: string): Promise<TenantEntry | undefined> {
    const cacheKey = tenantCacheKey(collection, name);
    const known = this.#tenants.get(cacheKey);
    if (known !== undefined) return known;
    const bytes = await readStanding(
      this.#catalog,
      tenantKey(collection.row.number, name),
      this.#removals,
    );
    const loaded = this.#tenants.get(cacheKey);
    if (loaded !== undefined || bytes === undefined) return loaded;
    const entry = { collection, name, row: decodeTenant(bytes) };
    this.#tenants.set(cacheKey, entry);
    return entry;
  }

  async delete(
    collection: CollectionEntry,
    name: string,
    release: (shard: ShardUid, commit: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const cacheKey = tenantCacheKey(collection, name);
    await this.#locks.run(cacheKey, async () => {
      const entry = await this.find(collection, name);
      if (entry === undefined) {
        throw new InsulaError("tenant_not_found", `Cannot find tenant "${name}".`);
      }
      const { shard, state } = entry.row;
      await release(shard, async () => {
        await this.#catalog.commit([
          { kind: "delete", key: tenantKey(collection.row.number, name) },
          ...(await dropShardChanges(this.#catalog, shard)),
          ...tenantCountChanges(collection.row.number, state, -1),
        ]);
      });
      this.#removals.count++;
      this.#tenants.delete(cacheKey);
    });
  }

  async #createTenant(collection: CollectionEntry, name: string): Promise<TenantEntry> {
    if (collection.isGone) {
      throw new InsulaError("collection_not_found", `Cannot find collection "${collection.name}".`);
    }
    const shard = toShardUid(this.#random.bytes(16));
    const keySlot = await this.#takeSlot();
    const row: TenantRow = { shard, state: "ACTIVE", createdAtMs: this.#clock.wallMs() };
    await this.#catalog.commit([
      { kind: "put", key: tenantKey(collection.row.number, name), value: encodeTenant(row) },
      { kind: "new-shard", shard, collectionNumber: collection.row.number, keySlot },
      ...tenantCountChanges(collection.row.number, row.state, 1),
    ]);
    const entry = { collection, name, row };
    this.#tenants.set(tenantCacheKey(collection, name), entry);
    return entry;
  }
}

function tenantCacheKey(collection: CollectionEntry, name: string): string {
  return `t${String(collection.row.number)}\0${name}`;
}
