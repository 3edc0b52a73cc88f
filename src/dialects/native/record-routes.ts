/** Routes about the records of one place. */
import { inTurns, unpaced } from "../../base/pace.ts";
import type { WriteResult } from "../../engine/api.ts";
import { answerTextOf, flowOf } from "../answer-text.ts";
import { COUNT_ANSWER, GET_ANSWER, LIST_ANSWER, WRITE_ANSWER } from "./answers.ts";
import { missing } from "./bodies.ts";
import { COLLECTION_PATTERN } from "./catalog-routes.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import {
  COUNT_BODY,
  DELETE_BODY,
  GET_BODY,
  INCLUDE_DEFAULT,
  LIST_BODY,
  RECORDS_BODY,
  RECORDS_NUMBERS,
  type DeleteBody,
  type GetBody,
  type ListBody,
  type RecordsBody,
} from "./record-bodies.ts";
import { JsonText, RecordPrinter, toWriteBatch } from "./records-json.ts";
import { placeOf, withBody, type Call, type Route } from "./route.ts";
import { refusal } from "./schema.ts";

const RECORDS_RULES = {
  schema: RECORDS_BODY,
  bytesMax: NATIVE_LIMITS.recordsBodyBytesMax,
  numbers: RECORDS_NUMBERS,
  isWrite: true,
} as const;

/** A collection without tenants has its records below itself, one with tenants below each. */
export const PLACE_PATTERNS: readonly string[] = [
  COLLECTION_PATTERN,
  `${COLLECTION_PATTERN}/tenants/:tenant`,
];

const keysBytesMax = NATIVE_LIMITS.keysBodyBytesMax;

function routesOf(place: string): readonly Route[] {
  return [
    ...(["upsert", "insert"] as const).map((kind) =>
      withBody({
        method: "POST",
        pattern: `${place}/records/${kind}`,
        operation: kind === "upsert" ? "Upsert" : "Insert",
        area: "records",
        status: 200,
        summary:
          kind === "upsert"
            ? "Writes all records or none; durable and visible when answered."
            : "As upsert, but refuses the batch when a key is taken.",
        answers: WRITE_ANSWER,
        takes: RECORDS_RULES,
        run: (call, body) => write(call, kind, body),
      }),
    ),
    withBody({
      method: "POST",
      pattern: `${place}/records/get`,
      operation: "Get",
      area: "records",
      status: 200,
      summary: "One entry per key in the order asked, null where there is no record.",
      answers: GET_ANSWER,
      takes: { schema: GET_BODY, bytesMax: keysBytesMax },
      run: getRecords,
    }),
    withBody({
      method: "POST",
      pattern: `${place}/records/delete`,
      operation: "Delete",
      area: "records",
      status: 200,
      summary: "Deletes by keys, by filter, or everything.",
      answers: WRITE_ANSWER,
      takes: { schema: DELETE_BODY, bytesMax: keysBytesMax, isWrite: true },
      run: deleteRecords,
    }),
    withBody({
      method: "POST",
      pattern: `${place}/records/count`,
      operation: "Count",
      area: "records",
      status: 200,
      summary: "How many records there are, or pass the filter.",
      answers: COUNT_ANSWER,
      takes: { schema: COUNT_BODY, bytesMax: keysBytesMax },
      run: async (call, { filter }) => ({
        count: await call.context.engine.count(placeOf(call), filter),
      }),
    }),
    withBody({
      method: "POST",
      pattern: `${place}/records/list`,
      operation: "List",
      area: "records",
      status: 200,
      summary: "One page of records in the order of their keys.",
      answers: LIST_ANSWER,
      takes: { schema: LIST_BODY, bytesMax: keysBytesMax },
      run: listRecords,
    }),
  ];
}

async function write(
  call: Call,
  kind: "upsert" | "insert",
  { records }: RecordsBody,
): Promise<WriteResult> {
  const { context, database, collection } = call;
  const info = await context.engine.getCollection(database, collection);
  if (info === undefined) throw missing("collection_not_found", "collection", collection);
  const { signal } = call.request;
  const turns = context.turnsOf?.({ flow: flowOf(call), kind: "write", signal });
  const batch = await inTurns(toWriteBatch(info.schema, records), turns?.pace ?? unpaced());
  const startMs = context.clock.monotonicMs();
  const result = await context.engine[kind](placeOf(call), batch);
  context.endPhase("store", startMs);
  return result;
}

async function getRecords(
  call: Call,
  { keys, include = INCLUDE_DEFAULT }: GetBody,
): Promise<JsonText> {
  if (include.vectors && keys.length > NATIVE_LIMITS.getKeysVectorsMax) {
    throw refusal(
      "keys",
      `expected at most ${String(NATIVE_LIMITS.getKeysVectorsMax)} with vectors`,
    );
  }
  const records = await call.context.engine.get(placeOf(call), keys, include);
  const printer = new RecordPrinter();
  const text = answerTextOf(call.context, placeOf(call)).add('{"records":[');
  await text.list(records, (record) =>
    record === undefined ? "null" : `{${printer.members(record)}}`,
  );
  return new JsonText(text.add("]}").finish());
}

async function deleteRecords(call: Call, { keys, filter, all }: DeleteBody): Promise<WriteResult> {
  const { engine } = call.context;
  const given = [keys, filter, all].filter((value) => value !== undefined);
  if (given.length !== 1) throw refusal("", "expected one of keys, filter and all");
  if (keys !== undefined) return engine.delete(placeOf(call), keys);
  if (filter !== undefined) return engine.deleteWhere(placeOf(call), filter);
  if (all === true) return engine.deleteAll(placeOf(call));
  throw refusal("all", "expected true");
}

async function listRecords(call: Call, body: ListBody): Promise<JsonText> {
  const { limit = NATIVE_LIMITS.pageItemsDefault, include = INCLUDE_DEFAULT } = body;
  const { prefix, after, filter } = body;
  const { items, hasMore } = await call.context.engine.list(placeOf(call), {
    limit,
    include,
    bytesMax: NATIVE_LIMITS.pageBytesMax,
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
    ...(filter === undefined ? {} : { filter }),
  });
  const printer = new RecordPrinter();
  const text = answerTextOf(call.context, placeOf(call)).add('{"items":[');
  await text.list(items, (record) => `{${printer.members(record)}}`);
  return new JsonText(text.add(`],"hasMore":${String(hasMore)}}`).finish());
}

export const RECORD_ROUTES: readonly Route[] = PLACE_PATTERNS.flatMap(routesOf);
