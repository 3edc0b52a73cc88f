/**
 * What callers are told of databases, collections and tenants: rows of the catalogue, nobody is
 * woken.
 */
import { toPolicy } from "../model/index.ts";
import type { CollectionInfo, DatabaseInfo, TenantInfo } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { databaseTotalsKey, totalsKey } from "./catalog-keys.ts";
import type { TenantRow } from "./catalog-rows.ts";
import type { CollectionEntry, DatabaseEntry } from "./directory-entries.ts";
import { withRecalls } from "./field-recalls.ts";

export class Infos {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** A database as callers see it. */
  async database({ name, row }: DatabaseEntry): Promise<DatabaseInfo> {
    const totals = await this.#catalog.readTotals(databaseTotalsKey(row.number));
    const { createdAtMs, attributes } = row;
    return { name, createdAtMs, attributes, collectionCount: totals?.childCount ?? 0 };
  }

  async collection(entry: CollectionEntry): Promise<CollectionInfo> {
    const { row } = entry;
    const policy = toPolicy(row.policy);
    const totals = await this.#catalog.readTotals(totalsKey(row.number));
    return {
      database: entry.database.name,
      name: entry.name,
      schema: withRecalls(entry.schema, row.recalls),
      tenancy: entry.isMultiTenant ? "multi" : "single",
      status: row.isEnabled ? "enabled" : "disabled",
      createdAtMs: row.createdAtMs,
      attributes: row.attributes,
      ...(row.embeddingModel === undefined ? {} : { embeddingModel: row.embeddingModel }),
      ...(entry.isMultiTenant && {
        createsTenants: row.createsTenants,
        activatesTenants: row.activatesTenants,
        ...(policy !== undefined && { policy }),
      }),
      rowCount: totals?.rowCount ?? 0,
      byteCount: totals?.byteCount ?? 0,
      tenantCount: totals?.childCount ?? 0,
    };
  }

  async tenant(name: string, row: TenantRow): Promise<TenantInfo> {
    const { shard, state, createdAtMs, lastChange, lastUsedAtMs } = row;
    const sizes = await this.#catalog.readShardSizes(shard);
    const { rowCount, byteCount } = sizes ?? { rowCount: 0, byteCount: 0 };
    return {
      ...{ name, state, createdAtMs, rowCount, byteCount },
      ...(lastChange !== undefined && { lastChange }),
      ...(lastUsedAtMs !== undefined && { lastUsedAtMs }),
    };
  }
}
