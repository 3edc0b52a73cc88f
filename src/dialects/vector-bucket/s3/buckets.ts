/** CreateVectorBucket, GetVectorBucket, ListVectorBuckets, DeleteVectorBucket. */
import { isInsulaError } from "../../../base/errors.ts";
import type { DatabaseInfo } from "../../../engine/api.ts";
import { ATTRIBUTES, isBucketName, ownerOf, regionOf } from "../bucket-attributes.ts";
import { listShown } from "../listing.ts";
import { bucketArn } from "./arn.ts";
import { epochSeconds, openBucket, readJson } from "./call.ts";
import type { S3Answer, S3Call } from "./call.ts";
import { readOptionalInteger, readPrefix, readToken } from "./fields.ts";
import { INDEX_MODE } from "./index-modes.ts";
import { S3_LIMITS, S3_QUOTAS } from "./limits.ts";
import { readBucketName, readBucketReference } from "./references.ts";
import { ENCRYPTION_DEFAULT, encryptionOf, readNewAttributes } from "./s3-attributes.ts";

export async function createVectorBucket(call: S3Call): Promise<S3Answer> {
  const { server, principal, operation, region } = call;
  const body = await readJson(call);
  const bucket = readBucketName(body);
  const attributes = {
    ...readNewAttributes(body),
    [ATTRIBUTES.accountId]: principal.accountId,
    [ATTRIBUTES.region]: region,
  };
  const accountId = undefined;
  server.guard.checkCreate({ principal, operation: operation.rights, bucket, accountId });
  const info = await server.quotas.alone(async () => {
    if (server.quotas.isOn) server.quotas.checkBuckets(await countBuckets(call));
    return server.context.engine.createDatabase(bucket, { attributes });
  });
  return JSON.stringify({ vectorBucketArn: bucketArn(info, adminAccountOf(call)) });
}

export async function getVectorBucket(call: S3Call): Promise<S3Answer> {
  const info = await openBucket(call, readBucketReference(await readJson(call)));
  const encryptionConfiguration = encryptionOf(info) ?? ENCRYPTION_DEFAULT;
  return JSON.stringify({
    vectorBucket: {
      ...viewBucket(call, info),
      encryptionConfiguration,
      defaultIndexMode: INDEX_MODE,
    },
  });
}

/** Only buckets of the caller's account that its key may list. */
export async function listVectorBuckets(call: S3Call): Promise<S3Answer> {
  const { engine, access } = call.server.context;
  const body = await readJson(call);
  const range = { min: 1, max: S3_LIMITS.listNamesMax };
  const limit = readOptionalInteger(body, "maxResults", range) ?? S3_LIMITS.listNamesDefault;
  const prefix = readPrefix(body);
  const token = readToken(body);
  const tokens = await call.server.pageTokens();
  const listing = ["ListVectorBuckets", call.principal.keyId, prefix ?? ""];
  const page = await listShown(
    (wanted) => engine.listDatabases(wanted),
    (info) =>
      isBucketName(info.name) &&
      ownerOf(info, access.accountId) === call.principal.accountId &&
      access.isAllowed(call.principal, "vectors:ListVectorBuckets", { database: info.name }),
    {
      limit,
      ...(prefix === undefined ? {} : { prefix }),
      ...(token === undefined
        ? {}
        : { after: tokens.parse(listing, token, S3_LIMITS.pageTokenCharactersMax) }),
    },
  );
  const last = page.items.at(-1);
  return JSON.stringify({
    vectorBuckets: page.items.map((info) => viewBucket(call, info)),
    ...(page.hasMore && last !== undefined ? { nextToken: tokens.print(listing, last.name) } : {}),
  });
}

/** A bucket that is not there is success, for who may delete it. */
export async function deleteVectorBucket(call: S3Call): Promise<S3Answer> {
  const reference = readBucketReference(await readJson(call));
  try {
    await openBucket(call, reference);
    await call.server.context.engine.deleteDatabase(reference.bucket);
  } catch (error) {
    if (!isInsulaError(error) || error.code !== "database_not_found") throw error;
  }
  return "{}";
}

/** Member order is that of the model. */
function viewBucket(call: S3Call, info: DatabaseInfo): object {
  return {
    vectorBucketName: info.name,
    vectorBucketArn: bucketArn(info, adminAccountOf(call)),
    creationTime: epochSeconds(info.createdAtMs),
  };
}

function adminAccountOf(call: S3Call): string {
  return call.server.context.access.accountId;
}

/** Buckets of the caller's account and region, counted no further than the quota. */
async function countBuckets(call: S3Call): Promise<number> {
  const { engine, access } = call.server.context;
  const page = await listShown(
    (wanted) => engine.listDatabases(wanted),
    (info) =>
      ownerOf(info, access.accountId) === call.principal.accountId &&
      regionOf(info, "aws") === call.region,
    { limit: S3_QUOTAS.bucketsMax },
  );
  return page.items.length;
}
