/**
 * A server of the Pinecone dialect without sockets, over a real engine in memory and real keys.
 */
import { openAccess, type AccessControl, type Grant } from "../../src/access/index.ts";
import { InsulaError } from "../../src/base/errors.ts";
import { createPineconeDialect } from "../../src/dialects/pinecone/index.ts";
import type { Dialect, DialectContext, PineconeSettings } from "../../src/dialects/index.ts";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../../src/io/index.ts";
import { wholeBody } from "../../src/wire/index.ts";
import { parseVectorBodyPlainly } from "./vector-body.ts";

export const ADMIN_KEY = "secret-of-the-administrator";
export const HOST = "127.0.0.1:5080";
export const REQUEST_ID = "6555F3A1B2C3D4E5F6071829";

export interface BenchRequest {
  /** A string as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly apiKey?: string | undefined;
  readonly version?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface BenchAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Undefined for an answer without a body. */
  readonly json: unknown;
}

export interface GrpcAnswer {
  /** Of the call; 0 went well. */
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: Buffer;
}

export class PineconeBench {
  readonly engine: Engine;
  readonly access: AccessControl;
  /** The port of ours that requests come to. */
  localPort: number | undefined;
  readonly observed: { operation: string; outcome: string }[] = [];
  readonly #dialect: Dialect;

  private constructor(
    engine: Engine,
    access: AccessControl,
    settings: PineconeSettings | undefined,
    more: Partial<DialectContext>,
  ) {
    this.engine = engine;
    this.access = access;
    const context: DialectContext = {
      engine,
      access,
      clock: { wallMs: () => 0, monotonicMs: () => 0 },
      random: new SeededRandom(7),
      settings: {
        accountId: "1",
        ossQuotas: "off",
        ...(settings === undefined ? {} : { pinecone: settings }),
      },
      parseVectorBody: (body, patterns, md5) =>
        Promise.resolve().then(() => parseVectorBodyPlainly(body, patterns, md5)),
      endPhase: () => 0,
      observe: (operation, outcome) => this.observed.push({ operation, outcome }),
      ...more,
    };
    this.#dialect = createPineconeDialect(context);
  }

  /**
   * @param more  what a server has besides: embedder, reranker, backups.
   * @param observer  is told of the engine's work.
   */
  static async open(
    settings?: PineconeSettings,
    more: Partial<DialectContext> | ((engine: Engine) => Partial<DialectContext>) = {},
    observer?: EngineOptions["observer"],
  ): Promise<PineconeBench> {
    const doors = {
      files: new MemoryFileSystem(),
      clock: new ManualClock(),
      random: new SeededRandom(3),
    };
    const engine = await openEngine({
      ...doors,
      workerCount: 0,
      ...(observer === undefined ? {} : { observer }),
    });
    const admin = { id: "ADMIN", secret: ADMIN_KEY };
    const access = await openAccess({ ...doors, settings: engine, admin, accountId: "1" });
    const given = typeof more === "function" ? more(engine) : more;
    return new PineconeBench(engine, access, settings, given);
  }

  /** A key with these grants, as the vendor's clients send it. */
  async keyWith(...grants: Grant[]): Promise<string> {
    const { id, secret } = await this.access.createKey({ grants });
    return `${id}.${secret}`;
  }

  /** A call of the control plane, `POST /indexes`, or of an index: `POST /ix/NAME/query`. */
  async send(line: string, request: BenchRequest = {}): Promise<BenchAnswer> {
    const [method = "", target = ""] = line.split(" ");
    const [path = "", query = ""] = target.split("?");
    const { body, host = HOST, version = "2025-10" } = request;
    const apiKey = "apiKey" in request ? request.apiKey : ADMIN_KEY;
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const bytes = Buffer.from(text);
    const answer = await this.#dialect.handle({
      ...{ id: REQUEST_ID, method, target, scheme: "http", host, path, query },
      localPort: this.localPort,
      headers: { host, "api-key": apiKey, "x-pinecone-api-version": version, ...request.headers },
      remoteAddress: "127.0.0.1",
      readBody: (bytesMax) =>
        bytes.length > bytesMax
          ? Promise.reject(new InsulaError("body_too_large", "Cannot take the body: too large."))
          : Promise.resolve(Buffer.from(bytes)),
      signal: new AbortController().signal,
    });
    const answered = wholeBody(answer).toString();
    return {
      status: answer.status,
      headers: answer.headers,
      text: answered,
      json: answered === "" ? undefined : JSON.parse(answered),
    };
  }

  /** A unary call of gRPC; `host` and `api-key` stand among the headers. */
  async grpc(
    path: string,
    message: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<GrpcAnswer> {
    const { host = HOST } = headers;
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    const body = Buffer.concat([head, message]);
    const answer = await this.#dialect.handle({
      ...{ id: REQUEST_ID, httpVersion: "2", method: "POST", target: path, scheme: "https" },
      localPort: this.localPort,
      ...{ host, path, query: "", remoteAddress: "127.0.0.1", signal },
      headers: { "content-type": "application/grpc", "api-key": ADMIN_KEY, ...headers },
      readBody: (bytesMax) =>
        body.length > bytesMax
          ? Promise.reject(new InsulaError("body_too_large", "Cannot take it: at most that much."))
          : Promise.resolve(body),
    });
    const ends = answer.trailers ?? answer.headers;
    return {
      status: Number(ends["grpc-status"]),
      text: decodeURIComponent(ends["grpc-message"] ?? ""),
      headers: answer.headers,
      message: wholeBody(answer).subarray(5),
    };
  }

  /** An index of the default project. */
  async withIndex(name: string, more: object = {}): Promise<BenchAnswer> {
    const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
    return this.send("POST /indexes", { body: { name, dimension: 2, spec, ...more } });
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
