/** Bodies of the calls about records with texts: lines of JSON, and a query in snake case. */
import {
  decodeText,
  parseJsonExact,
  type HttpRequest,
  type JsonObject,
} from "../../../wire/index.ts";
import { InsulaError } from "../../../base/errors.ts";
import type { ParsedVectorBody } from "../../dialect.ts";
import { refusal } from "../errors.ts";
import { readRankFields, readTopN } from "../inference/rerank.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import type { RerankRequest, SearchRecordsRequest } from "../operations/messages.ts";
import {
  asObject,
  member,
  present,
  readInteger,
  readNumbers,
  readObject,
  readSparse,
  readText,
  readTexts,
  requireText,
} from "./members.ts";

/**
 * One object a line, whatever content type the client says.
 *
 * @throws InsulaError `body_malformed`, `argument_invalid` for more lines than are taken.
 */
export async function readRecordLines(request: HttpRequest): Promise<readonly JsonObject[]> {
  const bytes = await request.readBody(PINECONE_LIMITS.inferenceBodyBytesMax);
  const lines = decodeText(bytes)
    .split("\n")
    .filter((line) => line.trim() !== "");
  if (lines.length > PINECONE_LIMITS.textsMax) {
    throw refusal(`Request must have 1 to ${String(PINECONE_LIMITS.textsMax)} records`);
  }
  return lines.map((line) => asObject(parseJsonExact(line), "A record"));
}

/** Where a search has numbers. */
export const SEARCH_NUMBERS: readonly string[][] = [
  ["query", "vector", "values"],
  ["query", "vector", "sparse_values"],
];

/** @throws InsulaError `argument_invalid`, `operation_unsupported` */
export function readSearch(
  namespace: string,
  body: ParsedVectorBody,
  json: JsonObject,
): SearchRecordsRequest {
  const query = readObject(json, "query");
  if (query === undefined) throw refusal("query is required");
  if (member(query, "match_terms") !== undefined) {
    throw new InsulaError("operation_unsupported", "query.match_terms is not supported");
  }
  const vector = readObject(query, "vector") ?? {};
  const inputs = readObject(query, "inputs");
  const rerank = readObject(json, "rerank");
  const sparse = {
    indices: vector["sparse_indices"] ?? null,
    values: vector["sparse_values"] ?? null,
  };
  const hasSparse = sparse.indices !== null || sparse.values !== null;
  return {
    namespace,
    topK: readInteger(query, "top_k") ?? 0,
    ...present({
      text: inputs === undefined ? undefined : requireText(inputs, "text"),
      id: readText(query, "id"),
      filter: readObject(query, "filter"),
      vector: readNumbers(body, vector, "values"),
      sparseVector: hasSparse ? readSparse(body, { sparse }, "sparse") : undefined,
      fields: member(json, "fields") === undefined ? undefined : readTexts(json, "fields"),
      rerank: rerank === undefined ? undefined : readRerank(rerank),
    }),
  };
}

function readRerank(rerank: JsonObject): RerankRequest {
  return {
    model: requireText(rerank, "model"),
    fields: readRankFields(rerank),
    ...present({ topN: readTopN(rerank), query: readText(rerank, "query") }),
  };
}
