/** Signed OSS Vectors calls over kept connections: what a client of the protocol sends. */
import { Agent, request } from "node:http";
import { OSS4, ossResourceUri, signHeaders } from "../../src/wire/signature/index.ts";

export interface OssAccess {
  /** `http://host:port` */
  readonly url: string;
  readonly keyId: string;
  readonly secret: string;
  readonly accountId: string;
}

export interface OssHit {
  readonly key: string;
  readonly distance: number;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const REGION = "cn-hangzhou";
/** Refusals of a busy server are tried again so often. */
const TRIES_MAX = 5;
const RETRY_MS = 200;

export class OssClient {
  readonly #access: OssAccess;
  readonly #agent: Agent;

  constructor(access: OssAccess, connections = 64) {
    this.#access = access;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  async createBucket(bucket: string): Promise<void> {
    await this.call(bucket, "PUT", "");
  }

  async createIndex(bucket: string, indexName: string, dimension: number): Promise<void> {
    const settings = { indexName, dataType: "float32", dimension, distanceMetric: "cosine" };
    await this.call(bucket, "POST", "putVectorIndex", settings);
  }

  /** @param body  as {@link putBody} makes it. */
  async put(bucket: string, body: string): Promise<void> {
    await this.call(bucket, "POST", "putVectors", body);
  }

  async query(
    bucket: string,
    indexName: string,
    float32: readonly number[],
    topK: number,
  ): Promise<readonly OssHit[]> {
    const answer = await this.call(bucket, "POST", "queryVectors", {
      indexName,
      queryVector: { float32 },
      topK,
      returnDistance: true,
      returnMetadata: true,
    });
    return (answer as { vectors: readonly OssHit[] }).vectors;
  }

  /** Names of all indexes, page after page. */
  async listIndexes(bucket: string): Promise<string[]> {
    const names: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = (await this.call(bucket, "POST", "listVectorIndexes", {
        maxResults: 500,
        ...(nextToken === undefined ? {} : { nextToken }),
      })) as { indexes: { indexName: string }[]; nextToken?: string };
      for (const { indexName } of page.indexes) names.push(indexName);
      nextToken = page.nextToken;
    } while (nextToken !== undefined && nextToken !== "");
    return names;
  }

  /** @param body  a string goes as it is. */
  async call(bucket: string, method: string, operation: string, body?: unknown): Promise<unknown> {
    const bytes = Buffer.from(
      body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body),
    );
    for (let tries = 1; ; tries++) {
      const { status, text } = await this.#send(bucket, method, operation, bytes);
      if (status < 300) return text === "" ? undefined : (JSON.parse(text) as unknown);
      if (status !== 503 || tries === TRIES_MAX) {
        throw new Error(`${method} ${operation}: ${status} ${text.slice(0, 400)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * tries));
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(
    bucket: string,
    method: string,
    query: string,
    body: Buffer,
  ): Promise<{ status: number; text: string }> {
    const { url, keyId, secret, accountId } = this.#access;
    const headers = signHeaders({
      scheme: OSS4,
      request: {
        method,
        path: `/${bucket}/`,
        query,
        headers: { "content-type": "application/json" },
      },
      credentials: { keyId, secret },
      region: REGION,
      canonicalUri: ossResourceUri({ region: REGION, accountId, bucket }),
      nowMs: Date.now(),
    });
    return new Promise((resolve, reject) => {
      const path = `${url}/${bucket}/${query === "" ? "" : `?${query}`}`;
      const sent = request(
        path,
        { method, agent: this.#agent, headers: { ...headers, "content-length": body.length } },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part: Buffer) => parts.push(part));
          answer.on("end", () => {
            resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() });
          });
          answer.on("error", reject);
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

export interface OssVector {
  readonly key: string;
  readonly values: Float32Array;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** The body of a PutVectors call. Float32 in the digits that bring the same bits back. */
export function putBody(indexName: string, vectors: readonly OssVector[]): string {
  const items = vectors.map(({ key, values, metadata }) => {
    const more = metadata === undefined ? "" : `,"metadata":${JSON.stringify(metadata)}`;
    return `{"key":${JSON.stringify(key)},"data":{"float32":[${values.join(",")}]}${more}}`;
  });
  return `{"indexName":${JSON.stringify(indexName)},"vectors":[${items.join(",")}]}`;
}
