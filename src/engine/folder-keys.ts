/** The keys of a folder that is only looked at: what opens its segments and frames. */
import { FileHandles, type Clock, type FileSystem, type Random } from "../io/index.ts";
import { ShardSeal, type SegmentEntry, type ShardState } from "../shard/index.ts";
import { ROOT_PATH, Vault, type AuditedKeyFile } from "../vault/index.ts";
import type { Catalog } from "./catalog.ts";
import { collectionKeySlot } from "./schema-book.ts";
import { NodeKeys } from "./shard-keys.ts";

/** Doors of who reads a data folder beside its engine. */
export interface FolderReadOptions {
  /** Rooted at the data folder; only read. */
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  /** As in the options of the engine. */
  readonly masterKey?: Uint8Array;
}

export class FolderKeys {
  readonly #keys: NodeKeys;
  readonly #random: Random;
  readonly #vault: Vault | undefined;

  private constructor(vault: Vault | undefined, random: Random) {
    this.#vault = vault;
    this.#keys = new NodeKeys(vault);
    this.#random = random;
  }

  /** @throws InsulaError `master_key_missing`, `master_key_wrong`. */
  static async open(options: FolderReadOptions): Promise<FolderKeys> {
    const { files: fileSystem, clock, random, masterKey } = options;
    const hasKeys = await fileSystem.exists(ROOT_PATH);
    const given = masterKey === undefined ? {} : { masterKey };
    // Nobody closes a folder that is looked at: no file of it stays open.
    const doors = { fileSystem, files: new FileHandles(fileSystem, 0), clock, random };
    const vault = hasKeys ? await Vault.open({ ...doors, isReadOnly: true, ...given }) : undefined;
    return new FolderKeys(vault, random);
  }

  /** From now on also tenants are found. */
  attach(catalog: Pick<Catalog, "get">): void {
    this.#keys.attach((number) => collectionKeySlot(catalog, number));
  }

  /** The files of keys and what is wrong with them; nothing in a folder without keys. */
  async *audit(): AsyncIterable<AuditedKeyFile> {
    if (this.#vault !== undefined) yield* this.#vault.audit();
  }

  /** Undefined when the shard is not sealed. @throws InsulaError `data_damaged`. */
  async sealOf(state: ShardState): Promise<ShardSeal | undefined> {
    const key = await this.#keys.keyOf(state);
    return key && new ShardSeal(state.uid, key, this.#random);
  }

  /** @throws InsulaError `data_damaged`. */
  async segmentKey(state: ShardState, entry: SegmentEntry): Promise<Uint8Array | undefined> {
    if (entry.wrappedKey === undefined) return undefined;
    return (await this.sealOf(state))?.segmentKey(entry);
  }
}
