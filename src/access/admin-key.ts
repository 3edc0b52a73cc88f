/**
 * The key of the data folder: given by configuration, or made at the first start and kept in a
 * file.
 */
import { InsulaError } from "../base/errors.ts";
import type { FileSystem, Random } from "../io/index.ts";
import { KEY_ID_CHARS_MAX, SECRET_CHARS_MAX, SECRET_CHARS_MIN } from "./limits.ts";

export interface AdminKey {
  readonly id: string;
  readonly secret: string;
}

export interface AdminKeyOptions {
  readonly files: Pick<FileSystem, "readWhole" | "replaceWhole">;
  readonly random: Random;
  /** Given values win over the file, each for itself. */
  readonly id?: string;
  readonly secret?: string;
}

/** File in the data folder; JSON with `id` and `secret`, mode 0600. */
export const ADMIN_SECRET_PATH = "admin-secret";

/**
 * The admin key, and whether this call wrote the file.
 *
 * @throws InsulaError `setting_invalid` for a given value no protocol could carry; `data_damaged`
 *         when the file is not ours.
 */
export async function loadAdminKey(
  options: AdminKeyOptions,
): Promise<{ readonly key: AdminKey; readonly isNew: boolean }> {
  checkGiven(options);
  const { files, random, id, secret } = options;
  if (id !== undefined && secret !== undefined) return { key: { id, secret }, isNew: false };
  const bytes = await files.readWhole(ADMIN_SECRET_PATH);
  if (bytes !== undefined) {
    const kept = decodeFile(bytes);
    return { key: { id: id ?? kept.id, secret: secret ?? kept.secret }, isNew: false };
  }
  const key = { id: id ?? freshKeyId(random), secret: secret ?? freshSecret(random) };
  if (secret !== undefined) return { key, isNew: false };
  await writeFile(files, key);
  return { key, isNew: true };
}

/**
 * Writes a new secret over the file, also over a damaged one; the id stays where it can be read.
 * For a folder that no server holds: a running one would not notice.
 */
export async function resetAdminKey({
  files,
  random,
}: Pick<AdminKeyOptions, "files" | "random">): Promise<AdminKey> {
  const bytes = await files.readWhole(ADMIN_SECRET_PATH);
  const kept = bytes === undefined ? undefined : readFile(bytes);
  const key = { id: kept?.id ?? freshKeyId(random), secret: freshSecret(random) };
  await writeFile(files, key);
  return key;
}

async function writeFile(files: AdminKeyOptions["files"], key: AdminKey): Promise<void> {
  const text = `${JSON.stringify(key, undefined, 2)}\n`;
  await files.replaceWhole(ADMIN_SECRET_PATH, Buffer.from(text), { mode: 0o600 });
}

/** 20 characters, `IN` and 18 of base 32: 90 random bits. No secret. */
export function freshKeyId(random: Random): string {
  let id = "IN";
  for (const byte of random.bytes(18)) id += BASE32.charAt(byte & 31);
  return id;
}

/** 40 characters of base64url: 240 random bits. */
export function freshSecret(random: Random): string {
  return Buffer.from(random.bytes(30)).toString("base64url");
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Neither `/` (credential scope) nor `.` (tokens) nor `,` (Authorization header). */
const KEY_ID = /^[A-Za-z0-9_-]+$/;
const VISIBLE = /^[\x21-\x7e]+$/;

function checkGiven({ id, secret }: AdminKeyOptions): void {
  if (id !== undefined && (!KEY_ID.test(id) || id.length > KEY_ID_CHARS_MAX)) {
    throw new InsulaError(
      "setting_invalid",
      `Cannot use the admin id: expected 1 to ${String(KEY_ID_CHARS_MAX)} letters, digits, "-" or "_".`,
    );
  }
  if (secret === undefined) return;
  const isRightLength = secret.length >= SECRET_CHARS_MIN && secret.length <= SECRET_CHARS_MAX;
  if (!isRightLength || !VISIBLE.test(secret)) {
    throw new InsulaError(
      "setting_invalid",
      `Cannot use the admin secret: expected ${String(SECRET_CHARS_MIN)} to ` +
        `${String(SECRET_CHARS_MAX)} visible ASCII characters.`,
    );
  }
}

function decodeFile(bytes: Uint8Array): AdminKey {
  const key = readFile(bytes);
  if (key !== undefined) return key;
  throw new InsulaError(
    "data_damaged",
    `Cannot read ${ADMIN_SECRET_PATH}: expected JSON with "id" and "secret"; \`insula keys reset-admin\` makes a new one.`,
  );
}

/** undefined when it is not ours. */
function readFile(bytes: Uint8Array): AdminKey | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null && "id" in value && "secret" in value) {
      const { id, secret } = value;
      if (typeof id === "string" && typeof secret === "string") return { id, secret };
    }
  } catch {
    // No error of its own: what JSON.parse says could repeat a part of the secret.
  }
  return undefined;
}
