/** What OSS shows of a bucket and the engine does not know: kept as attributes of the database. */
import type { DatabaseInfo } from "../../../engine/api.ts";
import { intranetEndpoint } from "./address.ts";
import { OSS_LIMITS } from "./limits.ts";

/** Names of the attributes. ON DISK: never renamed. */
export const ATTRIBUTES = {
  /** Account the bucket belongs to; absent in databases made by another protocol. */
  accountId: "accountId",
  /** Region of the credential scope that created it. */
  region: "region",
  /** Policy text, byte for byte. */
  policy: "oss.policy",
  /** Logging configuration, JSON text. */
  logging: "oss.logging",
  resourceGroupId: "oss.resourceGroupId",
  /** Value of `x-oss-bucket-tagging`. */
  tagging: "oss.tagging",
} as const;

/**
 * Region of databases made by another protocol. Fixed, not the caller's: a policy that names a
 * region must not depend on who asks. Source: default of the vendor's command line tool.
 */
export const REGION_DEFAULT = "cn-hangzhou";

const BUCKET_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** True for names that PutVectorBucket takes; only such buckets can be addressed by a host. */
export function isBucketName(name: string): boolean {
  return (
    name.length >= OSS_LIMITS.bucketNameCharactersMin &&
    name.length <= OSS_LIMITS.bucketNameCharactersMax &&
    BUCKET_NAME.test(name)
  );
}

/** @param adminAccountId  owner of buckets that name none. */
export function ownerOf(info: DatabaseInfo, adminAccountId: string): string {
  return info.attributes[ATTRIBUTES.accountId] ?? adminAccountId;
}

export function regionOf(info: DatabaseInfo): string {
  return info.attributes[ATTRIBUTES.region] ?? REGION_DEFAULT;
}

/** `acs:ossvector:{region}:{accountId}:{bucket}` */
export function resourceName(info: DatabaseInfo, adminAccountId: string): string {
  return `acs:ossvector:${regionOf(info)}:${ownerOf(info, adminAccountId)}:${info.name}`;
}

/** A bucket as GetVectorBucket and ListVectorBuckets show it. */
export interface BucketView {
  readonly Name: string;
  readonly Location: string;
  readonly Region: string;
  readonly CreationDate: string;
  readonly ExtranetEndpoint: string;
  readonly IntranetEndpoint: string;
  readonly ResourceGroupId?: string;
}

/** @param endpoint  address under which this very server is reached: clients open it again. */
export function viewBucket(
  info: DatabaseInfo,
  seen: { readonly endpoint: string; readonly adminAccountId: string },
): BucketView {
  const region = regionOf(info);
  const groupId = info.attributes[ATTRIBUTES.resourceGroupId];
  return {
    Name: resourceName(info, seen.adminAccountId),
    Location: `oss-${region}`,
    Region: region,
    CreationDate: new Date(info.createdAtMs).toISOString(),
    ExtranetEndpoint: seen.endpoint,
    IntranetEndpoint: intranetEndpoint(seen.endpoint),
    ...(groupId === undefined ? {} : { ResourceGroupId: groupId }),
  };
}
