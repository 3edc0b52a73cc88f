/**
 * Page tokens: the last key of a page, bound by a MAC to the listing it came from.
 *
 * A token means "after this key", so a record deleted meanwhile does not break it. The MAC covers
 * everything that makes the listing (who asks, database, collection, segment), so a token cannot be
 * carried into another listing. The secret lives in the engine's settings: tokens survive a
 * restart.
 */
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { InsulaError } from "../base/errors.ts";
import { secretsEqual } from "../base/secret.ts";
import type { Engine } from "../engine/api.ts";

const SECRET_BYTES = 32;
/** Bytes of the MAC kept in a token; 2^128 guesses. */
const MAC_BYTES = 16;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Prints and parses the tokens of one server. */
export class PageTokens {
  readonly #secret: KeyObject;

  constructor(secret: Uint8Array) {
    this.#secret = createSecretKey(secret);
  }

  /**
   * @param listing  what the token is bound to; each part counts, so `["a", "b"]` is not `["ab"]`.
   * @param lastKey  last key of the page.
   */
  print(listing: readonly string[], lastKey: string): string {
    const key = Buffer.from(lastKey, "utf8");
    return Buffer.concat([this.#mac(listing, key), key]).toString("base64url");
  }

  /**
   * The last key. @throws InsulaError `page_token_invalid` for anything not printed for this
   * listing.
   */
  parse(listing: readonly string[], token: string, charactersMax: number): string {
    if (token.length > charactersMax) throw invalid();
    const bytes = Buffer.from(token, "base64url");
    if (bytes.length < MAC_BYTES || bytes.toString("base64url") !== token) throw invalid();
    const key = bytes.subarray(MAC_BYTES);
    if (!secretsEqual(bytes.subarray(0, MAC_BYTES), this.#mac(listing, key))) throw invalid();
    return UTF8.decode(key);
  }

  #mac(listing: readonly string[], key: Uint8Array): Buffer {
    const mac = createHmac("sha256", this.#secret);
    mac.update(JSON.stringify(listing));
    mac.update("\0");
    mac.update(key);
    return mac.digest().subarray(0, MAC_BYTES);
  }
}

export interface PageTokenDoors {
  readonly engine: Pick<Engine, "readSetting" | "writeSetting">;
  readonly random: { bytes(count: number): Uint8Array };
}

/**
 * Reads the secret of one dialect, or makes and writes it when it is the first time. Call it once
 * at a time: two first calls would make two secrets.
 */
async function openPageTokens(dialect: string, context: PageTokenDoors): Promise<PageTokens> {
  const setting = `${dialect}/page-token-secret`;
  const kept = await context.engine.readSetting(setting);
  if (kept !== undefined) return new PageTokens(kept);
  const made = context.random.bytes(SECRET_BYTES);
  await context.engine.writeSetting(setting, made);
  return new PageTokens(made);
}

/** Opens them with the first call; a read of the settings that failed is not remembered. */
export function lazyPageTokens(
  dialect: string,
  context: PageTokenDoors,
): () => Promise<PageTokens> {
  let tokens: Promise<PageTokens> | undefined;
  return () => {
    tokens ??= openPageTokens(dialect, context).catch((error: unknown) => {
      tokens = undefined;
      throw error;
    });
    return tokens;
  };
}

function invalid(): InsulaError {
  return new InsulaError(
    "page_token_invalid",
    "Cannot continue the listing: the token is not one of this listing.",
  );
}
