/** Every shard of the catalogue with the names it is found by, in the order of names. */
import type { ShardUid } from "../base/brands.ts";
import {
  collectionPrefix,
  DATABASE_PREFIX,
  endOfPrefix,
  nameAfter,
  tenantPrefix,
  type EncodedKey,
} from "./catalog-keys.ts";
import { decodeCollection, decodeDatabase, decodeTenant } from "./catalog-rows.ts";
import type { Catalog } from "./catalog.ts";

export interface ShardOwner {
  readonly database: string;
  readonly collection: string;
  /** Absent for a collection without tenants. */
  readonly tenant?: string;
}

/** Rows of the catalogue read at once. */
const PAGE_ROWS = 1_000;

export async function* walkShards(
  catalog: Pick<Catalog, "scan">,
): AsyncIterable<{ readonly owner: ShardOwner; readonly uid: ShardUid }> {
  for await (const [database, bytes] of walkNames(catalog, DATABASE_PREFIX)) {
    const collections = collectionPrefix(decodeDatabase(bytes).number);
    for await (const [collection, row] of walkNames(catalog, collections)) {
      const { number, shard } = decodeCollection(row);
      if (shard !== undefined) {
        yield { owner: { database, collection }, uid: shard };
        continue;
      }
      for await (const [tenant, value] of walkNames(catalog, tenantPrefix(number))) {
        yield { owner: { database, collection, tenant }, uid: decodeTenant(value).shard };
      }
    }
  }
}

async function* walkNames(
  catalog: Pick<Catalog, "scan">,
  prefix: EncodedKey,
): AsyncIterable<readonly [string, Uint8Array]> {
  let start = prefix;
  let startIsExclusive = false;
  for (;;) {
    const range = { start, end: endOfPrefix(prefix), limit: PAGE_ROWS, startIsExclusive };
    const rows = await catalog.scan(range);
    for (const [key, value] of rows) yield [nameAfter(key, prefix), value];
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    start = last[0];
    startIsExclusive = true;
  }
}
