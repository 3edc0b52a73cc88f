/**
 * The one error type of the house and the table of everything that can be said with it.
 *
 * `kind` is what a program acts on, `code` is what documents and dialects speak of, `message` is
 * for people and is not API. Every code stands in docs/errors.md and in each dialect's table; both
 * are checked by tests.
 */

/** What a program may act on. The names are those of gRPC status codes. */
export type ErrorKind =
  | "invalid_argument"
  | "unauthenticated"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "resource_exhausted"
  | "deadline_exceeded"
  | "unavailable"
  | "unimplemented"
  | "data_loss"
  | "internal";

/**
 * Each code with the kind it belongs to. A code is never renamed: clients and documents know it.
 */
export const ERROR_KINDS = {
  // What was asked is malformed or outside a limit.
  argument_invalid: "invalid_argument",
  body_malformed: "invalid_argument",
  body_too_large: "invalid_argument",
  name_invalid: "invalid_argument",
  key_invalid: "invalid_argument",
  key_duplicate: "invalid_argument",
  dimension_mismatch: "invalid_argument",
  vector_invalid: "invalid_argument",
  metadata_invalid: "invalid_argument",
  metadata_too_large: "invalid_argument",
  filter_invalid: "invalid_argument",
  batch_too_large: "invalid_argument",
  page_token_invalid: "invalid_argument",
  setting_invalid: "invalid_argument",
  // Who asks.
  credentials_missing: "unauthenticated",
  credentials_unknown: "unauthenticated",
  signature_mismatch: "unauthenticated",
  request_time_skewed: "unauthenticated",
  permission_denied: "permission_denied",
  // What is there.
  database_not_found: "not_found",
  collection_not_found: "not_found",
  tenant_not_found: "not_found",
  record_not_found: "not_found",
  search_not_found: "not_found",
  policy_not_found: "not_found",
  access_key_not_found: "not_found",
  backup_not_found: "not_found",
  route_not_found: "not_found",
  database_exists: "already_exists",
  collection_exists: "already_exists",
  tenant_exists: "already_exists",
  record_exists: "already_exists",
  // The state forbids it.
  database_not_empty: "failed_precondition",
  collection_disabled: "failed_precondition",
  tenant_not_active: "failed_precondition",
  customer_suspended: "failed_precondition",
  offload_not_configured: "failed_precondition",
  model_mismatch: "failed_precondition",
  embedder_unusable: "failed_precondition",
  data_folder_locked: "failed_precondition",
  master_key_missing: "failed_precondition",
  master_key_wrong: "failed_precondition",
  mirror_taken: "failed_precondition",
  format_unsupported: "failed_precondition",
  port_taken: "failed_precondition",
  // Too much.
  rate_exceeded: "resource_exhausted",
  limit_exceeded: "resource_exhausted",
  database_quota_exceeded: "resource_exhausted",
  collection_quota_exceeded: "resource_exhausted",
  record_quota_exceeded: "resource_exhausted",
  storage_quota_exceeded: "resource_exhausted",
  memory_exhausted: "resource_exhausted",
  disk_full: "resource_exhausted",
  deadline_exceeded: "deadline_exceeded",
  // The system cannot, now or at all.
  log_poisoned: "unavailable",
  io_failed: "unavailable",
  engine_closed: "unavailable",
  worker_lost: "unavailable",
  embedder_unavailable: "unavailable",
  operation_unsupported: "unimplemented",
  data_damaged: "data_loss",
  invariant_broken: "internal",
} as const;

ERROR_KINDS satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export interface InsulaErrorOptions {
  /** Facts a program may read: limits, positions, names. Never a secret, a vector or a text. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
  /** After this many milliseconds a retry has a chance. Absent: a retry will not help. */
  readonly retryAfterMs?: number;
}

/**
 * The only error that leaves a room.
 *
 * Write the message as *Cannot do X: reason: expected A, received B.*
 */
export class InsulaError extends Error {
  override readonly name = "InsulaError";
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: InsulaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = ERROR_KINDS[code];
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True for errors made by this house, also across worker boundaries where the class is lost. */
export function isInsulaError(error: unknown): error is InsulaError {
  return (
    error instanceof Error &&
    error.name === "InsulaError" &&
    "code" in error &&
    typeof error.code === "string" &&
    Object.hasOwn(ERROR_KINDS, error.code)
  );
}

/**
 * States what must be true whatever a caller sends. Stays on in production: a broken invariant is
 * our bug, and going on would make it the user's.
 *
 * @throws InsulaError `internal` / `invariant_broken`.
 */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new InsulaError("invariant_broken", `Invariant broken: ${sentence}`);
}
