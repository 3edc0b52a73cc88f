/** Good bodies for the operations of OSS Vectors. */
import type { OssOperationName } from "../../src/dialects/vector-bucket/index.ts";
import type { Chance } from "../support/chance.ts";
import { WORDS } from "./bends.ts";
import { drawFilter, drawKeys, drawVector, INDEX } from "./draw.ts";

export function goodBody(operation: OssOperationName, chance: Chance): string {
  const indexName = INDEX;
  switch (operation) {
    case "PutVectorIndex":
      return JSON.stringify({
        indexName: `x${chance.between(0, 200)}`,
        dataType: "float32",
        dimension: chance.between(1, 64),
        distanceMetric: chance.pick(["euclidean", "cosine"]),
      });
    case "GetVectorIndex":
      return JSON.stringify({ indexName: chance.pick([INDEX, `x${chance.between(0, 200)}`]) });
    case "DeleteVectorIndex":
      return JSON.stringify({ indexName: `x${chance.between(0, 200)}` });
    case "ListVectorIndexes":
      return JSON.stringify({ maxResults: chance.between(1, 50), prefix: chance.pick(["", "x"]) });
    case "PutVectors":
      return JSON.stringify({
        indexName,
        vectors: drawKeys(chance, 8).map((key) => ({
          key,
          data: { float32: drawVector(chance) },
          metadata: { tag: chance.pick(WORDS), n: chance.between(-5, 5), list: ["a", 1, true] },
        })),
      });
    case "GetVectors":
      return JSON.stringify({ indexName, keys: drawKeys(chance, 8), returnData: true });
    case "DeleteVectors":
      return JSON.stringify({ indexName, keys: drawKeys(chance, 4) });
    case "ListVectors":
      return JSON.stringify({
        indexName,
        maxResults: chance.between(1, 100),
        returnMetadata: true,
      });
    case "QueryVectors":
      return JSON.stringify({
        indexName,
        queryVector: { float32: drawVector(chance) },
        topK: chance.between(1, 30),
        filter: drawFilter(chance, 3),
        returnDistance: true,
        returnMetadata: true,
      });
    case "PutBucketPolicy":
      return JSON.stringify({
        Version: "1",
        Statement: [
          {
            Effect: chance.pick(["Allow", "Deny"]),
            Action: ["oss:GetVectors"],
            Principal: ["2345678901"],
            Resource: ["acs:ossvector:*:*:*"],
          },
        ],
      });
    case "PutBucketLogging":
      return JSON.stringify({
        BucketLoggingStatus: { LoggingEnabled: { TargetBucket: "logs", TargetPrefix: "p/" } },
      });
    default:
      return "";
  }
}
