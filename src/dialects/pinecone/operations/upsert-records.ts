/** UpsertRecords: records whose texts the server embeds. */
import type { JsonObject } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import { openIndexModel } from "../inference/index-model.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { member } from "../rest/members.ts";
import type { Answered, DataCall } from "./call.ts";
import type { DeleteAnswer, UpsertRecordsRequest, VectorToUpsert } from "./messages.ts";
import { upsert } from "./upsert.ts";

/**
 * All are written or none. Every member but the id becomes metadata, the text too, so that it is
 * found again with its record.
 *
 * @throws InsulaError `argument_invalid`, `model_mismatch`, and what the embedder throws.
 */
export async function upsertRecords(
  call: DataCall,
  { namespace, records }: UpsertRecordsRequest,
): Promise<Answered<DeleteAnswer>> {
  const { textsMax } = PINECONE_LIMITS;
  if (records.length < 1 || records.length > textsMax) {
    throw refusal(`Request must have 1 to ${String(textsMax)} records`);
  }
  const { field, open } = openIndexModel(call);
  const read = records.map((record) => readRecord(record, field));
  const embedder = await open();
  const values = await embedder.embed(
    read.map(({ text }) => text),
    call.signal,
  );
  const vectors = read.map(({ id, metadata }, i): VectorToUpsert => {
    const embedded = values[i];
    return { id, metadata, ...(embedded === undefined ? {} : { values: embedded }) };
  });
  const { message: _, ...lsn } = await upsert(call, { namespace, vectors });
  return { message: {}, ...lsn };
}

interface TextRecord {
  readonly id: string;
  readonly text: string;
  readonly metadata: JsonObject;
}

/** `_id` before `id`, which is a field like others beside it. Members that are null are none. */
function readRecord(record: JsonObject, field: string): TextRecord {
  const idName = member(record, "_id") === undefined ? "id" : "_id";
  const id = member(record, idName);
  if (typeof id !== "string") throw refusal("Each record must have an _id that is a string");
  const text = member(record, field);
  if (typeof text !== "string") {
    throw refusal(`Each record must have text in the field ${JSON.stringify(field)}`);
  }
  const members = Object.entries(record).filter(
    ([name, value]) => name !== idName && value !== null,
  );
  return { id, text, metadata: Object.fromEntries(members) };
}
