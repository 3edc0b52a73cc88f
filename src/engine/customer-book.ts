/**
 * Customers whose calls are refused: those of one name in all collections of a database, suspended
 * or being erased. Rows of the catalogue, so that a restart changes nothing.
 *
 * A database where nobody is costs a call one look into a map. What is set holds for the next call.
 */
import { InsulaError } from "../base/errors.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { customerKey, customerPrefix, endOfPrefix, type EncodedKey } from "./catalog-keys.ts";
import { decodeCustomer, encodeCustomer, type CustomerRow } from "./customer-rows.ts";

/** Rows in memory, also those that are not there; about 150 bytes each. */
const CACHED_ROWS_MAX = 20_000;

export class CustomerBook {
  readonly #catalog: Pick<Catalog, "get" | "scan" | "commit">;
  readonly #rows = new LruMap<EncodedKey, CustomerRow | null>(CACHED_ROWS_MAX);
  /** Numbers of databases without a row. */
  readonly #empty = new LruMap<number, true>(CACHED_ROWS_MAX);
  /** Changes so far: what was read before one is not kept after it. */
  #changes = 0;

  constructor(catalog: Pick<Catalog, "get" | "scan" | "commit">) {
    this.#catalog = catalog;
  }

  /** Undefined: nobody is refused. @throws InsulaError `customer_suspended`. */
  admit(databaseNumber: number, name: string): undefined | Promise<void> {
    if (this.#empty.get(databaseNumber) === true) return undefined;
    const key = customerKey(databaseNumber, name);
    const known = this.#rows.get(key);
    if (known === null) return undefined;
    return this.#refuse(databaseNumber, name);
  }

  async read(databaseNumber: number, name: string): Promise<CustomerRow | undefined> {
    const key = customerKey(databaseNumber, name);
    const known = this.#rows.get(key);
    if (known !== undefined) return known ?? undefined;
    const changes = this.#changes;
    const bytes = await this.#catalog.get(key);
    const row = bytes === undefined ? null : decodeCustomer(bytes);
    if (changes === this.#changes) this.#rows.set(key, row);
    return row ?? undefined;
  }

  /**
   * Durable, and in force for the next call, when the promise resolves.
   *
   * @param also goes into the same frame.
   */
  async write(
    databaseNumber: number,
    name: string,
    row: CustomerRow | undefined,
    also: readonly CatalogChange[] = [],
  ): Promise<void> {
    const key = customerKey(databaseNumber, name);
    const change: CatalogChange =
      row === undefined
        ? { kind: "delete", key }
        : { kind: "put", key, value: encodeCustomer(row) };
    await this.#catalog.commit([change, ...also]);
    this.#changes++;
    this.#rows.delete(key);
    this.#empty.delete(databaseNumber);
  }

  async #refuse(databaseNumber: number, name: string): Promise<void> {
    const changes = this.#changes;
    const prefix = customerPrefix(databaseNumber);
    const some = await this.#catalog.scan({ start: prefix, end: endOfPrefix(prefix), limit: 1 });
    if (some.length === 0 && changes === this.#changes) this.#empty.set(databaseNumber, true);
    const row = some.length === 0 ? undefined : await this.read(databaseNumber, name);
    if (row !== undefined) throw suspended(name, row);
  }
}

function suspended(name: string, { isErasing }: CustomerRow): InsulaError {
  return new InsulaError(
    "customer_suspended",
    isErasing
      ? `Cannot use "${name}": it is being erased from all collections of its database.`
      : `Cannot use "${name}": it is suspended in all collections of its database until it is resumed.`,
    { details: { state: isErasing ? "ERASING" : "SUSPENDED" } },
  );
}
