/** Good bodies for the operations of S3 Vectors. */
import type { S3OperationName } from "../../src/dialects/vector-bucket/index.ts";
import type { Chance } from "../support/chance.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import { WORDS } from "./bends.ts";
import { drawFilter, drawKeys, drawVector, INDEX } from "./draw.ts";

/** In front of the name of a bucket. */
export const ARN_PREFIX: string = `arn:aws:s3vectors:eu-central-1:${CREDENTIALS.accountId}:bucket/`;

const MODES = ["ENHANCED", "CLASSIC"];

export function goodBody(operation: S3OperationName, chance: Chance, bucket: string): string {
  return JSON.stringify(drawBody(operation, chance, bucket));
}

function drawBody(operation: S3OperationName, chance: Chance, bucket: string): object {
  const at = placeOf(chance, bucket);
  const spare = { vectorBucketName: bucket, indexName: `x${chance.between(10, 200)}` };
  switch (operation) {
    case "CreateVectorBucket":
    case "DeleteVectorBucket":
      return { vectorBucketName: `fuzz-b${chance.between(100, 140)}` };
    case "GetVectorBucket":
    case "GetVectorBucketPolicy":
    case "DeleteVectorBucketPolicy":
      return chance.isLikely(0.5)
        ? { vectorBucketName: bucket }
        : { vectorBucketArn: `${ARN_PREFIX}${bucket}` };
    case "PutVectorBucketDefaultIndexMode":
      return { vectorBucketName: bucket, defaultIndexMode: chance.pick(MODES) };
    case "UpdateIndexMode":
      return { ...at, indexMode: chance.pick(MODES) };
    case "ListVectorBuckets":
      return { maxResults: chance.between(1, 50), prefix: chance.pick(["fuzz", "n", "x"]) };
    case "PutVectorBucketPolicy":
      return { vectorBucketName: bucket, policy: JSON.stringify(policyOf(chance)) };
    case "CreateIndex":
      return {
        ...spare,
        dataType: "float32",
        dimension: chance.between(1, 64),
        distanceMetric: chance.pick(["euclidean", "cosine"]),
        metadataConfiguration: { nonFilterableMetadataKeys: ["text"] },
      };
    case "GetIndex":
      return chance.pick([at, spare]);
    case "DeleteIndex":
      return spare;
    case "ListIndexes":
      return { vectorBucketName: bucket, maxResults: chance.between(1, 50), prefix: "x" };
    case "TagResource":
      return { tags: { [`t${chance.between(0, 60)}`]: chance.pick(WORDS) } };
    case "ListTagsForResource":
    case "UntagResource":
      return {};
    default:
      return { ...at, ...drawAboutVectors(operation, chance) };
  }
}

function drawAboutVectors(operation: S3OperationName, chance: Chance): object {
  switch (operation) {
    case "PutVectors":
      return {
        vectors: drawKeys(chance, 8).map((key) => ({
          key,
          data: { float32: drawVector(chance) },
          metadata: { tag: chance.pick(WORDS), n: chance.between(-5, 5), list: ["a", 1, true] },
        })),
      };
    case "GetVectors":
      return { keys: drawKeys(chance, 8), returnData: true, returnMetadata: true };
    case "DeleteVectors":
      return { keys: drawKeys(chance, 4) };
    case "ListVectors":
      return {
        maxResults: chance.between(1, 100),
        returnMetadata: true,
        ...(chance.isLikely(0.3) && { segmentCount: 3, segmentIndex: chance.between(0, 2) }),
      };
    default:
      return {
        queryVector: { float32: drawVector(chance) },
        topK: chance.between(1, 300),
        ...(chance.isLikely(0.7) && { filter: drawFilter(chance, 3) }),
        returnDistance: true,
        returnMetadata: chance.isLikely(0.5),
      };
  }
}

/** By names or by ARN. */
function placeOf(chance: Chance, bucket: string): object {
  return chance.isLikely(0.7)
    ? { vectorBucketName: bucket, indexName: INDEX }
    : { indexArn: `${ARN_PREFIX}${bucket}/index/${INDEX}` };
}

/** For somebody else: a run that is locked out proves nothing. */
function policyOf(chance: Chance): object {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: chance.pick(["Allow", "Deny"]),
        Principal: { AWS: "arn:aws:iam::234567890123:root" },
        Action: chance.pick(["s3vectors:GetVectors", "s3vectors:*"]),
        Resource: "*",
      },
    ],
  };
}

export function tagQuery(chance: Chance): string {
  const names = Array.from({ length: chance.between(1, 4) }, () => `t${chance.between(0, 60)}`);
  const odd = chance.isLikely(0.2) ? [chance.pick(["%ff", "%00", "=", "a%", "", "+"])] : [];
  return [...names, ...odd].map((name) => `tagKeys=${name}`).join("&");
}
