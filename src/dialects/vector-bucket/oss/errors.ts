/**
 * What OSS Vectors calls each of our errors, and how an error looks on the wire.
 *
 * Both official clients compare the Content-Type of an error with `application/json` as a whole: a
 * charset parameter makes them report a parse failure instead of the error.
 */
import type { ErrorCode } from "../../../base/errors.ts";
import { InsulaError, isInsulaError } from "../../../base/errors.ts";

/** One error as the vendor names it. */
export interface WireError {
  readonly status: number;
  readonly code: string;
  /** The vendor's number of the cause, also sent as `x-oss-ec`. */
  readonly ec: string;
  /** A fixed sentence; absent: the message of the InsulaError, which speaks of the request. */
  readonly message?: string;
}

const EC_GENERAL = "0016-00000000";
const EC_KEY = "0002-00000040";
const EC_DENIED = "0003-00000001";

const PARAMETER_INVALID = {
  status: 400,
  code: "VectorIndexParameterInvalid",
  ec: EC_GENERAL,
} as const;
const ACCESS_DENIED = { status: 403, code: "AccessDenied", ec: EC_DENIED } as const;
const NO_SUCH_INDEX = {
  status: 404,
  code: "NoSuchVectorIndex",
  ec: EC_GENERAL,
  message: "The specified vector index does not exist.",
} as const;
const INTERNAL = {
  status: 500,
  code: "InternalError",
  ec: EC_GENERAL,
  message: "The server met an internal error. Please try again.",
} as const;
const BUSY = {
  status: 503,
  code: "ServiceUnavailable",
  ec: EC_GENERAL,
  message: "The service is not available at the moment. Please try again.",
} as const;
const FULL = {
  status: 503,
  code: "ServiceUnavailable",
  ec: EC_GENERAL,
  message:
    "The disk of the server is almost full. Reading and deleting go on; writes are taken again " +
    "once there is room.",
} as const;
const DAMAGED = {
  status: 500,
  code: "InternalError",
  ec: EC_GENERAL,
  message:
    "The stored data are damaged and out of service; everything else is served. The log of the " +
    "server names the file: restore them from a backup, or delete them and write them anew.",
} as const;
const UNKNOWN_KEY = {
  status: 403,
  code: "InvalidAccessKeyId",
  ec: EC_KEY,
  message: "The OSS Access Key Id you provided does not exist in our records.",
} as const;

/**
 * Every code of the house. 5xx answers are tried three times by the clients, so only what a retry
 * may cure is one.
 */
export const OSS_ERRORS: Readonly<Record<ErrorCode, WireError>> = {
  argument_invalid: PARAMETER_INVALID,
  body_malformed: { status: 400, code: "MalformedJson", ec: EC_GENERAL },
  body_too_large: { status: 400, code: "EntityTooLarge", ec: EC_GENERAL },
  name_invalid: { status: 400, code: "InvalidVectorBucketName", ec: EC_GENERAL },
  key_invalid: PARAMETER_INVALID,
  key_duplicate: PARAMETER_INVALID,
  dimension_mismatch: PARAMETER_INVALID,
  vector_invalid: PARAMETER_INVALID,
  metadata_invalid: PARAMETER_INVALID,
  metadata_too_large: PARAMETER_INVALID,
  filter_invalid: PARAMETER_INVALID,
  batch_too_large: PARAMETER_INVALID,
  page_token_invalid: PARAMETER_INVALID,
  setting_invalid: INTERNAL,
  credentials_missing: { ...ACCESS_DENIED, message: "The request carries no credentials." },
  credentials_unknown: UNKNOWN_KEY,
  signature_mismatch: {
    status: 403,
    code: "SignatureDoesNotMatch",
    ec: EC_KEY,
    message:
      "The request signature we calculated does not match the signature you provided. " +
      "Check your key and signing method.",
  },
  request_time_skewed: {
    status: 403,
    code: "RequestTimeTooSkewed",
    ec: "0002-00000504",
    message: "The difference between the request time and the current time is too large.",
  },
  permission_denied: {
    ...ACCESS_DENIED,
    message: "You are not authorized to perform this operation.",
  },
  database_not_found: {
    status: 404,
    code: "NoSuchBucket",
    ec: "0015-00000101",
    message: "The specified bucket does not exist.",
  },
  collection_not_found: NO_SUCH_INDEX,
  tenant_not_found: NO_SUCH_INDEX,
  record_not_found: { status: 404, code: "NoSuchKey", ec: EC_GENERAL },
  search_not_found: { status: 404, code: "NoSuchKey", ec: EC_GENERAL },
  policy_not_found: {
    status: 404,
    code: "NoSuchBucketPolicy",
    ec: EC_GENERAL,
    message: "The bucket policy does not exist.",
  },
  access_key_not_found: UNKNOWN_KEY,
  backup_not_found: { status: 404, code: "NoSuchKey", ec: EC_GENERAL },
  route_not_found: { status: 400, code: "InvalidArgument", ec: EC_GENERAL },
  database_exists: {
    status: 409,
    code: "BucketAlreadyExists",
    ec: "0015-00000104",
    message: "The requested bucket name is not available.",
  },
  collection_exists: {
    status: 409,
    code: "VectorBucketIndexAlreadyExist",
    ec: EC_GENERAL,
    message: "The vector index already exists.",
  },
  tenant_exists: { status: 409, code: "VectorBucketIndexAlreadyExist", ec: EC_GENERAL },
  record_exists: PARAMETER_INVALID,
  database_not_empty: {
    status: 409,
    code: "VectorBucketNotEmpty",
    ec: "0015-00000301",
    message: "The bucket you tried to delete is not empty.",
  },
  collection_disabled: {
    ...ACCESS_DENIED,
    message: "The vector index is disabled by the operator of the service.",
  },
  tenant_not_active: { ...ACCESS_DENIED, message: "The vector index is not active." },
  customer_suspended: { ...ACCESS_DENIED, message: "The vector index is suspended." },
  offload_not_configured: INTERNAL,
  model_mismatch: PARAMETER_INVALID,
  embedder_unusable: PARAMETER_INVALID,
  data_folder_locked: INTERNAL,
  master_key_missing: INTERNAL,
  master_key_wrong: INTERNAL,
  mirror_taken: INTERNAL,
  format_unsupported: INTERNAL,
  port_taken: INTERNAL,
  rate_exceeded: { status: 503, code: "QpsLimitExceeded", ec: EC_GENERAL },
  limit_exceeded: { status: 503, code: "QpsLimitExceeded", ec: EC_GENERAL },
  database_quota_exceeded: { status: 400, code: "TooManyBuckets", ec: EC_GENERAL },
  collection_quota_exceeded: {
    status: 400,
    code: "VectorBucketIndexExceedLimit",
    ec: EC_GENERAL,
  },
  record_quota_exceeded: PARAMETER_INVALID,
  storage_quota_exceeded: PARAMETER_INVALID,
  memory_exhausted: BUSY,
  disk_full: FULL,
  deadline_exceeded: { status: 400, code: "RequestTimeout", ec: EC_GENERAL },
  log_poisoned: BUSY,
  io_failed: INTERNAL,
  engine_closed: BUSY,
  worker_lost: INTERNAL,
  embedder_unavailable: BUSY,
  operation_unsupported: { status: 400, code: "InvalidArgument", ec: EC_GENERAL },
  data_damaged: DAMAGED,
  invariant_broken: INTERNAL,
};

/** Faults only this protocol knows; thrown with {@link ossFault}. */
export const OSS_FAULTS: Readonly<Record<OssFault, WireError>> = {
  InvalidDigest: {
    status: 400,
    code: "InvalidDigest",
    ec: EC_GENERAL,
    message: "The Content-MD5 you specified is not that of the body.",
  },
  MissingArgument: {
    status: 400,
    code: "MissingArgument",
    ec: "0016-00000502",
    message: "Missing some required arguments.",
  },
  MethodNotAllowed: { status: 405, code: "MethodNotAllowed", ec: EC_GENERAL },
  InvalidArgument: { status: 400, code: "InvalidArgument", ec: EC_GENERAL },
  InvalidPolicyDocument: { status: 400, code: "InvalidPolicyDocument", ec: EC_GENERAL },
};

export type OssFault =
  | "InvalidDigest"
  | "MissingArgument"
  | "MethodNotAllowed"
  | "InvalidArgument"
  | "InvalidPolicyDocument";

/** An error that has a vendor's name but no code of its own in the house. */
export function ossFault(fault: OssFault, message: string): InsulaError {
  return new InsulaError("argument_invalid", message, { details: { ossFault: fault } });
}

/** How an error is called; anything that is not ours is an InternalError without its message. */
export function wireErrorOf(error: unknown): WireError {
  if (!isInsulaError(error)) return INTERNAL;
  const fault = error.details["ossFault"];
  if (typeof fault === "string" && Object.hasOwn(OSS_FAULTS, fault)) {
    return OSS_FAULTS[fault as OssFault];
  }
  return OSS_ERRORS[error.code];
}

/** The body of an error answer. Member order is that of the vendor. */
export function printErrorBody(
  error: unknown,
  request: { readonly id: string; readonly hostName: string },
): string {
  const wire = wireErrorOf(error);
  const message = wire.message ?? (isInsulaError(error) ? error.message : INTERNAL.message);
  return JSON.stringify({
    Error: {
      Code: wire.code,
      Message: message,
      RequestId: request.id,
      HostId: request.hostName,
      EC: wire.ec,
      RecommendDoc: `https://api.aliyun.com/troubleshoot?q=${wire.ec}`,
    },
  });
}
