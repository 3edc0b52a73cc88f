/** CreateIndex, GetIndex, ListIndexes, DeleteIndex. */
import { InsulaError } from "../../../base/errors.ts";
import type { CollectionInfo, DatabaseInfo } from "../../../engine/api.ts";
import { DEFAULT_VECTOR } from "../../../model/index.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { listShown } from "../listing.ts";
import { isIndexName, isVectorIndex, vectorFieldOf } from "../vector-index.ts";
import { indexArn } from "./arn.ts";
import { epochSeconds, openBucket, openIndex, readJson } from "./call.ts";
import type { S3Answer, S3Call } from "./call.ts";
import {
  asText,
  member,
  readEnum,
  readInteger,
  readList,
  readOptionalInteger,
  readOptionalObject,
  readPrefix,
  readToken,
} from "./fields.ts";
import { INDEX_MODE, textSearchUnsupported } from "./index-modes.ts";
import { S3_LIMITS } from "./limits.ts";
import { readBucketReference, readIndexReference, readNewIndexName } from "./references.ts";
import { encryptionOf, readNewAttributes } from "./s3-attributes.ts";

const DATA_TYPE = "float32";

export async function createIndex(call: S3Call): Promise<S3Answer> {
  const { engine, access } = call.server.context;
  const { principal, operation, server } = call;
  const body = await readJson(call);
  const reference = readBucketReference(body);
  const name = readNewIndexName(body);
  const dataType = readEnum(body, "dataType", [DATA_TYPE]);
  const dimension = readInteger(body, "dimension", { min: 1, max: S3_LIMITS.dimensionMax });
  const metric = readEnum(body, "distanceMetric", ["euclidean", "cosine"]);
  const unfilterable = readUnfilterable(body);
  const attributes = { ...readNewAttributes(body), dataType };
  const opened = await server.guard.open({
    principal,
    operation: operation.rights,
    ...reference,
  });
  opened.checkIndex(name);
  const info = await server.quotas.alone(async () => {
    if (server.quotas.isOn) {
      const bucket = await engine.getDatabase(reference.bucket);
      server.quotas.checkIndexes(bucket?.collectionCount ?? 0);
    }
    return engine.createCollection(reference.bucket, name, {
      schema: {
        vectors: [{ name: DEFAULT_VECTOR, dimension, metric }],
        identity: "key",
        unfilterable,
      },
      tenancy: "single",
      attributes,
    });
  });
  return JSON.stringify({ indexArn: indexArn(opened.info, info, access.accountId) });
}

export async function getIndex(call: S3Call): Promise<S3Answer> {
  const { bucket, info } = await openIndex(call, readIndexReference(await readJson(call)));
  const field = vectorFieldOf(info);
  const { unfilterable } = info.schema;
  const encryptionConfiguration = encryptionOf(info);
  return JSON.stringify({
    index: {
      ...viewIndex(call, bucket, info),
      dataType: info.attributes["dataType"] ?? DATA_TYPE,
      dimension: field.dimension,
      distanceMetric: field.metric,
      ...(unfilterable.length === 0
        ? {}
        : { metadataConfiguration: { nonFilterableMetadataKeys: unfilterable } }),
      ...(encryptionConfiguration === undefined ? {} : { encryptionConfiguration }),
      indexMode: INDEX_MODE,
    },
  });
}

export async function listIndexes(call: S3Call): Promise<S3Answer> {
  const { engine } = call.server.context;
  const body = await readJson(call);
  const reference = readBucketReference(body);
  const range = { min: 1, max: S3_LIMITS.listNamesMax };
  const limit = readOptionalInteger(body, "maxResults", range) ?? S3_LIMITS.listNamesDefault;
  const prefix = readPrefix(body);
  const token = readToken(body);
  const bucket = await openBucket(call, reference);
  const tokens = await call.server.pageTokens();
  const listing = ["ListIndexes", call.principal.keyId, bucket.name, prefix ?? ""];
  const page = await listShown(
    (wanted) => engine.listCollections(bucket.name, wanted),
    (info) => isIndexName(info.name) && isVectorIndex(info),
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
    indexes: page.items.map((info) => viewIndex(call, bucket, info)),
    ...(page.hasMore && last !== undefined ? { nextToken: tokens.print(listing, last.name) } : {}),
  });
}

/** All vectors of the index are gone for every reader when this answers. */
export async function deleteIndex(call: S3Call): Promise<S3Answer> {
  const { place } = await openIndex(call, readIndexReference(await readJson(call)));
  await call.server.context.engine.deleteCollection(place.database, place.collection);
  return "{}";
}

/** What listings show. Member order is that of the model. */
function viewIndex(call: S3Call, bucket: DatabaseInfo, info: CollectionInfo): object {
  return {
    vectorBucketName: bucket.name,
    indexName: info.name,
    indexArn: indexArn(bucket, info, call.server.context.access.accountId),
    creationTime: epochSeconds(info.createdAtMs),
  };
}

function readUnfilterable(body: JsonObject): readonly string[] {
  const configuration = readOptionalObject(body, "metadataConfiguration");
  if (configuration === undefined) return [];
  if (hasItems(member(configuration, "textSearchConfigurations"))) throw textSearchUnsupported();
  const name = "nonFilterableMetadataKeys";
  if (!hasItems(member(configuration, name))) return [];
  const path = `/metadataConfiguration/${name}`;
  const items = readList(configuration, name, S3_LIMITS.nonFilterableKeysMax, path);
  const length = { min: 1, max: S3_LIMITS.nonFilterableKeyCharactersMax };
  const names = items.map((item, i) => asText(item, length, `${path}/${String(i)}`));
  if (new Set(names).size === names.length) return names;
  throw new InsulaError("argument_invalid", "nonFilterableMetadataKeys must not hold a key twice");
}

/** Both lists of a metadata configuration may be left out or empty. */
function hasItems(value: JsonValue | undefined): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}
