/** A shard that the catalogue names, opened with the schema of its collection. */
import { shardHex, toHex, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { Shard, type ShardContext } from "../shard/index.ts";
import type { NodeContext } from "./node-context.ts";
import type { SchemaBook } from "./schema-book.ts";

type ShardDoors = Pick<NodeContext, "catalog" | "shards" | "turns" | "searchJobs">;

/**
 * @returns undefined when there is no such shard; else it holds its state until
 *   `catalog.releaseShard`.
 * @throws InsulaError `data_damaged`, `memory_exhausted`, `io_failed`.
 */
export async function openShard(
  { catalog, shards, turns, searchJobs }: ShardDoors,
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
    const name = shardHex(uid);
    const turn: ShardContext["turn"] = (kind) => turns.next(name, kind);
    const workers = searchJobs.of(name);
    return await Shard.open({ ...shards, workers, turn }, state, schema);
  } catch (error) {
    catalog.releaseShard(state);
    throw error;
  }
}
