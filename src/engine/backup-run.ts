/** Backs up what is asked for, while everything goes on: rows of the catalogue, shards' images. */
import { toHex, type ShardUid } from "../base/brands.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";
import {
  BackupReader,
  BackupWriter,
  PriorBackup,
  listBackups,
  requireKept,
  toBackupInfo,
  type BackupKeys,
  type BackupManifest,
  type BackupPath,
  type NewEntry,
  type ShardImage,
} from "../backup/index.ts";
import type { ObjectStore } from "../io/index.ts";
import type { BackupInfo, BackupOptions } from "./api.ts";
import {
  DATABASE_PREFIX,
  SETTING_PREFIX,
  collectionPrefix,
  endOfPrefix,
  nameAfter,
  tenantPrefix,
  type EncodedKey,
} from "./catalog-keys.ts";
import { decodeCollection, decodeDatabase, decodeTenant, encodeSchema } from "./catalog-rows.ts";
import type { Directory } from "./directory.ts";
import type { NodeContext } from "./node-context.ts";
import { openImage } from "./shard-images.ts";

/** Rows of the catalogue read at once. */
const STEP_ROWS = 256;

export async function backUp(
  node: NodeContext,
  directory: Directory,
  store: ObjectStore,
  options: BackupOptions,
): Promise<BackupInfo> {
  return toBackupInfo(await new BackupRun(node, directory, options).run(store));
}

class BackupRun {
  readonly #node: NodeContext;
  readonly #directory: Directory;
  readonly #options: BackupOptions;
  readonly #path: BackupPath;

  constructor(node: NodeContext, directory: Directory, options: BackupOptions) {
    this.#node = node;
    this.#directory = directory;
    this.#options = options;
    this.#path = pathOf(options);
  }

  async run(store: ObjectStore): Promise<BackupManifest> {
    const { clock, random } = this.#node.shards;
    await this.#requireNames();
    const root = await this.#node.vault?.backupRoot();
    const keys: BackupKeys | undefined = root && ((backup) => root.keyOf(backup));
    const createdAtMs = clock.wallMs();
    const before = await listBackups(store);
    const writer = new BackupWriter({
      store,
      random,
      pace: this.#node.transfers,
      id: `${printStamp(createdAtMs)}-${toHex(random.bytes(4))}`,
      createdAtMs,
      depth: this.#path.length,
      seal: root && { folder: root.folder, rootFile: root.rootFile, keys: (id) => root.keyOf(id) },
      prior: new PriorBackup(
        await this.#findPrior(store, before, { folder: root?.folder ?? "", keys }),
      ),
    });
    if (this.#path.length === 0) await this.#addSettings(writer);
    await this.#addDatabases(writer);
    const made = await writer.finish();
    await requireKept(
      store,
      made.id,
      before.map(({ id }) => id),
    );
    return made;
  }

  async #findPrior(
    store: ObjectStore,
    all: readonly BackupManifest[],
    { folder, keys }: { readonly folder: string; readonly keys: BackupKeys | undefined },
  ): Promise<BackupReader | undefined> {
    const depth = this.#path.length;
    const newest = all.filter((backup) => backup.folder === folder && backup.depth <= depth).at(-1);
    const made = all.at(-1);
    const manifest = newest ?? (made?.folder === folder ? made : undefined);
    if (manifest === undefined) return undefined;
    try {
      return await BackupReader.open(
        { store, pace: this.#node.transfers },
        manifest,
        () => keys ?? noKeys(),
      );
    } catch (error) {
      // Without it everything is sent, and the new backup is whole.
      if (isInsulaError(error) && error.code === "data_damaged") return undefined;
      throw error;
    }
  }

  /** A name that is not there is told of before anything is sent. */
  async #requireNames(): Promise<void> {
    const [database, collection, tenant] = this.#path;
    if (database === undefined) return;
    if (collection === undefined) {
      await this.#directory.databaseNamed(database);
      return;
    }
    const entry = await this.#directory.collectionNamed(database, collection);
    if (tenant === undefined) return;
    if (entry.isMultiTenant && (await this.#directory.tenants.find(entry, tenant)) !== undefined)
      return;
    throw new InsulaError("tenant_not_found", `Cannot find tenant "${tenant}".`);
  }

  async #addSettings(writer: BackupWriter): Promise<void> {
    for await (const [name, value] of this.#rows(SETTING_PREFIX, undefined)) {
      await writer.add({ kind: "setting", path: [], name, value });
    }
  }

  async #addDatabases(writer: BackupWriter): Promise<void> {
    for await (const [name, row] of this.#rows(DATABASE_PREFIX, this.#path[0])) {
      await writer.add({ kind: "database", path: [name], row });
      const { number } = decodeDatabase(row);
      for await (const [collection, value] of this.#rows(collectionPrefix(number), this.#path[1])) {
        await this.#addCollection(writer, [name, collection], value);
      }
    }
  }

  async #addCollection(writer: BackupWriter, path: BackupPath, row: Uint8Array): Promise<void> {
    const { number, schemaNumber, shard } = decodeCollection(row);
    const stored = await this.#directory.schemas.get(schemaNumber);
    const schema = encodeSchema(stored.schema, stored.isMultiTenant);
    if (shard !== undefined) {
      await this.#addShard(writer, shard, (image) => ({
        kind: "collection",
        path,
        row,
        schema,
        shard: image,
      }));
      return;
    }
    await writer.add({ kind: "collection", path, row, schema, shard: undefined });
    for await (const [name, value] of this.#rows(tenantPrefix(number), this.#path[2])) {
      const tenantPath = [...path, name];
      await this.#addShard(writer, decodeTenant(value).shard, (image) => ({
        kind: "tenant",
        path: tenantPath,
        row: value,
        shard: image,
      }));
    }
  }

  /** A shard that is out of service is left out and counted: others must not wait for it. */
  async #addShard(
    writer: BackupWriter,
    shard: ShardUid,
    toEntry: (image: ShardImage) => NewEntry,
  ): Promise<void> {
    this.#options.signal?.throwIfAborted();
    try {
      const opened = await openImage(this.#node, shard);
      // Removed after its name was read: it is not in the backup, as if a little later.
      if (opened === undefined) return;
      try {
        await writer.add(toEntry(opened.image));
      } finally {
        opened.close();
      }
    } catch (error) {
      if (!isInsulaError(error) || error.code !== "data_damaged") throw error;
      writer.noteDamaged();
      this.#options.onDamage?.(error);
    }
    this.#options.onProgress?.({ tenants: writer.tenants, bytes: writer.bytes });
  }

  /** Names and rows behind a prefix, or the one of `only`. */
  async *#rows(
    prefix: EncodedKey,
    only: string | undefined,
  ): AsyncIterable<readonly [string, Uint8Array]> {
    let start = prefix + (only === undefined ? "" : Buffer.from(only, "utf8").toString("latin1"));
    const end = only === undefined ? endOfPrefix(prefix) : `${start}\0`;
    for (let startIsExclusive = false; ; startIsExclusive = true) {
      const range = { start, end, limit: STEP_ROWS, startIsExclusive };
      const rows = await this.#node.catalog.scan(range);
      for (const [key, value] of rows) yield [nameAfter(key, prefix), value] as const;
      start = rows.at(-1)?.[0] ?? start;
      if (rows.length < STEP_ROWS) return;
    }
  }
}

/** @throws InsulaError `argument_invalid` when a name is given without the one it is in. */
export function pathOf(scope: {
  readonly database?: string | undefined;
  readonly collection?: string | undefined;
  readonly tenant?: string | undefined;
}): BackupPath {
  const names = [scope.database, scope.collection, scope.tenant];
  const path = names.filter((name) => name !== undefined);
  if (names.slice(0, path.length).every((name) => name !== undefined)) return path;
  throw new InsulaError(
    "argument_invalid",
    "Cannot tell what is meant: a collection is named with its database, a tenant with both.",
  );
}

/** As 20260217T093000125Z. */
function printStamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:.]/g, "");
}

function noKeys(): never {
  throw new InsulaError("data_damaged", "Cannot read the backup: it is sealed.");
}
