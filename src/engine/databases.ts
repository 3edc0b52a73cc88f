/** What callers do with databases: rows of the catalogue; what hangs below goes with them. */
import type { AttributePatch, DatabaseInfo, DatabaseOptions, Page, PageRequest } from "./api.ts";
import { DATABASE_PREFIX } from "./catalog-keys.ts";
import type { Directory } from "./directory.ts";
import type { Infos } from "./infos.ts";
import { listNames } from "./name-listing.ts";
import type { NodeContext } from "./node-context.ts";

export interface DatabaseDoors {
  readonly node: Pick<NodeContext, "catalog" | "disk">;
  readonly directory: Directory;
  readonly infos: Infos;
}

export class Databases {
  readonly #doors: DatabaseDoors;

  constructor(doors: DatabaseDoors) {
    this.#doors = doors;
  }

  async create(name: string, { attributes = {} }: DatabaseOptions): Promise<DatabaseInfo> {
    const { node, directory, infos } = this.#doors;
    return node.disk.run(async () =>
      infos.database(await directory.createDatabase(name, attributes)),
    );
  }

  async get(name: string): Promise<DatabaseInfo | undefined> {
    const entry = await this.#doors.directory.database(name);
    return entry === undefined || entry.isGone ? undefined : this.#doors.infos.database(entry);
  }

  async list(page: PageRequest): Promise<Page<DatabaseInfo>> {
    const names = await listNames(this.#doors.node.catalog, DATABASE_PREFIX, page);
    const items: DatabaseInfo[] = [];
    for (const { name } of names.items) {
      const info = await this.get(name);
      if (info !== undefined) items.push(info);
    }
    return { items, hasMore: names.hasMore };
  }

  async update(name: string, { attributes = {} }: AttributePatch): Promise<DatabaseInfo> {
    const { directory, infos } = this.#doors;
    return infos.database(await directory.updateDatabase(name, attributes));
  }

  delete(name: string): Promise<void> {
    return this.#doors.directory.deleteDatabase(name);
  }
}
