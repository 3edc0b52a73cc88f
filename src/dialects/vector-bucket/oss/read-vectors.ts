/** GetVectors and ListVectors. */
import type { JsonObject } from "../../../wire/index.ts";
import { answerTextOf } from "../../answer-text.ts";
import { printPage, printVector } from "../print-vectors.ts";
import { findVectorIndex } from "../vector-index.ts";
import { placeOf, readJson } from "./call.ts";
import type { BucketCall, OssAnswer } from "./call.ts";
import { readFlag, readIndexName, readInteger, readKeys, readToken } from "./fields.ts";
import { OSS_LIMITS } from "./limits.ts";
import { readFilter } from "./query-vectors.ts";

/** In the order asked, each once; keys without a vector are left out. */
export async function getVectors(call: BucketCall): Promise<OssAnswer> {
  const { context } = call.server;
  const { engine } = context;
  const body = await readJson(call, OSS_LIMITS.keysBodyBytesMax);
  const index = readIndexName(body);
  call.checkIndex(index);
  await findVectorIndex(engine, call.bucket, index);
  const keys = readKeys(body, OSS_LIMITS.getKeysMax);
  const include = {
    vectors: readFlag(body, "returnData"),
    metadata: readFlag(body, "returnMetadata"),
  };
  const place = placeOf(call, index);
  const views = await engine.get(place, keys, include);
  const text = answerTextOf(context, place).add('{"vectors":[');
  const found = views.filter((view) => view !== undefined);
  return { json: (await text.list(found, printVector)).add("]}").finish() };
}

/**
 * A page of keys in the order of their bytes. With segments, those whose CRC-32 has the segment's
 * remainder: every key is in exactly one.
 */
export async function listVectors(call: BucketCall): Promise<OssAnswer> {
  const { context } = call.server;
  const { engine } = context;
  const body = await readJson(call, OSS_LIMITS.queryBodyBytesMax);
  const index = readIndexName(body);
  call.checkIndex(index);
  const info = await findVectorIndex(engine, call.bucket, index);
  const limit = readInteger(body, "maxResults", {
    min: 1,
    max: OSS_LIMITS.listVectorsMax,
    default: OSS_LIMITS.listVectorsDefault,
  });
  const part = readSegment(body);
  const filter = readFilter(body, info.schema.unfilterable);
  const include = {
    vectors: readFlag(body, "returnData"),
    metadata: readFlag(body, "returnMetadata"),
  };
  const token = readToken(body);
  const tokens = await call.server.pageTokens();
  const listing = [
    "ListVectors",
    call.principal.keyId,
    call.bucket,
    index,
    `${String(part.index)}/${String(part.count)}`,
  ];
  const place = placeOf(call, index);
  const page = await engine.list(place, {
    limit,
    include,
    part,
    bytesMax: OSS_LIMITS.listVectorsBytesMax,
    ...(filter === undefined ? {} : { filter }),
    ...(token === undefined
      ? {}
      : { after: tokens.parse(listing, token, OSS_LIMITS.pageTokenCharactersMax) }),
  });
  const text = answerTextOf(context, place).add('{"vectors":[');
  const printed = await printPage(text, page.items, OSS_LIMITS.listVectorsBytesMax);
  const { lastKey, isCut } = printed;
  const next =
    (isCut || page.hasMore) && lastKey !== undefined
      ? `,"nextToken":${JSON.stringify(tokens.print(listing, lastKey))}`
      : "";
  return { json: text.add(`]${next}}`).finish() };
}

function readSegment(body: JsonObject): { readonly count: number; readonly index: number } {
  const count = readInteger(body, "segmentCount", {
    min: 1,
    max: OSS_LIMITS.segmentCountMax,
    default: 1,
  });
  const index = readInteger(body, "segmentIndex", { min: 0, max: count - 1, default: 0 });
  return { count, index };
}
