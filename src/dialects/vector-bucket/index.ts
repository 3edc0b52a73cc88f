/**
 * Vector buckets: the twins OSS Vectors and S3 Vectors.
 *
 * Both show the same picture: a bucket (our database) holds vector indexes (our collections with
 * one unnamed vector), an index holds vectors (our records). What they share lives here: filters,
 * metadata, page tokens, rights and the checks of vectors; addresses, bodies and errors are in
 * `oss/` and `s3/`. What was written through one is read through the other, and a policy set
 * through one holds for the other.
 *
 * No data of its own: policies, tags, logging and regions are attributes of the database or the
 * collection, the secrets of page tokens are settings of the engine.
 */
export {
  createOssDialect,
  OSS_ERRORS,
  OSS_FAULTS,
  OSS_LIMITS,
  OSS_OPERATIONS,
  OSS_SEED_QUOTAS,
} from "./oss/index.ts";
export type { OssFault, OssOperation, OssOperationName, WireError } from "./oss/index.ts";
export {
  createS3Dialect,
  printErrorBody as printS3ErrorBody,
  S3_ERRORS,
  S3_FAULTS,
  S3_LIMITS,
  S3_OPERATIONS,
  S3_QUOTAS,
  wireErrorOf as wireS3ErrorOf,
} from "./s3/index.ts";
export type { S3Fault, S3Operation, S3OperationName, S3WireError } from "./s3/index.ts";
