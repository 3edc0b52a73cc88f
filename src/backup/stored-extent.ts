/** Reads a range of an object and compares it with its checksum before anybody sees a byte. */
import type { ObjectStore } from "../io/index.ts";
import { objectDamaged, objectMissing, sha256 } from "./backup-manifest.ts";
import type { StoredExtent } from "./stored-shard.ts";

/** @throws InsulaError `data_damaged` that names the object. */
export async function readExtent(
  store: Pick<ObjectStore, "get">,
  extent: StoredExtent,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { object, offset, bytes } = extent;
  const body = await store.get(object, { start: offset, length: bytes }, signal);
  if (body === undefined) throw objectMissing(object);
  if (body.length !== bytes || !sha256(body).equals(extent.sha256)) throw objectDamaged(object);
  return body;
}
