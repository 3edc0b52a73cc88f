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
import type { DatabaseEntry, FoundRow } from "./directory-entries.ts";
import type { Infos } from "./infos.ts";
import { checkPageLimit, listNames } from "./name-listing.ts";
import type { NodeContext } from "./node-context.ts";
import { STEP_ROWS } from "./tenant-listing.ts";

export interface CollectionDoors {
  readonly node: Pick<NodeContext, "catalog" | "disk" | "shards" | "sweeper">;
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

  /** Step by step, and the thread is given back between two of them. */
  async list(database: string, page: PageRequest): Promise<Page<CollectionInfo>> {
    checkPageLimit(page.limit);
    const { node, directory } = this.#doors;
    const parent = await directory.databaseNamed(database);
    const prefix = collectionPrefix(parent.row.number);
    const items: CollectionInfo[] = [];
    for (let { after } = page; ;) {
      const limit = Math.min(STEP_ROWS, page.limit - items.length);
      const { removals } = directory;
      const step = { ...page, limit, ...(after !== undefined && { after }) };
      const names = await listNames(node.catalog, prefix, step);
      // Sums lie apart in the catalogue: side by side the disk is asked for many at once.
      const found = await Promise.all(
        names.items.map((row) => this.#infoOf(parent, { ...row, removals })),
      );
      items.push(...found.filter((info) => info !== undefined));
      const isFull = items.length === page.limit;
      if (isFull || !names.hasMore) return { items, hasMore: names.hasMore };
      after = names.items.at(-1)?.name;
      await node.shards.clock.yield();
    }
  }

  async #infoOf(parent: DatabaseEntry, found: FoundRow): Promise<CollectionInfo | undefined> {
    const { directory, infos } = this.#doors;
    const entry = await directory.collectionOf(parent, found);
    return entry && infos.collection(entry);
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
