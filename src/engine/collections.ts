/** What callers do with collections: rows of the catalogue; a single shard goes with its own. */
import type { ShardKeeper } from "../tenancy/index.ts";
import type {
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  Page,
  PageRequest,
} from "./api.ts";
import { collectionPrefix } from "./catalog-keys.ts";
import type { Directory } from "./directory.ts";
import type { Infos } from "./infos.ts";
import { listNames } from "./name-listing.ts";
import type { NodeContext } from "./node-context.ts";

export interface CollectionDoors {
  readonly node: Pick<NodeContext, "catalog" | "disk" | "sweeper">;
  readonly directory: Directory;
  readonly infos: Infos;
  readonly keeper: ShardKeeper;
}

export class Collections {
  readonly #doors: CollectionDoors;

  constructor(doors: CollectionDoors) {
    this.#doors = doors;
  }

  async create(
    database: string,
    name: string,
    options: CollectionOptions,
  ): Promise<CollectionInfo> {
    const { node, directory, infos } = this.#doors;
    return node.disk.run(async () =>
      infos.collection(await directory.createCollection(database, name, options)),
    );
  }

  async get(database: string, name: string): Promise<CollectionInfo | undefined> {
    const entry = await this.#doors.directory.collection(database, name);
    return entry === undefined || entry.isGone ? undefined : this.#doors.infos.collection(entry);
  }

  async list(database: string, page: PageRequest): Promise<Page<CollectionInfo>> {
    const { node, directory, infos } = this.#doors;
    const parent = await directory.databaseNamed(database);
    const { removals } = directory;
    const names = await listNames(node.catalog, collectionPrefix(parent.row.number), page);
    const items: CollectionInfo[] = [];
    for (const { name, value } of names.items) {
      const entry = await directory.collectionOf(parent, { name, value, removals });
      if (entry !== undefined) items.push(await infos.collection(entry));
    }
    return { items, hasMore: names.hasMore };
  }

  async update(database: string, name: string, patch: CollectionPatch): Promise<CollectionInfo> {
    const { directory, infos, keeper } = this.#doors;
    const entry = await directory.updateCollection(database, name, patch);
    if (patch.policy !== undefined) keeper.setRules(entry.row.number, entry.row.policy);
    return infos.collection(entry);
  }

  async delete(database: string, name: string): Promise<void> {
    const { node, directory, keeper } = this.#doors;
    await directory.deleteCollection(database, name, ({ row: { shard } }, commit) =>
      keeper.drop(shard === undefined ? [] : [shard], commit),
    );
    node.sweeper.sweep();
  }
}
