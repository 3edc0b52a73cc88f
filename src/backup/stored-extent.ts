/** Reads a range of an object and compares it with its checksum before anybody sees a byte. */
import type { Pace } from "../base/pace.ts";
import { sha256InTurns } from "../base/sha256.ts";
import type { ObjectStore } from "../io/index.ts";
import { objectDamaged, objectMissing } from "./backup-manifest.ts";
import type { StoredExtent } from "./stored-shard.ts";

export interface ExtentDoors {
  readonly store: Pick<ObjectStore, "get">;
  /** Of the thread, while bytes are compared. */
  readonly pace: Pace;
  readonly signal?: AbortSignal | undefined;
}

/** @throws InsulaError `data_damaged` that names the object. */
export async function readExtent(
  { store, pace, signal }: ExtentDoors,
  extent: StoredExtent,
): Promise<Uint8Array> {
  const { object, offset, bytes } = extent;
  const body = await store.get(object, { start: offset, length: bytes }, signal);
  if (body === undefined) throw objectMissing(object);
  if (body.length !== bytes) throw objectDamaged(object);
  const found = await sha256InTurns(body, pace);
  if (!found.equals(extent.sha256)) throw objectDamaged(object);
  return body;
}
