/** What both vendors show of a bucket and the engine does not know: attributes of the database. */
import type { DatabaseInfo } from "../../engine/api.ts";

/** Names of the attributes. ON DISK: never renamed. */
export const ATTRIBUTES = {
  /** Account the bucket belongs to; absent in databases made by another protocol. */
  accountId: "accountId",
  /** Region of the credential scope that created it. */
  region: "region",
  /** Policy text in the grammar of OSS, byte for byte. */
  ossPolicy: "oss.policy",
  /** Policy text in the grammar of AWS, byte for byte. */
  s3Policy: "s3.policy",
} as const;

/** Characters of a bucket name. Source: both vendors. */
export const BUCKET_NAME_CHARACTERS = { min: 3, max: 63 } as const;

const BUCKET_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** True for names that both vendors take; other databases have no picture here. */
export function isBucketName(name: string): boolean {
  return (
    name.length >= BUCKET_NAME_CHARACTERS.min &&
    name.length <= BUCKET_NAME_CHARACTERS.max &&
    BUCKET_NAME.test(name)
  );
}

/** @param adminAccountId  owner of buckets that name none. */
export function ownerOf(info: DatabaseInfo, adminAccountId: string): string {
  return info.attributes[ATTRIBUTES.accountId] ?? adminAccountId;
}

/**
 * Regions of databases made by another protocol, in the names of each vendor. Fixed, not the
 * caller's: a policy that names a region must not depend on who asks. Source: defaults of the
 * vendors' tools.
 */
const REGION_DEFAULTS = { oss: "cn-hangzhou", aws: "us-east-1" } as const;

/** @param vendor  whose resource names the region is for. */
export function regionOf(info: DatabaseInfo, vendor: keyof typeof REGION_DEFAULTS): string {
  return info.attributes[ATTRIBUTES.region] ?? REGION_DEFAULTS[vendor];
}
