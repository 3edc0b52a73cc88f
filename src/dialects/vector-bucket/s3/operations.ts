/**
 * The operations of S3 Vectors: one row each, used by the dispatcher, the documents and the tests.
 *
 * All but the calls about tags are `POST /{name}` with a JSON body.
 */
import { bucketOperation } from "../bucket-operation.ts";
import type { BucketOperation } from "../bucket-operation.ts";
import { S3_LIMITS } from "./limits.ts";

/** How one operation is asked for. */
export interface S3Operation {
  readonly name: S3OperationName;
  readonly method: "GET" | "POST" | "DELETE";
  /** `tags`: the ARN of a bucket or index stands behind it in the path. */
  readonly path: "name" | "tags";
  readonly bodyBytesMax: number;
  /** The operation as rights speak of it. */
  readonly rights: BucketOperation;
}

export type S3OperationName =
  | "CreateVectorBucket"
  | "GetVectorBucket"
  | "ListVectorBuckets"
  | "DeleteVectorBucket"
  | "PutVectorBucketPolicy"
  | "GetVectorBucketPolicy"
  | "DeleteVectorBucketPolicy"
  | "PutVectorBucketDefaultIndexMode"
  | "CreateIndex"
  | "GetIndex"
  | "ListIndexes"
  | "DeleteIndex"
  | "UpdateIndexMode"
  | "UpdateMetadataConfiguration"
  | "PutVectors"
  | "GetVectors"
  | "ListVectors"
  | "DeleteVectors"
  | "QueryVectors"
  | "TagResource"
  | "ListTagsForResource"
  | "UntagResource";

export const S3_OPERATIONS: readonly S3Operation[] = [
  onBucket("CreateVectorBucket"),
  onBucket("GetVectorBucket"),
  onBucket("ListVectorBuckets"),
  onBucket("DeleteVectorBucket"),
  onBucket("PutVectorBucketPolicy"),
  onBucket("GetVectorBucketPolicy"),
  onBucket("DeleteVectorBucketPolicy"),
  onBucket("PutVectorBucketDefaultIndexMode"),
  onIndex("CreateIndex"),
  onIndex("GetIndex"),
  onBucket("ListIndexes"),
  onIndex("DeleteIndex"),
  onIndex("UpdateIndexMode"),
  onIndex("UpdateMetadataConfiguration"),
  onIndex("PutVectors", S3_LIMITS.putVectorsBodyBytesMax),
  onIndex("GetVectors", S3_LIMITS.keysBodyBytesMax),
  onIndex("ListVectors"),
  onIndex("DeleteVectors", S3_LIMITS.keysBodyBytesMax),
  onIndex("QueryVectors", S3_LIMITS.queryBodyBytesMax),
  onTags("TagResource", "POST"),
  onTags("ListTagsForResource", "GET"),
  onTags("UntagResource", "DELETE"),
];

/** What a filter or the return of metadata needs besides the right to query or list. */
export const GET_VECTORS_RIGHTS: BucketOperation = bucketOperation("GetVectors", true);

function onBucket(name: S3OperationName): S3Operation {
  const bodyBytesMax = S3_LIMITS.smallBodyBytesMax;
  return { name, method: "POST", path: "name", bodyBytesMax, rights: bucketOperation(name, false) };
}

function onIndex(
  name: S3OperationName,
  bodyBytesMax: number = S3_LIMITS.smallBodyBytesMax,
): S3Operation {
  return { name, method: "POST", path: "name", bodyBytesMax, rights: bucketOperation(name, true) };
}

/** Whether an index is meant is said by the ARN. */
function onTags(name: S3OperationName, method: S3Operation["method"]): S3Operation {
  const bodyBytesMax = S3_LIMITS.smallBodyBytesMax;
  return { name, method, path: "tags", bodyBytesMax, rights: bucketOperation(name, false) };
}
