/** From settings to the master key. */
import { InsulaError } from "../base/errors.ts";
import { readSecretFile, runSecretCommand } from "../io/index.ts";
import { parseMasterKey } from "../vault/index.ts";

/** At most one of them; none: the file `master-key` in the data folder. */
export interface MasterKeySource {
  /** 64 hexadecimal digits or base64 of 32 bytes. */
  readonly masterKey?: string | undefined;
  /** A file that holds it. */
  readonly masterKeyFile?: string | undefined;
  /** A command that prints it: asked once, at the start. */
  readonly masterKeyCommand?: string | undefined;
}

/**
 * Undefined when no source is named.
 *
 * @throws InsulaError `setting_invalid`: two sources, nothing there, or something else than a key.
 */
export async function findMasterKey(source: MasterKeySource): Promise<Uint8Array | undefined> {
  const { masterKey, masterKeyFile, masterKeyCommand } = source;
  const given = [masterKey, masterKeyFile, masterKeyCommand].filter((one) => one !== undefined);
  if (given.length > 1) {
    throw new InsulaError(
      "setting_invalid",
      "Cannot use two master keys: expected one of masterKey, masterKeyFile, masterKeyCommand.",
    );
  }
  if (masterKey !== undefined) return parseMasterKey(masterKey, "masterKey");
  if (masterKeyFile !== undefined) {
    return parseMasterKey(await readSecretFile(masterKeyFile), masterKeyFile);
  }
  if (masterKeyCommand !== undefined) {
    return parseMasterKey(await runSecretCommand(masterKeyCommand), "masterKeyCommand");
  }
  return undefined;
}
