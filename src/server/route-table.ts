/**
 * Which dialect answers a request on the HTTP port: one table, total and without overlap.
 *
 * A request is first reduced to a class, six small values; the rows of the table are boxes in the
 * space of classes. A test walks the whole space and finds exactly one row for each class, so a new
 * protocol cannot shadow an old one unseen.
 */
import { isGrpcRequest, type HttpRequest } from "../wire/index.ts";

export type RouteName =
  "health" | "metrics" | "page" | "native" | "oss" | "s3" | "pinecone" | "embedding" | "nothing";

/** The space of classes: every value of every dimension. */
export const CLASS_VALUES = {
  method: ["read", "other"],
  path: [
    "root",
    "segment",
    "deep",
    "s3-operation",
    "health",
    "metrics",
    "native",
    "embedding",
    "manual",
  ],
  credentials: ["none", "oss", "aws", "api-key", "other"],
  host: ["plain", "bucket"],
  query: ["oss-verb", "other"],
  accept: ["html", "other"],
} as const;

type Dimension = keyof typeof CLASS_VALUES;

export type RequestClass = {
  readonly [D in Dimension]: (typeof CLASS_VALUES)[D][number];
};

export interface RouteRow {
  readonly route: RouteName;
  /** A dimension that is not named takes every value. */
  readonly when: { readonly [D in Dimension]?: readonly RequestClass[D][] };
  readonly why: string;
}

const UNSIGNED = ["none", "other", "aws"] as const;
const NOT_AWS = ["none", "other"] as const;

/** /docs and /openapi.json: for a browser ours, but a bucket may have such a name. */
const MANUAL_ROWS: readonly RouteRow[] = [
  {
    route: "native",
    when: {
      credentials: NOT_AWS,
      path: ["manual"],
      host: ["plain"],
      query: ["other"],
      method: ["read"],
    },
    why: "our own interface described",
  },
  {
    route: "nothing",
    when: {
      credentials: NOT_AWS,
      path: ["manual"],
      host: ["plain"],
      query: ["other"],
      method: ["other"],
    },
    why: "a description can only be read",
  },
  {
    route: "oss",
    when: { credentials: NOT_AWS, path: ["manual"], host: ["bucket"] },
    why: "a bucket in the host: refused in the words of OSS",
  },
  {
    route: "oss",
    when: { credentials: NOT_AWS, path: ["manual"], host: ["plain"], query: ["oss-verb"] },
    why: "an operation of OSS in the query: refused in its words",
  },
  {
    route: "nothing",
    when: { credentials: ["aws"], path: ["manual"] },
    why: "no signed protocol has such a path",
  },
];

export const ROUTE_ROWS: readonly RouteRow[] = [
  {
    route: "oss",
    when: { credentials: ["oss"] },
    why: "signed for OSS; a bucket may be called metrics or healthz, so the path does not matter",
  },
  {
    route: "pinecone",
    when: { credentials: ["api-key"] },
    why: "the header Api-Key is that of Pinecone's clients, and gRPC theirs, whatever the path is",
  },
  {
    route: "health",
    when: { credentials: UNSIGNED, path: ["health"], method: ["read"] },
    why: "probes send no credentials, or those of a proxy",
  },
  {
    route: "metrics",
    when: { credentials: UNSIGNED, path: ["metrics"], method: ["read"] },
    why: "scrapers, as probes",
  },
  {
    route: "nothing",
    when: { credentials: UNSIGNED, path: ["health", "metrics"], method: ["other"] },
    why: "they can only be read",
  },
  { route: "native", when: { credentials: UNSIGNED, path: ["native"] }, why: "our own interface" },
  ...MANUAL_ROWS,
  {
    route: "embedding",
    when: { credentials: UNSIGNED, path: ["embedding"] },
    why: "the embedding endpoint of the vendor's command line",
  },
  {
    route: "s3",
    when: { credentials: ["aws"], path: ["root", "segment", "deep", "s3-operation"] },
    why: "signed for AWS; what is no operation is refused in the words of S3 Vectors",
  },
  {
    route: "s3",
    when: { credentials: NOT_AWS, path: ["s3-operation"] },
    why: "an operation of S3 Vectors without its signature: refused in its words",
  },
  { route: "nothing", when: { credentials: NOT_AWS, path: ["deep"] }, why: "no such path" },
  {
    route: "oss",
    when: { credentials: NOT_AWS, path: ["root", "segment"], host: ["bucket"] },
    why: "a bucket in the host: refused in the words of OSS",
  },
  {
    route: "oss",
    when: {
      credentials: NOT_AWS,
      path: ["root", "segment"],
      host: ["plain"],
      query: ["oss-verb"],
    },
    why: "an operation of OSS in the query: refused in its words",
  },
  {
    route: "nothing",
    when: { credentials: NOT_AWS, path: ["segment"], host: ["plain"], query: ["other"] },
    why: "nothing says that a bucket is meant",
  },
  {
    route: "page",
    when: {
      credentials: NOT_AWS,
      path: ["root"],
      host: ["plain"],
      query: ["other"],
      method: ["read"],
      accept: ["html"],
    },
    why: "a browser",
  },
  {
    route: "oss",
    when: {
      credentials: NOT_AWS,
      path: ["root"],
      host: ["plain"],
      query: ["other"],
      method: ["read"],
      accept: ["other"],
    },
    why: "a program that lists buckets without credentials",
  },
  {
    route: "nothing",
    when: {
      credentials: NOT_AWS,
      path: ["root"],
      host: ["plain"],
      query: ["other"],
      method: ["other"],
    },
    why: "nothing can be written here",
  },
];

/** Whether the row's box holds the class. */
export function rowMatches(row: RouteRow, requestClass: RequestClass): boolean {
  return DIMENSIONS.every((dimension) => {
    const values: readonly string[] | undefined = row.when[dimension];
    return values === undefined || values.includes(requestClass[dimension]);
  });
}

const DIMENSIONS = Object.keys(CLASS_VALUES) as readonly Dimension[];

export interface RouteSettings {
  /** Digits that end the first label of a host of this server's buckets. */
  readonly accountId: string;
}

/** Finds the route of a request. Cost: about a microsecond; each class is looked up once. */
export class RouteTable {
  readonly #settings: RouteSettings;
  readonly #found = new Map<string, RouteName>();

  constructor(settings: RouteSettings) {
    this.#settings = settings;
  }

  route(request: ClassifiableRequest): RouteName {
    const requestClass = classify(request, this.#settings);
    const { method, path, credentials, host, query, accept } = requestClass;
    const name = `${method} ${path} ${credentials} ${host} ${query} ${accept}`;
    let route = this.#found.get(name);
    if (route === undefined) {
      route = ROUTE_ROWS.find((row) => rowMatches(row, requestClass))?.route ?? "nothing";
      this.#found.set(name, route);
    }
    return route;
  }
}

export type ClassifiableRequest = Pick<
  HttpRequest,
  "method" | "path" | "query" | "host" | "headers"
>;

export function classify(request: ClassifiableRequest, settings: RouteSettings): RequestClass {
  const { method, path, query, host, headers } = request;
  return {
    method: method === "GET" || method === "HEAD" ? "read" : "other",
    path: classifyPath(path),
    credentials: classifyCredentials(request),
    host: isBucketHost(host, settings) ? "bucket" : "plain",
    query: query !== "" && OSS_VERB.test(query) ? "oss-verb" : "other",
    accept: headers["accept"]?.includes("text/html") === true ? "html" : "other",
  };
}

function classifyPath(path: string): RequestClass["path"] {
  if (path === "/") return "root";
  if (path === "/healthz" || path === "/readyz") return "health";
  if (path === "/metrics") return "metrics";
  if (path.startsWith("/insula/")) return "native";
  if (path === "/docs" || path === "/openapi.json") return "manual";
  if (path.includes("/services/embeddings/")) return "embedding";
  if (S3_OPERATION.test(path)) return "s3-operation";
  const end = path.indexOf("/", 1);
  return end < 0 || end === path.length - 1 ? "segment" : "deep";
}

function classifyCredentials(
  request: Pick<ClassifiableRequest, "headers" | "query">,
): RequestClass["credentials"] {
  const { headers, query } = request;
  const authorization = headers["authorization"];
  if (authorization === undefined) {
    if (query.includes("x-oss-signature")) return "oss";
    if (query.includes("X-Amz-Signature")) return "aws";
    return headers["api-key"] === undefined && !isGrpcRequest(request) ? "none" : "api-key";
  }
  if (authorization.startsWith("OSS4-HMAC-SHA256")) return "oss";
  if (authorization.startsWith("AWS4-HMAC-SHA256")) return "aws";
  return isGrpcRequest(request) ? "api-key" : "other";
}

/**
 * The end of a path of S3 Vectors, whatever prefix is in front: names of buckets have no capitals,
 * so none looks like an operation.
 */
const S3_OPERATION =
  /\/(?:(?:Create|Get|Delete)(?:VectorBucket|Index)|List(?:VectorBuckets|Indexes)|(?:Put|Get|Delete)VectorBucketPolicy|PutVectorBucketDefaultIndexMode|Update(?:IndexMode|MetadataConfiguration)|(?:Put|Get|List|Delete|Query)Vectors|tags\/+arn(?::|%3[Aa]).*)$/;

/** One of the vendor's operations as a key of the query, with or without "=". */
const OSS_VERB =
  /(?:^|&)(?:bucketInfo|policy|logging|(?:put|get|delete)VectorIndex|listVectorIndexes|(?:put|get|list|delete|query)Vectors)(?:[=&]|$)/;

/**
 * `{bucket}-{account}.rest`: the account is ours or has at least six digits, so that a machine
 * called `node-12.example.com` keeps its page.
 */
function isBucketHost(host: string, settings: RouteSettings): boolean {
  const dot = host.indexOf(".");
  if (dot <= 0) return false;
  const label = host.slice(0, dot);
  const hyphen = label.lastIndexOf("-");
  if (hyphen <= 0) return false;
  const digits = label.slice(hyphen + 1);
  return /^\d+$/.test(digits) && (digits.length >= 6 || digits === settings.accountId);
}
