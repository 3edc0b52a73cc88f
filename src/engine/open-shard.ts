/** A shard that the catalogue names, opened with the schema of its collection. */
import { toHex, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { Shard } from "../shard/index.ts";
import type { NodeContext } from "./node-context.ts";
import type { SchemaBook } from "./schema-book.ts";

/**
 * @returns undefined when there is no such shard; else it holds its state until
 *   `catalog.releaseShard`.
 * @throws InsulaError `data_damaged`, `memory_exhausted`, `io_failed`.
 */
export async function openShard(
  { catalog, shards }: Pick<NodeContext, "catalog" | "shards">,
  schemas: Pick<SchemaBook, "ofCollection">,
  uid: ShardUid,
): Promise<Shard | undefined> {
  const state = await catalog.acquireShard(uid);
  if (state === undefined) return undefined;
  try {
    const schema = await schemas.ofCollection(state.collectionNumber);
    if (schema === undefined) {
      throw new InsulaError("data_damaged", `Cannot open shard ${toHex(uid)}: no schema.`);
    }
    return await Shard.open(shards, state, schema);
  } catch (error) {
    catalog.releaseShard(state);
    throw error;
  }
}
