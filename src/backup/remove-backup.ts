/**
 * Takes a backup out of the store, with what no other backup names.
 *
 * Order, so that a crash leaves at most what a later removal clears: a note of the backup's objects
 * under `removals/`; the manifest, with which the backup is gone; root key, index and lines,
 * without which nobody can open its tails; then the objects that no backup left names; last the
 * note.
 *
 * Not to be done while another process backs up to the same store: what that backup found there may
 * go. It fails then when a backup that it began with is gone.
 */
import { InsulaError } from "../base/errors.ts";
import type { ObjectStore } from "../io/index.ts";
import { MANIFEST_PREFIX, backupPrefix, manifestKey, objectListKey } from "./backup-manifest.ts";
import { decodeObjectList } from "./object-list.ts";

const LIST_LIMIT = 1_000;
/** ON DISK. */
const REMOVAL_PREFIX = "removals/";

/**
 * Also clears what removals before have left. The objects of a backup that has no list of them stay
 * in the store, and all objects while such a backup is kept.
 *
 * @throws InsulaError `backup_not_found`; `data_damaged` when the list of another backup is
 *   damaged: then the backup is gone and its objects stay; and what the store throws.
 */
export async function removeBackup(store: ObjectStore, id: string): Promise<void> {
  if ((await store.head(manifestKey(id))) === undefined) {
    throw new InsulaError("backup_not_found", `Cannot find backup ${id} in the store.`);
  }
  const objects = await store.get(objectListKey(id));
  await store.put(`${REMOVAL_PREFIX}${id}`, objects ?? new Uint8Array());
  await store.delete(manifestKey(id));
  await clearRemoved(store);
}

/** Everything that was begun is done. */
async function clearRemoved(store: ObjectStore): Promise<void> {
  const kept = new Set(await namesUnder(store, MANIFEST_PREFIX));
  const all = await namesUnder(store, REMOVAL_PREFIX);
  // A removal that a crash ended before the manifest was gone has not been.
  const removed = all.filter((id) => !kept.has(id));
  const objects = new Set<string>();
  for (const id of removed) {
    for await (const key of keysUnder(store, backupPrefix(id))) await store.delete(key);
    for (const object of await noteOf(store, id)) objects.add(object);
  }
  for (const id of kept) {
    const key = objectListKey(id);
    const list = await store.get(key);
    // Made before backups had lists: it may name any of them.
    if (list === undefined) return;
    for (const object of decodeObjectList(key, list)) objects.delete(object);
  }
  for (const object of objects) await store.delete(object);
  for (const id of removed) await store.delete(`${REMOVAL_PREFIX}${id}`);
}

async function noteOf(store: ObjectStore, id: string): Promise<readonly string[]> {
  const key = `${REMOVAL_PREFIX}${id}`;
  const note = (await store.get(key)) ?? new Uint8Array();
  return note.length === 0 ? [] : decodeObjectList(key, note);
}

async function namesUnder(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const key of keysUnder(store, prefix)) names.push(key.slice(prefix.length));
  return names;
}

async function* keysUnder(store: ObjectStore, prefix: string): AsyncIterable<string> {
  let after: string | undefined;
  for (;;) {
    const page = { limit: LIST_LIMIT, ...(after === undefined ? {} : { after }) };
    const keys = await store.list(prefix, page);
    yield* keys;
    after = keys.at(-1);
    if (keys.length < LIST_LIMIT) return;
  }
}

/**
 * To be asked when a backup is in the store: whether those are there that were when it began, whose
 * objects it may name.
 *
 * @throws InsulaError `backup_not_found` when one is gone; the new one is then removed.
 */
export async function requireKept(
  store: ObjectStore,
  made: string,
  before: readonly string[],
): Promise<void> {
  const kept = new Set(await namesUnder(store, MANIFEST_PREFIX));
  const gone = before.find((id) => !kept.has(id));
  if (gone === undefined) return;
  await removeBackup(store, made);
  throw new InsulaError(
    "backup_not_found",
    `Cannot back up: backup ${gone}, whose bytes this one may name, was removed meanwhile. ` +
      "Nothing was made: try again.",
  );
}
