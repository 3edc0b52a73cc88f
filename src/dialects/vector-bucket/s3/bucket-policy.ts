/** PutVectorBucketPolicy, GetVectorBucketPolicy, DeleteVectorBucketPolicy. */
import { parseAwsBucketPolicy } from "../../../access/index.ts";
import { InsulaError } from "../../../base/errors.ts";
import { ATTRIBUTES } from "../bucket-attributes.ts";
import { openBucket, readJson } from "./call.ts";
import type { S3Answer, S3Call } from "./call.ts";
import { readText } from "./fields.ts";
import { readBucketReference } from "./references.ts";

/** A policy that could not be judged is refused here, not when somebody knocks. */
export async function putVectorBucketPolicy(call: S3Call): Promise<S3Answer> {
  const body = await readJson(call);
  const reference = readBucketReference(body);
  const policy = readText(body, "policy", undefined);
  parseAwsBucketPolicy(policy);
  await openBucket(call, reference);
  return update(call, reference.bucket, policy);
}

/** The text as it was written, byte for byte. A policy of the twin protocol is not shown. */
export async function getVectorBucketPolicy(call: S3Call): Promise<S3Answer> {
  const info = await openBucket(call, readBucketReference(await readJson(call)));
  const policy = info.attributes[ATTRIBUTES.s3Policy];
  if (policy !== undefined) return JSON.stringify({ policy });
  throw new InsulaError("policy_not_found", "Cannot read the policy: the bucket has none.");
}

export async function deleteVectorBucketPolicy(call: S3Call): Promise<S3Answer> {
  const reference = readBucketReference(await readJson(call));
  await openBucket(call, reference);
  return update(call, reference.bucket, null);
}

async function update(call: S3Call, bucket: string, policy: string | null): Promise<S3Answer> {
  const attributes = { [ATTRIBUTES.s3Policy]: policy };
  await call.server.context.engine.updateDatabase(bucket, { attributes });
  return "{}";
}
