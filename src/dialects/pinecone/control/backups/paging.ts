/** Pages of backups and restores, oldest first. */
import { refusal } from "../../errors.ts";
import { PINECONE_LIMITS } from "../../limits.ts";
import { QueryValues } from "../../rest/members.ts";
import type { ControlAnswer, ControlCall } from "../call.ts";
import type { Rows } from "./rows.ts";

export interface Listing<Row extends { readonly id: string }> {
  /** What a token is bound to, besides the key and its project. */
  readonly name: string;
  readonly rows: Rows<Row>;
  readonly isWanted: (row: Row) => boolean;
  readonly print: (row: Row) => object;
}

/** @throws InsulaError `argument_invalid`, `page_token_invalid` */
export async function answerPage<Row extends { readonly id: string }>(
  { server, caller, request }: ControlCall,
  { name, rows, isWanted, print }: Listing<Row>,
): Promise<ControlAnswer> {
  const values = new QueryValues(request.query);
  const limit = values.integer("limit") ?? PINECONE_LIMITS.backupPageItems;
  if (limit < 1 || limit > PINECONE_LIMITS.backupPageItemsMax) {
    throw refusal(
      `limit must be a whole number from 1 to ${String(PINECONE_LIMITS.backupPageItemsMax)}`,
    );
  }
  const tokens = await server.pageTokens();
  const bound = [name, caller.project, caller.principal.keyId];
  const token = values.text("paginationToken");
  const after =
    token === undefined
      ? undefined
      : tokens.parse(bound, token, PINECONE_LIMITS.tokenCharactersMax);
  const data: object[] = [];
  let last = "";
  for await (const row of rows.walk(caller.project, after)) {
    caller.signal.throwIfAborted();
    if (!isWanted(row)) continue;
    if (data.length === limit) {
      return { status: 200, json: { data, pagination: { next: tokens.print(bound, last) } } };
    }
    data.push(print(row));
    last = row.id;
  }
  return { status: 200, json: { data } };
}
