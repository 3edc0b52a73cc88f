import { InsulaError, type ErrorKind } from "../../base/errors.ts";
import type { HttpAnswer, HttpRequest } from "../../wire/index.ts";
import type { Dialect, DialectContext } from "../dialect.ts";
import { ADMIN_ROUTES, type Call, type Route } from "./admin-routes.ts";
import { toFailure } from "./problem.ts";

/** Every path of this dialect starts so; no other dialect has a path below it. */
export const ADMIN_PATH_PREFIX = "/insula/v1/";

/** Bytes of a request body. Source: ours; the largest is a key with 64 grants. */
const BODY_BYTES_MAX = 262_144;

/**
 * Administration for the command line of a running server: status, keys, databases, collections,
 * tenants. JSON in and out, `Authorization: Bearer <admin secret>` or `<key id>.<secret>`.
 */
export function createAdminDialect(context: DialectContext): Dialect {
  return { name: "native", handle: (request) => handle(context, request) };
}

async function handle(context: DialectContext, request: HttpRequest): Promise<HttpAnswer> {
  const startedAtMs = context.clock.monotonicMs();
  let operation = "Unknown";
  let outcome: "ok" | ErrorKind = "ok";
  try {
    const found = findRoute(request);
    operation = found.route.operation;
    return await answer(context, request, found);
  } catch (error) {
    const failure = toFailure(error, request.id);
    outcome = failure.kind;
    return failure.answer;
  } finally {
    context.observe(operation, outcome, context.clock.monotonicMs() - startedAtMs);
  }
}

interface FoundRoute {
  readonly route: Route;
  readonly names: ReadonlyMap<string, string>;
}

async function answer(
  context: DialectContext,
  request: HttpRequest,
  { route, names }: FoundRoute,
): Promise<HttpAnswer> {
  const principal = await authenticate(context, request);
  const database = names.get("database");
  const collection = names.get("collection");
  context.access.authorize(principal, `admin:${route.operation}`, {
    ...(database !== undefined && { database }),
    ...(collection !== undefined && { collection }),
  });
  const call: Call = {
    context,
    principal,
    query: request.query,
    database: database ?? "",
    collection: collection ?? "",
    last: names.get("last") ?? "",
    body: () => request.readBody(BODY_BYTES_MAX),
  };
  const result = await route.run(call);
  const headers = { "x-request-id": request.id };
  if (route.status === 204) return { status: 204, headers };
  return {
    status: route.status,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(result),
  };
}

async function authenticate(
  context: DialectContext,
  request: HttpRequest,
): Promise<Call["principal"]> {
  const token = /^Bearer +(\S+) *$/i.exec(request.headers["authorization"] ?? "")?.[1];
  if (token === undefined) {
    throw new InsulaError(
      "credentials_missing",
      "Cannot answer: no credentials: expected Authorization: Bearer with the admin secret or <key id>.<secret>.",
    );
  }
  const principal = await context.access.findToken(token);
  if (principal === undefined) {
    throw new InsulaError("credentials_unknown", "Cannot answer: the secret fits no key.");
  }
  return principal;
}

function findRoute(request: HttpRequest): FoundRoute {
  const path = request.path.startsWith(ADMIN_PATH_PREFIX)
    ? request.path.slice(ADMIN_PATH_PREFIX.length)
    : "";
  const segments = path.split("/").map(decodeSegment);
  for (const route of ADMIN_ROUTES) {
    const names = route.method === request.method ? match(route.pattern, segments) : undefined;
    if (names !== undefined) return { route, names };
  }
  throw new InsulaError(
    "route_not_found",
    `Cannot answer ${request.method} here: there is no such route below ${ADMIN_PATH_PREFIX}.`,
  );
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot read the path: expected percent-encoded UTF-8.",
      {
        cause,
      },
    );
  }
}

function match(pattern: string, segments: readonly string[]): Map<string, string> | undefined {
  const parts = pattern.split("/");
  if (parts.length !== segments.length) return undefined;
  const names = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const segment = segments[i] ?? "";
    if (part.startsWith(":") && segment !== "") names.set(part.slice(1), segment);
    else if (part !== segment) return undefined;
  }
  return names;
}
