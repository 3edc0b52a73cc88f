/** S3 Vectors: signed calls, an operation is the end of the path. */
import {
  S3_ERRORS,
  S3_FAULTS,
  S3_OPERATIONS,
  type S3Operation,
} from "../../src/dialects/vector-bucket/index.ts";
import { AWS4_S3_VECTORS, signHeaders } from "../../src/wire/index.ts";
import type { Chance } from "../support/chance.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import { bend, bendHead } from "./bends.ts";
import { DIMENSION, INDEX } from "./draw.ts";
import { NEIGHBOUR, NEIGHBOUR_SHARE, prepareNeighbour } from "./neighbour.ts";
import { ARN_PREFIX, goodBody, tagQuery } from "./s3-bodies.ts";
import {
  answerOf,
  expectStatus,
  faultOf,
  type Aimed,
  type Exchange,
  type Reply,
  type Sent,
  type Subject,
  type Verdict,
} from "./subject.ts";

const REGION = "eu-central-1";
const HOST = "vectors.local";
const BUCKET = "fuzz-bucket";
/** 2 MiB of numbers: parsed by the parse worker, scanned by the kernel workers. */
const WIDE_DIMENSION = 4_096;
const WIDE_ROWS = 128;
const TYPES = new Set(
  [...Object.values(S3_ERRORS), ...Object.values(S3_FAULTS)].map(({ type }) => type),
);

export function createS3Subject(chance: Chance): Subject {
  let credentials = CREDENTIALS;

  function signed(method: string, path: string, body: string | Buffer): Sent {
    const [plain = "/", query = ""] = path.split("?");
    const headers = signHeaders({
      scheme: AWS4_S3_VECTORS,
      request: {
        method,
        path: plain,
        query,
        headers: { host: HOST, "content-type": "application/json" },
      },
      credentials,
      region: REGION,
      payload: Buffer.from(body),
      nowMs: Date.now(),
    });
    return { method, path, headers, body };
  }

  async function prepare(exchange: Exchange): Promise<void> {
    credentials = await prepareNeighbour(exchange, chance);
    const call = (name: string, body: object): Promise<Reply> => {
      const text = JSON.stringify({ vectorBucketName: BUCKET, ...body });
      return expectStatus(exchange(signed("POST", `/${name}`, text)), 200);
    };
    const index = { dataType: "float32", distanceMetric: "cosine" };
    await call("CreateVectorBucket", {});
    await call("CreateIndex", { ...index, indexName: INDEX, dimension: DIMENSION });
    // Threads start when they are needed: a large body and a long scan, so that none starts later.
    const indexName = "wide";
    const float32 = Array.from({ length: WIDE_DIMENSION }, (_, i) => i + 0.5);
    const keys = Array.from({ length: WIDE_ROWS }, (_, i) => `k${i}`);
    const vectors = keys.map((key) => ({ key, data: { float32 } }));
    await call("CreateIndex", { ...index, indexName, dimension: WIDE_DIMENSION });
    await call("PutVectors", { indexName, vectors });
    await call("QueryVectors", { indexName, topK: 1, queryVector: { float32 } });
  }

  function next(own: Chance): Aimed {
    const operation = own.pick(S3_OPERATIONS);
    const bucket = own.isLikely(NEIGHBOUR_SHARE) ? NEIGHBOUR : BUCKET;
    const good = goodBody(operation.name, own, bucket);
    const body = own.isLikely(0.45) ? bend(good, own) : good;
    const sent = signed(operation.method, pathOf(operation, own, bucket), body);
    if (own.isLikely(0.05)) {
      bendHead(sent, own, [
        ({ headers }) => (headers["x-amz-date"] = "20010101T000000Z"),
        ({ headers }) => (headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"),
        ({ headers }) => (headers["host"] = "other.local"),
        (bent) => (bent.path = "/..%2f..%2fetc/?getVectors"),
      ]);
    }
    return { operation: operation.name, sent };
  }

  return {
    name: "s3",
    operations: S3_OPERATIONS.map(({ name }) => name),
    earlyCodes: new Set([
      ...["ValidationException", "AccessDeniedException", "UnknownOperationException"],
      ...["MissingAuthenticationTokenException", "UnrecognizedClientException"],
      ...["InvalidSignatureException", "RequestTimeTooSkewed"],
    ]),
    prepare,
    next,
    judge,
  };
}

function pathOf({ name, path }: S3Operation, chance: Chance, bucket: string): string {
  if (path === "name") return chance.isLikely(0.1) ? `/with/a//prefix/${name}` : `/${name}`;
  const index = chance.isLikely(0.5) ? `/index/${INDEX}` : "";
  const arn = `${ARN_PREFIX}${bucket}${index}`;
  const written = chance.isLikely(0.9) ? arn : arn.slice(0, chance.between(0, arn.length));
  const query = name === "UntagResource" ? `?${tagQuery(chance)}` : "";
  return `/tags/${encodeURIComponent(written)}${query}`;
}

function judge(_: string, { status, headers, text }: Reply): Verdict {
  // A target that is not the dialect's is answered by the house.
  if (headers["content-type"] === "application/problem+json") {
    return answerOf("UnknownOperationException");
  }
  if (!/^[0-9A-F]{24}$/.test(String(headers["x-amzn-requestid"]))) return faultOf("no request id");
  if (headers["content-type"] !== "application/json") return faultOf("wrong content type");
  const json = JSON.parse(text) as Record<string, unknown>;
  if (status === 200) return answerOf("ok");
  if (status < 400) return faultOf("neither a success nor an error");
  const { message } = json;
  if (typeof message !== "string") return faultOf("no message");
  const type = String(headers["x-amzn-errortype"]);
  // What an operation always says was asked of it, and no fault of the body.
  if (type === "ValidationException" && message.includes("not supported")) {
    return answerOf("unsupported");
  }
  return TYPES.has(type) ? answerOf(type) : faultOf("unknown type of error");
}
