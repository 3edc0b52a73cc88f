/**
 * The master key: 32 bytes that wrap the root key of a data folder, and nothing else.
 *
 * It may come from anywhere. Without another source it lies in the data folder itself, made at the
 * first start: that protects what is erased and keeps tenants apart, and does not protect against
 * the theft of the whole folder.
 */
import { CIPHER_KEY_BYTES } from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import type { FileSystem, Random } from "../io/index.ts";

/** ON DISK: in the data folder, when no other source is given; 64 hexadecimal digits. */
export const MASTER_KEY_PATH = "master-key";

/**
 * @param text 64 hexadecimal digits or 44 characters of base64, white space around them.
 * @throws InsulaError `setting_invalid`; never says what was there.
 */
export function parseMasterKey(text: string, source: string): Uint8Array {
  const word = text.trim();
  if (/^[0-9a-f]{64}$/i.test(word)) return new Uint8Array(Buffer.from(word, "hex"));
  if (/^[0-9a-z+/]{43}=$/i.test(word)) return new Uint8Array(Buffer.from(word, "base64"));
  throw new InsulaError(
    "setting_invalid",
    `Cannot use the master key of ${source}: expected 64 hexadecimal digits or 44 characters of ` +
      `base64, received ${String(word.length)} characters of something else.`,
  );
}

/** The key in the data folder; undefined when there is none. */
export async function readMasterKey(
  files: Pick<FileSystem, "readWhole">,
): Promise<Uint8Array | undefined> {
  const found = await files.readWhole(MASTER_KEY_PATH);
  return found && parseMasterKey(Buffer.from(found).toString("latin1"), MASTER_KEY_PATH);
}

/** Makes one and writes it, durable, mode 0600. */
export async function makeMasterKey(
  files: Pick<FileSystem, "replaceWhole">,
  random: Random,
): Promise<Uint8Array> {
  const key = random.bytes(CIPHER_KEY_BYTES);
  await writeMasterKey(files, key);
  return key;
}

export async function writeMasterKey(
  files: Pick<FileSystem, "replaceWhole">,
  key: Uint8Array,
): Promise<void> {
  const text = `${Buffer.from(key).toString("hex")}\n`;
  await files.replaceWhole(MASTER_KEY_PATH, Buffer.from(text), { mode: 0o600 });
}
