/** Copies of the shards of one customer in several collections: all appear at once, or none. */
import type { ShardUid } from "../base/brands.ts";
import { tenantKey } from "./catalog-keys.ts";
import { encodeTenant } from "./catalog-rows.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import type { ClaimedName, CollectionEntry } from "./directory-entries.ts";
import type { RestoreDoors } from "./restore-run.ts";
import { openImage } from "./shard-images.ts";
import { importShard, type ImportedShard } from "./shard-import.ts";
import { tenantCountChanges } from "./tenant-totals.ts";

export interface CopiedTenant {
  readonly collection: CollectionEntry;
  readonly shard: ShardUid;
}

/**
 * @param name is taken in none of the collections.
 * @throws InsulaError `tenant_exists`, `customer_suspended`, and the reason of the signal.
 */
export async function copyTenants(
  { node, directory }: RestoreDoors,
  sources: readonly CopiedTenant[],
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const claims = sources.map(({ collection }): ClaimedName => ({
    kind: "tenant",
    collection,
    name,
  }));
  // Refused before anything is read; looked at again with the commit.
  await directory.claim(claims, () => Promise.resolve());
  const createdAtMs = node.shards.clock.wallMs();
  const made: ImportedShard[] = [];
  const changes: CatalogChange[] = [];
  try {
    for (const { collection, shard: source } of sources) {
      signal.throwIfAborted();
      const opened = await openImage(node, source);
      // Removed meanwhile: as if a little before.
      if (opened === undefined) continue;
      const { number } = collection.row;
      try {
        const shard = await importShard(node, opened.image, number);
        made.push(shard);
        const row = { shard: shard.uid, state: "ACTIVE" as const, createdAtMs };
        changes.push(
          { kind: "put", key: tenantKey(number, name), value: encodeTenant(row) },
          ...shard.changes,
          ...tenantCountChanges(number, row.state, 1),
        );
      } finally {
        opened.close();
      }
    }
    await directory.claim(claims, () => node.catalog.commit(changes));
  } catch (error) {
    for (const shard of made) await shard.abandon();
    throw error;
  }
  for (const shard of made) await shard.settle();
}
