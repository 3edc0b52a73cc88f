/** One request on its way through the operations: who asks, for what, and with which tools. */
import { InsulaError, isInsulaError } from "../../../base/errors.ts";
import type { KeyedLock } from "../../../base/keyed-lock.ts";
import type { Principal } from "../../../access/index.ts";
import type { CollectionInfo, DatabaseInfo } from "../../../engine/api.ts";
import type { Place } from "../../../model/index.ts";
import { parseJsonBytes } from "../../../wire/index.ts";
import type { HttpRequest, JsonObject } from "../../../wire/index.ts";
import type { PrintedText } from "../../answer-text.ts";
import type { DialectContext, ParsedVectorBody } from "../../dialect.ts";
import type { BucketDoor } from "../bucket-guard.ts";
import type { BucketOperation } from "../bucket-operation.ts";
import type { PageTokens } from "../../page-token.ts";
import { findVectorIndex } from "../vector-index.ts";
import { asObject } from "./fields.ts";
import type { S3Operation } from "./operations.ts";
import type { S3Quotas } from "./quotas.ts";
import type { BucketReference, IndexReference } from "./references.ts";

/** What outlives a request. */
export interface S3Server {
  readonly context: DialectContext;
  readonly quotas: S3Quotas;
  readonly guard: BucketDoor;
  /** Held while a bucket's or an index's tags are read, changed and written. */
  readonly tagLocks: KeyedLock;
  pageTokens(): Promise<PageTokens>;
}

/** A request whose caller is known. */
export interface S3Call {
  readonly server: S3Server;
  readonly request: HttpRequest;
  readonly principal: Principal;
  /** Of the credential scope. */
  readonly region: string;
  readonly operation: S3Operation;
  /** In the calls about tags, still percent-encoded. */
  readonly rawArn: string | undefined;
  /** The body; read once, however often it is asked for. It may change hands in a parse. */
  readBody(): Promise<Buffer>;
}

/** What an operation answers: JSON. */
export type S3Answer = PrintedText;

/** An index that exists and that the caller may use this way. */
export interface OpenedIndex {
  readonly bucket: DatabaseInfo;
  readonly info: CollectionInfo;
  readonly place: Place;
}

/** The body as a JSON object; no body is an empty one. @throws InsulaError `body_malformed` */
export async function readJson(call: S3Call): Promise<JsonObject> {
  const bytes = await call.readBody();
  return bytes.length === 0 ? {} : asObject(parseJsonBytes(bytes));
}

/**
 * A body of vectors, its numbers apart.
 *
 * @param patterns  where its lists of numbers stand.
 * @throws InsulaError `body_too_large`, `body_malformed`, `vector_invalid`
 */
export async function readVectorBody(
  call: S3Call,
  patterns: readonly (readonly string[])[],
): Promise<ParsedVectorBody> {
  const { context } = call.server;
  const startMs = context.clock.monotonicMs();
  const bytes = await call.readBody();
  // Which index it means is told inside.
  const { principal, operation, request } = call;
  const kind = operation.name === "PutVectors" ? "write" : "query";
  const turns = context.turnsOf?.({ flow: principal.keyId, kind, signal: request.signal });
  const readAtMs = context.endPhase("read", startMs);
  const parsed = await context.parseVectorBody(bytes, patterns, undefined, turns);
  context.endPhase("parse", readAtMs);
  return parsed;
}

/** @throws InsulaError `permission_denied`, `database_not_found` */
export async function openBucket(call: S3Call, reference: BucketReference): Promise<DatabaseInfo> {
  const { principal, operation, server } = call;
  const { info } = await server.guard.open({
    principal,
    operation: operation.rights,
    ...reference,
  });
  return info;
}

/**
 * @param also  another operation the request needs the right to.
 * @throws InsulaError `permission_denied`; `collection_not_found`, also when the bucket is missing.
 */
export async function openIndex(
  call: S3Call,
  reference: IndexReference,
  also?: BucketOperation,
): Promise<OpenedIndex> {
  const { principal, operation, server } = call;
  const { bucket, index, accountId } = reference;
  const rights = { ...operation.rights, isAboutIndex: true };
  try {
    const opened = await server.guard.open({ principal, operation: rights, bucket, accountId });
    opened.checkIndex(index);
    if (also !== undefined) opened.checkIndex(index, also);
    const info = await findVectorIndex(server.context.engine, bucket, index);
    const { signal } = call.request;
    return { bucket: opened.info, info, place: { database: bucket, collection: index, signal } };
  } catch (error) {
    if (isInsulaError(error) && error.code === "database_not_found") {
      throw new InsulaError("collection_not_found", error.message, { cause: error });
    }
    throw error;
  }
}

/** Times are seconds since 1970 with three decimals: clients compare them to the millisecond. */
export function epochSeconds(timeMs: number): number {
  return Math.round(timeMs) / 1_000;
}
