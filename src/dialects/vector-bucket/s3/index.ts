/**
 * S3 Vectors: the protocol of Amazon's vector buckets.
 *
 * For: requests of the unmodified AWS clients (SDKs, the `aws` and `s3vectors-embed` commands, and
 * libraries built on them), all at one host. Not for: ordinary objects of S3.
 *
 * A request goes through signature (who) → route (which operation) → its operation, which decodes
 * the body once, asks the guard (may they, is it there), calls the engine and prints JSON → the
 * headers of every answer. Errors of any step end in one table.
 *
 * Invariants: nothing is looked up before the signature is right; a body is read only for a key we
 * know; who has no right cannot tell a missing bucket from a forbidden one; a page is announced
 * only when it is not empty.
 *
 * Source: the vendor's service model, guide and clients; docs/dialects/s3-vectors.md names what
 * differs.
 */
export { createS3Dialect } from "./dialect.ts";
export { printErrorBody, S3_ERRORS, S3_FAULTS, wireErrorOf } from "./errors.ts";
export type { S3Fault, S3WireError } from "./errors.ts";
export { S3_LIMITS, S3_QUOTAS } from "./limits.ts";
export { S3_OPERATIONS } from "./operations.ts";
export type { S3Operation, S3OperationName } from "./operations.ts";
