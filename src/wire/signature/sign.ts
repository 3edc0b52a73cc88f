/** The caller's side: signs requests. For our own tools, examples and tests. */
import { InsulaError } from "../../base/errors.ts";
import { awsPathUri, canonicalRequest, sha256Hex, stringToSign } from "./canonical.ts";
import type { SignableRequest } from "./claim.ts";
import { UNSIGNED_PAYLOAD, type SignatureScheme } from "./scheme.ts";
import { deriveSigningKey } from "./signing-key.ts";
import { printCompact } from "./timestamp.ts";
import { hmacHex } from "./verify.ts";

export interface SignOptions {
  readonly scheme: SignatureScheme;
  readonly request: SignableRequest;
  readonly credentials: {
    readonly keyId: string;
    readonly secret: string;
    readonly securityToken?: string;
  };
  readonly region: string;
  /** For OSS: {@link ossResourceUri}. Default: from the path, as AWS does. */
  readonly canonicalUri?: string;
  /** Hashed into an AWS signature; OSS never signs it. */
  readonly payload?: Uint8Array;
  /** Its SHA-256 in hexadecimal, of a payload that is too long to be hashed at once. */
  readonly payloadHash?: string;
  /**
   * OSS: additional headers to sign. AWS: all headers to sign, default host, content-type and
   * x-amz-*.
   */
  readonly headerNames?: readonly string[];
  readonly nowMs: number;
}

/** The request's headers with those of the signature. */
export function signHeaders(options: SignOptions): Record<string, string> {
  const { scheme, credentials, region } = options;
  const timestamp = printCompact(options.nowMs);
  const payloadHash = hashOf(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.request.headers)) {
    if (value !== undefined) headers[name] = value;
  }
  headers[scheme.dateHeader] = timestamp;
  headers[scheme.payloadHashHeader] = payloadHash;
  if (credentials.securityToken !== undefined)
    headers[scheme.tokenHeader] = credentials.securityToken;
  const headerNames = options.headerNames ?? defaultHeaderNames(scheme, headers);
  const signature = calculate(
    options,
    { ...options.request, headers },
    {
      place: "header",
      timestamp,
      headerNames,
      payloadHash,
    },
  );
  const scope = `${timestamp.slice(0, 8)}/${region}/${scheme.service}/${scheme.terminator}`;
  const names =
    headerNames.length === 0 ? "" : `,${scheme.headerListField}=${headerNames.join(";")}`;
  headers["authorization"] =
    `${scheme.algorithm} Credential=${credentials.keyId}/${scope}${names},Signature=${signature}`;
  return headers;
}

/**
 * The request's query with the signature in it; whoever has the URL has the right until it expires.
 */
export function signQuery(options: SignOptions & { readonly expiresSeconds: number }): string {
  const { scheme, credentials, region } = options;
  const timestamp = printCompact(options.nowMs);
  const scope = `${timestamp.slice(0, 8)}/${region}/${scheme.service}/${scheme.terminator}`;
  const names = scheme.parameters;
  const headerNames = options.headerNames ?? (scheme.name === "aws4" ? ["host"] : []);
  const pairs: [string, string][] = [
    [names.algorithm, scheme.algorithm],
    [names.credential, `${credentials.keyId}/${scope}`],
    [names.date, timestamp],
    [names.expires, String(options.expiresSeconds)],
  ];
  if (headerNames.length > 0) pairs.push([names.headerList, headerNames.join(";")]);
  if (credentials.securityToken !== undefined) {
    pairs.push([names.token, credentials.securityToken]);
  }
  const added = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  const query = options.request.query === "" ? added : `${options.request.query}&${added}`;
  const signature = calculate(
    options,
    { ...options.request, query },
    {
      place: "query",
      timestamp,
      headerNames,
      payloadHash: hashOf(options),
    },
  );
  return `${query}&${names.signature}=${signature}`;
}

function hashOf({ scheme, payload, payloadHash }: SignOptions): string {
  if (scheme.name === "oss4") return UNSIGNED_PAYLOAD;
  return payloadHash ?? sha256Hex(payload ?? new Uint8Array());
}

interface SigningPlan {
  readonly place: "header" | "query";
  readonly timestamp: string;
  readonly headerNames: readonly string[];
  readonly payloadHash: string;
}

function calculate(options: SignOptions, request: SignableRequest, plan: SigningPlan): string {
  const { scheme, region } = options;
  const { place, timestamp, headerNames, payloadHash } = plan;
  const uri = options.canonicalUri ?? awsPathUri(request.path);
  const claim = { scheme, place, headerNames };
  const canonical = canonicalRequest({ request, claim, uri, payloadHash });
  if (canonical === undefined) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot sign the request: a header to sign is missing.",
    );
  }
  const key = deriveSigningKey(
    { scheme, date: timestamp.slice(0, 8), region },
    options.credentials.secret,
  );
  return hmacHex(key, stringToSign({ scheme, timestamp, region }, canonical));
}

function defaultHeaderNames(
  scheme: SignatureScheme,
  headers: Readonly<Record<string, string>>,
): readonly string[] {
  if (scheme.name === "oss4") return [];
  return Object.keys(headers)
    .filter((name) => name === "host" || name === "content-type" || name.startsWith("x-amz-"))
    .sort();
}
