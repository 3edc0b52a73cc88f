/**
 * Bodies for the operations of OSS Vectors: good ones by grammar, then bent in ways that have
 * broken other parsers. Text, not values: some of what is sent cannot be a value.
 */
import type { OssOperationName } from "../../src/dialects/vector-bucket/index.ts";
import type { Chance } from "../support/chance.ts";

export const INDEX = "fuzz";
export const DIMENSION = 8;

const WORDS = [
  "a",
  "tag",
  "__proto__",
  "constructor",
  "toString",
  "",
  "Ωmega",
  "a.b",
  "$eq",
  "\u0000",
];

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
        vectors: keys(chance, 8).map((key) => ({
          key,
          data: { float32: vector(chance) },
          metadata: { tag: chance.pick(WORDS), n: chance.between(-5, 5), list: ["a", 1, true] },
        })),
      });
    case "GetVectors":
      return JSON.stringify({ indexName, keys: keys(chance, 8), returnData: true });
    case "DeleteVectors":
      return JSON.stringify({ indexName, keys: keys(chance, 4) });
    case "ListVectors":
      return JSON.stringify({
        indexName,
        maxResults: chance.between(1, 100),
        returnMetadata: true,
      });
    case "QueryVectors":
      return JSON.stringify({
        indexName,
        queryVector: { float32: vector(chance) },
        topK: chance.between(1, 30),
        filter: filter(chance, 3),
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

/** One fault, or a few, put into a good body. */
export function bend(body: string, chance: Chance): string | Buffer {
  return chance.pick(BENDS)(body, chance);
}

const HUGE = [
  "1e999",
  "-1e999",
  "1e38",
  "3.5e38",
  "9007199254740993",
  "18446744073709551616",
  "-0",
];
const ODD = [
  "null",
  "true",
  "{}",
  "[]",
  '"x"',
  "0.5",
  "-1",
  "1e9",
  ...HUGE,
  '"\\ud800"',
  '"\\u0000"',
];

const BENDS: readonly ((body: string, chance: Chance) => string | Buffer)[] = [
  // A value becomes another kind of value.
  (body, chance) =>
    replaceOne(body, /(?<=:)("[^"]*"|-?\d[\d.e+-]*|true|false)/g, chance.pick(ODD), chance),
  (body, chance) => replaceOne(body, /-?\d[\d.e+-]*/g, chance.pick(HUGE), chance),
  (body, chance) =>
    replaceOne(body, /\[[^[\]]*\]/g, chance.pick(["[]", "[null]", "{}", "7", '["a"]']), chance),
  // A name becomes another name.
  (body, chance) => replaceOne(body, /"(\w+)"(?=:)/g, JSON.stringify(chance.pick(WORDS)), chance),
  (body, chance) =>
    body.replace("{", `{${JSON.stringify(chance.pick(WORDS))}:${chance.pick(ODD)},`),
  (body, chance) => body.replace("{", `{"indexName":"other","topK":${chance.pick(HUGE)},`),
  // The text is broken.
  (body, chance) => body.slice(0, chance.between(0, body.length)),
  (body, chance) =>
    splice(body, chance, chance.pick(["}", "]", ",", '"', "\\", "NaN", "\u0000", "'"])),
  (body, chance) => {
    const bytes = Buffer.from(body);
    if (bytes.length > 0) bytes[chance.between(0, bytes.length - 1)] = chance.between(128, 255);
    return bytes;
  },
  // It is deep, wide or long.
  (_, chance) => `{"indexName":"${INDEX}","filter":${"[".repeat(chance.between(10, 50_000))}`,
  (body, chance) => body.replace(/}$/, `,"filter":${deepFilter(chance.between(5, 3_000))}}`),
  (body) => body.replace(/}$/, `,"filter":${wideFilter(1_100)}}`),
  (body, chance) => body.replace(/}$/, `,${manyNames(chance.between(100, 20_000))}}`),
  (body) => body.replace("{", `{"indexName":"${"n".repeat(70)}",`),
  (body) => body.replace(/"k\d+"/, JSON.stringify("k".repeat(1_025))),
  (body) => `${" ".repeat(200_000)}${body}`,
];

function keys(chance: Chance, most: number): readonly string[] {
  const count = chance.between(1, most);
  return [...new Set(Array.from({ length: count }, () => `k${chance.between(0, 60)}`))];
}

function vector(chance: Chance): readonly number[] {
  return Array.from({ length: DIMENSION }, () => chance.fraction() - 0.5);
}

function filter(chance: Chance, depth: number): unknown {
  if (depth === 0 || chance.isLikely(0.5)) {
    const value = chance.pick<unknown>(["a", 1, true, -2.5]);
    const operator = chance.pick(["$eq", "$ne", "$in", "$nin", "$exists", "$gt", "$lte"]);
    if (operator === "$in" || operator === "$nin") return { tag: { [operator]: [value, "b"] } };
    if (operator === "$exists") return { tag: { $exists: true } };
    if (operator === "$gt" || operator === "$lte") return { n: { [operator]: 0 } };
    return { tag: { [operator]: value } };
  }
  const parts = Array.from({ length: chance.between(1, 3) }, () => filter(chance, depth - 1));
  return { [chance.pick(["$and", "$or"])]: parts };
}

function replaceOne(body: string, pattern: RegExp, by: string, chance: Chance): string {
  const found = [...body.matchAll(pattern)];
  const match = found[chance.between(0, Math.max(0, found.length - 1))];
  if (match === undefined) return body;
  return body.slice(0, match.index) + by + body.slice(match.index + match[0].length);
}

function splice(body: string, chance: Chance, text: string): string {
  const at = chance.between(0, body.length);
  return body.slice(0, at) + text + body.slice(at);
}

function deepFilter(depth: number): string {
  return `${'{"$and":['.repeat(depth)}{"a":1}${"]}".repeat(depth)}`;
}

function wideFilter(count: number): string {
  return `{"$or":[${Array.from({ length: count }, (_, i) => `{"a":${i}}`).join()}]}`;
}

function manyNames(count: number): string {
  return Array.from({ length: count }, (_, i) => `"m${i}":0`).join();
}
