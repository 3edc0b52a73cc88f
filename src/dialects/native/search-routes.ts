/** Searches at one place or at many: the answer is put together as text. */
import type {
  Hit,
  KeptResult,
  MultiQueryResult,
  NextHits,
  Place,
  Query,
  QueryResult,
} from "../../model/index.ts";
import { boundTenant } from "../../access/index.ts";
import { AnswerText, answerTextOf, flowOf, HIT_BYTES, type PrintedText } from "../answer-text.ts";
import { MANY_ANSWER, NEXT_ANSWER, PAGED_ANSWER, SEARCHES_ANSWER } from "./answers.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { toProblem } from "./problem.ts";
import {
  INCLUDE_DEFAULT,
  MANY_BODY,
  SEARCHES_BODY,
  CURSOR_BODY,
  PAGED_BODY,
  SEARCHES_NUMBERS,
  SEARCH_NUMBERS,
  type CursorBody,
  type ManyBody,
  type PagedBody,
  type SearchBody,
  type SearchesBody,
} from "./record-bodies.ts";
import { PLACE_PATTERNS } from "./record-routes.ts";
import { JsonText, RecordPrinter } from "./records-json.ts";
import { targetOf } from "./target.ts";
import { placeOf, withBody, type Call, type Route } from "./route.ts";
import { refusal } from "./schema.ts";

const SEARCH_OPERATION = "Search";

async function searchOne(call: Call, body: PagedBody): Promise<JsonText> {
  const { context } = call;
  const query = toQuery(call, body);
  const { pageSize } = body;
  checkHits([{ ...query, topK: pageSize ?? query.topK }]);
  await call.hold.unpack(
    "query",
    flowOf(call),
    HIT_BYTES * Math.min(query.topK, pageSize ?? query.topK),
  );
  const startMs = context.clock.monotonicMs();
  const result: KeptResult =
    pageSize === undefined
      ? await context.engine.query(placeOf(call), query)
      : await context.engine.keepQuery(placeOf(call), query, Math.min(pageSize, query.topK));
  context.endPhase("search", startMs);
  const text = answerTextOf(context, placeOf(call));
  await printResult(text, result);
  return new JsonText(text.finish());
}

async function searchNext(call: Call, { cursor }: CursorBody): Promise<JsonText> {
  const page = await call.context.engine.nextHits(placeOf(call), cursor);
  const printer = new RecordPrinter();
  const text = answerTextOf(call.context, placeOf(call)).add('{"hits":[');
  await text.list(page.hits, (hit) => printHit(printer, hit));
  return new JsonText(text.add(`]${printCursor(page)}}`).finish());
}

async function forgetSearch(call: Call, { cursor }: CursorBody): Promise<void> {
  await call.context.engine.forgetQuery(placeOf(call), cursor);
}

async function searchAll(call: Call, { queries }: SearchesBody): Promise<JsonText> {
  const { context } = call;
  const asked = queries.map((body, i) => toQuery(call, body, `queries[${String(i)}].`));
  checkHits(asked);
  const hitCount = asked.reduce((sum, { topK }) => sum + topK, 0);
  await call.hold.unpack("query", flowOf(call), HIT_BYTES * hitCount);
  const startMs = context.clock.monotonicMs();
  const results = await context.engine.queryAll(placeOf(call), asked);
  context.endPhase("search", startMs);
  const text = answerTextOf(context, placeOf(call)).add('{"results":[');
  for (const [i, result] of results.entries()) {
    if (i > 0) text.add(",");
    await printResult(text, result);
  }
  return new JsonText(text.add("]}").finish());
}

/**
 * Rights are asked for every place before any is looked at: one that may not be read refuses the
 * whole search, with the same words whether it is there or not.
 */
async function searchMany(call: Call, body: ManyBody): Promise<JsonText> {
  const { context, principal, trail } = call;
  const places = body.places.map((place) => withTenant(call, place));
  for (const [i, place] of places.entries()) {
    const target = targetOf(place);
    if (i === 0) trail.aim(target);
    else trail.aimAlso(target);
    context.access.authorize(principal, `records:${SEARCH_OPERATION}`, target);
  }
  const query = toQuery(call, { ...body, like: undefined, mmr: undefined });
  checkHits([query]);
  const startMs = context.clock.monotonicMs();
  const result = await context.engine.queryMany(places, query);
  context.endPhase("search", startMs);
  return new JsonText(await printMany(call, result));
}

/** A key bound to one tenant means it where a place names none. */
function withTenant({ principal }: Call, place: Place): Place {
  const tenant = place.tenant ?? boundTenant(principal, place);
  return tenant === undefined ? place : { ...place, tenant };
}

/** @param at where the body stands: empty, or `queries[3].`. */
function toQuery(call: Call, body: SearchBody, at = ""): Query {
  const { topK = NATIVE_LIMITS.topKDefault, include = INCLUDE_DEFAULT, field = "" } = body;
  const { vector, like, sparse, weights, filter, exact, recall, maxDistance, mmr, explain } = body;
  if (vector !== undefined && like !== undefined) {
    throw refusal(`${at}vector`, "expected either vector or like");
  }
  if ((vector ?? like ?? sparse) === undefined) {
    throw refusal(`${at}vector`, "expected vector, like or sparse");
  }
  return {
    field,
    ...(vector === undefined ? {} : { vector }),
    ...(sparse === undefined ? {} : { sparse }),
    ...(weights === undefined ? {} : { weights }),
    topK,
    include,
    signal: call.request.signal,
    ...(like === undefined ? {} : { like: { key: like.key, isLeftOut: like.leaveOut ?? false } }),
    ...(filter === undefined ? {} : { filter }),
    ...(exact === undefined ? {} : { isExact: exact }),
    ...(recall === undefined ? {} : { recall }),
    ...(maxDistance === undefined ? {} : { maxDistance }),
    ...(mmr === undefined ? {} : { mmr }),
    ...(explain === undefined ? {} : { isExplained: explain }),
  };
}

/** Of all queries of one answer together. */
function checkHits(queries: readonly Query[]): void {
  let vectors = 0;
  let metadata = 0;
  for (const { topK, include } of queries) {
    if (include.vectors) vectors += topK;
    if (include.metadata) metadata += topK;
  }
  const { topKVectorsMax, topKMetadataMax } = NATIVE_LIMITS;
  if (vectors > topKVectorsMax) {
    throw refusal("topK", `expected at most ${String(topKVectorsMax)} with vectors`);
  }
  if (metadata > topKMetadataMax) {
    throw refusal(
      "topK",
      `expected at most ${String(topKMetadataMax)} with metadata, which are included unless include.metadata is false`,
    );
  }
}

function printHit(printer: RecordPrinter, hit: Hit, place?: Place): string {
  const where = place === undefined ? "" : `,"place":${JSON.stringify(place)}`;
  return `{${printer.members(hit)},"distance":${String(hit.distance)}${where}}`;
}

async function printResult(text: AnswerText, { hits, ...report }: KeptResult): Promise<void> {
  const printer = new RecordPrinter();
  await text.add('{"hits":[').list(hits, (hit) => printHit(printer, hit));
  text.add(`]${printCursor(report)}${printReport(report)}}`);
}

function printCursor({ cursor }: Pick<NextHits, "cursor">): string {
  return cursor === undefined ? "" : `,"cursor":${JSON.stringify(cursor)}`;
}

function printReport({ plan, activation, explanation }: Omit<QueryResult, "hits">): string {
  const state = activation === undefined ? "" : `,"activation":${JSON.stringify(activation)}`;
  const told = explanation === undefined ? "" : `,"explanation":${JSON.stringify(explanation)}`;
  return `${state},"plan":${JSON.stringify(plan)}${told}`;
}

async function printMany(
  { context, request, principal }: Call,
  { hits, searched, failures }: MultiQueryResult,
): Promise<PrintedText> {
  const printer = new RecordPrinter();
  // Of many places: its own flow is that of who asked.
  const asked = { flow: principal.keyId, kind: "query" as const, signal: request.signal };
  const text = new AnswerText(context.turnsOf?.(asked).pace).add('{"hits":[');
  await text.list(hits, (hit) => printHit(printer, hit, hit.place));
  await text
    .add('],"searched":[')
    .list(searched, (report) => `{"place":${JSON.stringify(report.place)}${printReport(report)}}`);
  await text
    .add('],"failures":[')
    .list(failures, ({ place, error }) =>
      JSON.stringify({ place, problem: toProblem(error, request.id) }),
    );
  return text.add("]}").finish();
}

export const SEARCH_ROUTES: readonly Route[] = [
  ...PLACE_PATTERNS.map((pattern) =>
    withBody({
      method: "POST",
      pattern: `${pattern}/records/search`,
      operation: SEARCH_OPERATION,
      area: "records",
      status: 200,
      summary: "The nearest records, and how the tenant was found: its state, the time to wake it.",
      answers: PAGED_ANSWER,
      takes: {
        schema: PAGED_BODY,
        bytesMax: NATIVE_LIMITS.searchBodyBytesMax,
        numbers: SEARCH_NUMBERS,
      },
      run: searchOne,
    }),
  ),
  ...PLACE_PATTERNS.map((pattern) =>
    withBody({
      method: "POST",
      pattern: `${pattern}/records/searches`,
      operation: "SearchAll",
      area: "records",
      status: 200,
      summary: "Several searches of one state of the place, in their order.",
      answers: SEARCHES_ANSWER,
      takes: {
        schema: SEARCHES_BODY,
        bytesMax: NATIVE_LIMITS.allBodyBytesMax,
        numbers: SEARCHES_NUMBERS,
      },
      run: searchAll,
    }),
  ),
  ...PLACE_PATTERNS.map((pattern) =>
    withBody({
      method: "POST",
      pattern: `${pattern}/records/search/next`,
      operation: "SearchNext",
      area: "records",
      status: 200,
      summary: "The next page of a search that was asked for with pageSize.",
      answers: NEXT_ANSWER,
      takes: { schema: CURSOR_BODY, bytesMax: NATIVE_LIMITS.cursorBodyBytesMax },
      run: searchNext,
    }),
  ),
  ...PLACE_PATTERNS.map((pattern) =>
    withBody({
      method: "POST",
      pattern: `${pattern}/records/search/forget`,
      operation: "ForgetSearch",
      area: "records",
      status: 204,
      summary: "Gives up the pages that are left of a search.",
      takes: { schema: CURSOR_BODY, bytesMax: NATIVE_LIMITS.cursorBodyBytesMax },
      run: forgetSearch,
    }),
  ),
  withBody({
    method: "POST",
    pattern: "search",
    operation: "SearchMany",
    area: "open", // each place is asked for by itself
    status: 200,
    summary: "The exact nearest over many places; refused whole when one may not be read.",
    answers: MANY_ANSWER,
    takes: {
      schema: MANY_BODY,
      bytesMax: NATIVE_LIMITS.manyBodyBytesMax,
      numbers: SEARCH_NUMBERS,
    },
    run: searchMany,
  }),
];
