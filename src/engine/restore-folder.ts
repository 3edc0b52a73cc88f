/** A data folder out of a mirror; the key comes from the root key in it and the master key. */
import { InsulaError } from "../base/errors.ts";
import {
  mirrorKeyName,
  restoreMirror,
  type RestoredMirror,
  type RestoreMirrorOptions,
} from "../mirror/index.ts";
import { readBackupRoot } from "../vault/index.ts";

export interface RestoreFolderOptions extends Omit<RestoreMirrorOptions, "keyOf"> {
  /** 32 bytes: of the folder that was mirrored. */
  readonly masterKey?: Uint8Array;
}

/**
 * The folder may be opened when the promise resolves: all tenants are there, asleep. Its segments
 * are fetched when they are needed and in the background, unless everything was asked for.
 *
 * @throws InsulaError `backup_not_found`, `master_key_missing`, `master_key_wrong`, `data_damaged`,
 *   `argument_invalid` for a folder that holds data, or when the store has several mirrors.
 */
export function restoreFolder({
  masterKey,
  ...options
}: RestoreFolderOptions): Promise<RestoredMirror> {
  return restoreMirror({
    ...options,
    keyOf: (rootFile, mirror) => {
      if (masterKey === undefined) throw masterKeyMissing();
      return readBackupRoot(rootFile, masterKey).keyOf(mirrorKeyName(mirror));
    },
  });
}

function masterKeyMissing(): InsulaError {
  return new InsulaError(
    "master_key_missing",
    "Cannot restore from the mirror: it is sealed. Give the master key of the folder that was " +
      "mirrored: masterKeyFile, or --from-key-file with a copy of its file master-key.",
  );
}
