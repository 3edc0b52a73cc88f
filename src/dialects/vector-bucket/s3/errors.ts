/**
 * What S3 Vectors calls each of our errors, and how an error looks on the wire: the type in a
 * header, a JSON body with the message, and for a member of the request also where it stands.
 */
import { InsulaError, isInsulaError } from "../../../base/errors.ts";
import type { ErrorCode } from "../../../base/errors.ts";

/** One error as the vendor names it. */
export interface S3WireError {
  readonly status: number;
  readonly type: string;
  /** A fixed sentence; absent: the message of the InsulaError, which speaks of the request. */
  readonly message?: string;
}

const INVALID = { status: 400, type: "ValidationException" } as const;
const DENIED = {
  status: 403,
  type: "AccessDeniedException",
  message: "You are not authorized to perform this operation",
} as const;
const NO_INDEX = {
  status: 404,
  type: "NotFoundException",
  message: "The specified index could not be found",
} as const;
const CONFLICT = { status: 409, type: "ConflictException" } as const;
const QUOTA = { status: 402, type: "ServiceQuotaExceededException" } as const;
const INTERNAL = {
  status: 500,
  type: "InternalServerException",
  message: "An internal error occurred",
} as const;
const BUSY = {
  status: 503,
  type: "ServiceUnavailableException",
  message: "Currently unable to handle the request",
} as const;
const FULL = {
  status: 503,
  type: "ServiceUnavailableException",
  message:
    "The disk of the server is almost full. Reading and deleting go on; writes are taken again " +
    "once there is room.",
} as const;
const DAMAGED = {
  status: 500,
  type: "InternalServerException",
  message:
    "The stored data are damaged and out of service; everything else is served. The log of the " +
    "server names the file: restore them from a backup, or delete them and write them anew.",
} as const;
const UNKNOWN_KEY = {
  status: 403,
  type: "UnrecognizedClientException",
  message: "The security token included in the request is invalid.",
} as const;

/** Every code of the house. What a retry may cure is of a type that the SDKs send again. */
export const S3_ERRORS: Readonly<Record<ErrorCode, S3WireError>> = {
  argument_invalid: INVALID,
  body_malformed: INVALID,
  body_too_large: INVALID,
  name_invalid: INVALID,
  key_invalid: INVALID,
  key_duplicate: INVALID,
  dimension_mismatch: INVALID,
  vector_invalid: INVALID,
  metadata_invalid: INVALID,
  metadata_too_large: INVALID,
  filter_invalid: INVALID,
  embedder_unusable: INVALID,
  batch_too_large: INVALID,
  page_token_invalid: { ...INVALID, message: "The specified nextToken is invalid" },
  setting_invalid: INTERNAL,
  credentials_missing: {
    status: 403,
    type: "MissingAuthenticationTokenException",
    message: "Missing Authentication Token",
  },
  credentials_unknown: UNKNOWN_KEY,
  signature_mismatch: {
    status: 403,
    type: "InvalidSignatureException",
    message:
      "The request signature we calculated does not match the signature you provided. " +
      "Check your AWS Secret Access Key and signing method.",
  },
  request_time_skewed: {
    status: 403,
    type: "RequestTimeTooSkewed",
    message: "The difference between the request time and the current time is too large.",
  },
  permission_denied: DENIED,
  database_not_found: {
    status: 404,
    type: "NotFoundException",
    message: "The specified vector bucket could not be found",
  },
  collection_not_found: NO_INDEX,
  tenant_not_found: NO_INDEX,
  record_not_found: { status: 404, type: "NotFoundException" },
  search_not_found: { status: 404, type: "NotFoundException" },
  policy_not_found: {
    status: 404,
    type: "NotFoundException",
    message: "The specified vector bucket policy could not be found",
  },
  access_key_not_found: UNKNOWN_KEY,
  backup_not_found: { status: 404, type: "NotFoundException" },
  route_not_found: { status: 404, type: "UnknownOperationException" },
  database_exists: {
    ...CONFLICT,
    message: "A vector bucket with the specified name already exists",
  },
  collection_exists: { ...CONFLICT, message: "An index with the specified name already exists" },
  tenant_exists: CONFLICT,
  record_exists: CONFLICT,
  database_not_empty: { ...CONFLICT, message: "The specified vector bucket is not empty" },
  collection_disabled: {
    ...DENIED,
    message: "The index is disabled by the operator of the service",
  },
  tenant_not_active: { ...DENIED, message: "The index is not active" },
  customer_suspended: { ...DENIED, message: "The index is suspended" },
  offload_not_configured: INTERNAL,
  model_mismatch: CONFLICT,
  data_folder_locked: INTERNAL,
  master_key_missing: INTERNAL,
  master_key_wrong: INTERNAL,
  mirror_taken: INTERNAL,
  format_unsupported: INTERNAL,
  port_taken: INTERNAL,
  rate_exceeded: { status: 429, type: "TooManyRequestsException" },
  limit_exceeded: { status: 429, type: "TooManyRequestsException" },
  database_quota_exceeded: QUOTA,
  collection_quota_exceeded: QUOTA,
  record_quota_exceeded: QUOTA,
  storage_quota_exceeded: QUOTA,
  memory_exhausted: BUSY,
  disk_full: FULL,
  deadline_exceeded: { status: 408, type: "RequestTimeoutException" },
  log_poisoned: BUSY,
  io_failed: INTERNAL,
  engine_closed: BUSY,
  worker_lost: BUSY,
  embedder_unavailable: BUSY,
  operation_unsupported: INVALID,
  data_damaged: DAMAGED,
  invariant_broken: INTERNAL,
};

/** Faults only this protocol knows; thrown with {@link s3Fault}. */
export const S3_FAULTS: Readonly<Record<S3Fault, S3WireError>> = {
  UnknownOperationException: { status: 404, type: "UnknownOperationException" },
  ExpiredTokenException: {
    status: 403,
    type: "ExpiredTokenException",
    message: "The signature in the query of the request has expired",
  },
};

export type S3Fault = "UnknownOperationException" | "ExpiredTokenException";

/** An error that has a vendor's name but no code of its own in the house. */
export function s3Fault(fault: S3Fault, message: string): InsulaError {
  return new InsulaError("argument_invalid", message, { details: { s3Fault: fault } });
}

/** How an error is called; anything that is not ours is an internal one without its message. */
export function wireErrorOf(error: unknown): S3WireError {
  if (!isInsulaError(error)) return INTERNAL;
  const fault = error.details["s3Fault"];
  if (typeof fault === "string" && Object.hasOwn(S3_FAULTS, fault)) {
    return S3_FAULTS[fault as S3Fault];
  }
  if (error.details["expired"] === true) return S3_FAULTS.ExpiredTokenException;
  return S3_ERRORS[error.code];
}

/** The body of an error answer. */
export function printErrorBody(error: unknown): string {
  const wire = wireErrorOf(error);
  const message = wire.message ?? (isInsulaError(error) ? error.message : INTERNAL.message);
  const path = isInsulaError(error) ? error.details["path"] : undefined;
  const fieldList = path === undefined ? {} : { fieldList: [{ path, message: fieldOf(message) }] };
  return JSON.stringify({ message, ...fieldList });
}

const ONE_ERROR = "1 validation error detected. ";

/** A member of the request that breaks a rule of the model, in the words of the service. */
export function violation(
  path: string,
  rule: string,
  value: { readonly length?: number } = {},
): InsulaError {
  const what = value.length === undefined ? "Value" : `Value with length ${String(value.length)}`;
  return new InsulaError(
    "argument_invalid",
    `${ONE_ERROR}${what} at '${path}' failed to satisfy constraint: ${rule}`,
    { details: { path } },
  );
}

/** One record of a batch that cannot be written. */
export function recordInvalid(code: ErrorCode, key: string, reason: string): InsulaError {
  return new InsulaError(code, `Invalid record for key '${key}': ${reason}`);
}

function fieldOf(message: string): string {
  return message.startsWith(ONE_ERROR) ? message.slice(ONE_ERROR.length) : message;
}
