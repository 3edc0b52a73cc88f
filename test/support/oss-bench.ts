/**
 * A server of the OSS dialect without sockets: signs a request as the clients do and returns the
 * answer.
 */
import { createHash } from "node:crypto";
import type { KnownKey, Principal } from "../../src/access/index.ts";
import { InsulaError } from "../../src/base/errors.ts";
import { createOssDialect } from "../../src/dialects/vector-bucket/index.ts";
import type { Dialect, DialectContext, ParsedVectorBody } from "../../src/dialects/index.ts";
import { OSS4, ossResourceUri, signHeaders, wholeBody } from "../../src/wire/index.ts";
import type { HttpAnswer } from "../../src/wire/index.ts";
import { parseVectorBodyPlainly } from "./vector-body.ts";
import { fakeAccess } from "./fake-access.ts";
import { FakeEngine } from "./fake-engine.ts";

export const ACCOUNT = "1234567890";
export const REGION = "cn-hangzhou";
export const DOMAIN: string = `${REGION}.oss-vectors.aliyuncs.com`;
export const NOW_MS: number = Date.UTC(2025, 3, 17, 1, 33, 47);
export const REQUEST_ID = "6555F3A1B2C3D4E5F6071829";

export interface BenchRequest {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly keyId?: string;
  readonly secret?: string;
  readonly region?: string;
  /** Signed resource; default: bucket and account of the request. */
  readonly bucket?: string;
  readonly accountId?: string;
  readonly nowMs?: number;
  readonly unsigned?: boolean;
}

/** A request as it goes over the wire. */
export interface SentRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface BenchAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Parsed; undefined when there is no body. */
  readonly json: unknown;
  /** `Error.Code` of an error answer. */
  readonly code: string | undefined;
}

export class OssBench {
  readonly engine: FakeEngine = new FakeEngine();
  readonly keys: Map<string, KnownKey> = new Map();
  readonly observed: { operation: string; outcome: string }[] = [];
  monotonicMs = 0;
  wallMs: number = NOW_MS;
  readonly dialect: Dialect;
  readonly context: DialectContext;

  constructor(
    options: {
      ossQuotas?: "off" | "seed";
      publicDomain?: string;
      engine?: FakeEngine;
      more?: Partial<DialectContext>;
    } = {},
  ) {
    if (options.engine !== undefined) this.engine = options.engine;
    this.addKey({ kind: "admin", keyId: "AKID", accountId: ACCOUNT, grants: [] }, "AKSECRET");
    this.context = {
      engine: this.engine.asEngine(),
      access: fakeAccess(ACCOUNT, this.keys),
      clock: { wallMs: () => this.wallMs, monotonicMs: () => this.monotonicMs },
      random: { bytes: (count) => new Uint8Array(count).fill(7) },
      settings: {
        accountId: ACCOUNT,
        ossQuotas: options.ossQuotas ?? "off",
        ...(options.publicDomain === undefined ? {} : { publicDomain: options.publicDomain }),
      },
      parseVectorBody: (body, patterns, md5): Promise<ParsedVectorBody> =>
        Promise.resolve().then(() => parseVectorBodyPlainly(body, patterns, md5)),
      endPhase: () => this.monotonicMs,
      observe: (operation, outcome) => this.observed.push({ operation, outcome }),
      ...options.more,
    };
    this.dialect = createOssDialect(this.context);
  }

  addKey(principal: Principal, secret: string): void {
    this.keys.set(principal.keyId, { secret, principal });
  }

  /** To `my-bucket` unless said otherwise. */
  async bucket(request: BenchRequest): Promise<BenchAnswer> {
    return this.send({ host: `my-bucket-${ACCOUNT}.${DOMAIN}`, bucket: "my-bucket", ...request });
  }

  async post(verb: string, body: unknown, more: BenchRequest = {}): Promise<BenchAnswer> {
    return this.bucket({ method: "POST", query: verb, body, ...more });
  }

  send(request: BenchRequest): Promise<BenchAnswer> {
    return this.exchange(this.sign(request));
  }

  sign(request: BenchRequest): SentRequest {
    const { method = "GET", host = DOMAIN, path = "/", query = "", nowMs = this.wallMs } = request;
    const { body, region = REGION, keyId = "AKID", bucket } = request;
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const bytes = Buffer.from(text);
    const plain: Record<string, string> = {
      host,
      "content-md5": createHash("md5").update(bytes).digest("base64"),
      ...request.headers,
    };
    const resource =
      bucket === undefined
        ? { region }
        : { region, bucket, accountId: request.accountId ?? ACCOUNT };
    const signed = request.unsigned
      ? plain
      : signHeaders({
          scheme: OSS4,
          request: { method, path, query, headers: plain },
          credentials: {
            keyId,
            secret: request.secret ?? this.keys.get(keyId)?.secret ?? "unknown",
          },
          region,
          canonicalUri: ossResourceUri(resource),
          nowMs,
        });
    return { method, host, path, query, headers: signed, body: bytes };
  }

  async exchange(sent: SentRequest): Promise<BenchAnswer> {
    const { method, host, path, query, headers, body: bytes } = sent;
    const answer = await this.dialect.handle({
      id: REQUEST_ID,
      method,
      target: query === "" ? path : `${path}?${query}`,
      scheme: "http",
      host,
      path,
      query,
      headers,
      remoteAddress: "127.0.0.1",
      readBody: (bytesMax) =>
        bytes.length > bytesMax
          ? Promise.reject(new InsulaError("body_too_large", "Cannot take the body: too large."))
          : Promise.resolve(bytes),
      signal: new AbortController().signal,
    });
    return view(answer);
  }
}

function view(answer: HttpAnswer): BenchAnswer {
  const text = wholeBody(answer).toString();
  const json: unknown = text === "" ? undefined : JSON.parse(text);
  const code = (json as { Error?: { Code: string } } | undefined)?.Error?.Code;
  return { status: answer.status, headers: answer.headers, text, json, code };
}
