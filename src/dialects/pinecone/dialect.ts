/**
 * The Pinecone dialect over HTTP: one request from its first byte to its answer. Calls of gRPC go
 * to grpc/grpc-call.ts.
 *
 * Order: which index is meant → who asks → body → rights → existence → what the index makes of it.
 */
import { InsulaError } from "../../base/errors.ts";
import { isGrpcRequest, type HttpAnswer, type HttpRequest } from "../../wire/index.ts";
import { answerTextOf, bodyOf, flowOf } from "../answer-text.ts";
import type { AccessTrail } from "../access-trail.ts";
import type { BodyHold } from "../body-room.ts";
import type { Dialect, DialectContext } from "../dialect.ts";
import type { Caller } from "./caller.ts";
import { findControlRoute } from "./control/control-routes.ts";
import { failureOf, type PineconeFailure } from "./errors.ts";
import { answerGrpc } from "./grpc/grpc-call.ts";
import { checkProject, readAddress, type Address } from "./hosts.ts";
import { answerBytes, placeAsked, runOperation } from "./operations/table.ts";
import { PineconeServer } from "./pinecone-server.ts";
import { findDataRoute, lsnHeaders, type DataRoute } from "./rest/data-routes.ts";

/** Makes the dialect. One per server. */
export function createPineconeDialect(context: DialectContext): Dialect {
  const server = new PineconeServer(context);
  return {
    name: "pinecone",
    handle: (request) =>
      isGrpcRequest(request) ? answerGrpc(server, request) : handle(server, request),
  };
}

async function handle(server: PineconeServer, request: HttpRequest): Promise<HttpAnswer> {
  let isAboutIndex = false;
  try {
    const address = readAddress(request, (port) => server.indexPorts?.has(port) === true);
    isAboutIndex = address.index !== undefined || address.port !== undefined;
    const answer = await server.observe(request, (trail) =>
      answerAt(server, request, { address, trail }),
    );
    return seal(request, answer);
  } catch (error) {
    return seal(request, failedAnswer(failureOf(error), isAboutIndex));
  }
}

async function answerAt(
  server: PineconeServer,
  request: HttpRequest,
  { address, trail }: { readonly address: Address; readonly trail: AccessTrail },
): Promise<HttpAnswer> {
  const { signal } = request;
  const startMs = server.context.clock.monotonicMs();
  const caller = await server.identify(request.headers["api-key"], { trail, signal });
  server.context.endPhase("verify", startMs);
  const { path } = address;
  const index = await server.indexAt(address, caller);
  if (index === undefined) {
    const { operation, run, name } = findControlRoute(request.method, path);
    trail.operation = operation;
    const { status, json, text } = await run({ server, caller, request, name });
    const body = text ?? (json === undefined ? "" : JSON.stringify(json));
    return { status, headers: body === "" ? {} : JSON_TYPE, body };
  }
  checkProject(address, caller);
  const route = findDataRoute(request.method, path);
  if (route === undefined) {
    throw new InsulaError("route_not_found", "No operation has this method and path");
  }
  trail.operation = route.operation;
  const hold = server.room.hold(caller.principal.keyId, request.signal);
  try {
    return await answerData(server, request, { caller, index, route, hold });
  } finally {
    hold.leave();
  }
}

interface AskedData {
  readonly caller: Caller;
  readonly index: string;
  readonly route: DataRoute;
  readonly hold: BodyHold;
}

async function answerData(
  server: PineconeServer,
  request: HttpRequest,
  { caller, index, route, hold }: AskedData,
): Promise<HttpAnswer> {
  const { context } = server;
  const { operation, read, print, status = 200 } = route;
  const turns = server.turnsOf(caller, index, operation.startsWith("Upsert") ? "write" : "query");
  const asked = { index, operation, request: await read({ context, turns, hold }, request) };
  const place = placeAsked(caller, asked);
  await hold.unpack("query", flowOf(place), answerBytes(asked));
  const answered = await runOperation(server, caller, asked);
  const text = answerTextOf(context, { ...place, signal: request.signal });
  const printed = text.add(await print(answered.message, text)).finish();
  const headers = { ...(printed === "" ? {} : JSON_TYPE), ...lsnHeaders(answered) };
  return { status, headers, ...bodyOf(printed) };
}

const JSON_TYPE = { "content-type": "application/json" } as const;

/** The two planes print errors in two shapes; who is not known is told so in that of the first. */
function failedAnswer(failure: PineconeFailure, isAboutIndex: boolean): HttpAnswer {
  const { status, code, grpc, message, retryAfterMs } = failure;
  const retry =
    retryAfterMs === undefined
      ? {}
      : { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) };
  const json =
    isAboutIndex && status !== 401
      ? { code: grpc, message, details: [] }
      : { status, error: { code, message } };
  return { status, headers: { ...JSON_TYPE, ...retry }, body: JSON.stringify(json) };
}

/** Puts the headers of every answer around an operation's own. */
function seal(request: HttpRequest, answer: HttpAnswer): HttpAnswer {
  const headers = {
    "x-pinecone-request-id": request.id,
    "x-request-id": request.id,
    ...answer.headers,
  };
  return { ...answer, headers };
}
