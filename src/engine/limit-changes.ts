/** Limits go with what they are of. */
import type { ShardUid } from "../base/brands.ts";
import type { Catalog } from "./catalog.ts";
import { shardLimitsKey, type EncodedKey } from "./catalog-keys.ts";

/** The changes that remove the limits of a shard, if it has any. */
export async function dropLimitsChanges(
  catalog: Pick<Catalog, "get">,
  shard: ShardUid,
): Promise<readonly { readonly kind: "delete"; readonly key: EncodedKey }[]> {
  const key = shardLimitsKey(shard);
  return (await catalog.get(key)) === undefined ? [] : [{ kind: "delete", key }];
}
