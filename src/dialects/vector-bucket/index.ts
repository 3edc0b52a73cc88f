/**
 * Vector buckets: the twins OSS Vectors and S3 Vectors.
 *
 * Both show the same picture: a bucket (our database) holds vector indexes (our collections with
 * one unnamed vector), an index holds vectors (our records). What they share lives here: filters,
 * metadata, page tokens, policies and the checks of vectors; addresses, signatures, bodies and
 * errors are in `oss/` and its twin. What was written through one is read through the other.
 *
 * No data of its own: policies, logging and regions are attributes of the database, the secret of
 * page tokens is a setting of the engine.
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
