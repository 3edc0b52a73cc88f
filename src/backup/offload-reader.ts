/** Reads an offloaded shard: its manifest, and each piece compared with its checksum. */
import { InsulaError } from "../base/errors.ts";
import type { ObjectStore } from "../io/index.ts";
import { objectMissing } from "./backup-manifest.ts";
import { decodeOffload, type OffloadKeys, type OffloadManifest } from "./offload-manifest.ts";
import { OFFLOAD_PREFIX, offloadManifestKey } from "./offload-place.ts";
import { FetchedObject } from "./fetched-object.ts";
import type { ShardImage } from "./shard-image.ts";
import { readExtent, type ExtentDoors } from "./stored-extent.ts";

/** Names asked for at once. */
const LIST_LIMIT = 1_000;
/** A listing may lag behind so long. */
const LAG_MS = 60_000;

/** @throws InsulaError `data_damaged`, `format_unsupported`, and what the keys throw. */
export async function readOffload(
  store: Pick<ObjectStore, "get">,
  prefix: string,
  keys: OffloadKeys,
): Promise<OffloadManifest> {
  return decodeOffload(prefix, await fetchManifest(store, prefix), keys);
}

/**
 * A manifest and the shard it tells of. What lies in the object of the manifest is here with it:
 * a small shard costs one request.
 *
 * @throws InsulaError as {@link readOffload}.
 */
export async function openOffload(
  doors: ExtentDoors,
  prefix: string,
  keys: OffloadKeys,
): Promise<{ readonly manifest: OffloadManifest; readonly image: ShardImage }> {
  const bytes = await fetchManifest(doors.store, prefix);
  const manifest = decodeOffload(prefix, bytes, keys);
  const store = new FetchedObject(doors.store, offloadManifestKey(prefix), bytes);
  return { manifest, image: offloadImage({ ...doors, store }, manifest) };
}

async function fetchManifest(store: Pick<ObjectStore, "get">, prefix: string): Promise<Uint8Array> {
  const key = offloadManifestKey(prefix);
  const bytes = await store.get(key);
  if (bytes === undefined) throw objectMissing(key);
  return bytes;
}

/** The shard of a manifest; its bytes are read when they are asked for. */
export function offloadImage(doors: ExtentDoors, { shard }: OffloadManifest): ShardImage {
  const { tail: _, segments, ...facts } = shard;
  return {
    ...facts,
    segments: segments.map(({ extents, ...segment }) => ({
      ...segment,
      read: async function* () {
        for (const extent of extents) yield await readExtent(doors, extent);
      },
    })),
    tailBytes: 0,
    tail: () => Promise.resolve([]),
  };
}

/**
 * Prefixes of the offloads whose manifest is there, in the order of their names.
 *
 * Cost: a listing of everything below `tenants/`.
 */
export async function* listOffloads(store: Pick<ObjectStore, "list">): AsyncIterable<string> {
  const suffix = offloadManifestKey("/").slice(1);
  let after: string | undefined;
  for (;;) {
    const page = { limit: LIST_LIMIT, ...(after === undefined ? {} : { after }) };
    const keys = await store.list(OFFLOAD_PREFIX, page);
    for (const key of keys) {
      if (key.endsWith(`/${suffix}`)) yield key.slice(0, -suffix.length);
    }
    after = keys.at(-1);
    if (keys.length < LIST_LIMIT) return;
  }
}

/**
 * Removes everything an offload left, its manifest first: without it the rest is noise.
 *
 * @returns objects removed. Nothing of the prefix is there when the promise resolves.
 */
export async function removeOffload(
  store: Pick<ObjectStore, "list" | "delete">,
  prefix: string,
): Promise<number> {
  await store.delete(offloadManifestKey(prefix));
  const removed = new Set<string>();
  for (;;) {
    const keys = await store.list(prefix, { limit: LIST_LIMIT });
    if (keys.length === 0) return removed.size;
    // A listing that lags behind would be gone through for ever.
    if (keys.every((key) => removed.has(key))) throw stillListed(prefix);
    for (const key of keys) {
      await store.delete(key);
      removed.add(key);
    }
  }
}

function stillListed(prefix: string): InsulaError {
  return new InsulaError(
    "io_failed",
    `Cannot remove "${prefix}" from the object store: it still lists what was removed.`,
    { retryAfterMs: LAG_MS },
  );
}
