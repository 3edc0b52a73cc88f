/** Fetch: records by their ids. */
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { placeOf } from "../namespace.ts";
import type { Answered, DataCall } from "./call.ts";
import { reconciledAt } from "./lsn.ts";
import type { FetchAnswer, FetchRequest, StoredVector } from "./messages.ts";
import { fetchUnits } from "./units.ts";
import { checkId, numbersOf, toStored } from "./vectors.ts";

const PIECE_RECORDS = 64;

/** Ids that are not there are missing from the answer; so are all of a missing namespace. */
export async function fetchVectors(
  call: DataCall,
  { ids, namespace }: FetchRequest,
): Promise<Answered<FetchAnswer>> {
  const keys = checkIds(ids);
  const place = placeOf(call, namespace);
  const { lsn } = await reconciledAt(call, place);
  const vectors: StoredVector[] = [];
  let numbersLeft: number = PINECONE_LIMITS.answerNumbersMax;
  for (let start = 0; start < keys.length && place !== undefined; start += PIECE_RECORDS) {
    const piece = keys.slice(start, start + PIECE_RECORDS);
    const records = await call.server.context.engine.get(place, piece, EVERYTHING);
    for (const record of records) {
      if (record === undefined) continue;
      const stored = toStored(call.index, record);
      numbersLeft -= numbersOf(stored);
      if (numbersLeft < 0) throw refusal("The result is too large: fetch fewer ids at once");
      vectors.push(stored);
    }
  }
  const usage = { readUnits: fetchUnits(vectors.length) };
  return { message: { vectors, namespace, usage }, ...(lsn === undefined ? {} : { lsn }) };
}

export const EVERYTHING = { vectors: true, metadata: true } as const;

/** Each once, in the order of their first mention. @throws InsulaError */
export function checkIds(ids: readonly string[]): readonly string[] {
  const { idsMax } = PINECONE_LIMITS;
  if (ids.length < 1 || ids.length > idsMax) {
    throw refusal(`Request must have 1 to ${String(idsMax)} ids, received ${String(ids.length)}`);
  }
  ids.forEach(checkId);
  return [...new Set(ids)];
}
