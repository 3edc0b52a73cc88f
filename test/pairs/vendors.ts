/** OSS Vectors and S3 Vectors by signed requests, as their clients send them. */
import type { Metadata } from "../../src/model/index.ts";
import {
  AWS4_S3_VECTORS,
  parseJsonExact,
  printJson,
  signHeaders,
  type Printable,
} from "../../src/wire/index.ts";
import { OssCaller } from "../support/oss-caller.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import { Refused, type IndexPlace, type PairHit, type PairInterface } from "./interface.ts";

type Answer = Readonly<Record<string, unknown>>;
type Send = (call: string, place: IndexPlace, body: Printable) => Promise<Answer>;

interface Vector {
  readonly key: string;
  readonly data: { readonly float32: readonly number[] };
  readonly metadata?: Metadata;
}

/** Vectors of one page, few: pages must follow one another. */
const PAGE = 7;

export function openOss(url: URL): PairInterface {
  const caller = new OssCaller(url);
  const exchange = async (
    method: string,
    bucket: string,
    verb?: string,
    body?: string,
  ): Promise<Answer> => {
    const { status, text } = await caller.send({
      method,
      bucket,
      ...(verb === undefined ? {} : { verb }),
      ...(body === undefined ? {} : { text: body }),
    });
    const answer = (text === "" ? {} : parseJsonExact(text)) as Answer;
    if (status < 300) return answer;
    const { Code, Message } = answer["Error"] as {
      readonly Code: string;
      readonly Message: string;
    };
    throw new Refused(status, Code, Message);
  };
  const send: Send = (call, { database, collection }, body) =>
    exchange("POST", database, call, printJson({ indexName: collection, ...(body as object) }));
  return {
    name: "OSS Vectors",
    createDatabase: async (database) => {
      await exchange("PUT", database);
    },
    createIndex: async (place, { dimension, metric }) => {
      await send("putVectorIndex", place, {
        dimension,
        distanceMetric: metric,
        dataType: "float32",
        metadata: { nonFilterableMetadataKeys: ["text"] },
      });
    },
    ...vectorCalls(send, {
      put: "putVectors",
      list: "listVectors",
      get: "getVectors",
      query: "queryVectors",
      delete: "deleteVectors",
    }),
  };
}

export function openS3(url: URL): PairInterface {
  const exchange = async (call: string, body: string): Promise<Answer> => {
    const headers = signHeaders({
      scheme: AWS4_S3_VECTORS,
      request: {
        method: "POST",
        path: `/${call}`,
        query: "",
        headers: { host: url.host, "content-type": "application/json" },
      },
      credentials: CREDENTIALS,
      region: "eu-central-1",
      payload: Buffer.from(body),
      headerNames: ["content-type", "host", "x-amz-content-sha256", "x-amz-date"],
      nowMs: Date.now(),
    });
    const answer = await fetch(new URL(`/${call}`, url), {
      method: "POST",
      headers,
      body,
    });
    const json = parseJsonExact(await answer.text()) as Answer;
    if (answer.ok) return json;
    const code = answer.headers.get("x-amzn-errortype") ?? "";
    throw new Refused(answer.status, code, String(json["message"]));
  };
  const send: Send = (call, { database, collection }, body) =>
    exchange(
      call,
      printJson({
        vectorBucketName: database,
        indexName: collection,
        ...(body as object),
      }),
    );
  return {
    name: "S3 Vectors",
    createDatabase: async (database) => {
      await exchange("CreateVectorBucket", JSON.stringify({ vectorBucketName: database }));
    },
    createIndex: async (place, { dimension, metric }) => {
      await send("CreateIndex", place, {
        dimension,
        distanceMetric: metric,
        dataType: "float32",
        metadataConfiguration: { nonFilterableMetadataKeys: ["text"] },
      });
    },
    ...vectorCalls(send, {
      put: "PutVectors",
      list: "ListVectors",
      get: "GetVectors",
      query: "QueryVectors",
      delete: "DeleteVectors",
    }),
  };
}

interface CallNames {
  readonly put: string;
  readonly list: string;
  readonly get: string;
  readonly query: string;
  readonly delete: string;
}

/** The twins differ in the names of their calls; the bodies are the same. */
function vectorCalls(
  send: Send,
  names: CallNames,
): Pick<PairInterface, "put" | "list"> & Required<Pick<PairInterface, "point">> {
  const returning = { returnData: true, returnMetadata: true };
  return {
    put: async (place, records) => {
      const vectors = records.map(({ key, vector, metadata }) => ({
        key,
        data: { float32: Float32Array.from(vector) },
        ...(metadata === undefined ? {} : { metadata }),
      }));
      await send(names.put, place, { vectors });
    },
    list: async (place) => {
      const found: Vector[] = [];
      let nextToken: unknown;
      do {
        const token = typeof nextToken === "string" ? { nextToken } : {};
        const page = await send(names.list, place, {
          maxResults: PAGE,
          ...returning,
          ...token,
        });
        found.push(...(page["vectors"] as readonly Vector[]));
        nextToken = page["nextToken"];
      } while (typeof nextToken === "string" && nextToken !== "");
      return found.map(toRecord);
    },
    point: {
      get: async (place, keys) => {
        const answer = await send(names.get, place, { keys, ...returning });
        return (answer["vectors"] as readonly Vector[]).map(toRecord);
      },
      query: async (place, { vector, topK, where }) => {
        const answer = await send(names.query, place, {
          queryVector: { float32: vector },
          topK,
          ...(where === undefined ? {} : { filter: where as Printable }),
          returnDistance: true,
          returnMetadata: true,
        });
        return answer["vectors"] as readonly PairHit[];
      },
      delete: async (place, keys) => {
        await send(names.delete, place, { keys });
      },
    },
  };
}

function toRecord({ key, data, metadata }: Vector): {
  key: string;
  vector: readonly number[];
  metadata?: Metadata;
} {
  return {
    key,
    vector: data.float32.map(Math.fround),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
