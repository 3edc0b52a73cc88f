/**
 * Access keys as they lie in the settings of the engine: readable facts, sealed secret.
 *
 * ON DISK: one byte 2, the facts as JSON behind a varint length, 12 bytes nonce, the secrets
 * encrypted with AES-256-GCM behind a varint length, 16 bytes tag. The secrets are one, or after a
 * blank the one before it. The first two are authenticated with the secrets, so grants cannot be
 * widened by somebody who can only write the data folder. Rows of format 1 hold one secret and are
 * read the same way.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import type { Engine } from "../engine/api.ts";
import type { FileSystem, Random } from "../io/index.ts";
import type { AccessKeyView, CreatedAccessKey, Grant } from "./access-control.ts";

const FORMAT_VERSION = 2;
const FORMATS: readonly number[] = [1, FORMAT_VERSION];
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NODE_SECRET_BYTES = 32;
const NODE_SECRET_PATH = "access.key";
const CIPHER = "aes-256-gcm";

/** A key as its row holds it. */
export interface SealedKey extends CreatedAccessKey {
  readonly previousSecret?: string;
}

/** Seals and opens the secrets of access keys under a key derived from the node's own secret. */
export class KeySeal {
  readonly #key: KeyObject;
  readonly #random: Random;

  constructor(nodeSecret: Uint8Array, random: Random) {
    const key = hkdfSync("sha256", nodeSecret, "", "insula access keys 1", 32);
    this.#key = createSecretKey(new Uint8Array(key));
    this.#random = random;
  }

  seal(key: SealedKey): Buffer {
    const { secret, previousSecret, ...view } = key;
    const secrets = previousSecret === undefined ? secret : `${secret} ${previousSecret}`;
    const head = new ByteWriter().uint8(FORMAT_VERSION).string(JSON.stringify(view)).finish();
    const nonce = this.#random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce).setAAD(head);
    const sealed = Buffer.concat([cipher.update(secrets, "utf8"), cipher.final()]);
    return new ByteWriter().raw(head).raw(nonce).bytes(sealed).raw(cipher.getAuthTag()).finish();
  }

  /**
   * @throws InsulaError `data_damaged` when anything was changed or another node's secret sealed
   *   it.
   */
  open(id: string, row: Uint8Array): SealedKey {
    const { view, head, reader } = readHead(id, row);
    const nonce = reader.raw(NONCE_BYTES);
    const sealed = reader.bytes();
    const tag = reader.raw(TAG_BYTES);
    try {
      const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(head).setAuthTag(tag);
      const secrets = Buffer.concat([decipher.update(sealed), decipher.final()]).toString("utf8");
      const [secret = "", previousSecret] = secrets.split(" ");
      return { ...view, secret, ...(previousSecret === undefined ? {} : { previousSecret }) };
    } catch (cause) {
      throw damaged(id, cause);
    }
  }
}

/** The facts of a key without opening its secret; for listings. */
export function readKeyView(id: string, row: Uint8Array): AccessKeyView {
  return readHead(id, row).view;
}

/**
 * The node's own 32 bytes: of a folder with keys derived from its root key, so that its master key
 * guards the secrets too; else a file made at the first start. A folder that began with the file
 * keeps it: rows are sealed with it.
 */
export async function loadNodeSecret({
  files,
  random,
  settings,
}: {
  readonly files: Pick<FileSystem, "readWhole" | "replaceWhole">;
  readonly random: Random;
  readonly settings: Pick<Engine, "deriveKey">;
}): Promise<Uint8Array> {
  const found = await files.readWhole(NODE_SECRET_PATH);
  if (found?.length === NODE_SECRET_BYTES) return found;
  if (found !== undefined) {
    throw new InsulaError(
      "data_damaged",
      `Cannot open ${NODE_SECRET_PATH}: expected ${String(NODE_SECRET_BYTES)} bytes, received ${String(found.length)}.`,
    );
  }
  const derived = settings.deriveKey("insula access keys");
  if (derived !== undefined) return derived;
  const fresh = random.bytes(NODE_SECRET_BYTES);
  await files.replaceWhole(NODE_SECRET_PATH, fresh, { mode: 0o600 });
  return fresh;
}

function readHead(
  id: string,
  row: Uint8Array,
): { view: AccessKeyView; head: Uint8Array; reader: ByteReader } {
  try {
    const reader = new ByteReader(row);
    const version = reader.uint8();
    if (!FORMATS.includes(version)) {
      throw new InsulaError(
        "format_unsupported",
        `Cannot open access key ${id}: expected format ${FORMATS.join(" or ")}, received ${String(version)}.`,
      );
    }
    const view = decodeView(JSON.parse(reader.string()));
    if (view?.id !== id) throw damaged(id);
    return { view, head: row.subarray(0, reader.position), reader };
  } catch (error) {
    throw error instanceof InsulaError ? error : damaged(id, error);
  }
}

function decodeView(value: unknown): AccessKeyView | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, accountId, createdAtMs, grants, limits } = value as Record<string, unknown>;
  if (typeof id !== "string" || typeof accountId !== "string") return undefined;
  if (typeof createdAtMs !== "number" || !Array.isArray(grants)) return undefined;
  const numbers: Partial<Record<(typeof OPTIONAL_NUMBERS)[number], number>> = {};
  for (const name of OPTIONAL_NUMBERS) {
    const number = (value as Record<string, unknown>)[name];
    if (number === undefined) continue;
    if (typeof number !== "number") return undefined;
    numbers[name] = number;
  }
  // The row is authenticated with its secret before it decides anything, so its shape is ours.
  return {
    ...{ id, accountId, createdAtMs, grants: grants as readonly Grant[], ...numbers },
    ...(typeof limits === "object" && limits !== null && { limits }),
  };
}

const OPTIONAL_NUMBERS = [
  "expiresAtMs",
  "requestsPerSecond",
  "rotatedAtMs",
  "previousUntilMs",
] as const;

function damaged(id: string, cause?: unknown): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot open access key ${id}: its row is damaged or was sealed with another key of the node.`,
    { cause },
  );
}
