/**
 * UpdateIndexMode, PutVectorBucketDefaultIndexMode, UpdateMetadataConfiguration: what later
 * versions of the service let one choose.
 *
 * Nothing is stored: filters are always decided before vectors are compared, which the service
 * calls ENHANCED, and texts are never searched. Saying so is success, anything else is refused, so
 * that nobody relies on what is not there.
 */
import { InsulaError } from "../../../base/errors.ts";
import type { JsonObject } from "../../../wire/index.ts";
import { openBucket, openIndex, readJson } from "./call.ts";
import type { S3Answer, S3Call } from "./call.ts";
import { member, readEnum } from "./fields.ts";
import { readBucketReference, readIndexReference } from "./references.ts";

/** The mode of every index and the default of every bucket. */
export const INDEX_MODE = "ENHANCED";

export async function updateIndexMode(call: S3Call): Promise<S3Answer> {
  const body = await readJson(call);
  const reference = readIndexReference(body);
  checkMode(body, "indexMode");
  await openIndex(call, reference);
  return "{}";
}

export async function putVectorBucketDefaultIndexMode(call: S3Call): Promise<S3Answer> {
  const body = await readJson(call);
  const reference = readBucketReference(body);
  checkMode(body, "defaultIndexMode");
  await openBucket(call, reference);
  return "{}";
}

/** There are no configurations to add, hence none to delete. */
export async function updateMetadataConfiguration(call: S3Call): Promise<S3Answer> {
  await openIndex(call, readIndexReference(await readJson(call)));
  throw textSearchUnsupported();
}

/** @throws InsulaError `argument_invalid`, `operation_unsupported` for the mode we do not have. */
export function checkMode(body: JsonObject, name: string): void {
  if (readEnum(body, name, ["CLASSIC", INDEX_MODE]) === INDEX_MODE) return;
  throw new InsulaError(
    "operation_unsupported",
    "The mode CLASSIC is not supported by this service: filters are applied before the search",
  );
}

/** The member of a query that may name a mode. */
export function checkOptionalMode(body: JsonObject, name: string): void {
  if (member(body, name) !== undefined) checkMode(body, name);
}

/** To answer by the vector alone, or to keep a setting that does nothing, would be wrong. */
export function textSearchUnsupported(): InsulaError {
  return new InsulaError("operation_unsupported", "Text search is not supported by this service");
}
