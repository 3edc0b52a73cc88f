/**
 * The Pinecone dialect over gRPC: one call from its first byte to its answer.
 *
 * The order is that over HTTP: which index is meant → who asks → message → rights → existence →
 * what the index makes of it. Operations and errors are the same; a status and a text in the
 * trailers stand for the status and the body.
 */
import { InsulaError } from "../../../base/errors.ts";
import { inTurns, unpaced } from "../../../base/pace.ts";
import { unlessAborted } from "../../../base/unless-aborted.ts";
import {
  ProtoWriter,
  readGrpcMessage,
  toGrpcAnswer,
  toGrpcFailure,
  type HttpAnswer,
  type HttpRequest,
} from "../../../wire/index.ts";
import { flowOf } from "../../answer-text.ts";
import type { AccessTrail } from "../../access-trail.ts";
import type { BodyHold } from "../../body-room.ts";
import { failureOf } from "../errors.ts";
import type { Caller } from "../caller.ts";
import { checkProject, readAddress, type Address } from "../hosts.ts";
import { answerBytes, placeAsked, runOperation } from "../operations/table.ts";
import type { PineconeServer } from "../pinecone-server.ts";
import { lsnHeaders } from "../rest/data-routes.ts";
import { indexOfCall } from "./index-of-call.ts";
import { findMethod, type GrpcMethod } from "./methods.ts";

const HEALTH = "/grpc.health.v1.Health/Check";
/** ServingStatus SERVING. */
const SERVING = 1;

export async function answerGrpc(
  server: PineconeServer,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const ids = { "x-pinecone-request-id": request.id, "x-request-id": request.id };
  if (request.httpVersion !== "2") {
    return { status: 505, headers: ids, body: "gRPC is spoken over HTTP/2 only.\n" };
  }
  if (request.path === HEALTH) return toGrpcAnswer(health(), ids);
  try {
    return await server.observe(request, (trail) => answerCall(server, request, { trail, ids }));
  } catch (error) {
    const { grpc, message, retryAfterMs } = failureOf(error);
    return toGrpcFailure({ status: grpc, message, retryAfterMs }, ids);
  }
}

interface GrpcAsked {
  readonly trail: AccessTrail;
  readonly ids: Readonly<Record<string, string>>;
}

async function answerCall(
  server: PineconeServer,
  request: HttpRequest,
  asked: GrpcAsked,
): Promise<HttpAnswer> {
  const { context } = server;
  const address = readAddress(request, (port) => server.indexPorts?.has(port) === true);
  const startMs = context.clock.monotonicMs();
  const { signal } = request;
  const { trail } = asked;
  const caller = await server.identify(request.headers["api-key"], { trail, signal });
  context.endPhase("verify", startMs);
  const method = findMethod(address.path);
  if (method === undefined) {
    throw new InsulaError("operation_unsupported", "The service has no such method");
  }
  trail.operation = method.operation;
  checkProject(address, caller);
  const answering = answerMethod(server, request, { ...asked, address, caller, method });
  // The engine knows until when a write can be given up; the rest goes on unheard.
  return method.isWrite ? answering : unlessAborted(signal, answering);
}

async function answerMethod(
  server: PineconeServer,
  request: HttpRequest,
  asked: GrpcAsked & GrpcMeant,
): Promise<HttpAnswer> {
  const { caller, method } = asked;
  const hold = server.room.hold(caller.principal.keyId, request.signal);
  try {
    // Clients of gRPC announce no length: questions would be counted as what none of them is.
    if (method.operation === "Upsert") await hold.enter(request, method.messageBytesMax);
    return await runMethod(server, request, { ...asked, hold });
  } finally {
    hold.leave();
  }
}

async function runMethod(
  server: PineconeServer,
  request: HttpRequest,
  { ids, address, caller, method, hold }: GrpcAsked & GrpcMeant & { readonly hold: BodyHold },
): Promise<HttpAnswer> {
  const { context } = server;
  const { operation, messageBytesMax, read, write } = method;
  const readFromMs = context.clock.monotonicMs();
  const bytes = await unlessAborted(request.signal, readGrpcMessage(request, messageBytesMax));
  const parseFromMs = context.endPhase("read", readFromMs);
  const message = read(bytes);
  context.endPhase("parse", parseFromMs);
  const hint = request.headers["service-name"];
  const index =
    (await server.indexAt(address, caller)) ?? (await indexOfCall(server, caller, hint));
  const asked = { index, operation, request: message };
  const flow = flowOf(placeAsked(caller, asked));
  await hold.unpack("query", flow, answerBytes(asked));
  const answered = await runOperation(server, caller, asked);
  const written = write(answered.message);
  const metadata = { ...ids, ...lsnHeaders(answered) };
  if (written instanceof Uint8Array) return toGrpcAnswer(written, metadata);
  const turns = context.turnsOf?.({ flow, kind: "query", signal: request.signal });
  const filled = await inTurns(written, turns?.pace ?? unpaced());
  return toGrpcAnswer(filled, metadata);
}

interface GrpcMeant {
  readonly address: Address;
  readonly caller: Caller;
  readonly method: GrpcMethod;
}

function health(): Uint8Array {
  const writer = new ProtoWriter();
  writer.uint(1, SERVING);
  return writer.written;
}
