/** Signed calls of OSS Vectors over real sockets. */
import { Agent, request } from "node:http";
import { OSS4, ossResourceUri, signHeaders } from "../../src/wire/index.ts";
import { CREDENTIALS, type ServerCredentials } from "./server-child.ts";

export const REGION = "cn-hangzhou";

export interface OssRequest {
  readonly method: string;
  readonly bucket: string;
  readonly verb?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of a body. */
  readonly text?: string;
}

export interface OssReply {
  readonly status: number;
  readonly text: string;
}

/** The server went away before it answered: what became of the request is unknown. */
export class ConnectionLost extends Error {}

export class OssCaller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #url: URL;
  readonly #credentials: ServerCredentials;

  constructor(url: URL, credentials: ServerCredentials = CREDENTIALS) {
    this.#url = url;
    this.#credentials = credentials;
  }

  /** @throws ConnectionLost */
  send(call: OssRequest): Promise<OssReply> {
    const { method, bucket, verb } = call;
    const { accountId } = this.#credentials;
    const query = verb ?? "";
    const body = call.text ?? (call.body === undefined ? "" : JSON.stringify(call.body));
    const headers = signHeaders({
      scheme: OSS4,
      request: {
        method,
        path: `/${bucket}/`,
        query,
        headers: body === "" ? {} : { "content-type": "application/json" },
      },
      credentials: this.#credentials,
      region: REGION,
      canonicalUri: ossResourceUri({ region: REGION, accountId, bucket }),
      nowMs: Date.now(),
    });
    const path = `/${bucket}/${query === "" ? "" : `?${query}`}`;
    return this.#exchange({ method, path, headers, body });
  }

  /** An administrator's call. @throws ConnectionLost, Error for anything but 200 */
  async admin(path: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${CREDENTIALS.secret}` };
    const { status, text } = await this.#exchange({ method: "GET", path, headers, body: "" });
    if (status === 200) return JSON.parse(text);
    throw new Error(`GET ${path}: expected 200, received ${status}: ${text}`);
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(sent: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }): Promise<OssReply> {
    return new Promise((resolve, reject) => {
      const lost = (error: Error): void => {
        reject(new ConnectionLost(error.message));
      };
      const { hostname, port } = this.#url;
      const { method, path, body } = sent;
      const headers = { ...sent.headers, "content-length": String(Buffer.byteLength(body)) };
      const outgoing = request(
        { agent: this.#agent, hostname, port, method, path, headers },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part: Buffer) => parts.push(part));
          answer.once("error", lost);
          answer.once("end", () => {
            resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() });
          });
        },
      );
      outgoing.once("error", lost);
      outgoing.end(body);
    });
  }
}
