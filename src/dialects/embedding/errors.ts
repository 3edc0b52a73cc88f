/** Our errors in the endpoint's words: `{code, message, request_id}` with a status. */
import { type ErrorKind, InsulaError, isInsulaError } from "../../base/errors.ts";
import type { HttpAnswer } from "../../wire/index.ts";

interface WireError {
  readonly status: number;
  readonly code: string;
}

/**
 * By kind and not by code: the vendor's own codes are this coarse, and its clients read none of
 * them.
 */
const WIRE_ERRORS = {
  invalid_argument: { status: 400, code: "InvalidParameter" },
  unauthenticated: { status: 401, code: "InvalidApiKey" },
  permission_denied: { status: 403, code: "AccessDenied" },
  not_found: { status: 404, code: "ModelNotFound" },
  already_exists: { status: 409, code: "Conflict" },
  failed_precondition: { status: 409, code: "Conflict" },
  resource_exhausted: { status: 429, code: "Throttling" },
  deadline_exceeded: { status: 504, code: "RequestTimeOut" },
  unavailable: { status: 503, code: "ServiceUnavailable" },
  unimplemented: { status: 400, code: "UnsupportedOperation" },
  data_loss: { status: 500, code: "InternalError" },
  internal: { status: 500, code: "InternalError" },
} as const satisfies Record<ErrorKind, WireError>;

export interface Failure {
  readonly kind: ErrorKind;
  readonly answer: HttpAnswer;
}

/** Never shows the text of an error that is not ours: it may hold anything. */
export function toFailure(error: unknown, requestId: string): Failure {
  const kind = isInsulaError(error) ? error.kind : "internal";
  const wire = WIRE_ERRORS[kind];
  const status = isInsulaError(error) ? statusOf(error, wire.status) : wire.status;
  const message = isInsulaError(error)
    ? error.message
    : "Cannot answer: an internal error occurred.";
  const answer = toAnswer(status, { code: wire.code, message, request_id: requestId }, requestId);
  if (!isInsulaError(error) || error.retryAfterMs === undefined) return { kind, answer };
  const seconds = String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000)));
  return { kind, answer: { ...answer, headers: { ...answer.headers, "retry-after": seconds } } };
}

export function toAnswer(status: number, body: unknown, requestId: string): HttpAnswer {
  return {
    status,
    headers: { "content-type": "application/json", "x-request-id": requestId },
    body: JSON.stringify(body),
  };
}

function statusOf(error: InsulaError, usual: number): number {
  if (error.code === "body_too_large") return 413;
  if (error.code === "route_not_found") return 404;
  return usual;
}
