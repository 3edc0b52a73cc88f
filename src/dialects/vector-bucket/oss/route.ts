/** Chooses the operation of a request by its method and the verb in its query. */
import { ossFault } from "./errors.ts";
import { OSS_OPERATIONS } from "./operations.ts";
import type { OssOperation } from "./operations.ts";

/** Keys of a signed query; they belong to the signature, not to an operation. */
const SIGNATURE_KEY = /^x-oss-/;
/** Keys of one query. Source: ours; a presigned listing has ten. */
const QUERY_KEYS_MAX = 32;
const VERBS = new Set(OSS_OPERATIONS.map((operation) => operation.verb));
const LIST_KEYS = new Set(["prefix", "marker", "max-keys"]);

/** What a query says. */
export interface OssRoute {
  readonly operation: OssOperation;
  readonly query: ReadonlyMap<string, string>;
}

/**
 * @param hasBucket  whether the address names one.
 * @throws InsulaError with the faults InvalidArgument for keys that mean nothing here,
 *   MethodNotAllowed
 *         for a verb with another method.
 */
export function routeRequest(
  request: { readonly method: string; readonly query: string },
  hasBucket: boolean,
): OssRoute {
  const query = parseQuery(request.query);
  const level = hasBucket ? "bucket" : "service";
  const verb = verbOf(query, level);
  const candidates = OSS_OPERATIONS.filter(
    (operation) => operation.verb === verb && operation.level === level,
  );
  const operation = candidates.find(({ method }) => method === request.method);
  if (operation !== undefined) return { operation, query };
  if (candidates.length === 0) {
    throw ossFault(
      "InvalidArgument",
      hasBucket
        ? "Cannot route the request: its query names no operation."
        : "Cannot route the request: the operation needs a bucket in the address.",
    );
  }
  throw ossFault(
    "MethodNotAllowed",
    `Cannot route the request: expected ${candidates.map(({ method }) => method).join(" or ")}.`,
  );
}

function verbOf(
  query: ReadonlyMap<string, string>,
  level: "service" | "bucket",
): string | undefined {
  let verb: string | undefined;
  for (const key of query.keys()) {
    if (SIGNATURE_KEY.test(key) || (level === "service" && LIST_KEYS.has(key))) continue;
    if (!VERBS.has(key)) {
      throw ossFault(
        "InvalidArgument",
        `Cannot route the request: ${JSON.stringify(key.slice(0, 64))} in the query is not known.`,
      );
    }
    if (verb !== undefined) {
      throw ossFault(
        "InvalidArgument",
        "Cannot route the request: its query names two operations.",
      );
    }
    verb = key;
  }
  return verb;
}

function parseQuery(raw: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  if (raw === "") return query;
  const pairs = raw.split("&");
  if (pairs.length > QUERY_KEYS_MAX) {
    throw ossFault("InvalidArgument", "Cannot route the request: its query has too many keys.");
  }
  for (const pair of pairs) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (query.has(key)) {
      throw ossFault("InvalidArgument", "Cannot route the request: a query key is there twice.");
    }
    query.set(key, equals < 0 ? "" : decode(pair.slice(equals + 1)));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw ossFault("InvalidArgument", "Cannot route the request: its query is not valid UTF-8.");
  }
}
