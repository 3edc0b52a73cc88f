/** One key through all three protocols of the HTTP port, over real sockets. */
import { AWS4_S3_VECTORS, OSS4, ossResourceUri, signHeaders } from "../../src/wire/index.ts";

export interface CallerKey {
  readonly id: string;
  readonly secret: string;
  readonly accountId: string;
}

export interface KeyReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** An empty object for an answer without a body. */
  readonly json: Readonly<Record<string, unknown>>;
}

const REGION = "cn-hangzhou";

export class KeyCaller {
  readonly #url: string;
  readonly #key: CallerKey;

  constructor(url: string, key: CallerKey) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
  }

  /** As a bearer token of our own interface. @param path below `/insula/v1/` */
  native(method: string, path: string, body?: unknown): Promise<KeyReply> {
    const { id, secret } = this.#key;
    const headers = { authorization: `Bearer ${id}.${secret}` };
    return this.#send(`/insula/v1/${path}`, { method, headers }, body);
  }

  /** A POST of OSS Vectors, or with another method what its verb is. */
  oss(bucket: string, verb: string, body?: unknown, method = "POST"): Promise<KeyReply> {
    const { id, secret, accountId } = this.#key;
    const headers = signHeaders({
      scheme: OSS4,
      request: {
        method,
        path: `/${bucket}/`,
        query: verb,
        headers: body === undefined ? {} : { "content-type": "application/json" },
      },
      credentials: { keyId: id, secret },
      region: REGION,
      canonicalUri: ossResourceUri({ region: REGION, accountId, bucket }),
      nowMs: Date.now(),
    });
    const path = `/${bucket}/${verb === "" ? "" : `?${verb}`}`;
    return this.#send(path, { method, headers }, body);
  }

  s3(operation: string, body: unknown = {}): Promise<KeyReply> {
    const { id, secret } = this.#key;
    const path = `/${operation}`;
    const headers = signHeaders({
      scheme: AWS4_S3_VECTORS,
      request: {
        method: "POST",
        path,
        query: "",
        headers: { host: new URL(this.#url).host, "content-type": "application/json" },
      },
      credentials: { keyId: id, secret },
      region: REGION,
      payload: Buffer.from(JSON.stringify(body)),
      nowMs: Date.now(),
    });
    return this.#send(path, { method: "POST", headers }, body);
  }

  async #send(path: string, init: RequestInit, body: unknown): Promise<KeyReply> {
    const answer = await fetch(this.#url + path, {
      ...init,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: answer.status, headers: answer.headers, text, json };
  }
}
