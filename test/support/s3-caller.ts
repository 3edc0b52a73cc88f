/** Signed calls of S3 Vectors over real sockets. */
import { Agent, request } from "node:http";
import { AWS4_S3_VECTORS, signHeaders } from "../../src/wire/index.ts";
import { CREDENTIALS, type ServerCredentials } from "./server-child.ts";

export const S3_REGION = "eu-central-1";

export interface S3Reply {
  readonly status: number;
  readonly text: string;
  /** `x-amzn-errortype`; undefined for a success. */
  readonly type: string | undefined;
}

export class S3Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #url: URL;
  readonly #credentials: ServerCredentials;

  constructor(url: URL, credentials: ServerCredentials = CREDENTIALS) {
    this.#url = url;
    this.#credentials = credentials;
  }

  /** `POST /{operation}`. */
  call(operation: string, body: object = {}): Promise<S3Reply> {
    return this.#send("POST", `/${operation}`, JSON.stringify(body));
  }

  /** A call about the tags of the bucket or index of that ARN. */
  tags(method: "GET" | "POST" | "DELETE", arn: string, more: string): Promise<S3Reply> {
    const path = `/tags/${encodeURIComponent(arn)}`;
    return method === "DELETE"
      ? this.#send(method, path, "", more)
      : this.#send(method, path, more);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, body: string, query = ""): Promise<S3Reply> {
    const { host, hostname, port } = this.#url;
    const signed = signHeaders({
      scheme: AWS4_S3_VECTORS,
      request: { method, path, query, headers: { host, "content-type": "application/json" } },
      credentials: this.#credentials,
      region: S3_REGION,
      payload: Buffer.from(body),
      nowMs: Date.now(),
    });
    const headers = { ...signed, "content-length": String(Buffer.byteLength(body)) };
    const target = query === "" ? path : `${path}?${query}`;
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, hostname, port, method, path: target, headers };
      const outgoing = request(options, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.once("error", reject);
        answer.once("end", () => {
          const type = answer.headers["x-amzn-errortype"];
          resolve({
            status: answer.statusCode ?? 0,
            text: Buffer.concat(parts).toString(),
            type: typeof type === "string" ? type : undefined,
          });
        });
      });
      outgoing.once("error", reject);
      outgoing.end(body);
    });
  }
}
