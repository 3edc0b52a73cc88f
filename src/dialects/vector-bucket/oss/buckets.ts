/** PutVectorBucket, GetVectorBucket, ListVectorBuckets, DeleteVectorBucket. */
import { InsulaError } from "../../../base/errors.ts";
import type { DatabaseInfo } from "../../../engine/api.ts";
import { listShown } from "../listing.ts";
import { ATTRIBUTES, isBucketName, ownerOf, regionOf } from "../bucket-attributes.ts";
import { OSS_ATTRIBUTES, viewBucket } from "./bucket-attributes.ts";
import { readBody } from "./call.ts";
import type { BucketCall, OssAnswer, OssCall } from "./call.ts";
import { ossFault } from "./errors.ts";
import { OSS_LIMITS, OSS_SEED_QUOTAS } from "./limits.ts";

/** Creating a bucket that exists is BucketAlreadyExists for everybody, its owner too. */
export async function putVectorBucket(call: OssCall, bucket: string): Promise<OssAnswer> {
  const { server, principal, address, operation } = call;
  const request = {
    principal,
    operation: operation.rights,
    bucket,
    accountId: address.accountId,
  };
  server.guard.checkCreate(request);
  await readBody(call, OSS_LIMITS.indexBodyBytesMax);
  if (!isBucketName(bucket)) {
    throw new InsulaError(
      "name_invalid",
      `Cannot create the bucket: expected ${String(OSS_LIMITS.bucketNameCharactersMin)} to ` +
        `${String(OSS_LIMITS.bucketNameCharactersMax)} lower-case letters, digits and hyphens, ` +
        "no hyphen at either end.",
    );
  }
  const attributes = readAttributes(call);
  await server.quotas.alone(async () => {
    if (server.quotas.isOn) server.quotas.checkBuckets(await countBuckets(call));
    await server.context.engine.createDatabase(bucket, { attributes });
  });
  return { headers: { Location: `/${bucket}` } };
}

export function getVectorBucket(call: BucketCall, info: DatabaseInfo): OssAnswer {
  return { json: JSON.stringify({ BucketInfo: viewBucket(info, seenBy(call)) }) };
}

/** Only buckets of the caller's account that its key may list; order and markers are bare names. */
export async function listVectorBuckets(call: OssCall): Promise<OssAnswer> {
  const { query, request } = call;
  const prefix = query.get("prefix") ?? "";
  const marker = query.get("marker") ?? "";
  const limit = readMaxKeys(query.get("max-keys"));
  const groupId = request.headers["x-oss-resource-group-id"];
  const after = marker.slice(marker.lastIndexOf(":") + 1);
  const { engine } = call.server.context;
  const page = await listShown(
    (wanted) => engine.listDatabases(wanted),
    (info) =>
      isListed(call, info) &&
      (groupId === undefined || info.attributes[OSS_ATTRIBUTES.resourceGroupId] === groupId),
    { limit, ...(prefix === "" ? {} : { prefix }), ...(after === "" ? {} : { after }) },
  );
  const last = page.items.at(-1);
  return {
    json: JSON.stringify({
      ListAllMyBucketsResult: {
        Prefix: prefix,
        Marker: marker,
        MaxKeys: limit,
        IsTruncated: page.hasMore,
        ...(page.hasMore && last !== undefined ? { NextMarker: last.name } : {}),
        Buckets: page.items.map((info) => viewBucket(info, seenBy(call))),
      },
    }),
  };
}

export async function deleteVectorBucket(call: BucketCall): Promise<OssAnswer> {
  await call.server.context.engine.deleteDatabase(call.bucket);
  return {};
}

function seenBy(call: OssCall): { readonly endpoint: string; readonly adminAccountId: string } {
  return {
    endpoint: call.address.endpoint,
    adminAccountId: call.server.context.access.accountId,
  };
}

function isListed(call: OssCall, info: DatabaseInfo): boolean {
  const { access } = call.server.context;
  return (
    isBucketName(info.name) &&
    ownerOf(info, access.accountId) === call.principal.accountId &&
    access.isAllowed(call.principal, "vectors:ListVectorBuckets", { database: info.name })
  );
}

/** Buckets of the caller's account and region, counted no further than the quota. */
async function countBuckets(call: OssCall): Promise<number> {
  const { engine, access } = call.server.context;
  const page = await listShown(
    (wanted) => engine.listDatabases(wanted),
    (info) =>
      ownerOf(info, access.accountId) === call.principal.accountId &&
      regionOf(info, "oss") === call.region,
    { limit: OSS_SEED_QUOTAS.bucketsMax },
  );
  return page.items.length;
}

function readAttributes(call: OssCall): Record<string, string> {
  const groupId = readHeader(
    call,
    "x-oss-resource-group-id",
    OSS_LIMITS.resourceGroupIdCharactersMax,
  );
  const tagging = readHeader(call, "x-oss-bucket-tagging", OSS_LIMITS.bucketTaggingCharactersMax);
  return {
    [ATTRIBUTES.accountId]: call.principal.accountId,
    [ATTRIBUTES.region]: call.region,
    ...(groupId === undefined ? {} : { [OSS_ATTRIBUTES.resourceGroupId]: groupId }),
    ...(tagging === undefined ? {} : { [OSS_ATTRIBUTES.tagging]: tagging }),
  };
}

function readHeader(call: OssCall, name: string, charactersMax: number): string | undefined {
  const value = call.request.headers[name];
  if (value === undefined || value.length <= charactersMax) return value;
  throw ossFault(
    "InvalidArgument",
    `Cannot use ${name}: expected at most ${String(charactersMax)} characters.`,
  );
}

function readMaxKeys(text: string | undefined): number {
  if (text === undefined || text === "") return OSS_LIMITS.listBucketsDefault;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= OSS_LIMITS.listBucketsMax) return value;
  throw ossFault(
    "InvalidArgument",
    `Cannot use max-keys: expected an integer from 1 to ${String(OSS_LIMITS.listBucketsMax)}.`,
  );
}
