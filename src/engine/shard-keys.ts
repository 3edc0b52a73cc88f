/** From a shard's row to its key: the vault knows slots, the catalogue whose they are. */
import { InsulaError } from "../base/errors.ts";
import type { ShardKeys, ShardState } from "../shard/index.ts";
import type { Vault } from "../vault/index.ts";

/** Slot of a collection's key by its number; undefined when it has none. */
export type FindCollectionSlot = (collectionNumber: number) => Promise<number | undefined>;

export class NodeKeys implements ShardKeys {
  readonly #vault: Vault | undefined;
  #collectionSlot: FindCollectionSlot = () => Promise.resolve(undefined);

  /** @param vault undefined when the folder has no keys. */
  constructor(vault: Vault | undefined) {
    this.#vault = vault;
  }

  /** Who finds the key of a collection. Before, only shards of collections without tenants open. */
  attach(collectionSlot: FindCollectionSlot): void {
    this.#collectionSlot = collectionSlot;
  }

  async keyOf({ keySlot, collectionNumber }: ShardState): Promise<Uint8Array | undefined> {
    if (keySlot === 0) return undefined;
    if (this.#vault === undefined) {
      throw new InsulaError(
        "data_damaged",
        "Cannot open the data: they are sealed, keys/root is missing.",
      );
    }
    const collection = await this.#collectionSlot(collectionNumber);
    return this.#vault.shardKey({ shard: keySlot, collection });
  }
}
