/**
 * The operations of OSS Vectors: one row each, used by the dispatcher, the documents and the tests.
 *
 * The method and the one query key that is a verb choose the operation; the path is always "/".
 */
import { bucketOperation } from "../bucket-operation.ts";
import type { BucketOperation } from "../bucket-operation.ts";

/** How one operation is asked for. */
export interface OssOperation {
  readonly name: OssOperationName;
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** The query key that names the operation; undefined when there is none. */
  readonly verb: string | undefined;
  /** `service`: no bucket in the address. */
  readonly level: "service" | "bucket";
  /** Success status. */
  readonly status: 200 | 204;
  /** True when the body names an index, so that a bucket policy may speak of that index alone. */
  readonly isAboutIndex: boolean;
  /** The operation as rights speak of it. */
  readonly rights: BucketOperation;
}

export type OssOperationName =
  | "PutVectorBucket"
  | "GetVectorBucket"
  | "ListVectorBuckets"
  | "DeleteVectorBucket"
  | "PutVectorIndex"
  | "GetVectorIndex"
  | "ListVectorIndexes"
  | "DeleteVectorIndex"
  | "PutVectors"
  | "GetVectors"
  | "ListVectors"
  | "DeleteVectors"
  | "QueryVectors"
  | "PutBucketPolicy"
  | "GetBucketPolicy"
  | "DeleteBucketPolicy"
  | "PutBucketLogging"
  | "GetBucketLogging"
  | "DeleteBucketLogging";

const BUCKET = { level: "bucket", isAboutIndex: false } as const;
const INDEX = { level: "bucket", isAboutIndex: true, method: "POST" } as const;

const ROWS: readonly Omit<OssOperation, "rights">[] = [
  { ...BUCKET, name: "PutVectorBucket", method: "PUT", verb: undefined, status: 200 },
  { ...BUCKET, name: "GetVectorBucket", method: "GET", verb: "bucketInfo", status: 200 },
  {
    name: "ListVectorBuckets",
    method: "GET",
    verb: undefined,
    level: "service",
    status: 200,
    isAboutIndex: false,
  },
  { ...BUCKET, name: "DeleteVectorBucket", method: "DELETE", verb: undefined, status: 204 },
  { ...INDEX, name: "PutVectorIndex", verb: "putVectorIndex", status: 200 },
  { ...INDEX, name: "GetVectorIndex", verb: "getVectorIndex", status: 200 },
  { ...BUCKET, name: "ListVectorIndexes", method: "POST", verb: "listVectorIndexes", status: 200 },
  { ...INDEX, name: "DeleteVectorIndex", verb: "deleteVectorIndex", status: 204 },
  { ...INDEX, name: "PutVectors", verb: "putVectors", status: 200 },
  { ...INDEX, name: "GetVectors", verb: "getVectors", status: 200 },
  { ...INDEX, name: "ListVectors", verb: "listVectors", status: 200 },
  { ...INDEX, name: "DeleteVectors", verb: "deleteVectors", status: 204 },
  { ...INDEX, name: "QueryVectors", verb: "queryVectors", status: 200 },
  { ...BUCKET, name: "PutBucketPolicy", method: "PUT", verb: "policy", status: 200 },
  { ...BUCKET, name: "GetBucketPolicy", method: "GET", verb: "policy", status: 200 },
  { ...BUCKET, name: "DeleteBucketPolicy", method: "DELETE", verb: "policy", status: 204 },
  { ...BUCKET, name: "PutBucketLogging", method: "PUT", verb: "logging", status: 200 },
  { ...BUCKET, name: "GetBucketLogging", method: "GET", verb: "logging", status: 200 },
  { ...BUCKET, name: "DeleteBucketLogging", method: "DELETE", verb: "logging", status: 204 },
];

export const OSS_OPERATIONS: readonly OssOperation[] = ROWS.map((row) => ({
  ...row,
  rights: bucketOperation(row.name, row.isAboutIndex),
}));
