/**
 * What a restore makes before its names are committed: databases and collections that exist by
 * number only. A row of the catalogue remembers each, so that a restore that was cut off is swept
 * away like anything that was deleted.
 */
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import {
  PENDING_PREFIX,
  collectionPrefix,
  collectionSchemaKey,
  databaseTotalsKey,
  endOfPrefix,
  garbageCollectionKey,
  numberOfPendingKey,
  pendingKey,
  totalsKey,
  type EncodedKey,
} from "./catalog-keys.ts";
import { decodeCollection } from "./catalog-rows.ts";
import { ROOT_NUMBER, childChange } from "./directory.ts";
import { dropShardChanges } from "./garbage.ts";
import { garbageSlotChanges } from "./garbage-rows.ts";
import { NumberCounter } from "./number-counter.ts";
import { policyRemoval } from "./policy-rows.ts";
import { SchemaBook } from "./schema-book.ts";
import type { ShardUid } from "../base/brands.ts";

const STEP_ROWS = 256;
const NO_BYTES = new Uint8Array(0);

export interface PendingDoors {
  readonly catalog: Catalog;
  readonly schemas: Pick<SchemaBook, "keySlotOf">;
  /** Ends the uses of shards, then commits their removal. */
  readonly dropShards: (shards: readonly ShardUid[], commit: () => Promise<void>) => Promise<void>;
}

/** Makes garbage of every restore that was not finished. The sweeper does the rest. */
async function discardPending(doors: PendingDoors): Promise<void> {
  const range = { start: PENDING_PREFIX, end: endOfPrefix(PENDING_PREFIX), limit: STEP_ROWS };
  for (;;) {
    const rows = await doors.catalog.scan(range);
    if (rows.length === 0) return;
    for (const [key] of rows) {
      const { kind, number } = numberOfPendingKey(key);
      if (kind === "database") await discardDatabase(doors, number);
      else await discardCollection(doors, number);
    }
  }
}

/** At a start, before anybody uses a shard. */
export function discardHalfRestores(catalog: Catalog): Promise<void> {
  const schemas = new SchemaBook(catalog, new NumberCounter(catalog));
  return discardPending({ catalog, schemas, dropShards: (_, commit) => commit() });
}

export async function discardDatabase(doors: PendingDoors, number: number): Promise<void> {
  const prefix = collectionPrefix(number);
  for (;;) {
    const range = { start: prefix, end: endOfPrefix(prefix), limit: STEP_ROWS };
    const rows = await doors.catalog.scan(range);
    for (const [key, value] of rows) await discardNamed(doors, number, { key, value });
    if (rows.length < STEP_ROWS) break;
  }
  await doors.catalog.commit([
    { kind: "drop-totals", key: databaseTotalsKey(number) },
    { kind: "delete", key: pendingKey("database", number) },
  ]);
}

/** A collection that has a name, in a database that has none. */
async function discardNamed(
  { catalog, schemas, dropShards }: PendingDoors,
  database: number,
  { key, value }: { readonly key: EncodedKey; readonly value: Uint8Array },
): Promise<void> {
  const { number, shard, policy } = decodeCollection(value);
  const gone: CatalogChange[] = [
    { kind: "delete", key },
    childChange(database, { rows: 0, children: -1 }),
    childChange(ROOT_NUMBER, { rows: -1, children: 0 }),
    ...policyRemoval({ number, policy }),
  ];
  if (shard === undefined) {
    const slot = (await schemas.keySlotOf(number)) ?? 0;
    await catalog.commit([...gone, ...collectionGarbage(number, slot)]);
    return;
  }
  await dropShards([shard], async () => {
    await catalog.commit([
      ...gone,
      ...(await dropShardChanges(catalog, shard)),
      { kind: "drop-totals", key: totalsKey(number) },
      { kind: "delete", key: collectionSchemaKey(number) },
    ]);
  });
}

export async function discardCollection(doors: PendingDoors, number: number): Promise<void> {
  const slot = (await doors.schemas.keySlotOf(number)) ?? 0;
  await doors.catalog.commit([
    ...collectionGarbage(number, slot),
    { kind: "delete", key: pendingKey("collection", number) },
  ]);
}

function collectionGarbage(number: number, slot: number): readonly CatalogChange[] {
  return [
    { kind: "put", key: garbageCollectionKey(number), value: NO_BYTES },
    ...garbageSlotChanges(slot),
  ];
}
