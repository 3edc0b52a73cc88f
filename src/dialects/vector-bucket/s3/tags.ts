/** TagResource, ListTagsForResource, UntagResource: tags of a bucket or an index, by its ARN. */
import type { S3Answer, S3Call } from "./call.ts";
import { openBucket, openIndex, readJson } from "./call.ts";
import { violation } from "./errors.ts";
import { checkLength, required } from "./fields.ts";
import { S3_LIMITS } from "./limits.ts";
import { readRawArn } from "./references.ts";
import { queryValues } from "./route.ts";
import {
  checkTagCount,
  printTags,
  readTagKey,
  readTags,
  S3_ATTRIBUTES,
  tagsOf,
} from "./s3-attributes.ts";
import type { Tags } from "./s3-attributes.ts";

/** Adds tags, and replaces the values of those that are there. */
export async function tagResource(call: S3Call): Promise<S3Answer> {
  const body = await readJson(call);
  required(body, "tags");
  const added = readTags(body);
  return change(call, (tags) => {
    const next = new Map([...tags, ...added]);
    checkTagCount(next);
    return next;
  });
}

export async function listTagsForResource(call: S3Call): Promise<S3Answer> {
  const { tags } = await openResource(call);
  return `{"tags":${printTags(tags)}}`;
}

/** Names that are no tags are no error. */
export async function untagResource(call: S3Call): Promise<S3Answer> {
  const keys = queryValues(call.request.query, "tagKeys");
  if (keys.length === 0) throw violation("/tagKeys", "Member must not be null");
  checkLength(keys.length, { min: 1, max: S3_LIMITS.tagsMax }, "/tagKeys");
  for (const key of keys) readTagKey(key, "/tagKeys");
  return change(call, (tags) => new Map([...tags].filter(([key]) => !keys.includes(key))));
}

interface Resource {
  readonly tags: Tags;
  /** Writes all tags anew. */
  readonly write: (tags: Tags) => Promise<unknown>;
}

async function openResource(call: S3Call): Promise<Resource> {
  const { engine } = call.server.context;
  const { bucket, index, accountId } = readRawArn(call.rawArn ?? "");
  const patch = (tags: Tags): { attributes: Record<string, string | null> } => ({
    attributes: { [S3_ATTRIBUTES.tags]: tags.size === 0 ? null : printTags(tags) },
  });
  if (index === undefined) {
    const info = await openBucket(call, { bucket, accountId });
    return { tags: tagsOf(info), write: (tags) => engine.updateDatabase(bucket, patch(tags)) };
  }
  const { info } = await openIndex(call, { bucket, index, accountId });
  return {
    tags: tagsOf(info),
    write: (tags) => engine.updateCollection(bucket, index, patch(tags)),
  };
}

/** Reads, changes and writes as one step: of two calls at once none may undo the other. */
async function change(call: S3Call, edit: (tags: Tags) => Tags): Promise<S3Answer> {
  const { bucket, index } = readRawArn(call.rawArn ?? "");
  await call.server.tagLocks.run(`${bucket}/${index ?? ""}`, async () => {
    const { tags, write } = await openResource(call);
    await write(edit(tags));
  });
  return "{}";
}
