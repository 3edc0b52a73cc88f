/** Every shard of the catalogue with the names it is found by, in the order of names. */
import type { ShardUid } from "../base/brands.ts";
import {
  binary,
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

/** For people: `database/collection/tenant`. */
export function printOwner({ database, collection, tenant }: ShardOwner): string {
  return [database, collection, ...(tenant === undefined ? [] : [tenant])].join("/");
}

/** @param after an owner, which need not be there any more: the walk goes on behind it. */
export async function* walkShards(
  catalog: Pick<Catalog, "scan">,
  after?: ShardOwner,
): AsyncIterable<{ readonly owner: ShardOwner; readonly uid: ShardUid }> {
  for await (const [database, bytes] of walkNames(catalog, DATABASE_PREFIX, after?.database)) {
    const inDatabase = database === after?.database ? after : undefined;
    const collections = collectionPrefix(decodeDatabase(bytes).number);
    for await (const [collection, row] of walkNames(catalog, collections, inDatabase?.collection)) {
      const inCollection = collection === inDatabase?.collection ? inDatabase : undefined;
      const { number, shard } = decodeCollection(row);
      if (shard !== undefined) {
        if (inCollection === undefined) yield { owner: { database, collection }, uid: shard };
        continue;
      }
      const tenants = tenantPrefix(number);
      for await (const [tenant, value] of walkNames(catalog, tenants, inCollection?.tenant)) {
        if (tenant === inCollection?.tenant) continue;
        yield { owner: { database, collection, tenant }, uid: decodeTenant(value).shard };
      }
    }
  }
}

async function* walkNames(
  catalog: Pick<Catalog, "scan">,
  prefix: EncodedKey,
  from = "",
): AsyncIterable<readonly [string, Uint8Array]> {
  let start = prefix + binary(from);
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
