/**
 * Erasure of a tenant, with what can be said about its bytes afterwards.
 *
 * Removal makes it invisible at once and leaves the rest to the sweeper; who erases waits for the
 * sweeper and looks: the key is gone when its slot is overwritten, a file when it is not there.
 * Bytes in packs and in the log lie among those of others and stay until their file is rewritten;
 * without the key they are noise (NIST SP 800-88: destroying the key erases what it sealed).
 */
import { toHex, type ShardUid } from "../base/brands.ts";
import type { FileSystem } from "../io/index.ts";
import { segmentPath, tailBytes, type ShardState } from "../shard/index.ts";
import type { ErasureReceipt, TenantPlace } from "./api.ts";
import { garbageSlotKey } from "./catalog-keys.ts";
import type { Catalog } from "./catalog.ts";

export interface ErasureDoors {
  readonly catalog: Pick<Catalog, "get">;
  readonly fileSystem: Pick<FileSystem, "exists">;
  /** Sweeps and waits for the end of it. */
  readonly settle: () => Promise<void>;
  /** Removes copies in the object store now; false when some may be left, undefined without any. */
  readonly removeCopies: (shard: ShardUid) => Promise<boolean | undefined>;
}

/**
 * @param state as it was before the tenant was removed.
 */
export async function finishErasure(
  { catalog, fileSystem, settle, removeCopies }: ErasureDoors,
  place: TenantPlace,
  { state, atMs }: { readonly state: ShardState; readonly atMs: number },
): Promise<ErasureReceipt> {
  await settle();
  const isCopyRemoved = await removeCopies(state.uid);
  const isSealed = state.keySlot !== 0;
  const isKeyDestroyed =
    isSealed && (await catalog.get(garbageSlotKey(state.keySlot))) === undefined;
  let filesRemoved = 0;
  let filesLeft = 0;
  let sharedBytes = tailBytes(state);
  for (const { uid, location } of state.segments) {
    if (location.kind === "remote") continue;
    if (location.kind === "pack") sharedBytes += location.bytes;
    else if (await fileSystem.exists(segmentPath(uid))) filesLeft++;
    else filesRemoved++;
  }
  return {
    ...place,
    shard: toHex(state.uid),
    keyId: state.keySlot,
    isKeyDestroyed,
    recordCount: state.rowCount,
    filesRemoved,
    filesLeft,
    sharedBytes,
    ...(isCopyRemoved === undefined ? {} : { isCopyRemoved }),
    // The manifest of a copy holds the key, wrapped by that of the folder.
    isUnreadable:
      isCopyRemoved !== false && (isKeyDestroyed || (filesLeft === 0 && sharedBytes === 0)),
    erasedAtMs: atMs,
  };
}
