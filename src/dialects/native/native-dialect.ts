/** One request of our own interface, from its path to its answer. */
import { boundTenant, type ActionTarget, type Principal } from "../../access/index.ts";
import { InsulaError, type ErrorKind } from "../../base/errors.ts";
import { inTurns } from "../../base/pace.ts";
import { parseJsonBytes, type HttpAnswer, type HttpRequest } from "../../wire/index.ts";
import { AccessTrail } from "../access-trail.ts";
import { bodyOf, flowOf } from "../answer-text.ts";
import { BodyRoom, UNPACKED_BYTES_MIN } from "../body-room.ts";
import { contextOf } from "../caller-context.ts";
import type { Dialect, DialectContext } from "../dialect.ts";
import type { NamedBody } from "./bodies.ts";
import { renderManual } from "./manual-page.ts";
import { toFailure } from "./problem.ts";
import { JsonLines, sentLines } from "./json-lines.ts";
import { CsvText, JsonText } from "./records-json.ts";
import type { BodyRules, Call, Route } from "./route.ts";
import { findRoute } from "./route-finder.ts";
import { NATIVE_ROUTES, openApi } from "./routes.ts";
import { targetOf } from "./target.ts";

/** The page of the interface, beside the paths below the prefix. */
const MANUAL_PATH = "/docs";
const OPEN_API_PATH = "/openapi.json";
const LINES_TYPE = "application/jsonl";
/** As RFC 4180 registers it. */
const CSV_TYPE = "text/csv; charset=utf-8; header=present";

/**
 * JSON in and out, `Authorization: Bearer <admin secret>` or `<key id>.<secret>`. The same routes
 * serve the command line, the remote client and whoever speaks HTTP.
 */
export function createNativeDialect(context: DialectContext): Dialect {
  const room = new BodyRoom();
  return { name: "native", handle: (request) => handle(context, room, request) };
}

async function handle(
  context: DialectContext,
  room: BodyRoom,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const startedAtMs = context.clock.monotonicMs();
  let operation = "Unknown";
  let outcome: "ok" | ErrorKind = "ok";
  const trail = new AccessTrail();
  const end = (): void => {
    context.observe(operation, outcome, context.clock.monotonicMs() - startedAtMs);
  };
  let isBegun = false;
  try {
    const manual = answerManual(request);
    if (manual !== undefined) {
      operation = "GetManual";
      return manual;
    }
    const { route, names } = findRoute(NATIVE_ROUTES, request);
    operation = route.operation;
    trail.operation = operation;
    const answered = await answer({ context, room, request, trail }, route, names);
    trail.end(context, request);
    if (!(answered instanceof JsonLines)) return answered;
    isBegun = true;
    const stream = sentLines(answered, request.id, (kind) => {
      outcome = kind;
      end();
    });
    return { status: route.status, headers: linesHead(request.id), stream };
  } catch (error) {
    trail.end(context, request, error);
    const failure = toFailure(error, request.id);
    outcome = failure.kind;
    return failure.answer;
  } finally {
    if (!isBegun) end();
  }
}

function linesHead(requestId: string): Readonly<Record<string, string>> {
  return { "x-request-id": requestId, "content-type": LINES_TYPE };
}

function answerManual(request: HttpRequest): HttpAnswer | undefined {
  if (request.path !== MANUAL_PATH && request.path !== OPEN_API_PATH) return undefined;
  if (request.method !== "GET" && request.method !== "HEAD") return undefined;
  return request.path === MANUAL_PATH
    ? renderManual(openApi())
    : toJsonAnswer(200, request.id, openApi());
}

type Asked = Pick<Call, "context" | "request" | "trail"> & { readonly room: BodyRoom };

async function answer(
  asked: Asked,
  route: Route,
  names: ReadonlyMap<string, string>,
): Promise<HttpAnswer | JsonLines> {
  const { request, trail } = asked;
  const principal = route.area === "public" ? NOBODY : await authenticate(asked);
  const database = names.get("database");
  const collection = names.get("collection");
  const tenant = tenantOf(principal, route, { database, collection, tenant: names.get("tenant") });
  const target = targetOf({ database, collection, tenant });
  trail.aim(target);
  if (route.creates === undefined) authorize(asked, principal, route, target);
  const hold = asked.room.hold(principal.keyId, request.signal);
  const call: Call = {
    ...asked,
    hold,
    context: contextOf(asked.context, principal),
    principal,
    database: database ?? "",
    collection: collection ?? "",
    tenant,
    customer: names.get("customer") ?? "",
    key: names.get("key") ?? "",
  };
  try {
    if (route.area === "records") await hold.enter(request, route.takes?.bytesMax ?? 0);
    const body = route.takes === undefined ? undefined : await readBody(call, route, route.takes);
    if (route.creates !== undefined) {
      const { name } = body as NamedBody;
      authorize(asked, principal, route, { ...target, [route.creates]: name });
    }
    const result = await route.run(call, body);
    if (route.status === 204) return { status: 204, headers: { "x-request-id": request.id } };
    return result instanceof JsonLines ? result : toJsonAnswer(route.status, request.id, result);
  } finally {
    hold.leave();
  }
}

/** A key bound to one tenant means it where the path of records names none. */
function tenantOf(
  principal: Principal,
  { area }: Route,
  named: Parameters<typeof targetOf>[0],
): string | undefined {
  const { database, collection, tenant } = named;
  if (tenant !== undefined || area !== "records") return tenant;
  if (database === undefined || collection === undefined) return undefined;
  return boundTenant(principal, { database, collection });
}

function authorize(
  { context, trail }: Asked,
  principal: Principal,
  { area, operation }: Route,
  target: ActionTarget,
): void {
  if (area !== "admin" && area !== "records") return;
  trail.aim(target);
  context.access.authorize(principal, `${area}:${operation}`, target);
}

async function readBody(call: Call, { area }: Route, rules: BodyRules): Promise<unknown> {
  const { context, request, principal } = call;
  const startMs = context.clock.monotonicMs();
  const bytes = await request.readBody(rules.bytesMax);
  const readAtMs = context.endPhase("read", startMs);
  const isOfPlace = area === "records";
  const kind = rules.isWrite === true ? "write" : "query";
  const flow = isOfPlace ? flowOf(call) : principal.keyId;
  // Of other routes the body tells what they are about, and they take as long as that takes.
  const unpack = isOfPlace
    ? (textLength: number): Promise<void> => call.hold.unpack(kind, flow, textLength)
    : undefined;
  const isLong = bytes.length >= UNPACKED_BYTES_MIN;
  const found = isLong ? context.turnsOf?.({ flow, kind, signal: request.signal }) : undefined;
  const turns = found && { ...found, ...(unpack && { unpack }) };
  if (isLong && rules.numbers === undefined) await unpack?.(bytes.length);
  const { json, arrays } =
    rules.numbers === undefined
      ? { json: parseJsonBytes(bytes), arrays: [] }
      : await context.parseVectorBody(bytes, rules.numbers, undefined, turns);
  const pieces = turns && rules.schema.pieces?.(json, "", arrays);
  const body =
    turns === undefined || pieces === undefined
      ? rules.schema.read(json, "", arrays)
      : await inTurns(pieces, turns.pace);
  context.endPhase("parse", readAtMs);
  return body;
}

function toJsonAnswer(status: number, requestId: string, result: unknown): HttpAnswer {
  return {
    status,
    headers: {
      "x-request-id": requestId,
      "content-type": result instanceof CsvText ? CSV_TYPE : "application/json",
    },
    ...(result instanceof JsonText ? bodyOf(result.text) : { body: JSON.stringify(result) }),
  };
}

const NOBODY: Principal = { kind: "key", keyId: "", accountId: "", grants: [] };

async function authenticate({ context, request, trail }: Asked): Promise<Principal> {
  const token = /^Bearer +(\S+) *$/i.exec(request.headers["authorization"] ?? "")?.[1];
  if (token === undefined) {
    throw new InsulaError(
      "credentials_missing",
      "Cannot answer: no credentials: expected Authorization: Bearer with the admin secret or <key id>.<secret>.",
    );
  }
  const principal = await context.access.findToken(token);
  if (principal === undefined) {
    throw new InsulaError("credentials_unknown", "Cannot answer: the secret fits no key.");
  }
  trail.identify(principal);
  return principal;
}
