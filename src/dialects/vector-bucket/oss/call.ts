/** One request on its way through the operations: who asks, for what, and with which tools. */
import { hash } from "node:crypto";
import { InsulaError } from "../../../base/errors.ts";
import type { Principal } from "../../../access/index.ts";
import type { Place } from "../../../model/index.ts";
import type { HttpAnswer, HttpRequest } from "../../../wire/index.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { parseJsonExact } from "../../../wire/index.ts";
import { bodyOf, type PrintedText } from "../../answer-text.ts";
import type { DialectContext, ParsedVectorBody } from "../../dialect.ts";
import type { BodyHold } from "../../body-room.ts";
import type { BucketDoor } from "../bucket-guard.ts";
import { isJsonObject } from "../json-kind.ts";
import type { PageTokens } from "../../page-token.ts";
import type { OssAddress } from "./address.ts";
import { ossFault } from "./errors.ts";
import type { OssOperation } from "./operations.ts";
import type { OssQuotas } from "./quotas.ts";

/** What outlives a request. */
export interface OssServer {
  readonly context: DialectContext;
  readonly quotas: OssQuotas;
  readonly guard: BucketDoor;
  pageTokens(): Promise<PageTokens>;
}

/** A request whose caller is known. */
export interface OssCall {
  readonly server: OssServer;
  readonly request: HttpRequest;
  readonly address: OssAddress;
  readonly principal: Principal;
  /** What its key has room for; asked when the body is read. */
  readonly hold: BodyHold;
  /** Of the credential scope. */
  readonly region: string;
  readonly operation: OssOperation;
  /** Decoded; keys once. */
  readonly query: ReadonlyMap<string, string>;
}

/** A call to a bucket that exists and that the caller may use this way. */
export interface BucketCall extends OssCall {
  readonly bucket: string;
  /**
   * To be asked as soon as the index is known, before anything is said about it.
   * @throws InsulaError `permission_denied` when the bucket's policy speaks against it.
   */
  readonly checkIndex: (index: string) => void;
}

/** Where the vectors of an index lie, as long as the caller waits. */
export function placeOf({ bucket, request: { signal } }: BucketCall, index: string): Place {
  return { database: bucket, collection: index, signal };
}

/** An answer before the headers every answer has. */
export interface OssAnswer {
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON; absent: no body. */
  readonly json?: PrintedText;
}

/**
 * The body, complete and equal to its Content-MD5 when the request has one. The clients sign that
 * header, so the check proves the body although the signature says UNSIGNED-PAYLOAD.
 *
 * @throws InsulaError `body_too_large`, the fault InvalidDigest
 */
export async function readBody(call: OssCall, bytesMax: number): Promise<Buffer> {
  await call.hold.enter(call.request, bytesMax);
  const body = await call.request.readBody(bytesMax);
  const claimed = claimedMd5(call);
  if (claimed !== undefined && hash("md5", body, "base64") !== claimed) throw wrongDigest();
  return body;
}

/**
 * A body of vectors, parsed, and complete as {@link readBody} has it: the digest of a long body
 * takes as long as its numbers, so it is taken where they are parsed.
 *
 * @param patterns  where its lists of numbers stand.
 * @throws InsulaError `body_too_large`, `body_malformed`, `vector_invalid`, the fault InvalidDigest
 */
export async function readVectorBody(
  call: OssCall,
  bytesMax: number,
  patterns: readonly (readonly string[])[],
): Promise<ParsedVectorBody> {
  const { context } = call.server;
  await call.hold.enter(call.request, bytesMax);
  const startMs = context.clock.monotonicMs();
  const bytes = await call.request.readBody(bytesMax);
  const readAtMs = context.endPhase("read", startMs);
  // Which index it means is told inside.
  const flow = [call.address.bucket, call.principal.keyId].join("\n");
  const kind = call.operation.name === "PutVectors" ? "write" : "query";
  const turns = context.turnsOf?.({ flow, kind, signal: call.request.signal });
  const parsed = await context.parseVectorBody(bytes, patterns, claimedMd5(call), turns);
  context.endPhase("parse", readAtMs);
  if (!parsed.isIntact) throw wrongDigest();
  return parsed;
}

function claimedMd5(call: OssCall): string | undefined {
  const claimed = call.request.headers["content-md5"]?.trim();
  return claimed === "" ? undefined : claimed;
}

function wrongDigest(): InsulaError {
  return ossFault("InvalidDigest", "Cannot take the body: it is not the one Content-MD5 names.");
}

/** The body as text. @throws as {@link readBody}, and `body_malformed` when it is not UTF-8. */
export async function readText(call: OssCall, bytesMax: number): Promise<string> {
  const body = await readBody(call, bytesMax);
  try {
    return UTF8.decode(body);
  } catch {
    throw new InsulaError("body_malformed", "Cannot read the body: it is not UTF-8.");
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body as a JSON object. @throws as {@link readText}, and `body_malformed` */
export async function readJson(call: OssCall, bytesMax: number): Promise<JsonObject> {
  return asObject(parseJsonExact(await readText(call, bytesMax)));
}

/** @throws InsulaError `body_malformed` */
export function asObject(json: JsonValue): JsonObject {
  if (isJsonObject(json)) return json;
  throw new InsulaError("body_malformed", "Cannot read the body: expected a JSON object.");
}

/** Puts the headers of every answer around an operation's own. */
export function sealAnswer(
  call: { readonly id: string; readonly durationMs: number },
  status: number,
  answer: OssAnswer,
): HttpAnswer {
  const headers: Record<string, string> = {
    ...answer.headers,
    "x-oss-request-id": call.id,
    "x-oss-server-time": String(Math.max(0, Math.round(call.durationMs))),
    Server: "AliyunOSS",
  };
  if (answer.json === undefined) return { status, headers };
  // Exactly this: a charset parameter makes both clients fail to read an error.
  headers["Content-Type"] = "application/json";
  return { status, headers, ...bodyOf(answer.json) };
}
