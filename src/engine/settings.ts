/** Named values that rooms above the engine keep in the catalogue: keys, grants, policies. */
import type { Page, PageRequest } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { SETTING_PREFIX, settingKey } from "./catalog-keys.ts";
import { listNames, type NamedRow } from "./name-listing.ts";
import { checkName } from "./names.ts";

export class Settings {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return this.#catalog.get(settingKey(name));
  }

  /** @param value undefined removes the setting. */
  async write(name: string, value: Uint8Array | undefined): Promise<void> {
    checkName(name);
    const key = settingKey(name);
    await this.#catalog.commit([
      value === undefined ? { kind: "delete", key } : { kind: "put", key, value },
    ]);
  }

  list(page: PageRequest): Promise<Page<NamedRow>> {
    return listNames(this.#catalog, SETTING_PREFIX, page);
  }
}
