/** Upsert: all records are written or none; a namespace that does not exist is made. */
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { placeToWrite } from "../namespace.ts";
import type { Answered, DataCall } from "./call.ts";
import { committedAt } from "./lsn.ts";
import type { UpsertAnswer, UpsertRequest } from "./messages.ts";
import { toBatch } from "./vectors.ts";

/** @returns the number of records given; of an id given twice the last record is written. */
export async function upsert(
  call: DataCall,
  { namespace, vectors }: UpsertRequest,
): Promise<Answered<UpsertAnswer>> {
  const { index, server } = call;
  const { context } = server;
  const { upsertVectorsMax } = PINECONE_LIMITS;
  if (vectors.length < 1 || vectors.length > upsertVectorsMax) {
    throw refusal(
      `Upsert must have 1 to ${String(upsertVectorsMax)} vectors, received ${String(vectors.length)}`,
    );
  }
  const place = placeToWrite(call, namespace);
  const batch = toBatch(index, vectors);
  const startMs = context.clock.monotonicMs();
  await context.engine.upsert(place, batch);
  context.endPhase("store", startMs);
  const lsn = await committedAt(call, place);
  return { message: { upsertedCount: vectors.length }, ...lsn };
}
