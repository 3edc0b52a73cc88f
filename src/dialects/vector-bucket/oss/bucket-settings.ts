/** Policy and logging of a bucket: texts that come back as they were written. */
import { parseBucketPolicy, POLICY_BYTES_MAX } from "../../../access/index.ts";
import { InsulaError } from "../../../base/errors.ts";
import type { DatabaseInfo } from "../../../engine/api.ts";
import { parseJsonExact } from "../../../wire/index.ts";
import type { JsonObject } from "../../../wire/index.ts";
import { ATTRIBUTES } from "../bucket-attributes.ts";
import { OSS_ATTRIBUTES } from "./bucket-attributes.ts";
import { asObject, readText } from "./call.ts";
import type { BucketCall, OssAnswer } from "./call.ts";
import { ossFault } from "./errors.ts";
import { invalid, missing, readObject, readOptionalString, readString } from "./fields.ts";
import { OSS_LIMITS } from "./limits.ts";

const NO_LOGGING = '{"BucketLoggingStatus":{"LoggingEnabled":{}}}';

/** A policy that could not be judged is refused here, not when somebody knocks. */
export async function putBucketPolicy(call: BucketCall): Promise<OssAnswer> {
  const text = await readText(call, POLICY_BYTES_MAX);
  if (text === "") throw ossFault("MissingArgument", "Cannot set the policy: the body is empty.");
  checkPolicy(text);
  await update(call, { [ATTRIBUTES.ossPolicy]: text });
  return {};
}

export function getBucketPolicy(_call: BucketCall, info: DatabaseInfo): OssAnswer {
  const text = info.attributes[ATTRIBUTES.ossPolicy];
  if (text !== undefined) return { json: text };
  throw new InsulaError("policy_not_found", "Cannot read the policy: the bucket has none.");
}

export async function deleteBucketPolicy(call: BucketCall): Promise<OssAnswer> {
  await update(call, { [ATTRIBUTES.ossPolicy]: null });
  return {};
}

/** The configuration is kept and shown; no log files are written to another bucket. */
export async function putBucketLogging(call: BucketCall): Promise<OssAnswer> {
  const text = await readText(call, OSS_LIMITS.loggingBytesMax);
  if (text === "") throw ossFault("MissingArgument", "Cannot set logging: the body is empty.");
  const isEnabled = checkLogging(asObject(parseJsonExact(text)));
  await update(call, { [OSS_ATTRIBUTES.logging]: isEnabled ? text : null });
  return {};
}

/** Without a configuration an empty one: a client's test looks into it. */
export function getBucketLogging(_call: BucketCall, info: DatabaseInfo): OssAnswer {
  return { json: info.attributes[OSS_ATTRIBUTES.logging] ?? NO_LOGGING };
}

export async function deleteBucketLogging(call: BucketCall): Promise<OssAnswer> {
  await update(call, { [OSS_ATTRIBUTES.logging]: null });
  return {};
}

function checkPolicy(text: string): void {
  parseJsonExact(text); // What is not JSON at all is MalformedJson.
  try {
    parseBucketPolicy(text);
  } catch (error) {
    if (error instanceof InsulaError && error.code === "argument_invalid") {
      throw ossFault("InvalidPolicyDocument", error.message);
    }
    throw error;
  }
}

/** @returns false when the configuration switches logging off. */
function checkLogging(body: JsonObject): boolean {
  const status = readObject(body, "BucketLoggingStatus");
  const enabled = status["LoggingEnabled"];
  if (enabled === undefined) return false;
  const target = readObject(status, "LoggingEnabled");
  if (Object.keys(target).length === 0) return false;
  if (target["TargetBucket"] === undefined) throw missing("TargetBucket");
  if (readString(target, "TargetBucket") === "") throw invalid("TargetBucket", "it is empty");
  readOptionalString(target, "TargetPrefix");
  readOptionalString(target, "LoggingRole");
  return true;
}

async function update(
  call: BucketCall,
  attributes: Readonly<Record<string, string | null>>,
): Promise<void> {
  await call.server.context.engine.updateDatabase(call.bucket, { attributes });
}
