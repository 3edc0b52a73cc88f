/** POST /rerank: documents in the order of their relevance to a query. */
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { printJson } from "../../../wire/index.ts";
import { readBody, type ControlAnswer, type ControlCall } from "../control/call.ts";
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import {
  asObject,
  member,
  readFlag,
  readInteger,
  readList,
  readTexts,
  requireText,
} from "../rest/members.ts";
import { findReranker } from "./models.ts";

/** Documents that one unit pays for. */
const DOCUMENTS_PER_UNIT = 100;

/** No data are read or written: every key may. */
export async function rerank(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller } = call;
  const body = await readBody(call, PINECONE_LIMITS.rerankBodyBytesMax);
  const model = requireText(body, "model");
  const query = requireText(body, "query");
  const documents = readList(body, "documents").map(toDocument);
  const fields = readRankFields(body);
  const topN = readTopN(body);
  const isShown =
    member(body, "return_documents") === undefined || readFlag(body, "return_documents");
  const ranked = await findReranker(server.context, model).rerank(
    query,
    documents.map((document) => rankedText(document, fields)),
    { ...(topN === undefined ? {} : { topN }), signal: caller.signal },
  );
  const data = ranked.map(({ position, relevance }) => ({
    ...{ index: position, score: relevance },
    ...(isShown ? { document: documents[position] ?? {} } : {}),
  }));
  const usage = { rerank_units: rerankUnits(documents.length) };
  return { status: 200, text: printJson({ model, data, usage }) };
}

export function rerankUnits(documentCount: number): number {
  return Math.ceil(documentCount / DOCUMENTS_PER_UNIT);
}

export function readTopN(body: JsonObject): number | undefined {
  const topN = readInteger(body, "top_n");
  if (topN === undefined || topN >= 1) return topN;
  throw refusal("top_n must be a whole number above 0");
}

export function readRankFields(body: JsonObject): readonly string[] {
  const fields = readTexts(body, "rank_fields");
  return fields.length === 0 ? ["text"] : fields;
}

/** What a reranker is shown of a document. @throws InsulaError `argument_invalid` */
export function rankedText(document: JsonObject, fields: readonly string[]): string {
  return fields
    .map((field) => {
      const value = member(document, field);
      if (typeof value === "string") return value;
      throw refusal(`Each document must have text in the field ${JSON.stringify(field)}`);
    })
    .join("\n");
}

function toDocument(value: JsonValue): JsonObject {
  return typeof value === "string" ? { text: value } : asObject(value, "A document");
}
