/**
 * The operations of the twins under one name each, so that a grant or a policy written for one
 * vendor holds for the other as well: who may not put vectors through OSS may not through S3.
 */

/** One operation as rights speak of it. */
export interface BucketOperation {
  /** As OSS calls it; the vendor that has no such operation uses the twin's name. */
  readonly oss: string;
  /** As AWS calls it. */
  readonly aws: string;
  /** True when a request names an index, so that a policy may speak of that index alone. */
  readonly isAboutIndex: boolean;
  /** True for reading, writing and removing the policy itself. */
  readonly isAboutPolicy: boolean;
}

/** Operations that the vendors call differently: the name of OSS, then that of AWS. */
const TWINS: readonly (readonly [string, string])[] = [
  ["PutVectorBucket", "CreateVectorBucket"],
  ["PutVectorIndex", "CreateIndex"],
  ["GetVectorIndex", "GetIndex"],
  ["ListVectorIndexes", "ListIndexes"],
  ["DeleteVectorIndex", "DeleteIndex"],
  ["PutBucketPolicy", "PutVectorBucketPolicy"],
  ["GetBucketPolicy", "GetVectorBucketPolicy"],
  ["DeleteBucketPolicy", "DeleteVectorBucketPolicy"],
];

/** @param name  in either vendor's words. */
export function bucketOperation(name: string, isAboutIndex: boolean): BucketOperation {
  const twins = TWINS.find((names) => names.includes(name));
  const [oss, aws] = twins ?? [name, name];
  return { oss, aws, isAboutIndex, isAboutPolicy: oss.endsWith("BucketPolicy") };
}
