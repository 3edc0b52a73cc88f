/** A shard that is awake and used often takes what makes its searches cheaper. */
import { shardHex } from "../base/brands.ts";
import type { Shard } from "../shard/index.ts";
import type { LoadQueue } from "./load-queue.ts";

/**
 * Has it bring float32 rows that its searches read again and again, where there is room for them
 * now: nobody waits for that, and nobody is put to sleep for it.
 */
export function growShard(
  shard: Pick<Shard, "state" | "wantedBytes" | "bringRows">,
  fields: readonly string[],
  loads: Pick<LoadQueue, "tryReserve">,
): void {
  const bytes = shard.wantedBytes(fields);
  if (bytes === 0) return;
  const id = shardHex(shard.state.uid);
  const promised = loads.tryReserve({ id, bytes, kind: "background" });
  if (promised === undefined) return;
  try {
    shard.bringRows(fields);
  } finally {
    // The memory is taken by now.
    promised.release();
  }
}
