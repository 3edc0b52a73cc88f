/** What seals a backup: keys that come from the root key alone, so that no slot has to go along. */
import { deriveKey } from "../base/cipher.ts";
import { toHex } from "../base/brands.ts";
import { decodeRoot, folderOfRoot, type RootKey } from "./root-file.ts";

export interface BackupRoot {
  /** Hexadecimal: which data folder the keys are of. */
  readonly folder: string;
  /** As it lies in the data folder: wrapped by the master key. */
  readonly rootFile: Uint8Array;
  /** The key of one backup. */
  keyOf(backup: string): Uint8Array;
}

export function openBackupRoot(rootFile: Uint8Array, root: RootKey): BackupRoot {
  return {
    folder: toHex(root.folder),
    rootFile,
    keyOf: (backup) => deriveKey(root.key, "insula backup", Buffer.from(backup, "utf8")),
  };
}

/** For a machine that has no keys of its own. @throws InsulaError `master_key_wrong` */
export function readBackupRoot(rootFile: Uint8Array, masterKey: Uint8Array): BackupRoot {
  return openBackupRoot(rootFile, decodeRoot(rootFile, masterKey).root);
}

/** True when the file is of this folder: also after its master key was changed. */
export function isRootOf(rootFile: Uint8Array, folder: Uint8Array): boolean {
  return Buffer.from(folder).equals(folderOfRoot(rootFile));
}
