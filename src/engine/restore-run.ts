/**
 * Restores what a backup holds under names that are free, into an engine that goes on.
 *
 * Everything is made without a name first: databases and collections by number, with a row that
 * remembers them as unfinished. One commit at the end gives the names; before it nobody sees
 * anything, and what was cut off is swept. Of one tenant into a collection that is there, the
 * commit is all there is.
 */
import { InsulaError } from "../base/errors.ts";
import { POLICY_DURATION_MS_MIN } from "../base/limits.ts";
import {
  BackupReader,
  findBackup,
  type BackupEntry,
  type BackupKeys,
  type BackupPath,
} from "../backup/index.ts";
import type { ObjectStore } from "../io/index.ts";
import { readBackupRoot } from "../vault/index.ts";
import type { RestoreOptions, RestoreSummary } from "./api.ts";
import { pathOf } from "./backup-run.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import {
  DATABASE_PREFIX,
  SETTING_PREFIX,
  collectionKey,
  databaseKey,
  databaseTotalsKey,
  endOfPrefix,
  pendingKey,
  settingKey,
  tenantKey,
  totalsKey,
} from "./catalog-keys.ts";
import {
  decodeCollection,
  decodeDatabase,
  decodeSchema,
  decodeTenant,
  encodeCollection,
  encodeDatabase,
  encodeTenant,
  encodeTotals,
  type TenantRow,
} from "./catalog-rows.ts";
import { ROOT_NUMBER, childChange, type Directory } from "./directory.ts";
import type { CollectionEntry, DatabaseEntry, ClaimedName } from "./directory-entries.ts";
import type { NodeContext } from "./node-context.ts";
import { policyChanges } from "./policy-rows.ts";
import { discardCollection, discardDatabase, type PendingDoors } from "./pending-restores.ts";
import { importShard, type ImportedShard } from "./shard-import.ts";
import { requireSameSchema } from "./tenant-copy.ts";
import { tenantCountChanges } from "./tenant-totals.ts";

const NO_TOTALS = { rowCount: 0, byteCount: 0, childCount: 0 };
const NO_BYTES = new Uint8Array(0);

export interface RestoreDoors extends Omit<PendingDoors, "catalog" | "schemas"> {
  readonly node: NodeContext;
  readonly directory: Directory;
}

export async function restore(
  doors: RestoreDoors,
  store: ObjectStore,
  options: RestoreOptions,
): Promise<RestoreSummary> {
  const { node } = doors;
  const manifest = await findBackup(store, options.backup, options.atMs);
  const reader = await BackupReader.open({ store, pace: node.transfers }, manifest, (rootFile) =>
    keysOf(node, rootFile, options.masterKey),
  );
  return new RestoreRun(doors, reader, options).run();
}

function keysOf(
  node: NodeContext,
  rootFile: Uint8Array,
  masterKey: Uint8Array | undefined,
): BackupKeys {
  if (node.vault !== undefined) {
    const root = node.vault.backupRootOf(rootFile, masterKey);
    return (backup) => root.keyOf(backup);
  }
  if (masterKey === undefined) {
    throw new InsulaError(
      "master_key_missing",
      "Cannot read the backup: it is sealed. Give the master key of the folder it was made of.",
    );
  }
  const root = readBackupRoot(rootFile, masterKey);
  return (backup) => root.keyOf(backup);
}

/** Where a collection of the backup goes. */
interface TargetCollection {
  readonly number: number;
  readonly isMultiTenant: boolean;
  /** Of a collection that was there before. */
  readonly entry: CollectionEntry | undefined;
}

class RestoreRun {
  readonly #node: NodeContext;
  readonly #doors: RestoreDoors;
  readonly #directory: Directory;
  readonly #reader: BackupReader;
  readonly #options: RestoreOptions;
  readonly #from: BackupPath;
  readonly #as: BackupPath;
  readonly #claims: ClaimedName[] = [];
  /** Of the one commit that gives the names. */
  readonly #changes: CatalogChange[] = [];
  /** Without a name when the restore ends early. */
  readonly #unnamed: { readonly kind: "database" | "collection"; readonly number: number }[] = [];
  readonly #unsettled: ImportedShard[] = [];
  readonly #counts = { databases: 0, collections: 0, tenants: 0, records: 0, bytes: 0 };
  /** The one that lines are read for now. */
  #database: { readonly number: number; readonly entry: DatabaseEntry | undefined } | undefined;
  #collection: TargetCollection | undefined;
  #isFound = false;

  constructor(doors: RestoreDoors, reader: BackupReader, options: RestoreOptions) {
    this.#node = doors.node;
    this.#doors = doors;
    this.#directory = doors.directory;
    this.#reader = reader;
    this.#options = options;
    this.#from = pathOf(options);
    this.#as = this.#from.map((name, i) => pathOfNew(options)[i] ?? name);
    if (pathOfNew(options).some((name, i) => name !== undefined && i >= this.#from.length)) {
      throw new InsulaError(
        "argument_invalid",
        "Cannot restore under another name: only what is asked for by name can get one.",
      );
    }
  }

  async run(): Promise<RestoreSummary> {
    let held: DatabaseEntry | undefined;
    try {
      // A database that is there must not go while something is restored into it.
      const [database] = this.#as;
      if (this.#from.length > 1 && database !== undefined) {
        held = await this.#directory.database(database);
        if (held !== undefined) held.pendingCount++;
      }
      const isFresh = await this.#isFresh();
      for await (const entry of this.#reader.entries(this.#from)) {
        this.#options.signal?.throwIfAborted();
        if (entry.kind === "setting") {
          if (isFresh) this.#addSetting(entry);
        } else await this.#addEntry(entry);
      }
      if (!this.#isFound && this.#from.length > 0) throw notInBackup(this.#from);
      await this.#directory.claim(this.#claims, () => this.#commit());
    } catch (error) {
      await this.#discard();
      throw error;
    } finally {
      if (held !== undefined) held.pendingCount--;
    }
    for (const shard of this.#unsettled) await shard.settle();
    return { backup: this.#reader.manifest.id, ...this.#counts };
  }

  /** The path of an entry with the names it gets. */
  #renamed(path: BackupPath): BackupPath {
    return path.map((name, i) => this.#as[i] ?? name);
  }

  async #addEntry(entry: Exclude<BackupEntry, { kind: "setting" }>): Promise<void> {
    if (entry.path.length >= this.#from.length) this.#isFound = true;
    const path = this.#renamed(entry.path);
    switch (entry.kind) {
      case "database":
        await this.#openDatabase(path, entry.row);
        return;
      case "collection":
        await this.#openCollection(path, entry);
        return;
      case "tenant":
        await this.#addTenant(path, entry);
        return;
    }
  }

  async #openDatabase([name = ""]: BackupPath, row: Uint8Array): Promise<void> {
    const entry = this.#from.length > 1 ? await this.#directory.database(name) : undefined;
    if (entry !== undefined) {
      this.#database = { number: entry.row.number, entry };
      return;
    }
    // Refused before anything is made; looked at again with the commit.
    this.#claims.push({ kind: "database", name });
    await this.#directory.claim([{ kind: "database", name }], () => Promise.resolve());
    const { number, change } = await this.#directory.nextNumber();
    await this.#node.catalog.commit([
      change,
      { kind: "put", key: pendingKey("database", number), value: NO_BYTES },
      { kind: "put", key: databaseTotalsKey(number), value: encodeTotals(NO_TOTALS) },
    ]);
    this.#unnamed.push({ kind: "database", number });
    const value = encodeDatabase({ ...decodeDatabase(row), number });
    this.#changes.push(
      { kind: "put", key: databaseKey(name), value },
      { kind: "delete", key: pendingKey("database", number) },
      childChange(ROOT_NUMBER, { rows: 0, children: 1 }),
    );
    this.#database = { number, entry: undefined };
    this.#counts.databases++;
  }

  async #openCollection(
    path: BackupPath,
    line: Extract<BackupEntry, { kind: "collection" }>,
  ): Promise<void> {
    const [database = "", name = ""] = path;
    const parent = this.#database;
    if (parent === undefined) throw outOfOrder();
    const { schema, isMultiTenant } = decodeSchema(line.schema);
    const isParent = this.#from.length > 2;
    const known = parent.entry && (await this.#directory.collection(database, name));
    if (isParent && known !== undefined) {
      requireSameSchema(known, line.schema);
      this.#collection = { number: known.row.number, isMultiTenant, entry: known };
      return;
    }
    if (isParent && !isMultiTenant) throw notInBackup(this.#from);
    if (parent.entry !== undefined) {
      const claim: ClaimedName = { kind: "collection", database, name };
      this.#claims.push(claim);
      await this.#directory.claim([claim], () => Promise.resolve());
    }
    const schemaNumber = await this.#directory.schemas.intern(schema, isMultiTenant);
    const number = await this.#makeCollection(schemaNumber, isMultiTenant);
    const image = line.shard && this.#reader.image(line.shard);
    const shard = image && (await importShard(this.#node, image, number));
    if (shard !== undefined) this.#unsettled.push(shard);
    const row = { ...decodeCollection(line.row), number, schemaNumber, shard: shard?.uid };
    const changes: CatalogChange[] = [
      { kind: "put", key: collectionKey(parent.number, name), value: encodeCollection(row) },
      { kind: "delete", key: pendingKey("collection", number) },
      childChange(parent.number, { rows: 0, children: 1 }),
      childChange(ROOT_NUMBER, { rows: 1, children: 0 }),
      ...(shard?.changes ?? []),
      ...policyChanges({ database, collection: name }, row),
    ];
    this.#count(image);
    this.#counts.collections++;
    this.#collection = { number, isMultiTenant, entry: undefined };
    if (parent.entry !== undefined) {
      this.#changes.push(...changes);
      return;
    }
    // Nobody sees it: its database has no name yet. Its tenants are committed under its number.
    await this.#node.catalog.commit(changes);
    this.#unnamed.pop();
    await this.#settleAll();
  }

  async #makeCollection(schemaNumber: number, isMultiTenant: boolean): Promise<number> {
    const { number, change } = await this.#directory.nextNumber();
    const slot = isMultiTenant ? await this.#node.takeKeySlot() : 0;
    await this.#node.catalog.commit([
      change,
      { kind: "put", key: pendingKey("collection", number), value: NO_BYTES },
      { kind: "put", key: totalsKey(number), value: encodeTotals(NO_TOTALS) },
      this.#directory.schemas.assign(number, schemaNumber, slot),
      { kind: "key-slot", slot },
    ]);
    this.#unnamed.push({ kind: "collection", number });
    return number;
  }

  async #addTenant(
    path: BackupPath,
    line: Extract<BackupEntry, { kind: "tenant" }>,
  ): Promise<void> {
    const target = this.#collection;
    const name = path[2] ?? "";
    if (target === undefined) throw outOfOrder();
    const claim: ClaimedName | undefined = target.entry && {
      kind: "tenant",
      collection: target.entry,
      name,
    };
    if (claim !== undefined) await this.#directory.claim([claim], () => Promise.resolve());
    const image = this.#reader.image(line.shard);
    const shard = await importShard(this.#node, image, target.number);
    this.#unsettled.push(shard);
    const stored = decodeTenant(line.row);
    // Its bytes are here, wherever they were when the backup was made.
    const state = stored.state === "ACTIVE" ? stored.state : ("INACTIVE" as const);
    const row = { ...stored, state, shard: shard.uid, ...this.#useOf(stored) };
    const changes: CatalogChange[] = [
      { kind: "put", key: tenantKey(target.number, name), value: encodeTenant(row) },
      ...shard.changes,
      ...tenantCountChanges(target.number, row.state, 1),
    ];
    this.#count(image);
    this.#counts.tenants++;
    if (claim !== undefined) {
      this.#claims.push(claim);
      this.#changes.push(...changes);
      return;
    }
    await this.#node.catalog.commit(changes);
    await this.#settleAll();
  }

  /** Who brings a tenant back has a use for it: no policy puts it to rest for what was before. */
  #useOf({ createdAtMs, lastUsedAtMs = createdAtMs }: TenantRow): Partial<TenantRow> {
    const nowMs = this.#node.shards.clock.wallMs();
    const isOld = Math.abs(nowMs - lastUsedAtMs) >= POLICY_DURATION_MS_MIN;
    return isOld ? { lastUsedAtMs: nowMs } : {};
  }

  async #commit(): Promise<void> {
    await this.#node.catalog.commit(this.#changes);
    this.#unnamed.length = 0;
  }

  /** What was committed under a number gets its final place. */
  async #settleAll(): Promise<void> {
    for (const shard of this.#unsettled.splice(0)) await shard.settle();
  }

  /** Nothing of it was ever seen; what it left on disk goes in the background. */
  async #discard(): Promise<void> {
    for (const shard of this.#unsettled.splice(0)) await shard.abandon();
    const doors = {
      catalog: this.#node.catalog,
      schemas: this.#directory.schemas,
      dropShards: this.#doors.dropShards,
    };
    for (const { kind, number } of this.#unnamed.reverse()) {
      await (kind === "database"
        ? discardDatabase(doors, number)
        : discardCollection(doors, number));
    }
    this.#node.sweeper.sweep();
  }

  #count(image: { rowCount: number; byteCount: number } | undefined): void {
    this.#counts.records += image?.rowCount ?? 0;
    this.#counts.bytes += image?.byteCount ?? 0;
    const { tenants, bytes } = this.#counts;
    this.#options.onProgress?.({ tenants, bytes });
  }

  #addSetting(entry: Extract<BackupEntry, { kind: "setting" }>): void {
    this.#changes.push({ kind: "put", key: settingKey(entry.name), value: entry.value });
  }

  /** Settings hold access keys: those of a backup must not come back where others were set. */
  async #isFresh(): Promise<boolean> {
    for (const prefix of [DATABASE_PREFIX, SETTING_PREFIX]) {
      const range = { start: prefix, end: endOfPrefix(prefix), limit: 1 };
      if ((await this.#node.catalog.scan(range)).length > 0) return false;
    }
    return true;
  }
}

function pathOfNew({ as }: RestoreOptions): readonly (string | undefined)[] {
  return [as?.database, as?.collection, as?.tenant];
}

function notInBackup(path: BackupPath): InsulaError {
  const codes = ["database_not_found", "collection_not_found", "tenant_not_found"] as const;
  const code = codes[path.length - 1] ?? "backup_not_found";
  return new InsulaError(code, `Cannot restore ${path.join("/")}: it is not in the backup.`);
}

function outOfOrder(): InsulaError {
  return new InsulaError("data_damaged", "Cannot read the backup: its lines are out of order.");
}
