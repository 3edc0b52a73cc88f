/** How a request names a bucket or an index: by names or by one ARN, never both. */
import { InsulaError } from "../../../base/errors.ts";
import type { JsonObject } from "../../../wire/index.ts";
import { BUCKET_NAME_CHARACTERS, isBucketName } from "../bucket-attributes.ts";
import { isIndexName } from "../vector-index.ts";
import { parseArn } from "./arn.ts";
import type { ArnPlace } from "./arn.ts";
import { violation } from "./errors.ts";
import { asText, checkLength, member, readOptionalText, readText } from "./fields.ts";
import { S3_LIMITS } from "./limits.ts";

/** A bucket, of the caller's account unless an ARN says another. */
export interface BucketReference {
  readonly bucket: string;
  readonly accountId: string | undefined;
}

export interface IndexReference extends BucketReference {
  readonly index: string;
}

const INDEX_NAME = { min: S3_LIMITS.indexNameCharactersMin, max: S3_LIMITS.indexNameCharactersMax };
const NEW_INDEX_NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** Exactly one of `vectorBucketName` and `vectorBucketArn`. */
export function readBucketReference(body: JsonObject): BucketReference {
  const name = member(body, "vectorBucketName");
  const arn = member(body, "vectorBucketArn");
  if (name !== undefined && arn !== undefined) {
    throw invalid("Must specify either vectorBucketName or vectorBucketArn but not both");
  }
  if (name === undefined && arn === undefined) {
    throw invalid("Must specify either vectorBucketName or vectorBucketArn");
  }
  if (arn === undefined) return { bucket: readBucketName(body), accountId: undefined };
  const place = readArn(body, "vectorBucketArn");
  if (place.index !== undefined) throw malformedArn("vectorBucketArn");
  return { bucket: place.bucket, accountId: place.accountId };
}

/** Either `indexArn` alone, or `vectorBucketName` and `indexName`. */
export function readIndexReference(body: JsonObject): IndexReference {
  const names = ["vectorBucketName", "indexName"].filter(
    (name) => member(body, name) !== undefined,
  );
  const hasArn = member(body, "indexArn") !== undefined;
  if (names.length !== (hasArn ? 0 : 2)) {
    throw invalid("Must specify either indexArn or both vectorBucketName and indexName");
  }
  if (!hasArn) {
    const bucket = readBucketName(body);
    return { bucket, index: readIndexName(body), accountId: undefined };
  }
  const { index, bucket, accountId } = readArn(body, "indexArn");
  if (index === undefined) throw malformedArn("indexArn");
  return { bucket, index, accountId };
}

export function readBucketName(body: JsonObject): string {
  const name = readText(body, "vectorBucketName", BUCKET_NAME_CHARACTERS);
  if (isBucketName(name)) return name;
  throw new InsulaError("name_invalid", "Invalid vector bucket name");
}

/** The name of an index to be made: narrower than the names that are found. */
export function readNewIndexName(body: JsonObject): string {
  const name = readText(body, "indexName", INDEX_NAME);
  if (NEW_INDEX_NAME.test(name)) return name;
  throw new InsulaError("name_invalid", "Invalid index name");
}

/** The ARN in the path of a call about tags. */
export function readRawArn(raw: string): ArnPlace {
  const path = "/resourceArn";
  let text: string;
  try {
    text = decodeURIComponent(raw);
  } catch {
    throw malformedArn("resourceArn");
  }
  checkLength(text.length, { min: 0, max: S3_LIMITS.resourceArnCharactersMax }, path);
  const place = parseArn(text);
  if (place === undefined) throw malformedArn("resourceArn");
  return place;
}

/** Shorter and other names than our own clients give are found too: OSS makes such indexes. */
function readIndexName(body: JsonObject): string {
  const name = readText(body, "indexName", undefined);
  if (isIndexName(name)) return name;
  asText(name, INDEX_NAME, "/indexName");
  throw new InsulaError("name_invalid", "Invalid index name");
}

function readArn(body: JsonObject, name: string): ArnPlace {
  const place = parseArn(readOptionalText(body, name) ?? "");
  if (place === undefined) throw malformedArn(name);
  return place;
}

function malformedArn(name: string): InsulaError {
  return violation(
    `/${name}`,
    "Member must satisfy regular expression pattern: " +
      "arn:aws[-a-z0-9]*:s3vectors:[a-z0-9-]+:[0-9]+:bucket/[a-z0-9][a-z0-9-]{1,61}[a-z0-9]" +
      (name === "vectorBucketArn" ? "" : "(/index/.+)?"),
  );
}

function invalid(message: string): InsulaError {
  return new InsulaError("argument_invalid", message);
}
