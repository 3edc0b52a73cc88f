/**
 * What Pinecone calls each of our errors: an HTTP status, the word of the control plane and the
 * number of gRPC, which the data plane shows over HTTP too.
 */
import { InsulaError, isInsulaError, type ErrorCode } from "../../base/errors.ts";

/** One error as the vendor names it. */
export interface PineconeWireError {
  readonly status: number;
  /** Of the control plane. */
  readonly code: string;
  /** Status of gRPC. */
  readonly grpc: number;
  /** A fixed sentence; absent: the message of the InsulaError, which speaks of the request. */
  readonly message?: string;
}

const INVALID = { status: 400, code: "INVALID_ARGUMENT", grpc: 3 } as const;
const UNKNOWN_KEY = {
  status: 401,
  code: "UNAUTHENTICATED",
  grpc: 16,
  message: "Invalid API key.",
} as const;
const NOT_FOUND = { status: 404, code: "NOT_FOUND", grpc: 5 } as const;
const EXISTS = { status: 409, code: "ALREADY_EXISTS", grpc: 6 } as const;
const FAILED = { status: 412, code: "FAILED_PRECONDITION", grpc: 9 } as const;
const QUOTA = { status: 403, code: "QUOTA_EXCEEDED", grpc: 8 } as const;
const RATE = { status: 429, code: "RESOURCE_EXHAUSTED", grpc: 8 } as const;
/** Permanent until somebody looks: no client sends it again by itself. */
const FULL = {
  status: 403,
  code: "QUOTA_EXCEEDED",
  grpc: 8,
  message:
    "The disk of the server is almost full. Reading and deleting go on; writes are taken again " +
    "once there is room.",
} as const;
const UNAVAILABLE = {
  status: 503,
  code: "UNAVAILABLE",
  grpc: 14,
  message: "Currently unable to handle the request",
} as const;
const INTERNAL = {
  status: 500,
  code: "INTERNAL",
  grpc: 13,
  message: "An internal error occurred; the log has it under the request id",
} as const;
/** No 500: clients would send the same again, in vain. */
const DAMAGED = {
  status: 412,
  code: "DATA_LOSS",
  grpc: 15,
  message:
    "The stored data are damaged and out of service; everything else is served. The log of the " +
    "server names the file: restore them from a backup, or delete them and write them anew.",
} as const;

/** Every code of the house. */
export const PINECONE_ERRORS: Readonly<Record<ErrorCode, PineconeWireError>> = {
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
  batch_too_large: INVALID,
  page_token_invalid: INVALID,
  setting_invalid: INTERNAL,
  credentials_missing: UNKNOWN_KEY,
  credentials_unknown: UNKNOWN_KEY,
  signature_mismatch: UNKNOWN_KEY,
  request_time_skewed: UNKNOWN_KEY,
  permission_denied: {
    status: 403,
    code: "FORBIDDEN",
    grpc: 7,
    message: "The API key has no right to this",
  },
  database_not_found: NOT_FOUND,
  collection_not_found: NOT_FOUND,
  tenant_not_found: { ...NOT_FOUND, message: "Namespace not found" },
  record_not_found: NOT_FOUND,
  search_not_found: NOT_FOUND,
  policy_not_found: NOT_FOUND,
  access_key_not_found: UNKNOWN_KEY,
  backup_not_found: NOT_FOUND,
  route_not_found: NOT_FOUND,
  database_exists: EXISTS,
  collection_exists: EXISTS,
  tenant_exists: EXISTS,
  record_exists: EXISTS,
  database_not_empty: FAILED,
  collection_disabled: FAILED,
  tenant_not_active: FAILED,
  customer_suspended: {
    status: 403,
    code: "FORBIDDEN",
    grpc: 7,
    message: "The namespace is suspended until an operator resumes it",
  },
  offload_not_configured: FAILED,
  model_mismatch: FAILED,
  embedder_unusable: FAILED,
  data_folder_locked: INTERNAL,
  master_key_missing: INTERNAL,
  master_key_wrong: INTERNAL,
  mirror_taken: INTERNAL,
  format_unsupported: INTERNAL,
  port_taken: INTERNAL,
  rate_exceeded: RATE,
  limit_exceeded: RATE,
  database_quota_exceeded: QUOTA,
  collection_quota_exceeded: QUOTA,
  record_quota_exceeded: QUOTA,
  storage_quota_exceeded: QUOTA,
  memory_exhausted: UNAVAILABLE,
  disk_full: FULL,
  deadline_exceeded: { status: 504, code: "DEADLINE_EXCEEDED", grpc: 4 },
  log_poisoned: UNAVAILABLE,
  io_failed: INTERNAL,
  engine_closed: UNAVAILABLE,
  worker_lost: UNAVAILABLE,
  embedder_unavailable: UNAVAILABLE,
  operation_unsupported: { status: 501, code: "UNIMPLEMENTED", grpc: 12 },
  data_damaged: DAMAGED,
  invariant_broken: INTERNAL,
};

/** Faults only this protocol knows; thrown with {@link pineconeFault}. */
export const PINECONE_FAULTS: Readonly<Record<PineconeFault, PineconeWireError>> = {
  /** An index that is protected against its deletion. */
  FORBIDDEN: { status: 403, code: "FORBIDDEN", grpc: 7 },
  MODEL_NOT_FOUND: NOT_FOUND,
  /** A backup that is not ready, or that something is being made of. */
  BACKUP_IN_USE: FAILED,
  BACKUPS_EXCEEDED: QUOTA,
};

export type PineconeFault = "FORBIDDEN" | "MODEL_NOT_FOUND" | "BACKUP_IN_USE" | "BACKUPS_EXCEEDED";

/** An error that has a vendor's name but no code of its own in the house. */
export function pineconeFault(fault: PineconeFault, message: string): InsulaError {
  return new InsulaError("argument_invalid", message, { details: { pineconeFault: fault } });
}

/** An error with the sentence a client reads. */
export interface PineconeFailure {
  readonly status: number;
  readonly code: string;
  readonly grpc: number;
  readonly message: string;
  /** After this many milliseconds a retry has a chance. */
  readonly retryAfterMs: number | undefined;
}

/** How an error is called; anything that is not ours is an internal one without its message. */
export function failureOf(error: unknown): PineconeFailure {
  const known = isInsulaError(error) ? error : undefined;
  const { status, code, grpc, message } = wireErrorOf(known);
  return {
    ...{ status, code, grpc },
    message: message ?? known?.message ?? INTERNAL.message,
    retryAfterMs: known?.retryAfterMs,
  };
}

function wireErrorOf(error: InsulaError | undefined): PineconeWireError {
  if (error === undefined) return INTERNAL;
  const fault = error.details["pineconeFault"];
  if (typeof fault === "string" && Object.hasOwn(PINECONE_FAULTS, fault)) {
    return PINECONE_FAULTS[fault as PineconeFault];
  }
  return PINECONE_ERRORS[error.code];
}

/** A request that breaks a rule of the vendor's. */
export function refusal(message: string): InsulaError {
  return new InsulaError("argument_invalid", message);
}
