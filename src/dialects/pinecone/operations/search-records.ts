/** SearchRecords: the nearest records by a text, a vector or a record, with their fields. */
import type { JsonObject } from "../../../wire/index.ts";
import { estimateTokens } from "../../../embed/index.ts";
import type { Metadata } from "../../../model/index.ts";
import { refusal } from "../errors.ts";
import { openIndexModel } from "../inference/index-model.ts";
import { findReranker } from "../inference/models.ts";
import { rankedText, rerankUnits } from "../inference/rerank.ts";
import type { Answered, DataCall } from "./call.ts";
import type {
  QueryRequest,
  RecordHit,
  RerankRequest,
  ScoredVector,
  SearchRecordsAnswer,
  SearchRecordsRequest,
} from "./messages.ts";
import { query } from "./query.ts";

export async function searchRecords(
  call: DataCall,
  asked: SearchRecordsRequest,
): Promise<Answered<SearchRecordsAnswer>> {
  const { text, rerank, fields } = asked;
  const searched = await readSearched(call, asked);
  const { message, ...lsn } = await query(call, searched);
  const { matches, usage } = message;
  const hits = rerank === undefined ? matches : await rerankMatches(call, matches, rerank, text);
  const answer: SearchRecordsAnswer = {
    hits: hits.map((hit) => toHit(hit, fields)),
    usage: {
      readUnits: usage.readUnits,
      ...(text === undefined ? {} : { embedTotalTokens: estimateTokens(text) }),
      ...(rerank === undefined ? {} : { rerankUnits: rerankUnits(matches.length) }),
    },
  };
  return { message: answer, ...lsn };
}

/** The text as a vector; the checks of all else are those of a query. */
async function readSearched(
  call: DataCall,
  { text, ...asked }: SearchRecordsRequest,
): Promise<QueryRequest> {
  const { namespace, topK, filter, vector, id, sparseVector } = asked;
  const base = {
    ...{ namespace, topK, includeValues: false, includeMetadata: true },
    ...(filter === undefined ? {} : { filter }),
  };
  if (text === undefined) {
    return {
      ...base,
      ...(vector === undefined ? {} : { vector }),
      ...(id === undefined ? {} : { id }),
      ...(sparseVector === undefined ? {} : { sparseVector }),
    };
  }
  if (vector !== undefined || id !== undefined || sparseVector !== undefined) {
    throw refusal("query must have one of inputs, vector and id");
  }
  const embedder = await openIndexModel(call).open();
  const [embedded] = await embedder.embed([text], call.signal);
  return { ...base, ...(embedded === undefined ? {} : { vector: embedded }) };
}

/** @throws InsulaError `argument_invalid` when a match has no text in a field. */
async function rerankMatches(
  call: DataCall,
  matches: readonly ScoredVector[],
  { model, fields, topN, query: given }: RerankRequest,
  text: string | undefined,
): Promise<readonly ScoredVector[]> {
  const asked = given ?? text;
  if (asked === undefined) throw refusal("rerank.query is required where inputs have no text");
  const reranker = findReranker(call.server.context, model);
  if (matches.length === 0) return [];
  const ranked = await reranker.rerank(
    asked,
    // Numbers of the parser are numbers of JSON: metadata are members as they were written.
    matches.map(({ metadata }) => rankedText((metadata ?? {}) as JsonObject, fields)),
    { ...(topN === undefined ? {} : { topN }), signal: call.signal },
  );
  return ranked.flatMap(({ position, relevance }) => {
    const match = matches[position];
    return match === undefined ? [] : [{ ...match, score: Math.fround(relevance) }];
  });
}

/** What clients write for all fields. */
const ALL_FIELDS = "*";

function toHit(
  { id, score, metadata = {} }: ScoredVector,
  fields: readonly string[] | undefined,
): RecordHit {
  if (fields === undefined || fields.includes(ALL_FIELDS)) return { id, score, fields: metadata };
  const wanted = new Set(fields);
  const kept = Object.entries(metadata).filter(([name]) => wanted.has(name));
  const picked: Metadata = Object.fromEntries(kept);
  return { id, score, fields: picked };
}
