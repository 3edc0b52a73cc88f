/**
 * Where the next page of a query begins: behind the last hit shown, by distance and key.
 *
 * A query is asked anew for each page and continued behind that hit, so nothing is kept between two
 * pages, and a vector that is deleted meanwhile breaks nothing. The token is bound to the caller,
 * the index and the whole query, and lives for ten minutes.
 */
import { createHash } from "node:crypto";
import { InsulaError } from "../../../base/errors.ts";
import type { PageTokens } from "../../page-token.ts";
import { S3_LIMITS } from "./limits.ts";

/** The end of the pages shown so far. */
export interface QueryPosition {
  /** Hits shown. */
  readonly count: number;
  readonly distance: number;
  readonly key: string;
}

/** What a token is bound to. */
export interface QueryIdentity {
  readonly keyId: string;
  readonly place: { readonly database: string; readonly collection: string };
  readonly vector: Float32Array;
  readonly topK: number;
  /** The filter as it was sent, as compact JSON; empty without one. */
  readonly filter: string;
}

export class QueryTokens {
  readonly #tokens: PageTokens;
  readonly #listing: readonly string[];
  readonly #nowMs: number;

  constructor(tokens: PageTokens, identity: QueryIdentity, nowMs: number) {
    const { vector, filter, topK, place, keyId } = identity;
    const digest = createHash("sha256")
      .update(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
      .update(filter)
      .digest("base64");
    this.#tokens = tokens;
    this.#listing = ["QueryVectors", keyId, place.database, place.collection, String(topK), digest];
    this.#nowMs = nowMs;
  }

  print({ count, distance, key }: QueryPosition): string {
    const head = `${String(this.#nowMs)} ${String(count)} ${String(distance)} `;
    return this.#tokens.print(this.#listing, head + key);
  }

  /** @throws InsulaError `page_token_invalid` for another query's, and when it is too old. */
  parse(token: string): QueryPosition {
    const text = this.#tokens.parse(this.#listing, token, S3_LIMITS.pageTokenCharactersMax);
    const [, atMs, count, distance, key] = /^(\d+) (\d+) (\S+) ([^]*)$/.exec(text) ?? [];
    const isLate = this.#nowMs - Number(atMs) > S3_LIMITS.queryTokenLifeMs;
    if (key === undefined || isLate) {
      throw new InsulaError("page_token_invalid", "Cannot continue the query: the token is old.");
    }
    return { count: Number(count), distance: Number(distance), key };
  }
}
