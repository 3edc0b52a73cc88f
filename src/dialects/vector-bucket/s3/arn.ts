/**
 * Amazon resource names of buckets and indexes.
 *
 * Ours carry the region in which the bucket was made and the account that owns it. Read are also
 * those of other partitions and regions: bucket and account decide, as in a request by name. Names
 * and accounts may be longer or shorter than AWS has them, because other protocols make them too.
 */
import type { CollectionInfo, DatabaseInfo } from "../../../engine/api.ts";
import { isBucketName, ownerOf, regionOf } from "../bucket-attributes.ts";
import { isIndexName } from "../vector-index.ts";

/** What an ARN names. */
export interface ArnPlace {
  readonly accountId: string;
  readonly bucket: string;
  readonly index: string | undefined;
}

const ARN =
  /^arn:aws[-a-z0-9]{0,32}:s3vectors:[a-z0-9-]{1,64}:(\d{1,32}):bucket\/([^/]{1,63})(?:\/index\/([^/]{1,63}))?$/;

/** Undefined for what is no ARN of S3 Vectors. */
export function parseArn(text: string): ArnPlace | undefined {
  const [, accountId, bucket, index] = ARN.exec(text) ?? [];
  if (accountId === undefined || bucket === undefined || !isBucketName(bucket)) return undefined;
  if (index !== undefined && !isIndexName(index)) return undefined;
  return { accountId, bucket, index };
}

/** @param adminAccountId  owner of buckets that name none. */
export function bucketArn(info: DatabaseInfo, adminAccountId: string): string {
  return `arn:aws:s3vectors:${regionOf(info, "aws")}:${ownerOf(info, adminAccountId)}:bucket/${info.name}`;
}

export function indexArn(
  bucket: DatabaseInfo,
  index: Pick<CollectionInfo, "name">,
  adminAccountId: string,
): string {
  return `${bucketArn(bucket, adminAccountId)}/index/${index.name}`;
}
