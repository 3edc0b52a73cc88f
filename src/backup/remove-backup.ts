/** Takes a backup out of the store. */
import { InsulaError } from "../base/errors.ts";
import type { ObjectStore } from "../io/index.ts";
import { backupPrefix, manifestKey } from "./backup-manifest.ts";

const LIST_LIMIT = 1_000;

/**
 * Removes the manifest, with which the backup is gone, and then its root key, index and lines,
 * without which nobody can tell what the bytes of its segments are or open its tails. Those bytes
 * stay: other backups may name them. After a crash in between the rest stays and harms nobody.
 *
 * Not to be done while another process backs up to the same store: that backup may have taken this
 * one for what the store has, and then fails.
 *
 * @throws InsulaError `backup_not_found`, and what the store throws.
 */
export async function removeBackup(store: ObjectStore, id: string): Promise<void> {
  if ((await store.head(manifestKey(id))) === undefined) {
    throw new InsulaError("backup_not_found", `Cannot find backup ${id} in the store.`);
  }
  await store.delete(manifestKey(id));
  for (;;) {
    const keys = await store.list(backupPrefix(id), { limit: LIST_LIMIT });
    for (const key of keys) await store.delete(key);
    if (keys.length < LIST_LIMIT) return;
  }
}
