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
const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = { body_too_large: 413, disk_full: 507 };

export interface Failure {
  readonly kind: ErrorKind;
  readonly answer: HttpAnswer;
}

/** Never shows the text of an error that is not ours: it may hold anything. */
export function toFailure(error: unknown, requestId: string): Failure {
  const known = isInsulaError(error) ? error : undefined;
  const kind = known?.kind ?? "internal";
  const code = known?.code ?? "invariant_broken";
  const status = STATUS_BY_CODE[code] ?? STATUS_BY_KIND[kind];
  const body = {
    type: `urn:insula:error:${code}`,
    title: code.replaceAll("_", " "),
    status,
    detail:
      known?.message ??
      "Cannot answer: an internal error occurred; the log has it under the request id.",
    code,
    details: known?.details ?? {},
    requestId,
  };
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "x-request-id": requestId,
  };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (known?.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.ceil(known.retryAfterMs / 1000));
  }
  return { kind, answer: { status, headers, body: JSON.stringify(body) } };
}
