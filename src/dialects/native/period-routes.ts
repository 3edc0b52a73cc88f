/** Routes about the ledger of usage: what was done at places, by period, as JSON or CSV. */
import { printUsageCsv, type Place, type UsageRequest } from "../../model/index.ts";
import { PERIODS_ANSWER } from "./usage-answers.ts";
import { COLLECTION_PATTERN } from "./catalog-routes.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { CsvText } from "./records-json.ts";
import type { Call, QueryParameter, Route } from "./route.ts";
import { refusal } from "./schema.ts";

const PERIODS = ["hour", "day", "month"] as const;

export const TIME_PARAMETERS: readonly QueryParameter[] = [
  { name: "period", description: "hour, day (the default) or month" },
  { name: "from", description: "ISO 8601 or milliseconds: periods that end after it" },
  { name: "to", description: "ISO 8601 or milliseconds: periods that begin before it" },
];

const PARAMETERS: readonly QueryParameter[] = [
  { name: "database", description: "only this one, where the path names none" },
  { name: "collection", description: "only this one, where the path names none" },
  { name: "tenant", description: "only this one; in every collection where none is named" },
  ...TIME_PARAMETERS,
  { name: "limit", description: "places of the page" },
  { name: "after", description: "the last place of the page before, its names encoded, with /" },
  { name: "format", description: "json (the default) or csv" },
];

async function answerPeriods(call: Call): Promise<unknown> {
  const parameters = decodeKnown(call, PARAMETERS);
  const format = parameters.get("format") ?? "json";
  if (format !== "json" && format !== "csv") throw refusal("format", "expected json or csv");
  const page = await call.context.engine.usage(toRequest(call, parameters));
  return format === "json" ? page : new CsvText(printUsageCsv(page.items));
}

/** @throws InsulaError `argument_invalid` for what is not among them. */
function decodeKnown({ request }: Call, known: readonly QueryParameter[]): URLSearchParams {
  const parameters = new URLSearchParams(request.query);
  for (const name of parameters.keys()) {
    if (!known.some((parameter) => parameter.name === name)) {
      throw refusal(JSON.stringify(name.slice(0, 64)), "expected a parameter of the document");
    }
  }
  return parameters;
}

/** What {@link TIME_PARAMETERS} say. @throws InsulaError `argument_invalid` */
export function decodeTimes(
  call: Call,
  known: readonly QueryParameter[],
): Pick<UsageRequest, "period" | "fromMs" | "toMs"> {
  return toTimes(decodeKnown(call, known));
}

function toTimes(parameters: URLSearchParams): Pick<UsageRequest, "period" | "fromMs" | "toMs"> {
  const asked = parameters.get("period") ?? "day";
  const period = PERIODS.find((each) => each === asked);
  if (period === undefined) throw refusal("period", "expected hour, day or month");
  return {
    period,
    ...optionalMember("fromMs", toMs("from", parameters.get("from"))),
    ...optionalMember("toMs", toMs("to", parameters.get("to"))),
  };
}

/** @throws InsulaError `argument_invalid` for a name that the path has already, too. */
function toRequest(call: Call, parameters: URLSearchParams): UsageRequest {
  const named = { database: call.database, collection: call.collection, tenant: call.tenant ?? "" };
  const place: { -readonly [Name in keyof typeof named]?: string } = {};
  for (const name of ["database", "collection", "tenant"] as const) {
    const asked = parameters.get(name);
    if (asked !== null && named[name] !== "") throw refusal(name, "the path names it");
    const value = named[name] === "" ? asked : named[name];
    if (value !== null && value !== "") place[name] = value;
  }
  return {
    ...place,
    ...toTimes(parameters),
    ...optionalMember("after", toPlace(parameters.get("after"))),
    limit: Number(parameters.get("limit") ?? NATIVE_LIMITS.pageItemsDefault),
  };
}

function optionalMember<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): Partial<Record<Name, Value>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, Value>);
}

function toMs(name: string, text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw refusal(name, "expected a time such as 2030-01-31T00:00:00Z");
}

function toPlace(text: string | null): Place | undefined {
  if (text === null) return undefined;
  const names = text.split("/").map(decode);
  const [database = "", collection = "", tenant] = names;
  if (names.length < 2 || names.length > 3) {
    throw refusal("after", "expected database/collection or database/collection/tenant");
  }
  return { database, collection, ...(tenant === undefined ? {} : { tenant }) };
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw refusal("after", "expected names that are percent-encoded");
  }
}

const SUMMARY = "Searches, reads, writes, work units, bytes, by hour, day or month; also as CSV.";

function route(pattern: string, operation: string): Route {
  return {
    method: "GET",
    pattern,
    operation,
    area: "admin",
    status: 200,
    summary: SUMMARY,
    answers: PERIODS_ANSWER,
    parameters: PARAMETERS,
    run: answerPeriods,
  };
}

export const PERIOD_ROUTES: readonly Route[] = [
  route("usage/periods", "GetUsagePeriods"),
  route("databases/:database/usage/periods", "GetDatabaseUsagePeriods"),
  route(`${COLLECTION_PATTERN}/usage/periods`, "GetCollectionUsagePeriods"),
  route(`${COLLECTION_PATTERN}/tenants/:tenant/usage/periods`, "GetTenantUsagePeriods"),
];
