/** Calls of Pinecone's protocol over real sockets, by HTTP and by gRPC, with one key. */
import * as http2 from "node:http2";
import { printJson, ProtoWriter, type Printable } from "../../src/wire/index.ts";
import { CREDENTIALS } from "./server-child.ts";

export interface PineconeReply {
  /** Of HTTP, or of gRPC: 0 went well. */
  readonly status: number;
  /** The body, or the text of a refusal. */
  readonly text: string;
  /** Of gRPC. */
  readonly message: Buffer;
}

const NOTHING = Buffer.alloc(0);

export class PineconeCaller {
  readonly #url: URL;
  readonly #apiKey: string;
  #session: http2.ClientHttp2Session | undefined;

  constructor(url: URL, apiKey: string) {
    this.#url = url;
    this.#apiKey = apiKey;
  }

  /** With a new key that has this grant, of a server with the {@link CREDENTIALS} of tests. */
  static async withGrant(url: URL, grant: object): Promise<PineconeCaller> {
    const answer = await fetch(new URL("/insula/v1/keys", url), {
      method: "POST",
      headers: { authorization: `Bearer ${CREDENTIALS.secret}` },
      body: JSON.stringify({ grants: [grant] }),
    });
    const { id, secret } = (await answer.json()) as Record<string, string>;
    return new PineconeCaller(url, `${String(id)}.${String(secret)}`);
  }

  /**
   * @param line  `POST /indexes`, or of an index `POST /ix/NAME/query`.
   * @param body  a string as it is, anything else as JSON.
   */
  async http(line: string, body?: Printable): Promise<PineconeReply> {
    const [method = "", target = ""] = line.split(" ");
    const answer = await fetch(new URL(target, this.#url), {
      method,
      headers: { "api-key": this.#apiKey, "x-pinecone-api-version": "2025-10" },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : printJson(body) }),
    });
    return { status: answer.status, text: await answer.text(), message: NOTHING };
  }

  /** @param index  said as Python's clients before version 9 say it. */
  async grpc(
    method: string,
    index: string,
    fill: (writer: ProtoWriter) => void,
  ): Promise<PineconeReply> {
    const writer = new ProtoWriter();
    fill(writer);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(writer.written.length, 1);
    this.#session ??= http2.connect(this.#url);
    const stream = this.#session.request({
      ":method": "POST",
      ":path": `/VectorService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
      "api-key": this.#apiKey,
      "service-name": index,
    });
    stream.end(Buffer.concat([head, writer.written]));
    let ends: http2.IncomingHttpHeaders = {};
    const take = (headers: http2.IncomingHttpHeaders): void => {
      ends = { ...ends, ...headers };
    };
    stream.on("response", take);
    stream.on("trailers", take);
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    return {
      status: Number(ends["grpc-status"]),
      text: decodeURIComponent(String(ends["grpc-message"] ?? "")),
      message: Buffer.concat(parts).subarray(5),
    };
  }

  close(): void {
    this.#session?.close();
  }
}
