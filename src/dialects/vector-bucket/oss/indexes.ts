/** PutVectorIndex, GetVectorIndex, ListVectorIndexes, DeleteVectorIndex. */
import type { CollectionInfo } from "../../../engine/api.ts";
import { DEFAULT_VECTOR } from "../../../model/index.ts";
import type { JsonObject } from "../../../wire/index.ts";
import { parseJsonExact } from "../../../wire/index.ts";
import { listShown } from "../listing.ts";
import { findVectorIndex, isVectorIndex, vectorFieldOf } from "../vector-index.ts";
import { asObject, readJson, readText } from "./call.ts";
import type { BucketCall, OssAnswer } from "./call.ts";
import {
  invalid,
  readIndexName,
  readInteger,
  readList,
  readNewIndexName,
  readOptionalObject,
  readOptionalString,
  readToken,
} from "./fields.ts";
import { OSS_LIMITS } from "./limits.ts";

const DATA_TYPE = "float32";

export async function putVectorIndex(call: BucketCall): Promise<OssAnswer> {
  const { quotas, context } = call.server;
  quotas.countIndexCreation(call.principal.accountId);
  const body = await readJson(call, OSS_LIMITS.indexBodyBytesMax);
  const name = readNewIndexName(body);
  call.checkIndex(name);
  const dimension = readInteger(body, "dimension", {
    min: 1,
    max: OSS_LIMITS.dimensionMax,
    default: OSS_LIMITS.dimensionDefault,
  });
  const dataType = readOptionalString(body, "dataType") ?? DATA_TYPE;
  if (dataType !== DATA_TYPE) throw invalid("dataType", `expected ${DATA_TYPE}`);
  const metric = readMetric(body);
  const unfilterable = readUnfilterable(body);
  await quotas.alone(async () => {
    if (quotas.isOn) {
      const bucket = await context.engine.getDatabase(call.bucket);
      quotas.checkIndexes(bucket?.collectionCount ?? 0);
    }
    await context.engine.createCollection(call.bucket, name, {
      schema: {
        vectors: [{ name: DEFAULT_VECTOR, dimension, metric }],
        identity: "key",
        unfilterable,
      },
      tenancy: "single",
      attributes: { dataType },
    });
  });
  return {};
}

export async function getVectorIndex(call: BucketCall): Promise<OssAnswer> {
  const body = await readJson(call, OSS_LIMITS.indexBodyBytesMax);
  const name = readIndexName(body);
  call.checkIndex(name);
  const info = await findVectorIndex(call.server.context.engine, call.bucket, name);
  return { json: JSON.stringify({ index: viewIndex(info) }) };
}

/** An empty body asks for everything by default, and 0 results for the default number. */
export async function listVectorIndexes(call: BucketCall): Promise<OssAnswer> {
  const text = await readText(call, OSS_LIMITS.indexBodyBytesMax);
  const body = text.trim() === "" ? {} : asObject(parseJsonExact(text));
  const maxResults = readInteger(body, "maxResults", {
    min: 0,
    max: OSS_LIMITS.listIndexesMax,
    default: 0,
  });
  const prefix = readOptionalString(body, "prefix") ?? "";
  const token = readToken(body);
  const tokens = await call.server.pageTokens();
  const listing = ["ListVectorIndexes", call.principal.keyId, call.bucket, prefix];
  const { engine } = call.server.context;
  return call.server.quotas.listIndexes(call.principal.accountId, async () => {
    const page = await listShown(
      (wanted) => engine.listCollections(call.bucket, wanted),
      isVectorIndex,
      {
        limit: maxResults === 0 ? OSS_LIMITS.listIndexesDefault : maxResults,
        ...(prefix === "" ? {} : { prefix }),
        ...(token === undefined
          ? {}
          : { after: tokens.parse(listing, token, OSS_LIMITS.pageTokenCharactersMax) }),
      },
    );
    const last = page.items.at(-1);
    return {
      json: JSON.stringify({
        indexes: page.items.map(viewIndex),
        ...(page.hasMore && last !== undefined
          ? { nextToken: tokens.print(listing, last.name) }
          : {}),
      }),
    };
  });
}

/** All vectors of the index are gone for every reader when this answers. */
export async function deleteVectorIndex(call: BucketCall): Promise<OssAnswer> {
  const body = await readJson(call, OSS_LIMITS.indexBodyBytesMax);
  const name = readIndexName(body);
  call.checkIndex(name);
  const { engine } = call.server.context;
  await findVectorIndex(engine, call.bucket, name);
  await engine.deleteCollection(call.bucket, name);
  return {};
}

/** Member order is that of the vendor's examples. */
function viewIndex(info: CollectionInfo): object {
  const field = vectorFieldOf(info);
  const { unfilterable } = info.schema;
  return {
    indexName: info.name,
    vectorBucketName: info.database,
    dataType: info.attributes["dataType"] ?? DATA_TYPE,
    dimension: field.dimension,
    distanceMetric: field.metric,
    ...(unfilterable.length === 0 ? {} : { metadata: { nonFilterableMetadataKeys: unfilterable } }),
    status: info.status === "enabled" ? "enable" : "disable",
    createTime: new Date(info.createdAtMs).toISOString(),
  };
}

function readMetric(body: JsonObject): "euclidean" | "cosine" {
  const metric = readOptionalString(body, "distanceMetric") ?? "euclidean";
  if (metric === "euclidean" || metric === "cosine") return metric;
  throw invalid("distanceMetric", "expected euclidean or cosine");
}

function readUnfilterable(body: JsonObject): readonly string[] {
  const metadata = readOptionalObject(body, "metadata");
  if (metadata?.["nonFilterableMetadataKeys"] === undefined) return [];
  const name = "nonFilterableMetadataKeys";
  const names = new Set<string>();
  for (const item of readList(metadata, name, OSS_LIMITS.nonFilterableKeysMax)) {
    const isName =
      typeof item === "string" &&
      item !== "" &&
      Buffer.byteLength(item) <= OSS_LIMITS.nonFilterableKeyBytesMax;
    if (!isName) {
      throw invalid(
        name,
        `expected names of 1 to ${String(OSS_LIMITS.nonFilterableKeyBytesMax)} bytes`,
      );
    }
    if (names.has(item)) throw invalid(name, "expected every name once");
    names.add(item);
  }
  return [...names];
}
