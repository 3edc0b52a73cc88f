/** The canonical request: the one text both sides derive from a request before hashing. */
import { hash } from "node:crypto";
import type { SignableRequest, SignatureClaim } from "./claim.ts";
import type { SignatureScheme } from "./scheme.ts";

export interface CanonicalParts {
  readonly request: SignableRequest;
  readonly claim: Pick<SignatureClaim, "scheme" | "place" | "headerNames">;
  readonly uri: string;
  readonly payloadHash: string;
}

/** undefined when a header that should be signed is not there. */
export function canonicalRequest(parts: CanonicalParts): string | undefined {
  const { request, claim, uri, payloadHash } = parts;
  const left = claim.place === "query" ? claim.scheme.parameters.signature : undefined;
  if (claim.scheme.name === "oss4") {
    const headers = ossHeaders(request, claim.headerNames);
    if (headers === undefined) return undefined;
    const query = ossQuery(request.query, left);
    const names = claim.headerNames.join(";");
    return `${request.method}\n${uri}\n${query}\n${headers}\n${names}\n${payloadHash}`;
  }
  const headers = awsHeaders(request, claim.headerNames);
  if (headers === undefined) return undefined;
  const query = awsQuery(request.query, left);
  const names = claim.headerNames.join(";");
  return `${request.method}\n${uri}\n${query}\n${headers}\n${names}\n${payloadHash}`;
}

/** What a signed request of OSS Vectors is about. */
export interface OssResource {
  /** Of the credential scope. */
  readonly region: string;
  /** With the bucket's account; absent at the service level. */
  readonly bucket?: string;
  /** Decimal digits; left out of the text when there is no bucket. */
  readonly accountId?: string;
}

/** The canonical URI of OSS Vectors: a made-up resource, whatever the path of the request. */
export function ossResourceUri({ region, accountId, bucket }: OssResource): string {
  const resource = bucket === undefined ? ":" : `${accountId ?? ""}:${bucket}`;
  return encodeResource(`/acs:ossvector:${region}:${resource}/`);
}

/** The canonical URI of AWS: segments normalised, then each percent-encoded once more. */
export function awsPathUri(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(encodeResource(segment));
  }
  const end = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${end}`;
}

/**
 * Hexadecimal SHA-256. Header values reach us as latin1 text, one character per byte sent, so the
 * text goes back to those bytes; everything else in it is ASCII.
 */
export function sha256Hex(text: string | Uint8Array): string {
  if (typeof text === "string" && NON_ASCII.test(text))
    return hash("sha256", Buffer.from(text, "latin1"));
  return hash("sha256", text);
}

const NON_ASCII = /[^\0-\x7f]/;

/** RFC 3986 unreserved characters and "/" stay. */
function encodeResource(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%2F", "/");
}

function ossHeaders(request: SignableRequest, additional: readonly string[]): string | undefined {
  const names: string[] = [];
  for (const name in request.headers) if (isOssHeader(name)) names.push(name);
  for (const name of additional) {
    if (headerOf(request, name) === undefined) return undefined;
    if (!isOssHeader(name)) names.push(name);
  }
  names.sort();
  let text = "";
  for (const name of names) {
    const value = headerOf(request, name);
    if (value !== undefined) text += `${name}:${value.trim()}\n`;
  }
  return text;
}

/** A caller may list any name, `constructor` too: only the request's own headers count. */
function headerOf(request: SignableRequest, name: string): string | undefined {
  return Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
}

function isOssHeader(name: string): boolean {
  return name === "content-type" || name === "content-md5" || name.startsWith("x-oss-");
}

function awsHeaders(request: SignableRequest, names: readonly string[]): string | undefined {
  let text = "";
  for (const name of names) {
    const value = headerOf(request, name);
    if (value === undefined) return undefined;
    text += `${name}:${value.trim().replace(/ {2,}/g, " ")}\n`;
  }
  return text;
}

/**
 * An empty value loses its "=": Python sends `?getVectors=`, Go `?getVectors`, both sign the key.
 */
function ossQuery(query: string, left: string | undefined): string {
  if (query === "") return "";
  const pairs = splitQuery(query.replaceAll("+", "%20"), left);
  pairs.sort((a, b) => compare(a.key, b.key));
  return pairs.map(({ key, value }) => (value === "" ? key : `${key}=${value}`)).join("&");
}

function awsQuery(query: string, left: string | undefined): string {
  if (query === "") return "";
  const pairs = splitQuery(query, left);
  pairs.sort((a, b) => compare(a.key, b.key) || compare(a.value, b.value));
  return pairs.map(({ key, value }) => `${key}=${value}`).join("&");
}

/** Without the first pair of the key `left`: a second signature is text like any other. */
function splitQuery(query: string, left: string | undefined): { key: string; value: string }[] {
  const pairs: { key: string; value: string }[] = [];
  let isLeft = false;
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (key === left && !isLeft) isLeft = true;
    else pairs.push({ key, value: equals < 0 ? "" : pair.slice(equals + 1) });
  }
  return pairs;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The text whose HMAC is the signature. */
export function stringToSign(
  claim: { readonly scheme: SignatureScheme; readonly timestamp: string; readonly region: string },
  canonical: string,
): string {
  const { scheme, timestamp, region } = claim;
  const scope = `${timestamp.slice(0, 8)}/${region}/${scheme.service}/${scheme.terminator}`;
  return `${scheme.algorithm}\n${timestamp}\n${scope}\n${sha256Hex(canonical)}`;
}
