/**
 * The S3 Vectors dialect: one request from its first byte to its answer.
 *
 * Order of checks: signature, what the body says by itself, rights, existence, and then what the
 * index makes of the body. So wrong references and values are named for buckets and indexes that
 * are not there too, as the service does.
 */
import { isInsulaError } from "../../../base/errors.ts";
import type { ErrorKind } from "../../../base/errors.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { KnownKey } from "../../../access/index.ts";
import { InsulaError } from "../../../base/errors.ts";
import { AWS4_S3_VECTORS, SigningKeyCache, verifySignature } from "../../../wire/index.ts";
import type { HttpAnswer, HttpRequest } from "../../../wire/index.ts";
import type { Dialect, DialectContext } from "../../dialect.ts";
import { bodyOf } from "../../answer-text.ts";
import { AccessTrail } from "../../access-trail.ts";
import { BodyRoom, type BodyHold } from "../../body-room.ts";
import { contextOf } from "../../caller-context.ts";
import { BucketGuard } from "../bucket-guard.ts";
import { lazyPageTokens } from "../../page-token.ts";
import {
  deleteVectorBucketPolicy,
  getVectorBucketPolicy,
  putVectorBucketPolicy,
} from "./bucket-policy.ts";
import {
  createVectorBucket,
  deleteVectorBucket,
  getVectorBucket,
  listVectorBuckets,
} from "./buckets.ts";
import type { S3Answer, S3Call, S3Server } from "./call.ts";
import { printErrorBody, s3Fault, wireErrorOf } from "./errors.ts";
import {
  putVectorBucketDefaultIndexMode,
  updateIndexMode,
  updateMetadataConfiguration,
} from "./index-modes.ts";
import { createIndex, deleteIndex, getIndex, listIndexes } from "./indexes.ts";
import { S3_LIMITS } from "./limits.ts";
import type { S3OperationName } from "./operations.ts";
import { deleteVectors, putVectors } from "./put-vectors.ts";
import { queryVectors } from "./query-vectors.ts";
import { S3Quotas } from "./quotas.ts";
import { getVectors, listVectors } from "./read-vectors.ts";
import { routeRequest } from "./route.ts";
import { listTagsForResource, tagResource, untagResource } from "./tags.ts";

const HANDLERS: Readonly<Record<S3OperationName, (call: S3Call) => Promise<S3Answer>>> = {
  CreateVectorBucket: createVectorBucket,
  GetVectorBucket: getVectorBucket,
  ListVectorBuckets: listVectorBuckets,
  DeleteVectorBucket: deleteVectorBucket,
  PutVectorBucketPolicy: putVectorBucketPolicy,
  GetVectorBucketPolicy: getVectorBucketPolicy,
  DeleteVectorBucketPolicy: deleteVectorBucketPolicy,
  PutVectorBucketDefaultIndexMode: putVectorBucketDefaultIndexMode,
  CreateIndex: createIndex,
  GetIndex: getIndex,
  ListIndexes: listIndexes,
  DeleteIndex: deleteIndex,
  UpdateIndexMode: updateIndexMode,
  UpdateMetadataConfiguration: updateMetadataConfiguration,
  PutVectors: putVectors,
  GetVectors: getVectors,
  ListVectors: listVectors,
  DeleteVectors: deleteVectors,
  QueryVectors: queryVectors,
  TagResource: tagResource,
  ListTagsForResource: listTagsForResource,
  UntagResource: untagResource,
};

/** Of a credential scope: it becomes part of names. */
const REGION = /^[a-z0-9-]{1,64}$/;

/** Makes the dialect. One per server. */
export function createS3Dialect(context: DialectContext): Dialect {
  return new S3Dialect(context);
}

class S3Dialect implements Dialect {
  readonly name = "s3";
  readonly #server: S3Server;
  readonly #guard: BucketGuard;
  readonly #signingKeys = new SigningKeyCache();
  readonly #room = new BodyRoom();

  constructor(context: DialectContext) {
    this.#guard = new BucketGuard(context.engine, context.access);
    this.#server = {
      context,
      quotas: new S3Quotas(context.settings.ossQuotas, context.clock),
      guard: this.#guard,
      tagLocks: new KeyedLock(),
      pageTokens: lazyPageTokens("s3", context),
    };
  }

  async handle(request: HttpRequest): Promise<HttpAnswer> {
    const { context } = this.#server;
    const startMs = context.clock.monotonicMs();
    const trail = new AccessTrail();
    let outcome: "ok" | ErrorKind = "ok";
    const read = this.#reading(request);
    try {
      const call = await this.#open(request, startMs, { trail, read });
      const { name } = call.operation;
      trail.operation = name;
      const body = await HANDLERS[name](call);
      trail.end(context, request);
      return sealAnswer(request, { status: 200, headers: {}, ...bodyOf(body) });
    } catch (error) {
      trail.end(context, request, error);
      outcome = isInsulaError(error) ? error.kind : "internal";
      return sealAnswer(request, errorAnswer(error));
    } finally {
      read.hold?.leave();
      context.observe(trail.operation, outcome, context.clock.monotonicMs() - startMs);
    }
  }

  /** The body is read once, and after that there is room for it. */
  #reading(request: HttpRequest): Reading {
    const route = routeRequest(request);
    const bytesMax = route?.operation.bodyBytesMax ?? S3_LIMITS.smallBodyBytesMax;
    let body: Promise<Buffer> | undefined;
    const reading: Reading = {
      route,
      keyId: "",
      hold: undefined,
      readBody: () => (body ??= start()),
    };
    const start = async (): Promise<Buffer> => {
      // Where its hash is not named, the signature is looked at behind the body: nobody takes the
      // room of a key by its name alone.
      const isProven = request.headers[AWS4_S3_VECTORS.payloadHashHeader] !== undefined;
      const { keyId } = reading;
      const key = isProven ? keyId : `${keyId}\n${request.remoteAddress}`;
      reading.hold = this.#room.hold(key, request.signal);
      await reading.hold.enter(request, bytesMax);
      return request.readBody(bytesMax);
    };
    return reading;
  }

  /** Who asks for what; nothing the request names is looked at before the signature is right. */
  async #open(
    request: HttpRequest,
    startMs: number,
    { trail, read }: { readonly trail: AccessTrail; readonly read: Reading },
  ): Promise<S3Call> {
    const { context } = this.#server;
    const { route, readBody } = read;
    const { key, claim } = await verifySignature<KnownKey>({
      request,
      scheme: AWS4_S3_VECTORS,
      findKey: (keyId) => {
        read.keyId = keyId;
        return trail.claim(context.access.findKey(keyId));
      },
      readPayload: readBody,
      nowMs: context.clock.wallMs(),
      cache: this.#signingKeys,
    });
    if (claim.securityToken !== undefined) throw noSession();
    const { principal } = key;
    trail.identify(principal);
    context.access.admit(principal);
    if (!REGION.test(claim.region)) {
      throw new InsulaError("argument_invalid", "Cannot use the region of the credential scope.");
    }
    if (route === undefined) {
      throw s3Fault("UnknownOperationException", "The request names no operation of S3 Vectors");
    }
    context.endPhase("verify", startMs);
    const server = {
      ...this.#server,
      context: contextOf(context, principal),
      ...(context.audit === undefined ? {} : { guard: this.#guard.noting(trail) }),
    };
    return { server, request, principal, region: claim.region, ...route, readBody };
  }
}

/** The body of a request on its way, and what is known before. */
interface Reading {
  readonly route: ReturnType<typeof routeRequest>;
  /** As the request names it. */
  keyId: string;
  hold: BodyHold | undefined;
  readonly readBody: () => Promise<Buffer>;
}

/** Keys are for ever here or until they expire: nobody hands out tokens of a session. */
function noSession(): InsulaError {
  return new InsulaError(
    "credentials_unknown",
    "Cannot identify the caller: session tokens are not supported.",
  );
}

function errorAnswer(error: unknown): HttpAnswer & { readonly body: string } {
  const wire = wireErrorOf(error);
  const headers: Record<string, string> = { "x-amzn-errortype": wire.type };
  if (isInsulaError(error) && error.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000)));
  }
  return { status: wire.status, headers, body: printErrorBody(error) };
}

/** Puts the headers of every answer around an operation's own; Date is the listener's. */
function sealAnswer(request: HttpRequest, answer: HttpAnswer): HttpAnswer {
  const headers = {
    "content-type": "application/json",
    "x-amzn-requestid": request.id,
    "x-amz-id-2": request.id,
    ...answer.headers,
  };
  return { ...answer, headers };
}
