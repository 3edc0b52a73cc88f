/**
 * Page tokens that know what they were made for, so that a client that mixes them up is told what
 * it mixed up. Sealed: nobody can make one.
 */
import { InsulaError } from "../../../base/errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import type { DataCall } from "./call.ts";

/** What else must be the same when the listing goes on: name to value. */
export type TokenBinding = Readonly<Record<string, string>>;

export async function printToken(
  call: DataCall,
  listing: string,
  bound: TokenBinding,
  after: string,
): Promise<string> {
  const tokens = await call.server.pageTokens();
  return tokens.print(boundTo(call, listing), JSON.stringify([after, bound]));
}

/** The last item of the page before. @throws InsulaError `page_token_invalid` */
export async function parseToken(
  call: DataCall,
  listing: string,
  token: string | undefined,
  bound: TokenBinding,
): Promise<string | undefined> {
  if (token === undefined || token === "") return undefined;
  const tokens = await call.server.pageTokens();
  const text = tokens.parse(boundTo(call, listing), token, PINECONE_LIMITS.tokenCharactersMax);
  const [after, made] = JSON.parse(text) as [string, TokenBinding];
  for (const [name, value] of Object.entries(bound)) {
    if (made[name] === value) continue;
    throw new InsulaError(
      "page_token_invalid",
      `Pagination token was made for another ${name} than that of this request`,
    );
  }
  return after;
}

function boundTo({ index: { info }, principal }: DataCall, listing: string): readonly string[] {
  return [listing, info.database, info.name, String(info.createdAtMs), principal.keyId];
}
