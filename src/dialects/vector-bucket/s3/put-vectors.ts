/** PutVectors and DeleteVectors: batches that are written whole or not at all. */
import { InsulaError, isInsulaError } from "../../../base/errors.ts";
import { DEFAULT_VECTOR } from "../../../model/index.ts";
import type { Metadata, VectorField } from "../../../model/index.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import type { ParsedVectorBody } from "../../dialect.ts";
import { isJsonObject } from "../json-kind.ts";
import { parseMetadata } from "../metadata.ts";
import { joinRows, takeVector } from "../vector-body.ts";
import { vectorFieldOf } from "../vector-index.ts";
import { openIndex, readJson, readVectorBody } from "./call.ts";
import type { S3Answer, S3Call } from "./call.ts";
import { recordInvalid, violation } from "./errors.ts";
import { asKey, asObject, member, readKeys, readList, readObject, required } from "./fields.ts";
import { S3_LIMITS } from "./limits.ts";
import { readIndexReference } from "./references.ts";

const NUMBERS = [["vectors", "*", "data", "float32"]];

interface PutRecord {
  readonly key: string;
  readonly values: Float32Array;
  readonly metadata: JsonValue | undefined;
}

/** An existing key is replaced completely; a key twice in a batch fails the batch. */
export async function putVectors(call: S3Call): Promise<S3Answer> {
  const { context, quotas } = call.server;
  const parsed = await readVectorBody(call, NUMBERS);
  const body = asObject(parsed.json);
  const reference = readIndexReference(body);
  const records = readList(body, "vectors", S3_LIMITS.putVectorsMax).map((item, i) =>
    readRecord(parsed, item, `/vectors/${String(i)}`),
  );
  const { info, place } = await openIndex(call, reference);
  quotas.checkVectors(info.rowCount, records.length);
  quotas.countWrite(place, records.length);
  const field = vectorFieldOf(info);
  const keys = new Set<string>();
  const metadata: Metadata[] = [];
  for (const { key, values, metadata: json } of records) {
    if (keys.has(key)) {
      throw recordInvalid("key_duplicate", key, "the key is in the request twice");
    }
    keys.add(key);
    checkVector(values, field, (code, reason) => recordInvalid(code, key, reason));
    metadata.push(readMetadata(json, key, info.schema.unfilterable));
  }
  const startMs = context.clock.monotonicMs();
  const values = joinRows(records.map((record) => record.values));
  await context.engine.upsert(place, {
    keys: [...keys],
    vectors: [{ field: DEFAULT_VECTOR, values }],
    metadata,
  });
  context.endPhase("store", startMs);
  return "{}";
}

/** Keys that are not there are no error; naming one twice is none either. */
export async function deleteVectors(call: S3Call): Promise<S3Answer> {
  const body = await readJson(call);
  const reference = readIndexReference(body);
  const keys = readKeys(body, S3_LIMITS.deleteKeysMax);
  const { place } = await openIndex(call, reference);
  call.server.quotas.countWrite(place, keys.length);
  await call.server.context.engine.delete(place, keys);
  return "{}";
}

/** The one member `float32` of a union of types. */
export function readNumbers(
  parsed: ParsedVectorBody,
  data: JsonObject,
  path: string,
): Float32Array {
  const place = required(data, "float32", `${path}/float32`);
  // "NaN" and "Infinity" come as strings, alone or in the list.
  if (typeof place !== "number" && !(Array.isArray(place) && place.length === 0)) {
    throw violation(`${path}/float32`, "Member must be a list of finite numbers");
  }
  return takeVector(parsed, place);
}

/**
 * What the metric of an index can compare: as many numbers as it has, and for cosine a direction.
 */
export function checkVector(
  values: Float32Array,
  field: VectorField,
  refuse: (code: "dimension_mismatch" | "vector_invalid", reason: string) => InsulaError,
): void {
  const { dimension, metric } = field;
  if (values.length !== dimension) {
    throw refuse(
      "dimension_mismatch",
      `vector must have length ${String(dimension)}, but has length ${String(values.length)}`,
    );
  }
  if (metric === "cosine" && values.every((value) => value === 0)) {
    throw refuse("vector_invalid", "vector must not be all zeros with the cosine distance metric");
  }
}

function readRecord(parsed: ParsedVectorBody, item: JsonValue, path: string): PutRecord {
  if (!isJsonObject(item)) throw violation(path, "Member must be an object");
  const key = asKey(required(item, "key", `${path}/key`), `${path}/key`);
  const data = readObject(item, "data", `${path}/data`);
  const values = readNumbers(parsed, data, `${path}/data`);
  return { key, values, metadata: member(item, "metadata") };
}

function readMetadata(
  json: JsonValue | undefined,
  key: string,
  unfilterable: readonly string[],
): Metadata {
  if (json === undefined) return {};
  const rules = {
    bytesMax: S3_LIMITS.metadataBytesMax,
    filterableBytesMax: S3_LIMITS.filterableMetadataBytesMax,
    unfilterable,
  };
  try {
    const metadata = parseMetadata(json, rules, key);
    if (Object.keys(metadata).length <= S3_LIMITS.metadataKeysMax) return metadata;
  } catch (error) {
    throw metadataInvalid(error, key);
  }
  const keysMax = String(S3_LIMITS.metadataKeysMax);
  throw recordInvalid(
    "metadata_too_large",
    key,
    `Metadata object must have at most ${keysMax} keys`,
  );
}

/** The same refusals in the words of the service. */
function metadataInvalid(error: unknown, key: string): unknown {
  if (!isInsulaError(error)) return error;
  const { reason, bytesMax, isFilterablePart } = error.details;
  if (bytesMax === undefined) {
    return recordInvalid(error.code, key, `Metadata is invalid: ${String(reason)}`);
  }
  const what = isFilterablePart === true ? "Filterable metadata" : "Metadata";
  return recordInvalid(error.code, key, `${what} must have at most ${String(bytesMax)} bytes`);
}
