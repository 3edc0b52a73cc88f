/** What OSS shows of a bucket: kept as attributes of the database, names in its own form. */
import type { DatabaseInfo } from "../../../engine/api.ts";
import { ownerOf, regionOf } from "../bucket-attributes.ts";
import { intranetEndpoint } from "./address.ts";

/** Attributes that only OSS has, besides those of both vendors. ON DISK: never renamed. */
export const OSS_ATTRIBUTES = {
  /** Logging configuration, JSON text. */
  logging: "oss.logging",
  resourceGroupId: "oss.resourceGroupId",
  /** Value of `x-oss-bucket-tagging`. */
  tagging: "oss.tagging",
} as const;

/** `acs:ossvector:{region}:{accountId}:{bucket}` */
export function resourceName(info: DatabaseInfo, adminAccountId: string): string {
  return `acs:ossvector:${regionOf(info, "oss")}:${ownerOf(info, adminAccountId)}:${info.name}`;
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
  const region = regionOf(info, "oss");
  const groupId = info.attributes[OSS_ATTRIBUTES.resourceGroupId];
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
