/** PutVectors and DeleteVectors: batches that are written whole or not at all. */
import { InsulaError } from "../../../base/errors.ts";
import { DEFAULT_VECTOR } from "../../../model/index.ts";
import type { Metadata } from "../../../model/index.ts";
import type { JsonValue } from "../../../wire/index.ts";
import { parseMetadata } from "../metadata.ts";
import { joinRows, takeVector } from "../vector-body.ts";
import {
  checkDimension,
  checkDirections,
  findVectorIndex,
  vectorFieldOf,
} from "../vector-index.ts";
import { isJsonObject } from "../json-kind.ts";
import { asObject, placeOf, readJson, readVectorBody } from "./call.ts";
import type { BucketCall, OssAnswer } from "./call.ts";
import {
  asKey,
  invalid,
  missing,
  readIndexName,
  readKeys,
  readList,
  readObject,
} from "./fields.ts";
import { OSS_LIMITS } from "./limits.ts";

const NUMBERS = [["vectors", "*", "data", "float32"]];

/** An existing key is replaced completely; a key twice in a batch fails the batch. */
export async function putVectors(call: BucketCall): Promise<OssAnswer> {
  const { context, quotas } = call.server;
  const parsed = await readVectorBody(call, OSS_LIMITS.putVectorsBodyBytesMax, NUMBERS);
  const body = asObject(parsed.json);
  const index = readIndexName(body);
  call.checkIndex(index);
  const info = await findVectorIndex(context.engine, call.bucket, index);
  const items = readList(body, "vectors", OSS_LIMITS.putVectorsMax);
  quotas.checkVectors(info.rowCount, items.length);
  const field = vectorFieldOf(info);
  const keys = new Set<string>();
  const metadata: (Metadata | undefined)[] = [];
  const rows: Float32Array[] = [];
  for (const item of items) {
    if (!isJsonObject(item)) throw invalid("vectors", "expected objects");
    const key = asKey(item["key"]);
    const data = readObject(item, "data");
    if (data["float32"] === undefined) throw missing("float32");
    const row = takeVector(parsed, data["float32"]);
    checkDimension(row, field);
    rows.push(row);
    if (keys.has(key)) throw duplicate();
    keys.add(key);
    metadata.push(readMetadata(item["metadata"], key, info.schema.unfilterable));
  }
  const values = joinRows(rows);
  checkDirections(values, field);
  const startMs = context.clock.monotonicMs();
  await context.engine.upsert(placeOf(call, index), {
    keys: [...keys],
    vectors: [{ field: DEFAULT_VECTOR, values }],
    metadata,
  });
  context.endPhase("store", startMs);
  return {};
}

/** Keys that are not there are no error; naming one twice is none either. */
export async function deleteVectors(call: BucketCall): Promise<OssAnswer> {
  const { engine } = call.server.context;
  const body = await readJson(call, OSS_LIMITS.keysBodyBytesMax);
  const index = readIndexName(body);
  call.checkIndex(index);
  await findVectorIndex(engine, call.bucket, index);
  const keys = readKeys(body, OSS_LIMITS.deleteKeysMax);
  await engine.delete(placeOf(call, index), keys);
  return {};
}

function readMetadata(
  json: JsonValue | undefined,
  key: string,
  unfilterable: readonly string[],
): Metadata | undefined {
  if (json === undefined) return undefined;
  return parseMetadata(
    json,
    {
      bytesMax: OSS_LIMITS.metadataBytesMax,
      filterableBytesMax: OSS_LIMITS.filterableMetadataBytesMax,
      unfilterable,
    },
    key,
  );
}

function duplicate(): InsulaError {
  return new InsulaError("key_duplicate", "Cannot write the vectors: a key is in the batch twice.");
}
