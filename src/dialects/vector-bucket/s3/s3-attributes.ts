/**
 * What S3 Vectors shows of buckets and indexes and the engine does not know: encryption settings
 * and tags, kept as attributes, JSON text.
 */
import { InsulaError } from "../../../base/errors.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import {
  asObject,
  asText,
  checkLength,
  member,
  readEnum,
  readOptionalObject,
  readOptionalText,
} from "./fields.ts";
import { violation } from "./errors.ts";
import { S3_LIMITS } from "./limits.ts";
import { parseJsonExact, printJson } from "../../../wire/index.ts";

/** Names of the attributes. ON DISK: never renamed. */
export const S3_ATTRIBUTES = {
  /** `{sseType, kmsKeyArn?}`; absent: the default. */
  encryption: "s3.encryption",
  /** Name to value; absent: none. */
  tags: "s3.tags",
} as const;

/** What is shown where nothing was said. */
export const ENCRYPTION_DEFAULT: JsonObject = { sseType: "AES256" };

const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The attributes of a new bucket or index, from the body that makes it. */
export function readNewAttributes(body: JsonObject): Record<string, string> {
  const encryption = readEncryption(body);
  const tags = readTags(body);
  return {
    ...(encryption === undefined ? {} : { [S3_ATTRIBUTES.encryption]: encryption }),
    ...(tags.size === 0 ? {} : { [S3_ATTRIBUTES.tags]: printTags(tags) }),
  };
}

export function encryptionOf(info: {
  readonly attributes: Readonly<Record<string, string>>;
}): JsonObject | undefined {
  const text = info.attributes[S3_ATTRIBUTES.encryption];
  return text === undefined ? undefined : asObject(parseJsonExact(text));
}

/** Kept and shown; the formats have room for encryption, and nothing is encrypted yet. */
function readEncryption(body: JsonObject): string | undefined {
  const name = "encryptionConfiguration";
  const given = readOptionalObject(body, name);
  if (given === undefined) return undefined;
  const sseType =
    member(given, "sseType") === undefined
      ? "AES256"
      : readEnum(given, "sseType", ["AES256", "aws:kms"], `/${name}/sseType`);
  const kmsKeyArn = readOptionalText(given, "kmsKeyArn", {
    min: 1,
    max: S3_LIMITS.kmsKeyArnCharactersMax,
  });
  if (kmsKeyArn === undefined) return JSON.stringify({ sseType });
  if (sseType !== "aws:kms") {
    throw new InsulaError("argument_invalid", "kmsKeyArn is allowed only with sseType aws:kms");
  }
  return JSON.stringify({ sseType, kmsKeyArn });
}

export type Tags = ReadonlyMap<string, string>;

export function tagsOf(info: { readonly attributes: Readonly<Record<string, string>> }): Tags {
  const text = info.attributes[S3_ATTRIBUTES.tags];
  if (text === undefined) return new Map();
  return new Map(Object.entries(asObject(parseJsonExact(text)) as Record<string, string>));
}

export function printTags(tags: Tags): string {
  return printJson(Object.fromEntries(tags));
}

/** The member `tags` of a body; absent: none. */
export function readTags(body: JsonObject): Tags {
  const given = readOptionalObject(body, "tags");
  const tags = new Map<string, string>();
  if (given === undefined) return tags;
  for (const [key, value] of Object.entries(given)) {
    tags.set(readTagKey(key, "/tags"), readTagValue(value));
  }
  checkTagCount(tags);
  return tags;
}

export function checkTagCount(tags: Tags): void {
  checkLength(tags.size, { min: 0, max: S3_LIMITS.tagsMax }, "/tags");
}

export function readTagKey(key: string, path: string): string {
  asText(key, { min: 1, max: S3_LIMITS.tagKeyCharactersMax }, path);
  return checkTagText(key, path);
}

function readTagValue(value: JsonValue): string {
  const text = asText(value, { min: 0, max: S3_LIMITS.tagValueCharactersMax }, "/tags");
  return checkTagText(text, "/tags");
}

function checkTagText(text: string, path: string): string {
  if (TAG_TEXT.test(text)) return text;
  const pattern = "([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)";
  throw violation(path, `Member must satisfy regular expression pattern: ${pattern}`);
}
