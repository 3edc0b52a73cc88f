/**
 * Names to numbers: databases, collections, tenants and their rows in the catalogue.
 *
 * Entries are cached in bounded number; one object per name while it is cached, so that what a
 * change sets is seen by every holder. Creation, change and deletion of one name wait for each
 * other.
 */
import { toShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Clock, Random } from "../io/index.ts";
import { checkSchema } from "../model/index.ts";
import type { CollectionOptions, CollectionPatch } from "./api.ts";
import { patchAttributes } from "./attributes.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { CustomerBook } from "./customer-book.ts";
import { customerRemovals } from "./customer-removals.ts";
import {
  collectionKey,
  collectionLimitsKey,
  collectionSchemaKey,
  databaseKey,
  databaseTotalsKey,
  garbageCollectionKey,
  totalsKey,
} from "./catalog-keys.ts";
import {
  decodeCollection,
  decodeDatabase,
  encodeCollection,
  encodeDatabase,
  encodeTotals,
  type CollectionRow,
  type DatabaseRow,
} from "./catalog-rows.ts";
import { dropShardChanges } from "./garbage.ts";
import { garbageSlotChanges } from "./garbage-rows.ts";
import { checkName } from "./names.ts";
import { NumberCounter } from "./number-counter.ts";
import { policyChanges, policyRemoval } from "./policy-rows.ts";
import { SchemaBook } from "./schema-book.ts";
import type {
  CollectionEntry,
  DatabaseEntry,
  DirectoryDoors,
  ClaimedName,
  FoundRow,
} from "./directory-entries.ts";
import { patchRecalls, takeRecalls } from "./field-recalls.ts";
import { DEFAULT_RULES, patchRules } from "./tenant-rules.ts";
import { readStanding, TenantDirectory, type Removals } from "./tenant-directory.ts";

/** Cached names; each costs a few hundred bytes. */
const CACHED_NAMES_MAX = 20_000;
/** Totals of the whole node: databases as children, collections as rows. */
export const ROOT_NUMBER = 0;

export class Directory {
  readonly #catalog: Catalog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #takeSlot: () => Promise<number>;
  readonly #locks = new KeyedLock();
  readonly #databases = new LruMap<string, DatabaseEntry>(CACHED_NAMES_MAX);
  readonly #collections = new LruMap<string, CollectionEntry>(CACHED_NAMES_MAX);
  readonly #numbers: NumberCounter;
  readonly schemas: SchemaBook;
  readonly tenants: TenantDirectory;
  readonly customers: CustomerBook;
  readonly #removals: Removals = { count: 0 };

  constructor(catalog: Catalog, doors: DirectoryDoors) {
    this.#catalog = catalog;
    this.#takeSlot = doors.takeKeySlot;
    this.#clock = doors.clock;
    this.#random = doors.random;
    this.#numbers = new NumberCounter(catalog);
    this.schemas = new SchemaBook(catalog, this.#numbers);
    this.customers = new CustomerBook(catalog);
    const { customers } = this;
    this.tenants = new TenantDirectory(catalog, { ...doors, customers }, this.#removals);
  }

  /** A number for a database or a collection, with the change that must go along. */
  nextNumber(): ReturnType<NumberCounter["next"]> {
    return this.#numbers.next();
  }

  /**
   * Names removed and states of tenants changed since the start. A row read from the catalogue is
   * cached only when this is as it was before: else a name that was removed would come back.
   */
  get removals(): number {
    return this.#removals.count;
  }

  async createDatabase(
    name: string,
    attributes: DatabaseRow["attributes"],
  ): Promise<DatabaseEntry> {
    checkName(name);
    return this.#locks.run(`d${name}`, async () => {
      if ((await this.database(name)) !== undefined) {
        throw new InsulaError("database_exists", `Cannot create database "${name}": it exists.`);
      }
      const { number, change } = await this.#numbers.next();
      const row: DatabaseRow = {
        number,
        createdAtMs: this.#clock.wallMs(),
        attributes: patchAttributes({}, attributes),
      };
      await this.#catalog.commit([
        change,
        { kind: "put", key: databaseKey(name), value: encodeDatabase(row) },
        { kind: "put", key: databaseTotalsKey(number), value: encodeTotals(NO_TOTALS) },
        childChange(ROOT_NUMBER, { rows: 0, children: 1 }),
      ]);
      const entry = { name, row, pendingCount: 0, isGone: false };
      this.#databases.set(name, entry);
      return entry;
    });
  }

  /**
   * Runs `commit`, which gives rows made elsewhere these names, while nobody else can take one.
   *
   * @throws InsulaError `database_exists`, `collection_exists`, `tenant_exists`, `name_invalid`.
   */
  claim(names: readonly ClaimedName[], commit: () => Promise<void>): Promise<void> {
    // In one order whoever claims: two claims of several names do not wait for each other.
    const ordered = [...names].sort((a, b) => (lockOf(a) < lockOf(b) ? -1 : 1));
    return ordered.reduceRight((rest, name) => () => this.#claimOne(name, rest), commit)();
  }

  #claimOne(claimed: ClaimedName, rest: () => Promise<void>): Promise<void> {
    if (claimed.kind === "tenant") {
      return this.tenants.claim(claimed.collection, claimed.name, rest);
    }
    return this.#locks.run(lockOf(claimed), async () => {
      await this.#requireFree(claimed);
      await rest();
    });
  }

  async #requireFree(claimed: Exclude<ClaimedName, { kind: "tenant" }>): Promise<void> {
    const { kind, name } = claimed;
    checkName(name);
    const isTaken =
      kind === "database"
        ? (await this.database(name)) !== undefined
        : (await this.collection(claimed.database, name)) !== undefined;
    if (!isTaken) return;
    throw new InsulaError(`${kind}_exists`, `Cannot make ${kind} "${name}": it exists.`);
  }

  async database(name: string): Promise<DatabaseEntry | undefined> {
    const known = this.#databases.get(name);
    if (known !== undefined) return known;
    const bytes = await readStanding(this.#catalog, databaseKey(name), this.#removals);
    const loaded = this.#databases.get(name);
    if (loaded !== undefined || bytes === undefined) return loaded;
    const entry = { name, row: decodeDatabase(bytes), pendingCount: 0, isGone: false };
    this.#databases.set(name, entry);
    return entry;
  }

  /** @throws InsulaError `database_not_found`. */
  async databaseNamed(name: string): Promise<DatabaseEntry> {
    const entry = await this.database(name);
    if (entry === undefined || entry.isGone) throw databaseNotFound(name);
    return entry;
  }

  async updateDatabase(
    name: string,
    patch: Readonly<Record<string, string | null>>,
  ): Promise<DatabaseEntry> {
    return this.#locks.run(`d${name}`, async () => {
      const entry = await this.databaseNamed(name);
      const row = { ...entry.row, attributes: patchAttributes(entry.row.attributes, patch) };
      const value = encodeDatabase(row);
      await this.#catalog.commit([{ kind: "put", key: databaseKey(name), value }]);
      entry.row = row;
      return entry;
    });
  }

  async deleteDatabase(name: string): Promise<void> {
    await this.#locks.run(`d${name}`, async () => {
      const entry = await this.databaseNamed(name);
      const key = databaseTotalsKey(entry.row.number);
      const totals = await this.#catalog.readTotals(key);
      if ((totals?.childCount ?? 0) > 0 || entry.pendingCount > 0) {
        throw new InsulaError(
          "database_not_empty",
          `Cannot delete database "${name}": it has collections. Delete them first.`,
        );
      }
      entry.isGone = true;
      try {
        await this.#catalog.commit([
          { kind: "delete", key: databaseKey(name) },
          { kind: "drop-totals", key },
          childChange(ROOT_NUMBER, { rows: 0, children: -1 }),
          ...(await customerRemovals(this.#catalog, entry.row.number)),
        ]);
        this.#removals.count++;
        this.#databases.delete(name);
      } catch (error) {
        entry.isGone = false;
        throw error;
      }
    });
  }

  async createCollection(
    databaseName: string,
    name: string,
    options: CollectionOptions,
  ): Promise<CollectionEntry> {
    checkName(name);
    checkSchema(options.schema);
    if (options.schema.identity === "row") {
      throw new InsulaError(
        "operation_unsupported",
        "Cannot create the collection: generated row keys come with the SQL interface.",
      );
    }
    const database = await this.databaseNamed(databaseName);
    database.pendingCount++;
    try {
      return await this.#locks.run(`c${databaseName}\0${name}`, () =>
        this.#createCollection(database, name, options),
      );
    } finally {
      database.pendingCount--;
    }
  }

  async collection(databaseName: string, name: string): Promise<CollectionEntry | undefined> {
    const known = this.#collections.get(`${databaseName}\0${name}`);
    if (known !== undefined) return known;
    const database = await this.database(databaseName);
    if (database === undefined) return undefined;
    const removals = this.#removals.count;
    const value = await this.#catalog.get(collectionKey(database.row.number, name));
    if (value === undefined) return undefined;
    return this.#entryOf(database, { name, value, removals }, true);
  }

  /**
   * The entry of a row that was read, cached one first; undefined when it is gone meanwhile. Not
   * cached for this: who lists them all would drive out the names that are in use.
   */
  collectionOf(database: DatabaseEntry, found: FoundRow): Promise<CollectionEntry | undefined> {
    return this.#entryOf(database, found, false);
  }

  async #entryOf(
    database: DatabaseEntry,
    found: FoundRow,
    isCached: boolean,
  ): Promise<CollectionEntry | undefined> {
    const { name } = found;
    const row = decodeCollection(found.value);
    const { schema, isMultiTenant } = await this.schemas.get(row.schemaNumber);
    const known = this.#collections.get(`${database.name}\0${name}`);
    if (known !== undefined) return known;
    if (found.removals !== this.#removals.count) return this.collection(database.name, name);
    const entry = { database, name, row, schema, isMultiTenant, isGone: false };
    if (isCached) this.#collections.set(`${database.name}\0${name}`, entry);
    return entry;
  }

  /** @throws InsulaError `collection_not_found`, also when the database is missing. */
  async collectionNamed(database: string, name: string): Promise<CollectionEntry> {
    const entry = await this.collection(database, name);
    if (entry === undefined || entry.isGone) {
      throw new InsulaError(
        "collection_not_found",
        `Cannot find collection "${name}" in database "${database}".`,
      );
    }
    return entry;
  }

  async updateCollection(
    database: string,
    name: string,
    patch: CollectionPatch,
  ): Promise<CollectionEntry> {
    return this.#locks.run(`c${database}\0${name}`, async () => {
      const entry = await this.collectionNamed(database, name);
      const { row } = entry;
      const isEnabled = patch.status === undefined ? row.isEnabled : patch.status === "enabled";
      const embeddingModel =
        patch.embeddingModel === undefined
          ? row.embeddingModel
          : (patch.embeddingModel ?? undefined);
      const attributes = patchAttributes(row.attributes, patch.attributes ?? {});
      const recalls = patchRecalls(entry.schema, row.recalls, patch.vectors ?? []);
      const rules = patchRules(row, patch, {
        isMultiTenant: entry.isMultiTenant,
        nowMs: this.#clock.wallMs(),
      });
      const next = { ...row, isEnabled, embeddingModel, attributes, recalls, ...rules };
      const key = collectionKey(entry.database.row.number, name);
      const names = { database, collection: name };
      await this.#catalog.commit([
        { kind: "put", key, value: encodeCollection(next) },
        ...policyChanges(names, next, row),
      ]);
      entry.row = next;
      return entry;
    });
  }

  /**
   * @param release called when the collection is invisible to newcomers: ends the uses of its
   *   shards, then runs `commit`, before anybody else can use them.
   */
  async deleteCollection(
    databaseName: string,
    name: string,
    release: (entry: CollectionEntry, commit: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    await this.#locks.run(`c${databaseName}\0${name}`, async () => {
      const entry = await this.collectionNamed(databaseName, name);
      entry.isGone = true;
      try {
        await release(entry, () => this.#removeCollection(entry));
        this.#removals.count++;
        this.#collections.delete(`${databaseName}\0${name}`);
      } catch (error) {
        entry.isGone = false;
        throw error;
      }
    });
  }

  async #removeCollection({ database, name, row }: CollectionEntry): Promise<void> {
    const changes: CatalogChange[] = [
      { kind: "delete", key: collectionKey(database.row.number, name) },
      childChange(database.row.number, { rows: 0, children: -1 }),
      childChange(ROOT_NUMBER, { rows: -1, children: 0 }),
      ...policyRemoval(row),
    ];
    if (row.shard !== undefined) {
      changes.push(...(await dropShardChanges(this.#catalog, row.shard)));
      changes.push({ kind: "drop-totals", key: totalsKey(row.number) });
      changes.push({ kind: "delete", key: collectionSchemaKey(row.number) });
      changes.push({ kind: "delete", key: collectionLimitsKey(row.number) });
    } else {
      changes.push({ kind: "put", key: garbageCollectionKey(row.number), value: NO_BYTES });
      // At once for all tenants; their own keys follow with their rows.
      changes.push(...garbageSlotChanges((await this.schemas.keySlotOf(row.number)) ?? 0));
    }
    await this.#catalog.commit(changes);
  }

  async #createCollection(
    database: DatabaseEntry,
    name: string,
    options: CollectionOptions,
  ): Promise<CollectionEntry> {
    if (database.isGone) throw databaseNotFound(database.name);
    if ((await this.collection(database.name, name)) !== undefined) {
      throw new InsulaError(
        "collection_exists",
        `Cannot create collection "${name}" in database "${database.name}": it exists.`,
      );
    }
    const isMultiTenant = options.tenancy === "multi";
    const rules = patchRules(DEFAULT_RULES, options, {
      isMultiTenant,
      nowMs: this.#clock.wallMs(),
    });
    const { schema, recalls } = takeRecalls(options.schema);
    const schemaNumber = await this.schemas.intern(schema, isMultiTenant);
    const { number, change } = await this.#numbers.next();
    const shard = isMultiTenant ? undefined : toShardUid(this.#random.bytes(16));
    const keySlot = await this.#takeSlot();
    const row: CollectionRow = {
      number,
      schemaNumber,
      shard,
      isEnabled: true,
      createdAtMs: this.#clock.wallMs(),
      embeddingModel: options.embeddingModel,
      attributes: patchAttributes({}, options.attributes ?? {}),
      recalls,
      ...rules,
    };
    const changes: CatalogChange[] = [
      change,
      { kind: "put", key: collectionKey(database.row.number, name), value: encodeCollection(row) },
      { kind: "put", key: totalsKey(number), value: encodeTotals(NO_TOTALS) },
      this.schemas.assign(number, schemaNumber, isMultiTenant ? keySlot : 0),
      childChange(database.row.number, { rows: 0, children: 1 }),
      childChange(ROOT_NUMBER, { rows: 1, children: 0 }),
      ...policyChanges({ database: database.name, collection: name }, row),
    ];
    changes.push(
      shard === undefined
        ? { kind: "key-slot", slot: keySlot }
        : { kind: "new-shard", shard, collectionNumber: number, keySlot },
    );
    await this.#catalog.commit(changes);
    const stored = await this.schemas.get(schemaNumber);
    const entry = { database, name, row, ...stored, isGone: false };
    this.#collections.set(`${database.name}\0${name}`, entry);
    return entry;
  }
}

const NO_TOTALS = { rowCount: 0, byteCount: 0, childCount: 0 };
const NO_BYTES = new Uint8Array(0);

/** Collections of a database, or of the node databases and (as rows) collections. */
export function childChange(
  databaseNumber: number,
  { rows, children }: { readonly rows: number; readonly children: number },
): CatalogChange {
  return { kind: "totals", key: databaseTotalsKey(databaseNumber), rows, bytes: 0, children };
}

function lockOf(claimed: ClaimedName): string {
  switch (claimed.kind) {
    case "database":
      return `d${claimed.name}`;
    case "collection":
      return `c${claimed.database}\0${claimed.name}`;
    case "tenant":
      return `t${String(claimed.collection.row.number)}\0${claimed.name}`;
  }
}

function databaseNotFound(name: string): InsulaError {
  return new InsulaError("database_not_found", `Cannot find database "${name}".`);
}
