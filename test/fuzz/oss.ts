/** OSS Vectors: signed calls, an operation is a method and a verb in the query. */
import {
  OSS_ERRORS,
  OSS_FAULTS,
  OSS_OPERATIONS,
  type OssOperation,
} from "../../src/dialects/vector-bucket/index.ts";
import { OSS4, ossResourceUri, signHeaders } from "../../src/wire/index.ts";
import type { Chance } from "../support/chance.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import { bend, bendHead } from "./bends.ts";
import { DIMENSION, INDEX } from "./draw.ts";
import { NEIGHBOUR, NEIGHBOUR_SHARE, prepareNeighbour } from "./neighbour.ts";
import { goodBody } from "./oss-bodies.ts";
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

const REGION = "cn-hangzhou";
const BUCKET = "fuzz-bucket";
/** 2 MiB of numbers: parsed by the parse worker, scanned by the kernel workers. */
const WIDE_DIMENSION = 4_096;
const WIDE_ROWS = 128;
const CODES = new Set(
  [...Object.values(OSS_ERRORS), ...Object.values(OSS_FAULTS)].map(({ code }) => code),
);

export function createOssSubject(chance: Chance): Subject {
  let credentials = CREDENTIALS;

  function signed(operation: OssOperation, body: string | Buffer, bucket: string): Sent {
    const isService = operation.level === "service";
    const base = isService ? "/" : `/${bucket}/`;
    const query = operation.verb ?? "";
    const { accountId } = credentials;
    const headers = signHeaders({
      scheme: OSS4,
      request: { method: operation.method, path: base, query, headers: {} },
      credentials,
      region: REGION,
      canonicalUri: ossResourceUri({ region: REGION, ...(!isService && { accountId, bucket }) }),
      nowMs: Date.now(),
    });
    const path = query === "" ? base : `${base}?${query}`;
    return { method: operation.method, path, headers, body };
  }

  async function prepare(exchange: Exchange): Promise<void> {
    credentials = await prepareNeighbour(exchange, chance);
    const call = (name: string, body?: object): Promise<Reply> => {
      const text = body === undefined ? "" : JSON.stringify(body);
      return expectStatus(exchange(signed(operationNamed(name), text, BUCKET)), 200);
    };
    const index = { dataType: "float32", distanceMetric: "cosine" };
    await call("PutVectorBucket");
    await call("PutVectorIndex", { ...index, indexName: INDEX, dimension: DIMENSION });
    // Threads start when they are needed: a large body and a long scan, so that none starts later.
    const indexName = "wide";
    const float32 = Array.from({ length: WIDE_DIMENSION }, (_, i) => i + 0.5);
    const keys = Array.from({ length: WIDE_ROWS }, (_, i) => `k${i}`);
    const vectors = keys.map((key) => ({ key, data: { float32 } }));
    await call("PutVectorIndex", { ...index, indexName, dimension: WIDE_DIMENSION });
    await call("PutVectors", { indexName, vectors });
    await call("QueryVectors", { indexName, topK: 1, queryVector: { float32 } });
  }

  function next(own: Chance): Aimed {
    const operation = own.pick(OSS_OPERATIONS);
    const good = goodBody(operation.name, own);
    const body = own.isLikely(0.45) ? bend(good, own) : good;
    const sent = signed(operation, body, bucketOf(operation, own));
    if (own.isLikely(0.05)) {
      bendHead(sent, own, [
        ({ headers }) => (headers["x-oss-date"] = "20010101T000000Z"),
        (bent) => (bent.path = "/..%2f..%2fetc/?getVectors"),
      ]);
    }
    return { operation: operation.name, sent };
  }

  return {
    name: "oss",
    operations: OSS_OPERATIONS.map(({ name }) => name),
    earlyCodes: new Set([
      ...["MalformedJson", "SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied"],
      ...["RequestTimeTooSkewed", "MethodNotAllowed", "InvalidArgument"],
    ]),
    prepare,
    next,
    judge,
  };
}

/** Deleting the bucket itself would end the run's data: another one is made and removed instead. */
function bucketOf({ name }: OssOperation, chance: Chance): string {
  if (name === "PutVectorBucket" || name === "DeleteVectorBucket") {
    return `fuzz-b${chance.between(100, 140)}`;
  }
  return chance.isLikely(NEIGHBOUR_SHARE) ? NEIGHBOUR : BUCKET;
}

function judge(_: string, { status, headers, text }: Reply): Verdict {
  // A target that is not the dialect's is answered by the house.
  if (headers["content-type"] === "application/problem+json") return answerOf("InvalidArgument");
  if (!/^[0-9A-F]{24}$/.test(String(headers["x-oss-request-id"]))) return faultOf("no request id");
  if (status >= 200 && status < 300) {
    if (status !== 204 && text !== "") JSON.parse(text);
    return answerOf("ok");
  }
  if (headers["content-type"] !== "application/json") return faultOf("wrong content type");
  const { Error: error } = JSON.parse(text) as { Error: Record<string, unknown> };
  for (const name of ["Code", "Message", "RequestId", "HostId", "EC"]) {
    if (typeof error[name] !== "string") return faultOf(`no ${name}`);
  }
  const code = String(error["Code"]);
  return CODES.has(code) ? answerOf(code) : faultOf("unknown code");
}

function operationNamed(name: string): OssOperation {
  const operation = OSS_OPERATIONS.find((candidate) => candidate.name === name);
  if (operation === undefined) throw new Error(`There is no operation ${name}.`);
  return operation;
}
