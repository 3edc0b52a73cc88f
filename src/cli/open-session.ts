/** Decides whether a command opens the data folder itself or asks the server that holds it. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ADMIN_SECRET_PATH } from "../access/index.ts";
import { isInsulaError } from "../base/errors.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";
import { requireFolder } from "./data-folder.ts";
import { readServerAddress } from "./server-address.ts";
import type { Session } from "./session.ts";

export interface SessionOptions {
  /** `--data-dir`. */
  readonly dataDir: string;
  /** `--url` or INSULA_URL; a server is asked and no folder is opened. */
  readonly url: string | undefined;
  /** Makes the data folder when it is missing. */
  readonly isCreating: boolean;
}

/** Where a server of this machine listens unless told otherwise. */
const HTTP_PORT_DEFAULT = "8080";

/**
 * With a URL: that server. Else the data folder when nobody holds it. Else the server that does, at
 * the address it noted in the folder.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  if (options.url !== undefined) return openRemote(options.url, options);
  if (!options.isCreating || existsSync(options.dataDir)) requireFolder(options.dataDir);
  try {
    const { openEmbeddedSession } = await import("./embedded-session.ts");
    return await openEmbeddedSession(options.dataDir);
  } catch (error) {
    if (!isInsulaError(error) || error.code !== "data_folder_locked") throw error;
  }
  return openRemote(readServerAddress(options.dataDir) ?? defaultAddress(), options);
}

function defaultAddress(): string {
  return `http://127.0.0.1:${process.env["INSULA_HTTP_PORT"] ?? HTTP_PORT_DEFAULT}`;
}

async function openRemote(url: string, options: SessionOptions): Promise<Session> {
  const token = findToken(options.dataDir);
  if (token === undefined) {
    throw new CommandError(
      EXIT_CODES.refused,
      `No secret for the server at ${url}.`,
      `Set INSULA_ADMIN_SECRET, or OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, or name its folder with --data-dir.`,
    );
  }
  const { openRemoteSession } = await import("./remote-session.ts");
  return openRemoteSession({ url: url.replace(/\/+$/, ""), token });
}

/** Nearest first: what was set for us, the file of the folder, the vendors' variables. */
function findToken(dataDir: string): string | undefined {
  const given = process.env["INSULA_ADMIN_SECRET"] ?? readAdminSecret(dataDir);
  if (given !== undefined) return given;
  const id = process.env["OSS_ACCESS_KEY_ID"];
  const secret = process.env["OSS_ACCESS_KEY_SECRET"];
  return id === undefined || secret === undefined ? undefined : `${id}.${secret}`;
}

function readAdminSecret(dataDir: string): string | undefined {
  try {
    const text = readFileSync(path.join(dataDir, ADMIN_SECRET_PATH), "utf8");
    const { secret } = JSON.parse(text) as { secret?: unknown };
    return typeof secret === "string" ? secret : undefined;
  } catch {
    // Not there, not readable or not ours: the caller says what is missing.
    return undefined;
  }
}
