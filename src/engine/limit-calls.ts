/** What callers do with the limits of places: read and set; nobody is woken. */
import { InsulaError } from "../base/errors.ts";
import type { LimitsInfo, LimitsPatch, Place } from "../model/index.ts";
import type { Directory } from "./directory.ts";
import type { LimitBook } from "./limit-book.ts";
import { stateOf, type FoundPlace } from "./tenant-gate.ts";

export class LimitCalls {
  readonly #directory: Directory;
  readonly #book: LimitBook;

  constructor(directory: Directory, book: LimitBook) {
    this.#directory = directory;
    this.#book = book;
  }

  async read(place: Place): Promise<LimitsInfo> {
    return this.#book.read(await this.#find(place));
  }

  async change(place: Place, patch: LimitsPatch): Promise<LimitsInfo> {
    return this.#book.change(await this.#find(place), patch);
  }

  /** Of a collection with tenants when no tenant is named: what holds for them. */
  async #find({ database, collection: name, tenant }: Place): Promise<FoundPlace> {
    const collection = await this.#directory.collectionNamed(database, name);
    if (tenant === undefined) {
      return { collection, tenant, shard: collection.row.shard, ...stateOf(undefined) };
    }
    if (!collection.isMultiTenant) {
      throw new InsulaError(
        "argument_invalid",
        `Cannot use tenants of collection "${name}": it was created without tenants.`,
      );
    }
    const entry = await this.#directory.tenants.find(collection, tenant);
    if (entry !== undefined) {
      return { collection, tenant, shard: entry.row.shard, ...stateOf(entry.row) };
    }
    throw new InsulaError("tenant_not_found", `Cannot find tenant "${tenant}".`);
  }
}
