/** Searches at one place or at many: the answer is put together as text. */
import type {
  Activation,
  Hit,
  MultiQueryResult,
  Place,
  Query,
  QueryPlan,
} from "../../model/index.ts";
import { boundTenant } from "../../access/index.ts";
import { MANY_ANSWER, SEARCH_ANSWER } from "./answers.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { toProblem } from "./problem.ts";
import {
  INCLUDE_DEFAULT,
  MANY_BODY,
  SEARCH_BODY,
  SEARCH_NUMBERS,
  type ManyBody,
  type SearchBody,
} from "./record-bodies.ts";
import { PLACE_PATTERNS } from "./record-routes.ts";
import { JsonText, RecordPrinter } from "./records-json.ts";
import { targetOf } from "./target.ts";
import { placeOf, withBody, type Call, type Route } from "./route.ts";
import { refusal } from "./schema.ts";

const SEARCH_OPERATION = "Search";

async function searchOne(call: Call, body: SearchBody): Promise<JsonText> {
  const { context } = call;
  const query = toQuery(call, body);
  const startMs = context.clock.monotonicMs();
  const { hits, plan, activation } = await context.engine.query(placeOf(call), query);
  context.endPhase("search", startMs);
  const printer = new RecordPrinter();
  const report = printReport(body, { plan, ...(activation === undefined ? {} : { activation }) });
  return new JsonText(`{"hits":[${hits.map((hit) => printHit(printer, hit)).join()}]${report}}`);
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
  const query = toQuery(call, body);
  const startMs = context.clock.monotonicMs();
  const result = await context.engine.queryMany(places, query);
  context.endPhase("search", startMs);
  return new JsonText(printMany(call, body, result));
}

/** A key bound to one tenant means it where a place names none. */
function withTenant({ principal }: Call, place: Place): Place {
  const tenant = place.tenant ?? boundTenant(principal, place);
  return tenant === undefined ? place : { ...place, tenant };
}

function toQuery(call: Call, body: SearchBody): Query {
  const { topK = NATIVE_LIMITS.topKDefault, include = INCLUDE_DEFAULT, field = "" } = body;
  if (include.vectors && topK > NATIVE_LIMITS.topKVectorsMax) {
    throw refusal("topK", `expected at most ${String(NATIVE_LIMITS.topKVectorsMax)} with vectors`);
  }
  if (include.metadata && topK > NATIVE_LIMITS.topKMetadataMax) {
    throw refusal(
      "topK",
      `expected at most ${String(NATIVE_LIMITS.topKMetadataMax)} with metadata, which are included unless include.metadata is false`,
    );
  }
  return {
    field,
    ...(body.vector === undefined ? {} : { vector: body.vector }),
    ...(body.sparse === undefined ? {} : { sparse: body.sparse }),
    ...(body.weights === undefined ? {} : { weights: body.weights }),
    topK,
    include,
    signal: call.request.signal,
    ...(body.filter === undefined ? {} : { filter: body.filter }),
    ...(body.exact === undefined ? {} : { isExact: body.exact }),
  };
}

function printHit(printer: RecordPrinter, hit: Hit, place?: Place): string {
  const where = place === undefined ? "" : `,"place":${JSON.stringify(place)}`;
  return `{${printer.members(hit)},"distance":${String(hit.distance)}${where}}`;
}

function printReport(
  { explain }: SearchBody,
  { plan, activation }: { readonly plan: QueryPlan; readonly activation?: Activation },
): string {
  const state = activation === undefined ? "" : `,"activation":${JSON.stringify(activation)}`;
  return explain === true ? `${state},"plan":${JSON.stringify(plan)}` : state;
}

function printMany(
  { request }: Call,
  body: ManyBody,
  { hits, searched, failures }: MultiQueryResult,
): string {
  const printer = new RecordPrinter();
  const found = hits.map((hit) => printHit(printer, hit, hit.place));
  const reports = searched.map(
    (report) => `{"place":${JSON.stringify(report.place)}${printReport(body, report)}}`,
  );
  const failed = failures.map(({ place, error }) =>
    JSON.stringify({ place, problem: toProblem(error, request.id) }),
  );
  return `{"hits":[${found.join()}],"searched":[${reports.join()}],"failures":[${failed.join()}]}`;
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
      answers: SEARCH_ANSWER,
      takes: {
        schema: SEARCH_BODY,
        bytesMax: NATIVE_LIMITS.searchBodyBytesMax,
        numbers: SEARCH_NUMBERS,
      },
      run: searchOne,
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
