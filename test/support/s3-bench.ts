/**
 * A server of the S3 Vectors dialect without sockets: signs a request as the AWS clients do and
 * returns the answer.
 */
import type { KnownKey, Principal } from "../../src/access/index.ts";
import { InsulaError } from "../../src/base/errors.ts";
import { createS3Dialect } from "../../src/dialects/vector-bucket/index.ts";
import type { Dialect, DialectContext } from "../../src/dialects/index.ts";
import { AWS4_S3_VECTORS, signHeaders, wholeBody } from "../../src/wire/index.ts";
import type { HttpAnswer } from "../../src/wire/index.ts";
import { fakeAccess } from "./fake-access.ts";
import { FakeEngine } from "./fake-engine.ts";
import { parseVectorBodyPlainly } from "./vector-body.ts";

export const ACCOUNT = "123456789012";
export const REGION = "eu-central-1";
export const HOST = "127.0.0.1:8080";
export const NOW_MS: number = Date.UTC(2025, 6, 15, 12);
export const REQUEST_ID = "6555F3A1B2C3D4E5F6071829";
export const BUCKET_ARN: string = `arn:aws:s3vectors:${REGION}:${ACCOUNT}:bucket/my-bucket`;
export const INDEX_ARN: string = `${BUCKET_ARN}/index/idx`;

export interface S3BenchRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  /** A string as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly keyId?: string;
  readonly secret?: string;
  readonly securityToken?: string;
  readonly region?: string;
  readonly nowMs?: number;
  readonly unsigned?: boolean;
  /** False: no x-amz-content-sha256, as botocore sends it. */
  readonly withHash?: boolean;
}

/** A request as it goes over the wire. */
export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface S3BenchAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
  /** `x-amzn-errortype` of an error answer. */
  readonly type: string | undefined;
  readonly message: unknown;
}

export class S3Bench {
  readonly engine: FakeEngine;
  readonly keys: Map<string, KnownKey> = new Map();
  readonly observed: { operation: string; outcome: string }[] = [];
  /** Bodies that were asked for. */
  bodiesRead = 0;
  monotonicMs = 0;
  wallMs: number = NOW_MS;
  readonly dialect: Dialect;
  readonly context: DialectContext;

  constructor(
    options: {
      ossQuotas?: "off" | "seed";
      engine?: FakeEngine;
      more?: Partial<DialectContext>;
    } = {},
  ) {
    this.engine = options.engine ?? new FakeEngine();
    this.addKey({ kind: "admin", keyId: "AKID", accountId: ACCOUNT, grants: [] }, "AKSECRET");
    this.context = {
      engine: this.engine.asEngine(),
      access: fakeAccess(ACCOUNT, this.keys),
      clock: { wallMs: () => this.wallMs, monotonicMs: () => this.monotonicMs },
      random: { bytes: (count) => new Uint8Array(count).fill(7) },
      settings: { accountId: ACCOUNT, ossQuotas: options.ossQuotas ?? "off" },
      parseVectorBody: (body, patterns, md5) =>
        Promise.resolve().then(() => parseVectorBodyPlainly(body, patterns, md5)),
      endPhase: () => this.monotonicMs,
      observe: (operation, outcome) => this.observed.push({ operation, outcome }),
      ...options.more,
    };
    this.dialect = createS3Dialect(this.context);
  }

  addKey(principal: Principal, secret: string): void {
    this.keys.set(principal.keyId, { secret, principal });
  }

  /** A call by its name, `POST /{name}`. */
  call(name: string, body: unknown = {}, more: S3BenchRequest = {}): Promise<S3BenchAnswer> {
    return this.send({ method: "POST", path: `/${name}`, body, ...more });
  }

  /** A call about the tags of a bucket or an index. */
  tags(method: string, arn: string, more: S3BenchRequest = {}): Promise<S3BenchAnswer> {
    return this.send({ method, path: `/tags/${encodeURIComponent(arn)}`, ...more });
  }

  send(request: S3BenchRequest): Promise<S3BenchAnswer> {
    return this.exchange(this.sign(request));
  }

  sign(request: S3BenchRequest): SentRequest {
    const { method = "POST", path = "/", query = "", body, keyId = "AKID" } = request;
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const payload = Buffer.from(text);
    const plain: Record<string, string> = {
      host: HOST,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...request.headers,
    };
    if (request.unsigned === true) return { method, path, query, headers: plain, body: payload };
    const names = [...Object.keys(plain), "x-amz-date"];
    if (request.withHash !== false) names.push("x-amz-content-sha256");
    if (request.securityToken !== undefined) names.push("x-amz-security-token");
    const { securityToken } = request;
    const headers = signHeaders({
      scheme: AWS4_S3_VECTORS,
      request: { method, path, query, headers: plain },
      credentials: {
        keyId,
        secret: request.secret ?? this.keys.get(keyId)?.secret ?? "unknown",
        ...(securityToken === undefined ? {} : { securityToken }),
      },
      region: request.region ?? REGION,
      payload,
      headerNames: names.sort(),
      nowMs: request.nowMs ?? this.wallMs,
    });
    if (request.withHash === false) delete headers["x-amz-content-sha256"];
    return { method, path, query, headers, body: payload };
  }

  async exchange(sent: SentRequest): Promise<S3BenchAnswer> {
    const { method, path, query, headers, body } = sent;
    const answer = await this.dialect.handle({
      id: REQUEST_ID,
      method,
      target: query === "" ? path : `${path}?${query}`,
      scheme: "http",
      host: headers["host"] ?? "",
      path,
      query,
      headers,
      remoteAddress: "127.0.0.1",
      readBody: (bytesMax) => {
        this.bodiesRead++;
        return body.length > bytesMax
          ? Promise.reject(new InsulaError("body_too_large", "Cannot take the body: too large."))
          : Promise.resolve(Buffer.from(body));
      },
      signal: new AbortController().signal,
    });
    return view(answer);
  }
}

function view(answer: HttpAnswer): S3BenchAnswer {
  const { status, headers } = answer;
  const text = wholeBody(answer).toString();
  const json = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return {
    status,
    headers,
    text,
    json,
    type: headers["x-amzn-errortype"],
    message: json["message"],
  };
}
