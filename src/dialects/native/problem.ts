/**
 * Errors of the native interface: RFC 9457, `application/problem+json`, with our code in `code`.
 */
import { type ErrorCode, type ErrorKind, isInsulaError } from "../../base/errors.ts";
import type { HttpAnswer } from "../../wire/index.ts";

const STATUS_BY_KIND = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  resource_exhausted: 429,
  deadline_exceeded: 504,
  unavailable: 503,
  unimplemented: 501,
  data_loss: 500,
  internal: 500,
} as const satisfies Record<ErrorKind, number>;

/** Codes whose status says more than that of their kind. */
const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  body_too_large: 413,
  disk_full: 507,
  storage_quota_exceeded: 507,
};

export interface Failure {
  readonly kind: ErrorKind;
  readonly answer: HttpAnswer;
}

/** The members of a problem. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly requestId: string;
  readonly retryAfterMs?: number;
}

/** Never shows the text of an error that is not ours: it may hold anything. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known = isInsulaError(error) ? error : undefined;
  const code = known?.code ?? "invariant_broken";
  return {
    type: `urn:insula:error:${code}`,
    title: code.replaceAll("_", " "),
    status: STATUS_BY_CODE[code] ?? STATUS_BY_KIND[known?.kind ?? "internal"],
    detail:
      known?.message ??
      "Cannot answer: an internal error occurred; the log has it under the request id.",
    code,
    details: known?.details ?? {},
    requestId,
    ...(known?.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
  };
}

export function toFailure(error: unknown, requestId: string): Failure {
  const problem = toProblem(error, requestId);
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "x-request-id": requestId,
  };
  if (problem.status === 401) headers["www-authenticate"] = "Bearer";
  if (problem.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.ceil(problem.retryAfterMs / 1000));
  }
  const kind = isInsulaError(error) ? error.kind : "internal";
  return { kind, answer: { status: problem.status, headers, body: JSON.stringify(problem) } };
}
