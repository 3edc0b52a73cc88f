/** Numbers that are given once and never again: of databases, collections and schemas. */
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { counterKey } from "./catalog-keys.ts";

const KEY = counterKey("number");

export class NumberCounter {
  readonly #catalog: Catalog;
  #last: number | undefined;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** A fresh number, and the change that must be committed together with its first use. */
  async next(): Promise<{ readonly number: number; readonly change: CatalogChange }> {
    if (this.#last === undefined) {
      const bytes = await this.#catalog.get(KEY);
      // Another caller may have been quicker while this one read.
      this.#last ??= bytes === undefined ? 0 : Number(Buffer.from(bytes).readBigUInt64LE());
    }
    const number = ++this.#last;
    const value = Buffer.allocUnsafe(8);
    value.writeBigUInt64LE(BigInt(number));
    return { number, change: { kind: "put", key: KEY, value } };
  }
}
