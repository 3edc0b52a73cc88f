/**
 * What a request says about who signed it, read from its header or its query; nothing is proven
 * yet.
 */
import { InsulaError } from "../../base/errors.ts";
import { parseCompact, parseHttpDate, printCompact } from "./timestamp.ts";
import {
  AUTHORIZATION_CHARS_MAX,
  EXPIRES_SECONDS_MAX,
  SIGNED_HEADERS_MAX,
  UNSIGNED_PAYLOAD,
  type SignatureScheme,
} from "./scheme.ts";

/** The parts of a request that a signature may cover. HttpRequest fits. */
export interface SignableRequest {
  readonly method: string;
  /** Percent-encoded as received; at least "/". */
  readonly path: string;
  /** Raw, without "?". */
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface SignatureClaim {
  readonly scheme: SignatureScheme;
  readonly place: "header" | "query";
  readonly keyId: string;
  /** `YYYYMMDD` of the scope, equal to the day of the timestamp. */
  readonly date: string;
  readonly region: string;
  readonly timestamp: string;
  readonly timestampMs: number;
  /** Lower case, in the order given: SignedHeaders of AWS, AdditionalHeaders of OSS. */
  readonly headerNames: readonly string[];
  /** As sent; compared as a string, so anything but 64 lower-case hexadecimal digits fails. */
  readonly signature: string;
  /** Only in the query: life of the signature from its timestamp. */
  readonly expiresSeconds?: number;
  /** The header's value, UNSIGNED_PAYLOAD when OSS sends none, undefined when AWS sends none. */
  readonly payloadHash: string | undefined;
  readonly securityToken?: string;
}

/**
 * Reads the claim of a request.
 *
 * @throws InsulaError `credentials_missing` when there is none of this scheme; `signature_mismatch`
 *   when it is
 *         malformed, of another service, or its scope has another day than its timestamp.
 */
export function parseAuthorization(
  request: SignableRequest,
  scheme: SignatureScheme,
): SignatureClaim {
  const authorization = request.headers["authorization"];
  if (authorization !== undefined) return parseHeader(request, scheme, authorization);
  if (parameter(request.query, scheme.parameters.signature) !== undefined) {
    return parseQuery(request, scheme);
  }
  throw new InsulaError(
    "credentials_missing",
    `Cannot identify the caller: expected an Authorization header of ${scheme.algorithm}, received none.`,
  );
}

const MEMBERS: ReadonlySet<string> = new Set(["Credential", "Signature"]);

function parseHeader(
  request: SignableRequest,
  scheme: SignatureScheme,
  authorization: string,
): SignatureClaim {
  if (!authorization.startsWith(`${scheme.algorithm} `)) {
    throw new InsulaError(
      "credentials_missing",
      `Cannot identify the caller: expected an Authorization header of ${scheme.algorithm}, received another.`,
    );
  }
  if (authorization.length > AUTHORIZATION_CHARS_MAX) throw malformed("it is too long");
  const fields = new Map<string, string>();
  for (const part of authorization.slice(scheme.algorithm.length + 1).split(",")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim();
    const isKnown = MEMBERS.has(name) || name === scheme.headerListField;
    if (!isKnown || fields.has(name)) throw malformed("its members are unknown or repeated");
    fields.set(name, part.slice(equals + 1).trim());
  }
  const stamp = request.headers[scheme.dateHeader] ?? compactDate(request.headers["date"]);
  return buildClaim(scheme, {
    place: "header",
    credential: fields.get("Credential"),
    stamp,
    headerList: fields.get(scheme.headerListField),
    signature: fields.get("Signature"),
    payloadHash: claimedHash(request, scheme),
    securityToken: request.headers[scheme.tokenHeader],
  });
}

function parseQuery(request: SignableRequest, scheme: SignatureScheme): SignatureClaim {
  const { query } = request;
  const names = scheme.parameters;
  if (parameter(query, names.algorithm) !== scheme.algorithm) {
    throw malformed(`${names.algorithm} must be ${scheme.algorithm}`);
  }
  const expires = parameter(query, names.expires) ?? "";
  const expiresSeconds = /^\d{1,7}$/.test(expires) ? Number(expires) : 0;
  if (expiresSeconds < 1 || expiresSeconds > EXPIRES_SECONDS_MAX) {
    throw malformed(`${names.expires} must be 1 to ${String(EXPIRES_SECONDS_MAX)} seconds`);
  }
  return buildClaim(scheme, {
    place: "query",
    credential: parameter(query, names.credential),
    stamp: parameter(query, names.date),
    headerList: parameter(query, names.headerList),
    signature: parameter(query, names.signature),
    payloadHash: claimedHash(request, scheme),
    securityToken: parameter(query, names.token),
    expiresSeconds,
  });
}

/** OSS signs no bodies; AWS, where the header is missing, signs the body that is there. */
function claimedHash(request: SignableRequest, scheme: SignatureScheme): string | undefined {
  const hash = request.headers[scheme.payloadHashHeader];
  return hash ?? (scheme.name === "oss4" ? UNSIGNED_PAYLOAD : undefined);
}

interface ClaimParts {
  readonly place: "header" | "query";
  readonly credential: string | undefined;
  readonly stamp: string | undefined;
  readonly headerList: string | undefined;
  readonly signature: string | undefined;
  readonly payloadHash: string | undefined;
  readonly securityToken: string | undefined;
  readonly expiresSeconds?: number;
}

function buildClaim(scheme: SignatureScheme, parts: ClaimParts): SignatureClaim {
  const scope = (parts.credential ?? "").split("/");
  if (scope.length !== 5)
    throw malformed("its credential is not id/date/region/service/terminator");
  const [keyId = "", date = "", region = "", service, terminator] = scope;
  if (keyId === "" || region === "") throw malformed("its credential has empty parts");
  if (service !== scheme.service || terminator !== scheme.terminator) {
    throw malformed(`its scope must end in ${scheme.service}/${scheme.terminator}`);
  }
  const timestampMs = parts.stamp === undefined ? undefined : parseCompact(parts.stamp);
  if (parts.stamp === undefined || timestampMs === undefined) {
    throw malformed(`it needs ${scheme.dateHeader} as YYYYMMDDTHHMMSSZ or a Date header`);
  }
  if (!parts.stamp.startsWith(date) || date.length !== 8) {
    throw malformed("the day of its scope is not the day of its timestamp");
  }
  if (parts.signature === undefined) throw malformed("it has no signature");
  return {
    scheme,
    place: parts.place,
    keyId,
    date,
    region,
    timestamp: parts.stamp,
    timestampMs,
    headerNames: parseHeaderNames(parts.headerList),
    signature: parts.signature,
    payloadHash: parts.payloadHash,
    ...(parts.expiresSeconds === undefined ? {} : { expiresSeconds: parts.expiresSeconds }),
    ...(parts.securityToken === undefined ? {} : { securityToken: parts.securityToken }),
  };
}

function parseHeaderNames(list: string | undefined): readonly string[] {
  if (list === undefined || list === "") return [];
  const names = list.toLowerCase().split(";");
  if (names.length > SIGNED_HEADERS_MAX) throw malformed("it lists too many headers");
  return names;
}

function compactDate(httpDate: string | undefined): string | undefined {
  const ms = httpDate === undefined ? undefined : parseHttpDate(httpDate);
  return ms === undefined ? undefined : printCompact(ms);
}

/** First value of a query parameter, decoded; undefined when absent or wrongly encoded. */
function parameter(query: string, name: string): string | undefined {
  if (!query.includes(name)) return undefined;
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    if ((equals < 0 ? pair : pair.slice(0, equals)) !== name) continue;
    try {
      return decodeURIComponent(equals < 0 ? "" : pair.slice(equals + 1).replaceAll("+", " "));
    } catch {
      return undefined; // Not UTF-8 behind the percent signs: as good as absent.
    }
  }
  return undefined;
}

function malformed(reason: string): InsulaError {
  return new InsulaError("signature_mismatch", `Cannot read the signature: ${reason}.`);
}
