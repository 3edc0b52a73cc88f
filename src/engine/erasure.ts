/**
 * Erasure of a tenant, with what can be said about its bytes afterwards.
 *
 * Removal makes it invisible at once and leaves the rest to the sweeper; who erases waits for the
 * sweeper and looks: the key is gone when its slot is overwritten, a file when it is not there.
 * Bytes in packs and in the log lie among those of others and stay until their file is rewritten;
 * without the key they are noise (NIST SP 800-88: destroying the key erases what it sealed).
 */
import { toHex, type SegmentUid, type ShardUid } from "../base/brands.ts";
import type { FileSystem } from "../io/index.ts";
import { segmentPath, tailBytes, type ShardState } from "../shard/index.ts";
import type { ErasureReceipt, TenantPlace } from "./api.ts";
import { garbageSlotKey } from "./catalog-keys.ts";
import type { Catalog } from "./catalog.ts";

export interface ErasureDoors {
  readonly catalog: Pick<Catalog, "get">;
  readonly fileSystem: Pick<FileSystem, "exists">;
  /** Removes copies in the object store now; false when some may be left, undefined without any. */
  readonly removeCopies: (shard: ShardUid) => Promise<boolean | undefined>;
}

/** What a shard had before it was removed, as far as a receipt tells of it. */
export interface ErasedShard {
  readonly uid: ShardUid;
  readonly keySlot: number;
  readonly rowCount: number;
  /** Segments with a file of their own. */
  readonly files: readonly SegmentUid[];
  /** In packs and in the log. */
  readonly sharedBytes: number;
  readonly atMs: number;
}

/** @param state as it was before the tenant was removed. */
export function toErased(state: ShardState, atMs: number): ErasedShard {
  const files: SegmentUid[] = [];
  let sharedBytes = tailBytes(state);
  for (const { uid, location } of state.segments) {
    if (location.kind === "pack") sharedBytes += location.bytes;
    else if (location.kind === "file") files.push(uid);
  }
  const { uid, keySlot, rowCount } = state;
  return { uid, keySlot, rowCount, files, sharedBytes, atMs };
}

/** To be called when the sweeper has been waited for. */
export async function writeReceipt(
  { catalog, fileSystem, removeCopies }: ErasureDoors,
  place: TenantPlace,
  { uid, keySlot, rowCount, files, sharedBytes, atMs }: ErasedShard,
): Promise<ErasureReceipt> {
  const isCopyRemoved = await removeCopies(uid);
  const isSealed = keySlot !== 0;
  const isKeyDestroyed = isSealed && (await catalog.get(garbageSlotKey(keySlot))) === undefined;
  let filesLeft = 0;
  for (const file of files) if (await fileSystem.exists(segmentPath(file))) filesLeft++;
  return {
    ...place,
    shard: toHex(uid),
    keyId: keySlot,
    isKeyDestroyed,
    recordCount: rowCount,
    filesRemoved: files.length - filesLeft,
    filesLeft,
    sharedBytes,
    ...(isCopyRemoved === undefined ? {} : { isCopyRemoved }),
    // The manifest of a copy holds the key, wrapped by that of the folder.
    isUnreadable:
      isCopyRemoved !== false && (isKeyDestroyed || (filesLeft === 0 && sharedBytes === 0)),
    erasedAtMs: atMs,
  };
}
