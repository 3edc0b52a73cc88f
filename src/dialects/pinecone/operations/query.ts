/** Query: the nearest records of one namespace, by a vector or by that of a record. */
import { InsulaError, isInsulaError } from "../../../base/errors.ts";
import { DEFAULT_VECTOR, type Hit, type Place, type Query } from "../../../model/index.ts";
import { printJson } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import type { IndexView, PineconeMetric } from "../index-view.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { placeOf } from "../namespace.ts";
import type { Answered, DataCall } from "./call.ts";
import { parseFilter } from "./filter.ts";
import { reconciledAt } from "./lsn.ts";
import type { QueryAnswer, QueryRequest, ScoredVector, StoredVector } from "./messages.ts";
import { queryUnits } from "./units.ts";
import { checkDimension, checkId, numbersOf, readSparse, toStored } from "./vectors.ts";

/** A namespace, or a record, that is not there has no matches. */
export async function query(call: DataCall, asked: QueryRequest): Promise<Answered<QueryAnswer>> {
  const { index, server } = call;
  const { context } = server;
  const searched = readSearched(index, asked);
  const filter = asked.filter === undefined ? undefined : parseFilter(asked.filter);
  const place = placeOf(call, asked.namespace);
  const { lsn, namespaceBytes } = await reconciledAt(call, place);
  const startMs = context.clock.monotonicMs();
  const include = { vectors: asked.includeValues, metadata: asked.includeMetadata };
  const matches =
    place === undefined
      ? []
      : await runQuery(call, place, {
          ...searched,
          topK: asked.topK,
          include,
          signal: call.signal,
          ...(filter === undefined ? {} : { filter }),
        });
  context.endPhase("search", startMs);
  const usage = { readUnits: queryUnits(call, namespaceBytes) };
  const message = { matches, namespace: asked.namespace, usage };
  return { message, ...(lsn === undefined ? {} : { lsn }) };
}

/** Numbers that one search may bring along; with more the records are fetched apart, in pieces. */
const NUMBERS_AT_ONCE_MAX = 1_048_576;
const PIECE_RECORDS = 64;

async function runQuery(
  call: DataCall,
  place: Place,
  wanted: Query,
): Promise<readonly ScoredVector[]> {
  const { engine } = call.server.context;
  const { metric, dimension = 0 } = call.index;
  const { vectors, metadata } = wanted.include;
  const isLarge = wanted.topK * dimension > NUMBERS_AT_ONCE_MAX;
  const isApart = (vectors && isLarge) || (metadata && wanted.topK > PINECONE_LIMITS.idsMax);
  const include = isApart ? { vectors: false, metadata: false } : wanted.include;
  const hits = await findHits(engine, place, { ...wanted, include });
  const budget = new AnswerBudget();
  const matches: ScoredVector[] = [];
  for (let start = 0; start < hits.length; start += PIECE_RECORDS) {
    const piece = hits.slice(start, start + PIECE_RECORDS);
    const keys = piece.map(({ key }) => key);
    const records = isApart ? await engine.get(place, keys, wanted.include) : piece;
    for (const [i, hit] of piece.entries()) {
      // One that was deleted meanwhile is left out.
      const record = records[i];
      if (record === undefined) continue;
      const stored = toStored(call.index, record);
      budget.take(stored);
      matches.push({ ...stored, score: toScore(metric, hit.distance) });
    }
  }
  return matches;
}

async function findHits(
  engine: DataCall["server"]["context"]["engine"],
  place: Place,
  wanted: Query,
): Promise<readonly Hit[]> {
  try {
    return (await engine.query(place, wanted)).hits;
  } catch (error) {
    if (isInsulaError(error) && error.code === "record_not_found") return [];
    throw error;
  }
}

/** What is searched for. @throws InsulaError `argument_invalid` and what the checks throw. */
function readSearched(
  index: IndexView,
  { topK, vector, id, sparseVector }: QueryRequest,
): Pick<Query, "field" | "vector" | "like" | "sparse"> {
  const { topKMax } = PINECONE_LIMITS;
  if (!Number.isInteger(topK) || topK < 1 || topK > topKMax) {
    throw refusal(`topK must be a whole number from 1 to ${String(topKMax)}`);
  }
  const hasVector = vector !== undefined && vector.length > 0;
  const field = index.dimension === undefined ? (index.sparseField ?? "") : DEFAULT_VECTOR;
  if (id !== undefined) {
    if (hasVector || sparseVector !== undefined) {
      throw refusal("Query must have either a vector or an id, received both");
    }
    checkId(id);
    return { field, like: { key: id } };
  }
  if (!hasVector && (sparseVector === undefined || index.dimension !== undefined)) {
    throw refusal("Query must have a vector or an id");
  }
  if (hasVector && index.dimension === undefined) {
    throw refusal("Query must have a sparse vector: the index holds no dense ones");
  }
  if (hasVector) checkDimension(index, vector);
  return {
    field,
    ...(hasVector ? { vector } : {}),
    ...(sparseVector === undefined ? {} : { sparse: readSparseQuery(index, sparseVector) }),
  };
}

function readSparseQuery(
  index: IndexView,
  values: NonNullable<QueryRequest["sparseVector"]>,
): NonNullable<Query["sparse"]> {
  if (index.metric !== "dotproduct") {
    throw refusal(
      `An index with the metric ${index.metric} cannot be queried with a sparse vector: ` +
        "that needs the metric dotproduct",
    );
  }
  return { field: index.sparseField ?? "", vector: readSparse(index, values) };
}

/**
 * The vendor's number for a distance, as float32. Euclidean is the square of the distance, smaller
 * is nearer; the others are similarities, greater is nearer.
 */
export function toScore(metric: PineconeMetric, distance: number): number {
  switch (metric) {
    case "cosine":
      return Math.fround(1 - distance);
    case "dotproduct":
      return Math.fround(0 - distance);
    case "euclidean":
      return Math.fround(Math.min(distance * distance, FLOAT32_MAX));
  }
}

const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

/** Counts what an answer has grown to. */
class AnswerBudget {
  #bytesLeft: number = PINECONE_LIMITS.queryAnswerBytesMax;

  /** @throws InsulaError `argument_invalid` */
  take(stored: StoredVector): void {
    const { id, metadata } = stored;
    this.#bytesLeft -= Buffer.byteLength(id) + 4 * numbersOf(stored);
    if (metadata !== undefined) this.#bytesLeft -= Buffer.byteLength(printJson(metadata));
    if (this.#bytesLeft >= 0) return;
    throw new InsulaError(
      "argument_invalid",
      "The result of the query is larger than 4 MB: ask for fewer matches, or without values " +
        "and metadata",
    );
  }
}
