/** Names of tenants to their shards: the part of the directory below a collection. */
import { toShardUid, type ShardUid } from "../base/brands.ts";
import { InsulaError, assert } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Clock, Random } from "../io/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { tenantKey, type EncodedKey } from "./catalog-keys.ts";
import { decodeTenant, encodeTenant, type TenantRow } from "./catalog-rows.ts";
import type { CustomerBook } from "./customer-book.ts";
import type { CollectionEntry, DirectoryDoors } from "./directory-entries.ts";
import { dropShardChanges } from "./garbage.ts";
import { checkName } from "./names.ts";
import { tenantCountChanges, tenantMoveChanges } from "./tenant-totals.ts";

/** Cached names; each costs a few hundred bytes. */
const CACHED_NAMES_MAX = 20_000;

export interface TenantEntry {
  readonly collection: CollectionEntry;
  readonly name: string;
  readonly row: TenantRow;
}

/**
 * Names removed and states changed since the start. A row read from the catalogue is cached only
 * when this is as it was before: else a name that was removed meanwhile would come back.
 */
export interface Removals {
  count: number;
}

/** Why a tenant's state changes; kept in its row. */
export type ChangeCause =
  | { readonly reason: "asked" | "used" }
  | { readonly reason: "schedule"; readonly schedule: string }
  /** `usedAtMs`: nobody used it since then. */
  | { readonly reason: "policy"; readonly usedAtMs: number };

/** When a tenant was used. */
export interface TenantUse {
  readonly collection: CollectionEntry;
  readonly name: string;
  readonly atMs: number;
}

/** A tenant that nobody else alters. */
export interface AlteredTenant {
  row: TenantRow;
  /** The row of the tenant from now on, and the counts of the states, in one frame. */
  readonly commit: (row: TenantRow, changes: readonly CatalogChange[]) => Promise<void>;
}

export type CommitWith = (also?: readonly CatalogChange[]) => Promise<void>;

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
  readonly #customers: Pick<CustomerBook, "admit">;
  readonly #locks = new KeyedLock();
  /** Names, as in the cache, that are about to change what they mean. */
  readonly #renaming = new Set<string>();
  readonly #tenants = new LruMap<string, TenantEntry>(CACHED_NAMES_MAX);

  constructor(
    catalog: Catalog,
    doors: DirectoryDoors & { readonly customers: Pick<CustomerBook, "admit"> },
    removals: Removals,
  ) {
    this.#catalog = catalog;
    this.#customers = doors.customers;
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

  /**
   * Creates those of the names that are missing, in one frame: all or none.
   *
   * @param names each at most once.
   * @returns how many were made.
   */
  async createMissing(collection: CollectionEntry, names: readonly string[]): Promise<number> {
    for (const name of names) checkName(name);
    const cacheKeys = names.map((name) => tenantCacheKey(collection, name));
    return this.#locks.runAll(cacheKeys, async () => {
      const known = await Promise.all(names.map((name) => this.find(collection, name)));
      const missing = names.filter((_, i) => known[i] === undefined);
      if (missing.length > 0) await this.#createTenants(collection, missing);
      return missing.length;
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
      // In the lock: an erasure that looks for the tenant afterwards finds it, or nobody makes it.
      await this.#customers.admit(collection.database.row.number, name);
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
    if (!this.#renaming.has(cacheKey)) this.#tenants.set(cacheKey, entry);
    return entry;
  }

  /**
   * Gives a tenant another name while nobody else alters either: one frame takes the old one away
   * and gives the new one, so that each look finds one of them.
   *
   * @param isReady false: nothing is done, and undefined returned.
   * @throws InsulaError `tenant_not_found`, `tenant_exists`, `customer_suspended` for either name.
   */
  rename(
    collection: CollectionEntry,
    [from, to]: readonly [string, string],
    isReady: (row: TenantRow) => boolean,
  ): Promise<TenantRow | undefined> {
    const cacheKeys = [from, to].map((name) => tenantCacheKey(collection, name));
    const { number } = collection.row;
    return this.#locks.runAll(cacheKeys, async () => {
      const bytes = await this.#catalog.get(tenantKey(number, from));
      if (bytes === undefined || collection.isGone) throw tenantNotFound(from);
      if ((await this.#catalog.get(tenantKey(number, to))) !== undefined) {
        throw new InsulaError("tenant_exists", `Cannot rename tenant "${from}": "${to}" exists.`);
      }
      for (const name of [from, to]) {
        await this.#customers.admit(collection.database.row.number, name);
      }
      const row = decodeTenant(bytes);
      if (!isReady(row)) return undefined;
      await this.#uncached(cacheKeys, () =>
        this.#catalog.commit([
          { kind: "delete", key: tenantKey(number, from) },
          { kind: "put", key: tenantKey(number, to), value: bytes },
        ]),
      );
      return row;
    });
  }

  /** What is cached is seen a little later than what is committed: meanwhile nothing is cached. */
  async #uncached(cacheKeys: readonly string[], commit: () => Promise<void>): Promise<void> {
    for (const key of cacheKeys) {
      this.#renaming.add(key);
      this.#tenants.delete(key);
    }
    try {
      await commit();
    } finally {
      this.#removals.count++;
      for (const key of cacheKeys) this.#renaming.delete(key);
    }
  }

  /**
   * Works on one tenant while nobody else makes, changes or removes it.
   *
   * @param cause of a change of its state, kept in its row.
   * @throws InsulaError `tenant_not_found`.
   */
  alter<Value>(
    collection: CollectionEntry,
    name: string,
    work: (tenant: AlteredTenant) => Promise<Value>,
    cause: ChangeCause = { reason: "asked" },
  ): Promise<Value> {
    const cacheKey = tenantCacheKey(collection, name);
    const key = tenantKey(collection.row.number, name);
    return this.#locks.run(cacheKey, async () => {
      // Not cached for this: many may be altered in a row, and nobody asks for them.
      const bytes = await this.#catalog.get(key);
      if (bytes === undefined) throw tenantNotFound(name);
      const tenant: AlteredTenant = {
        row: decodeTenant(bytes),
        commit: async (next, changes) => {
          if (collection.isGone) throw tenantNotFound(name);
          const row = withChange(tenant.row, next, cause, this.#clock.wallMs());
          await this.#catalog.commit([
            { kind: "put", key, value: encodeTenant(row) },
            ...tenantMoveChanges(tenant.row.state, row.state),
            ...changes,
          ]);
          tenant.row = row;
          this.#removals.count++;
          const isCached = this.#tenants.get(cacheKey) !== undefined;
          if (isCached) this.#tenants.set(cacheKey, { collection, name, row });
        },
      };
      return work(tenant);
    });
  }

  /**
   * Keeps when tenants were used, in one frame. One that is being altered, was removed or has a
   * later use already is passed over.
   *
   * @param uses of different tenants.
   */
  async markUsed(uses: readonly TenantUse[]): Promise<void> {
    const free = uses
      .map((use) => ({ ...use, cacheKey: tenantCacheKey(use.collection, use.name) }))
      .filter(({ cacheKey, collection }) => !collection.isGone && !this.#locks.isHeld(cacheKey));
    const cacheKeys = free.map(({ cacheKey }) => cacheKey);
    await this.#locks.runAll(cacheKeys, async () => {
      const changes: CatalogChange[] = [];
      const marked: TenantEntry[] = [];
      for (const { collection, name, atMs } of free) {
        const key = tenantKey(collection.row.number, name);
        const bytes = await this.#catalog.get(key);
        if (bytes === undefined) continue;
        const row = { ...decodeTenant(bytes), lastUsedAtMs: atMs };
        changes.push({ kind: "put", key, value: encodeTenant(row) });
        marked.push({ collection, name, row });
      }
      // A collection that is removed takes its tenants along: none may come back by this.
      const isKept = ({ collection }: TenantEntry): boolean => !collection.isGone;
      if (marked.length === 0 || !marked.every(isKept)) return;
      await this.#catalog.commit(changes);
      this.#removals.count++;
      for (const entry of marked) {
        const cacheKey = tenantCacheKey(entry.collection, entry.name);
        if (this.#tenants.get(cacheKey) !== undefined) this.#tenants.set(cacheKey, entry);
      }
    });
  }

  /** @param release runs `commit`, with further changes for the same frame. */
  async delete(
    collection: CollectionEntry,
    name: string,
    release: (shard: ShardUid, commit: CommitWith) => Promise<void>,
  ): Promise<void> {
    const cacheKey = tenantCacheKey(collection, name);
    await this.#locks.run(cacheKey, async () => {
      const entry = await this.find(collection, name);
      if (entry === undefined) throw tenantNotFound(name);
      const { shard, state } = entry.row;
      await release(shard, async (also = []) => {
        await this.#catalog.commit([
          ...also,
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
    const [entry] = await this.#createTenants(collection, [name]);
    assert(entry !== undefined, "one name makes one tenant");
    return entry;
  }

  async #createTenants(
    collection: CollectionEntry,
    names: readonly string[],
  ): Promise<readonly TenantEntry[]> {
    if (collection.isGone) {
      throw new InsulaError("collection_not_found", `Cannot find collection "${collection.name}".`);
    }
    const { number } = collection.row;
    // As in claim().
    for (const name of names) await this.#customers.admit(collection.database.row.number, name);
    const createdAtMs = this.#clock.wallMs();
    const entries: TenantEntry[] = [];
    const changes: CatalogChange[] = [];
    for (const name of names) {
      const shard = toShardUid(this.#random.bytes(16));
      const keySlot = await this.#takeSlot();
      const row: TenantRow = { shard, state: "ACTIVE", createdAtMs };
      entries.push({ collection, name, row });
      changes.push(
        { kind: "put", key: tenantKey(number, name), value: encodeTenant(row) },
        { kind: "new-shard", shard, collectionNumber: number, keySlot },
      );
    }
    await this.#catalog.commit([
      ...changes,
      ...tenantCountChanges(number, "ACTIVE", entries.length),
    ]);
    // Many at once would drive out names that are in use.
    const [only, ...others] = entries;
    if (only !== undefined && others.length === 0) {
      this.#tenants.set(tenantCacheKey(collection, only.name), only);
    }
    return entries;
  }
}

function withChange(
  { state: from }: TenantRow,
  next: TenantRow,
  cause: ChangeCause,
  atMs: number,
): TenantRow {
  if (next.state === from) return next;
  if (cause.reason !== "policy") return { ...next, lastChange: { from, ...cause, atMs } };
  const { reason, usedAtMs } = cause;
  const lastChange = { from, reason, atMs, idleMs: Math.max(0, atMs - usedAtMs) };
  return { ...next, lastChange, lastUsedAtMs: usedAtMs };
}

function tenantNotFound(name: string): InsulaError {
  return new InsulaError("tenant_not_found", `Cannot find tenant "${name}".`);
}

function tenantCacheKey(collection: CollectionEntry, name: string): string {
  return `t${String(collection.row.number)}\0${name}`;
}
