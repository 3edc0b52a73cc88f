/**
 * The transport of gRPC under bent messages, bent frames of HTTP/2 and streams that break off:
 * `npm run test:fuzz -- --dialect grpc`.
 *
 * A call that is answered ends with a status of gRPC, never with the one of a bug. After each thing
 * that was sent, whatever became of it, the process lives and answers a good call.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { ProtoWriter, writeStruct } from "../../src/wire/index.ts";
import { Chance } from "../support/chance.ts";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";

const INDEX = "fuzz";
const DIMENSION = 4;
const METHODS = ["Upsert", "Query", "Fetch", "List", "Delete", "DescribeIndexStats", "Other"];
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** The status of a bug, INTERNAL. */
const BUG = "13";
/** How long a good call may take, ms: far above what it takes. */
const ANSWER_MS_MAX = 20_000;

export interface GrpcFuzzResult {
  readonly sent: number;
  readonly faultCount: number;
}

export async function runGrpcFuzz(options: {
  readonly seed: number;
  readonly requestCount: number;
}): Promise<GrpcFuzzResult> {
  const dataDir = mkdtempSync(path.join(tmpdir(), "insula-fuzz-"));
  const variables = { INSULA_LOG_LEVEL: "error" };
  const server = await ServerChild.start({ dataDir, port: 0, variables });
  const fuzzer = new GrpcFuzzer(server, new Chance(options.seed));
  try {
    await fuzzer.prepare();
    for (let i = 0; i < options.requestCount; i++) await fuzzer.step(i);
    const faults = [...fuzzer.faults];
    if (server.errorText.includes('"level":50')) faults.push(`log: ${server.errorText}`);
    for (const fault of faults) console.log(`FAULT grpc, seed ${options.seed}: ${fault}`);
    const counts = [...fuzzer.counts].map(([status, count]) => `${status}: ${count}`);
    console.log(`grpc: ${options.requestCount} sent; statuses ${counts.join(", ")}`);
    return { sent: options.requestCount - faults.length, faultCount: faults.length };
  } finally {
    fuzzer.close();
    await server.kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

class GrpcFuzzer {
  readonly faults: string[] = [];
  /** Answers by status. */
  readonly counts = new Map<string, number>();
  readonly #server: ServerChild;
  readonly #chance: Chance;
  #session: ClientHttp2Session;

  constructor(server: ServerChild, chance: Chance) {
    this.#server = server;
    this.#chance = chance;
    this.#session = this.#open();
  }

  async prepare(): Promise<void> {
    const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
    const body = JSON.stringify({ name: INDEX, dimension: DIMENSION, metric: "dotproduct", spec });
    const headers = { "api-key": CREDENTIALS.secret, "content-type": "application/json" };
    const answer = await fetch(new URL("/indexes", this.#server.url), {
      ...{ method: "POST", headers, body },
    });
    if (answer.status !== 201) throw new Error(`index: ${answer.status} ${await answer.text()}`);
  }

  /** Sends one bent thing, then a good call. */
  async step(number: number): Promise<void> {
    const kind = this.#chance.between(0, 9);
    const what = kind < 6 ? "call" : kind < 8 ? "stream" : "frames";
    if (what === "call") await this.#sendCall(number);
    else if (what === "stream") await this.#breakStream();
    else await this.#sendFrames();
    if (!this.#server.isAlive) throw new Error(`step ${number}, ${what}: the process ended`);
    const status = await this.#call("DescribeIndexStats", frame(new ProtoWriter().written));
    if (status !== "0") this.faults.push(`step ${number}, after ${what}: ${status} to a good call`);
  }

  close(): void {
    this.#session.destroy();
  }

  async #sendCall(number: number): Promise<void> {
    const chance = this.#chance;
    const method = chance.pick(METHODS);
    let message = drawMessage(chance, method);
    if (chance.isLikely(0.6)) message = bend(chance, message);
    let bytes = frame(message);
    const isPacked = chance.isLikely(0.2);
    if (isPacked) bytes = frame(gzipSync(message), 1);
    if (chance.isLikely(0.2)) bytes = bend(chance, bytes);
    const encoding = isPacked || chance.isLikely(0.05) ? "gzip" : undefined;
    const status = await this.#call(method, bytes, encoding);
    this.counts.set(status, (this.counts.get(status) ?? 0) + 1);
    if (status === BUG || !/^(?:[0-9]|1[0-6])$/.test(status)) {
      this.faults.push(`step ${number}, ${method} ${bytes.toString("hex")}: ${status}`);
    }
  }

  /** A request that begins and is given up at some point. */
  async #breakStream(): Promise<void> {
    const chance = this.#chance;
    const stream = this.#live().request(headersOf(chance.pick(METHODS)));
    stream.on("error", () => undefined);
    const bytes = frame(drawMessage(chance, "Upsert"));
    stream.write(bytes.subarray(0, chance.between(0, bytes.length)));
    await pause(chance.between(0, 3));
    if (chance.isLikely(0.2)) this.#session.destroy();
    else stream.close(chance.pick([constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]));
  }

  /** A connection that speaks something like HTTP/2. */
  async #sendFrames(): Promise<void> {
    const chance = this.#chance;
    const socket: Socket = connect(Number(this.#server.url.port), "127.0.0.1");
    socket.on("error", () => undefined).on("data", () => undefined);
    if (chance.isLikely(0.9)) socket.write(PREFACE);
    if (chance.isLikely(0.7)) socket.write(http2Frame(4, 0, 0, Buffer.alloc(0)));
    const count = chance.between(1, 12);
    for (let i = 0; i < count; i++) {
      const payload = Buffer.from(
        Array.from({ length: chance.between(0, 40) }, () => chance.between(0, 255)),
      );
      const id = chance.pick([0, 1, 1, 3, 5, 2, 0x7fffffff]);
      socket.write(http2Frame(chance.between(0, 10), chance.between(0, 255), id, payload));
    }
    await pause(chance.between(0, 3));
    socket.destroy();
  }

  #call(method: string, bytes: Buffer, encoding?: string): Promise<string> {
    return new Promise((resolve) => {
      const stream = this.#live().request({
        ...headersOf(method),
        ...(encoding === undefined ? {} : { "grpc-encoding": encoding }),
      });
      const timer = setTimeout(() => {
        resolve("no answer in time");
      }, ANSWER_MS_MAX);
      let status = "none";
      stream.on("response", (head) => (status = String(head["grpc-status"] ?? status)));
      stream.on("trailers", (ends) => (status = String(ends["grpc-status"] ?? status)));
      stream.on("error", (error) => (status = `broken: ${error.message}`));
      stream.on("data", () => undefined);
      stream.on("close", () => {
        clearTimeout(timer);
        resolve(status);
      });
      stream.end(bytes);
    });
  }

  #live(): ClientHttp2Session {
    if (this.#session.destroyed || this.#session.closed) this.#session = this.#open();
    return this.#session;
  }

  #open(): ClientHttp2Session {
    const session = connectHttp2(this.#server.url.origin);
    session.on("error", () => undefined);
    return session;
  }
}

function headersOf(method: string): Record<string, string> {
  return {
    ...{ ":method": "POST", ":path": `/VectorService/${method}`, te: "trailers" },
    ...{ "content-type": "application/grpc", "api-key": CREDENTIALS.secret },
  };
}

/** A message that is good for some method, mostly the one asked for. */
function drawMessage(chance: Chance, method: string): Buffer {
  const writer = new ProtoWriter();
  const floats = (): Float32Array =>
    Float32Array.from({ length: DIMENSION + chance.between(0, 1) }, () => chance.fraction());
  const metadata = { a: chance.between(0, 3), b: ["x", "y"], c: chance.isLikely(0.5), d: "text" };
  if (method === "Upsert") {
    for (let i = chance.between(0, 4); i >= 0; i--) {
      writer.message(1, () => {
        writer.text(1, `key ${chance.between(0, 30)}`);
        writer.floats(2, floats());
        if (chance.isLikely(0.5)) writeStruct(writer, 3, metadata);
        if (chance.isLikely(0.3)) {
          writer.message(4, () => {
            writer.uints(1, Uint32Array.of(1, 5));
            writer.floats(2, Float32Array.of(1, 2));
          });
        }
      });
    }
    writer.text(2, `space ${chance.between(0, 3)}`);
  } else if (method === "Query") {
    writer.text(1, `space ${chance.between(0, 3)}`);
    writer.uint(2, chance.between(0, 20));
    if (chance.isLikely(0.5)) writeStruct(writer, 3, { a: { $gte: 1 }, b: { $in: ["x"] } });
    writer.bool(4, chance.isLikely(0.5));
    writer.bool(5, chance.isLikely(0.5));
    if (chance.isLikely(0.8)) writer.floats(7, floats());
    else writer.text(8, `key ${chance.between(0, 30)}`);
  } else {
    writer.text(1, `key ${chance.between(0, 30)}`);
    writer.text(chance.between(2, 4), `space ${chance.between(0, 3)}`);
  }
  return Buffer.from(writer.written);
}

/** Bytes changed, left out, doubled or cut off. */
function bend(chance: Chance, bytes: Buffer): Buffer {
  const at = chance.between(0, Math.max(0, bytes.length - 1));
  switch (chance.between(0, 3)) {
    case 0: {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[at] = chance.between(0, 255);
      return changed;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, at), bytes.subarray(at)]);
  }
}

function frame(message: Buffer, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function http2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
