/** The keys of one data folder: root key, slots, and what is derived from them. */
import { CIPHER_KEY_BYTES, deriveKey } from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import type { FileSystem, Random } from "../io/index.ts";
import { auditKeyFiles, type AuditedKeyFile } from "./key-audit.ts";
import { KeySlots, type KeySlotDoors } from "./key-slots.ts";
import { isRootOf, openBackupRoot, type BackupRoot } from "./backup-root.ts";
import { MASTER_KEY_PATH, makeMasterKey, readMasterKey, writeMasterKey } from "./master-key.ts";
import { ROOT_PATH, decodeRoot, encodeRoot, type RootKey } from "./root-file.ts";
import { slotFileNumber } from "./slot-file.ts";

/** Random bytes that tell data folders apart. */
const FOLDER_ID_BYTES = 16;

/** Where a shard's key comes from. */
export interface KeySource {
  /** Slot of the shard itself. */
  readonly shard: number;
  /** Slot of its collection, when the collection has tenants: erasing it erases them all. */
  readonly collection: number | undefined;
}

export interface VaultOptions extends KeySlotDoors {
  /** 32 bytes; without it the file in the data folder counts, made at the first start. */
  readonly masterKey?: Uint8Array;
  /** Nothing is written, also not the end of a rotation: for who looks on. */
  readonly isReadOnly?: true;
}

export class Vault {
  readonly slots: KeySlots;
  readonly #fileSystem: FileSystem;
  readonly #random: Random;
  /** True when the master key lies in the data folder. */
  readonly isOwnMaster: boolean;
  #masterKey: Uint8Array;
  #root: RootKey;
  #rotating: Promise<void> = Promise.resolve();

  private constructor(
    options: VaultOptions,
    keys: { readonly masterKey: Uint8Array; readonly root: RootKey; readonly slots: KeySlots },
  ) {
    this.#fileSystem = options.fileSystem;
    this.#random = options.random;
    this.isOwnMaster = options.masterKey === undefined;
    this.#masterKey = keys.masterKey;
    this.#root = keys.root;
    this.slots = keys.slots;
  }

  /**
   * Opens the keys, or makes them in a folder that has none.
   *
   * @throws InsulaError `master_key_missing`, `master_key_wrong`; nothing was changed then.
   */
  static async open(options: VaultOptions): Promise<Vault> {
    return (await Vault.openFound(options)) ?? Vault.#make(options);
  }

  /**
   * Opens the keys of a folder that has some; undefined when there are none and some may be made.
   *
   * @throws InsulaError as {@link Vault.open}.
   */
  static async openFound(options: VaultOptions): Promise<Vault | undefined> {
    const stored = await options.fileSystem.readWhole(ROOT_PATH);
    if (stored === undefined) {
      const names = await options.fileSystem.listFolder("keys");
      if (names.some((name) => slotFileNumber(name) !== undefined)) throw rootMissing();
      return undefined;
    }
    const masterKey = options.masterKey ?? (await readMasterKey(options.fileSystem));
    if (masterKey === undefined) throw masterKeyMissing();
    const { root, hasOlderKey } = decodeRoot(stored, masterKey);
    // A rotation ends when its new key was used: from here on the older one opens nothing.
    if (hasOlderKey && options.isReadOnly !== true) await writeRoot(options, root, [masterKey]);
    return new Vault(options, { masterKey, root, slots: await KeySlots.open(options, root) });
  }

  /** A folder without keys gets some. */
  static async #make(options: VaultOptions): Promise<Vault> {
    const { fileSystem, random } = options;
    // The master key first: a root key that nothing opens would be refused at the next start.
    const masterKey =
      options.masterKey ??
      (await readMasterKey(fileSystem)) ??
      (await makeMasterKey(fileSystem, random));
    const key = random.bytes(CIPHER_KEY_BYTES);
    const root = { key, folder: random.bytes(FOLDER_ID_BYTES), rotations: 0 };
    await fileSystem.makeFolder("keys");
    await fileSystem.syncFolder("");
    await writeRoot(options, root, [masterKey]);
    return new Vault(options, { masterKey, root, slots: await KeySlots.open(options, root) });
  }

  /** How often the master key was changed. */
  get rotations(): number {
    return this.#root.rotations;
  }

  /** @throws InsulaError `data_damaged` when a slot was erased or is damaged. */
  async shardKey({ shard, collection }: KeySource): Promise<Uint8Array> {
    const own = await this.slots.key(shard);
    if (collection === undefined) return own;
    return deriveKey(await this.slots.key(collection), "insula shard", own);
  }

  /** A backup's view of the keys: what it seals with, and the wrapped root key that goes along. */
  async backupRoot(): Promise<BackupRoot> {
    const rootFile = await this.#fileSystem.readWhole(ROOT_PATH);
    if (rootFile === undefined) throw rootMissing();
    return openBackupRoot(rootFile, this.#root);
  }

  /**
   * The root key of a backup: this folder's own, or another's that the same master key wrapped.
   *
   * @param masterKey of the folder that was backed up; default this folder's.
   * @throws InsulaError `master_key_wrong`.
   */
  backupRootOf(rootFile: Uint8Array, masterKey?: Uint8Array): BackupRoot {
    if (masterKey === undefined && isRootOf(rootFile, this.#root.folder)) {
      return openBackupRoot(rootFile, this.#root);
    }
    return openBackupRoot(rootFile, decodeRoot(rootFile, masterKey ?? this.#masterKey).root);
  }

  /** Reads the files of keys again, one after the other. */
  audit(): AsyncIterable<AuditedKeyFile> {
    return auditKeyFiles(this.#fileSystem, {
      masterKey: this.#masterKey,
      root: this.#root,
      isOwnMaster: this.isOwnMaster,
    });
  }

  /** A key for one purpose of the node itself. */
  nodeKey(purpose: string): Uint8Array {
    return deriveKey(this.#root.key, purpose);
  }

  /** A key nobody has yet, for {@link Vault.rotate}. */
  freshMasterKey(): Uint8Array {
    return this.#random.bytes(CIPHER_KEY_BYTES);
  }

  /**
   * Wraps the root key with another master key, while everything else goes on: nothing that was
   * sealed is touched. A key from outside and its predecessor both open the folder until the first
   * start with the new one; the folder's own file is replaced here and now. A crash at any moment
   * leaves a folder that opens.
   */
  rotate(masterKey: Uint8Array): Promise<void> {
    // One after the other: root file and master key must be of the same rotation.
    const rotation = this.#rotating.then(() => this.#rotate(masterKey));
    this.#rotating = rotation.catch(() => undefined);
    return rotation;
  }

  async #rotate(masterKey: Uint8Array): Promise<void> {
    const root = { ...this.#root, rotations: this.#root.rotations + 1 };
    const doors = { fileSystem: this.#fileSystem, random: this.#random };
    await writeRoot(doors, root, [masterKey, this.#masterKey]);
    this.#root = root;
    if (this.isOwnMaster) {
      await writeMasterKey(this.#fileSystem, masterKey);
      await writeRoot(doors, root, [masterKey]);
    }
    this.#masterKey = masterKey;
  }
}

async function writeRoot(
  { fileSystem, random }: Pick<VaultOptions, "fileSystem" | "random">,
  root: RootKey,
  masterKeys: readonly Uint8Array[],
): Promise<void> {
  const bytes = encodeRoot(root, masterKeys, random);
  await fileSystem.replaceWhole(ROOT_PATH, bytes, { mode: 0o600 });
}

function masterKeyMissing(): InsulaError {
  return new InsulaError(
    "master_key_missing",
    `Cannot open the data: ${MASTER_KEY_PATH} is missing in the data folder and no other master ` +
      "key is given. Without it nothing here can be read by anybody. Nothing was changed. Put the " +
      "file back, or name the key with masterKeyFile.",
  );
}

/** Another root key would open none of the slots that are there. */
export function rootMissing(): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot open the data: ${ROOT_PATH} is missing, and there is data that was sealed with it. ` +
      "Nothing was changed. Put back a copy of the file.",
  );
}
