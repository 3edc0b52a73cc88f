/** Another master key for a running node. */
import { InsulaError } from "../base/errors.ts";
import { parseMasterKey, type Vault } from "../vault/index.ts";
import type { MasterKeyRotation } from "./api.ts";

/** @throws InsulaError `operation_unsupported`, `argument_invalid`; never says a key. */
export async function rotateMasterKey(
  vault: Vault | undefined,
  text: string | undefined,
): Promise<MasterKeyRotation> {
  if (vault === undefined) {
    throw new InsulaError(
      "operation_unsupported",
      "Cannot rotate the master key: nothing in this data folder is sealed.",
    );
  }
  if (text === undefined && !vault.isOwnMaster) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot rotate the master key: it comes from outside; the new one has to be given.",
    );
  }
  await vault.rotate(text === undefined ? vault.freshMasterKey() : parseKey(text));
  return { rotations: vault.rotations, isInFolder: vault.isOwnMaster };
}

function parseKey(text: string): Uint8Array {
  try {
    return parseMasterKey(text, "the request");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "it is none";
    throw new InsulaError("argument_invalid", reason, { cause });
  }
}
