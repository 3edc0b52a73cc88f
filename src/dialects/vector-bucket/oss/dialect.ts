/**
 * The OSS Vectors dialect: one request from its first byte to its answer.
 *
 * Order of checks, asserted by the vendor's own tests: signature, rights, existence of the bucket,
 * and only then what the body says.
 */
import { isInsulaError } from "../../../base/errors.ts";
import type { ErrorKind } from "../../../base/errors.ts";
import type { DatabaseInfo } from "../../../engine/api.ts";
import { OSS4, ossResourceUri, SigningKeyCache, verifySignature } from "../../../wire/index.ts";
import type { HttpAnswer, HttpRequest, SignatureClaim } from "../../../wire/index.ts";
import type { KnownKey } from "../../../access/index.ts";
import type { Dialect, DialectContext } from "../../dialect.ts";
import { AccessTrail } from "../../access-trail.ts";
import { BodyRoom, type BodyHold } from "../../body-room.ts";
import { contextOf } from "../../caller-context.ts";
import { BucketGuard } from "../bucket-guard.ts";
import { lazyPageTokens } from "../../page-token.ts";
import { parseAddress } from "./address.ts";
import type { OssAddress } from "./address.ts";
import {
  deleteBucketLogging,
  deleteBucketPolicy,
  getBucketLogging,
  getBucketPolicy,
  putBucketLogging,
  putBucketPolicy,
} from "./bucket-settings.ts";
import {
  deleteVectorBucket,
  getVectorBucket,
  listVectorBuckets,
  putVectorBucket,
} from "./buckets.ts";
import { sealAnswer } from "./call.ts";
import type { BucketCall, OssAnswer, OssCall, OssServer } from "./call.ts";
import { ossFault, printErrorBody, wireErrorOf } from "./errors.ts";
import { deleteVectorIndex, getVectorIndex, listVectorIndexes, putVectorIndex } from "./indexes.ts";
import type { OssOperationName } from "./operations.ts";
import { deleteVectors, putVectors } from "./put-vectors.ts";
import { queryVectors } from "./query-vectors.ts";
import { OssQuotas } from "./quotas.ts";
import { getVectors, listVectors } from "./read-vectors.ts";
import { routeRequest } from "./route.ts";

type BucketHandler = (call: BucketCall, info: DatabaseInfo) => OssAnswer | Promise<OssAnswer>;

const BUCKET_HANDLERS: Readonly<
  Record<Exclude<OssOperationName, "ListVectorBuckets" | "PutVectorBucket">, BucketHandler>
> = {
  GetVectorBucket: getVectorBucket,
  DeleteVectorBucket: deleteVectorBucket,
  PutVectorIndex: putVectorIndex,
  GetVectorIndex: getVectorIndex,
  ListVectorIndexes: listVectorIndexes,
  DeleteVectorIndex: deleteVectorIndex,
  PutVectors: putVectors,
  GetVectors: getVectors,
  ListVectors: listVectors,
  DeleteVectors: deleteVectors,
  QueryVectors: queryVectors,
  PutBucketPolicy: putBucketPolicy,
  GetBucketPolicy: getBucketPolicy,
  DeleteBucketPolicy: deleteBucketPolicy,
  PutBucketLogging: putBucketLogging,
  GetBucketLogging: getBucketLogging,
  DeleteBucketLogging: deleteBucketLogging,
};

/** Of a credential scope: it becomes part of names and headers. */
const REGION = /^[a-z0-9-]{1,64}$/;

/** Makes the dialect. One per server. */
export function createOssDialect(context: DialectContext): Dialect {
  return new OssDialect(context);
}

class OssDialect implements Dialect {
  readonly name = "oss";
  readonly #server: OssServer;
  readonly #guard: BucketGuard;
  readonly #signingKeys = new SigningKeyCache();
  readonly #room = new BodyRoom();

  constructor(context: DialectContext) {
    this.#guard = new BucketGuard(context.engine, context.access);
    this.#server = {
      context,
      quotas: new OssQuotas(context.settings.ossQuotas, context.clock),
      guard: this.#guard,
      pageTokens: lazyPageTokens("oss", context),
    };
  }

  async handle(request: HttpRequest): Promise<HttpAnswer> {
    const { context } = this.#server;
    const startMs = context.clock.monotonicMs();
    const trail = new AccessTrail();
    let hold: BodyHold | undefined;
    try {
      const call = await this.#open(request, startMs, trail);
      hold = call.hold;
      trail.operation = call.operation.name;
      const answer = await this.#run(call);
      trail.end(context, request);
      return this.#finish(
        { request, startMs, outcome: "ok", name: trail.operation },
        call.operation.status,
        answer,
      );
    } catch (error) {
      trail.end(context, request, error);
      const outcome = isInsulaError(error) ? error.kind : "internal";
      const { status, answer } = errorAnswer(error, request);
      return this.#finish({ request, startMs, outcome, name: trail.operation }, status, answer);
    } finally {
      hold?.leave();
    }
  }

  /** Who asks for what; nothing the request names is looked at before the signature is right. */
  async #open(request: HttpRequest, startMs: number, trail: AccessTrail): Promise<OssCall> {
    const { context } = this.#server;
    const address = parseAddress(request, context.settings);
    if (address.bucket !== undefined) trail.aim({ database: address.bucket });
    const { key, claim } = await verifySignature<KnownKey>({
      request,
      scheme: OSS4,
      findKey: (keyId) => trail.claim(context.access.findKey(keyId)),
      canonicalUri: (signed, known) => resourceUri(address, signed, known),
      nowMs: context.clock.wallMs(),
      cache: this.#signingKeys,
    });
    if (!REGION.test(claim.region)) {
      throw ossFault(
        "InvalidArgument",
        "Cannot use the region: expected letters, digits, hyphens.",
      );
    }
    const { principal } = key;
    trail.identify(principal);
    context.access.admit(principal);
    const { operation, query } = routeRequest(request, address.bucket !== undefined);
    context.endPhase("verify", startMs);
    const { region } = claim;
    const server = {
      ...this.#server,
      context: contextOf(context, principal),
      ...(context.audit === undefined ? {} : { guard: this.#guard.noting(trail) }),
    };
    const hold = this.#room.hold(principal.keyId, request.signal);
    return { server, request, address, principal, hold, region, operation, query };
  }

  async #run(call: OssCall): Promise<OssAnswer> {
    const { operation, address, principal } = call;
    const { bucket, accountId } = address;
    if (operation.name === "ListVectorBuckets" || bucket === undefined) {
      return listVectorBuckets(call);
    }
    if (operation.name === "PutVectorBucket") return putVectorBucket(call, bucket);
    const { info, checkIndex } = await call.server.guard.open({
      principal,
      operation: operation.rights,
      bucket,
      accountId,
    });
    return BUCKET_HANDLERS[operation.name]({ ...call, bucket, checkIndex }, info);
  }

  #finish(
    done: {
      readonly request: HttpRequest;
      readonly startMs: number;
      readonly outcome: "ok" | ErrorKind;
      readonly name: string;
    },
    status: number,
    answer: OssAnswer,
  ): HttpAnswer {
    const { context } = this.#server;
    const durationMs = context.clock.monotonicMs() - done.startMs;
    context.observe(done.name, done.outcome, durationMs);
    return sealAnswer({ id: done.request.id, durationMs }, status, answer);
  }
}

/** The resource a signature covers: never the path, and with the account the address leaves out. */
function resourceUri(address: OssAddress, claim: SignatureClaim, key: KnownKey): string {
  const { bucket } = address;
  const { region } = claim;
  if (bucket === undefined) return ossResourceUri({ region });
  const accountId = address.accountId ?? key.principal.accountId;
  return ossResourceUri({ region, accountId, bucket });
}

function errorAnswer(
  error: unknown,
  request: HttpRequest,
): { readonly status: number; readonly answer: OssAnswer } {
  const wire = wireErrorOf(error);
  const json = printErrorBody(error, { id: request.id, hostName: hostNameOf(request.host) });
  const headers: Record<string, string> = {
    "x-oss-ec": wire.ec,
    "x-oss-err": Buffer.from(json).toString("base64"),
  };
  if (isInsulaError(error) && error.retryAfterMs !== undefined) {
    headers["Retry-After"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000)));
  }
  return { status: wire.status, answer: { headers, json } };
}

function hostNameOf(host: string): string {
  return host.replace(/:\d*$/, "");
}
