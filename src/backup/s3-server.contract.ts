/** A small S3 server for tests: one bucket in memory, signatures checked, faults on order. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { AWS4_S3_VECTORS, SigningKeyCache, verifySignature } from "../wire/index.ts";
import type { S3Settings } from "./s3-request.ts";

/** What happens to the next requests, first things first; undefined: the request is served. */
export type S3Fault =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "reset" }
  /** No answer, ever; told when the request is there, and when the caller is gone. */
  | { readonly kind: "silence"; readonly onRequest: () => void; readonly onGone: () => void }
  /** The request takes effect, and nobody is told. */
  | { readonly kind: "lost answer" }
  /** The answer in parts, without a word about its length. */
  | { readonly kind: "in parts" }
  /** The answer compressed, asked for or not: its stated length is that of what is sent. */
  | { readonly kind: "compressed" }
  /** Half of the answer's body. */
  | { readonly kind: "short" };

export type S3Kind = "PUT" | "GET" | "HEAD" | "DELETE" | "LIST";

/** Bodies of requests and of answers, without what is around them. */
export interface S3Traffic {
  requests: number;
  bytesIn: number;
  bytesOut: number;
}

export interface S3TestServer extends AsyncDisposable {
  readonly settings: S3Settings;
  readonly objects: Map<string, Buffer>;
  readonly faults: (S3Fault | undefined)[];
  requests: number;
  /** Of requests that were served, whatever came of them, since the start. */
  readonly traffic: Readonly<Record<S3Kind, S3Traffic>>;
  /** Each answer waits so long, as that of a distant store. */
  delayMs: number;
}

const BUCKET = "bucket";
const KEY = { keyId: "AKTEST", secret: "a secret" };

export async function startS3Server(): Promise<S3TestServer> {
  const objects = new Map<string, Buffer>();
  const faults: (S3Fault | undefined)[] = [];
  const cache = new SigningKeyCache();
  const server = createServer((request, response) => {
    test.requests++;
    const { traffic, delayMs } = test;
    void answer(request, response, { objects, fault: faults.shift(), cache, traffic, delayMs });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const test: S3TestServer = {
    settings: {
      endpoint: `http://127.0.0.1:${String(port)}`,
      region: "eu-central-1",
      bucket: BUCKET,
      credentials: KEY,
    },
    objects,
    faults,
    requests: 0,
    traffic: { PUT: none(), GET: none(), HEAD: none(), DELETE: none(), LIST: none() },
    delayMs: 0,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return test;
}

function none(): S3Traffic {
  return { requests: 0, bytesIn: 0, bytesOut: 0 };
}

interface Served extends Pick<S3TestServer, "traffic" | "delayMs"> {
  readonly objects: Map<string, Buffer>;
  readonly fault: S3Fault | undefined;
  readonly cache: SigningKeyCache;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { objects, fault, cache, traffic, delayMs }: Served,
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  if (fault?.kind === "reset") {
    request.socket.destroy();
    return;
  }
  if (fault?.kind === "silence") {
    request.socket.once("close", fault.onGone);
    fault.onRequest();
    return;
  }
  if (fault?.kind === "status") {
    send(response, { status: fault.status, body: "<Error><Code>SlowDown</Code></Error>" });
    return;
  }
  const [path = "", query = ""] = (request.url ?? "").split("?");
  try {
    await verifySignature({
      request: {
        method: request.method ?? "",
        path,
        query,
        headers: request.headers as Record<string, string>,
      },
      scheme: { ...AWS4_S3_VECTORS, service: "s3" },
      findKey: (id) => Promise.resolve(id === KEY.keyId ? KEY : undefined),
      canonicalUri: () => path,
      readPayload: () => Promise.resolve(body),
      nowMs: Date.now(),
      cache,
    });
  } catch {
    send(response, {
      status: 403,
      body: "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>",
    });
    return;
  }
  const key = decodeURIComponent(path.slice(`/${BUCKET}/`.length));
  const given = key === "" ? list(objects, query) : serve(objects, { request, key, body });
  count(traffic[key === "" ? "LIST" : kindOf(request)], { body, given });
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (fault?.kind === "lost answer") request.socket.destroy();
  else if (fault?.kind === "in parts") sendParts(response, given);
  else if (fault?.kind === "short") sendHalf(response, given);
  // As some stores do with their listings, for whoever says that it may.
  else if (fault?.kind === "compressed" || mayCompress(request)) sendCompressed(response, given);
  else send(response, given, request.method === "HEAD");
}

function kindOf({ method }: IncomingMessage): S3Kind {
  return method === "PUT" || method === "HEAD" || method === "DELETE" ? method : "GET";
}

function count(traffic: S3Traffic, { body, given }: { body: Buffer; given: Given }): void {
  traffic.requests++;
  traffic.bytesIn += body.length;
  traffic.bytesOut += Buffer.byteLength(given.body ?? "");
}

interface Given {
  readonly status: number;
  readonly body?: string | Buffer;
}

function serve(
  objects: Map<string, Buffer>,
  { request, key, body }: { request: IncomingMessage; key: string; body: Buffer },
): Given {
  const found = objects.get(key);
  switch (request.method) {
    case "PUT":
      if (request.headers["if-none-match"] === "*" && found !== undefined) return { status: 412 };
      objects.set(key, body);
      return { status: 200 };
    case "DELETE":
      objects.delete(key);
      return { status: 204 };
    default:
      return found === undefined ? { status: 404 } : cut(found, request.headers.range);
  }
}

function cut(found: Buffer, range: string | undefined): Given {
  const given = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
  if (given === null) return { status: 200, body: found };
  const [start, end] = [Number(given[1]), Number(given[2])];
  if (start >= found.length) return { status: 416 };
  return { status: 206, body: found.subarray(start, end + 1) };
}

function list(objects: Map<string, Buffer>, query: string): Given {
  const parameters = new URLSearchParams(query);
  const prefix = parameters.get("prefix") ?? "";
  const after = Buffer.from(parameters.get("start-after") ?? "");
  // Two to a page, whatever is asked for: every caller has to go on.
  const limit = Math.min(2, Number(parameters.get("max-keys")));
  const keys = [...objects.keys()]
    .filter((key) => key.startsWith(prefix) && Buffer.compare(Buffer.from(key), after) > 0)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const page = keys.slice(0, limit);
  const rows = page.map((key) => `<Contents><Key>${encodeURIComponent(key)}</Key></Contents>`);
  const isTruncated = String(keys.length > page.length);
  const body = `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${rows.join("")}</ListBucketResult>`;
  return { status: 200, body };
}

function send(response: ServerResponse, { status, body = "" }: Given, isHead = false): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, status === 204 ? {} : { "content-length": bytes.length });
  response.end(isHead || status === 204 ? undefined : bytes);
}

function mayCompress({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && (headers["accept-encoding"] ?? "").includes("gzip");
}

function sendCompressed(response: ServerResponse, { status, body = "" }: Given): void {
  const bytes = gzipSync(body);
  response.writeHead(status, { "content-length": bytes.length, "content-encoding": "gzip" });
  response.end(bytes);
}

function sendParts(response: ServerResponse, { status, body = "" }: Given): void {
  const bytes = Buffer.from(body);
  response.writeHead(status);
  response.write(bytes.subarray(0, bytes.length >>> 1));
  response.end(bytes.subarray(bytes.length >>> 1));
}

function sendHalf(response: ServerResponse, { status, body = "" }: Given): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { "content-length": bytes.length });
  response.write(bytes.subarray(0, bytes.length >>> 1), () => response.destroy());
}
