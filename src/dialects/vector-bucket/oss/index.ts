/**
 * OSS Vectors: the protocol of Alibaba Cloud's vector buckets.
 *
 * For: requests of the unmodified OSS clients (Python, Go, Java, the `oss-vectors-embed` command),
 * addressed by virtual host, by path, or through us as their HTTP proxy. Not for: ordinary objects.
 *
 * A request goes through address (which bucket) → signature (who) → route (which operation) → guard
 * (may they, is it there) → its operation → the headers of every answer. An operation decodes the
 * body once, calls the engine, and prints JSON. Errors of any step end in one table.
 *
 * Invariants: nothing is looked up before the signature is right; who has no right cannot tell a
 * missing bucket from a forbidden one; a page is announced only when it is not empty.
 *
 * Source: the vendor's API reference and clients; docs/dialects/oss-vectors.md names what differs.
 */
export { createOssDialect } from "./dialect.ts";
export { OSS_ERRORS, OSS_FAULTS } from "./errors.ts";
export type { OssFault, WireError } from "./errors.ts";
export { OSS_LIMITS, OSS_SEED_QUOTAS } from "./limits.ts";
export { OSS_OPERATIONS } from "./operations.ts";
export type { OssOperation, OssOperationName } from "./operations.ts";
