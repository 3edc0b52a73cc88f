/** QueryVectors, the hot path: the answer is put together as text, without a tree of objects. */
import { DEFAULT_VECTOR } from "../../../model/index.ts";
import type { Filter, Hit } from "../../../model/index.ts";
import type { JsonObject } from "../../../wire/index.ts";
import { printJson } from "../../../wire/index.ts";
import { answerTextOf } from "../../answer-text.ts";
import { parseFilter } from "../filter.ts";
import { takeVector } from "../vector-body.ts";
import {
  checkDimension,
  checkDirections,
  findVectorIndex,
  vectorFieldOf,
} from "../vector-index.ts";
import { asObject, placeOf, readVectorBody } from "./call.ts";
import type { BucketCall, OssAnswer } from "./call.ts";
import { missing, readFlag, readIndexName, readInteger, readObject } from "./fields.ts";
import { OSS_LIMITS } from "./limits.ts";

const NUMBERS = [["queryVector", "float32"]];

export async function queryVectors(call: BucketCall): Promise<OssAnswer> {
  const { context, quotas } = call.server;
  const parsed = await readVectorBody(call, OSS_LIMITS.queryBodyBytesMax, NUMBERS);
  const body = asObject(parsed.json);
  const index = readIndexName(body);
  call.checkIndex(index);
  const info = await findVectorIndex(context.engine, call.bucket, index);
  const field = vectorFieldOf(info);
  const data = readObject(body, "queryVector");
  if (data["float32"] === undefined) throw missing("float32");
  const vector = takeVector(parsed, data["float32"]);
  checkDimension(vector, field);
  checkDirections(vector, field);
  const topK = readInteger(body, "topK", {
    min: 1,
    max: quotas.topKMax,
    default: OSS_LIMITS.topKDefault,
  });
  const filter = readFilter(body, info.schema.unfilterable);
  const withDistance = readFlag(body, "returnDistance");
  const withMetadata = readFlag(body, "returnMetadata");
  const startMs = context.clock.monotonicMs();
  const place = placeOf(call, index);
  const result = await context.engine.query(place, {
    field: DEFAULT_VECTOR,
    vector,
    topK,
    include: { vectors: false, metadata: withMetadata },
    signal: call.request.signal,
    ...(filter === undefined ? {} : { filter }),
  });
  context.endPhase("search", startMs);
  const text = answerTextOf(context, place).add('{"vectors":[');
  await text.list(result.hits, (hit) => printHit(hit, withDistance));
  return { json: text.add("]}").finish() };
}

/** The optional `filter` of a body. @throws InsulaError `filter_invalid` */
export function readFilter(body: JsonObject, unfilterable: readonly string[]): Filter | undefined {
  const json = body["filter"];
  if (json === undefined) return undefined;
  return parseFilter(json, {
    bytesMax: OSS_LIMITS.filterBytesMax,
    itemsMax: OSS_LIMITS.filterItemsMax,
    depthMax: OSS_LIMITS.filterDepthMax,
    unfilterable,
  });
}

function printHit({ key, distance, metadata }: Hit, withDistance: boolean): string {
  let text = `{"key":${JSON.stringify(key)}`;
  if (withDistance) text += `,"distance":${String(distance)}`;
  if (metadata !== undefined) text += `,"metadata":${printJson(metadata)}`;
  return `${text}}`;
}
