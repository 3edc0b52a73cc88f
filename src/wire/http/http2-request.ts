/** A stream of node:http2 in the shape the house knows. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { InsulaError } from "../../base/errors.ts";
import { BodyRead, connectionEnded, tooLarge } from "./body.ts";
import { clientDeadlineMs } from "./client-deadline.ts";
import type { HttpRequest } from "./message.ts";
import type { RequestSurroundings } from "./request.ts";
import { clientGone, deadlinePassed } from "./request.ts";
import { parseTarget } from "./target.ts";

const EMPTY = Buffer.alloc(0);

export class Http2Request implements HttpRequest {
  readonly id: string;
  readonly httpVersion = "2";
  readonly method: string;
  readonly target: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly remoteAddress: string;
  readonly localPort: number | undefined;
  /** The body while it is read. */
  body: BodyRead | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #surroundings: RequestSurroundings;
  #isBodyTaken = false;
  #abort: AbortController | undefined;

  constructor(
    id: string,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    surroundings: RequestSurroundings,
  ) {
    this.id = id;
    this.method = headers[":method"] ?? "GET";
    this.target = headers[":path"] ?? "/";
    this.headers = ordinaryHeaders(headers);
    const hostHeader = this.headers["host"] ?? "";
    const parts = parseTarget(this.target, { scheme: surroundings.scheme, hostHeader });
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.path = parts.path;
    this.query = parts.query;
    this.remoteAddress = stream.session?.socket.remoteAddress ?? "";
    this.localPort = stream.session?.socket.localPort;
    this.#stream = stream;
    this.#surroundings = surroundings;
  }

  readBody(bytesMax: number): Promise<Buffer> {
    if (this.#isBodyTaken) {
      return Promise.reject(new InsulaError("invariant_broken", "A body was read twice."));
    }
    this.#isBodyTaken = true;
    const stream = this.#stream;
    const announced = Number(this.headers["content-length"] ?? (stream.endAfterHeaders ? 0 : -1));
    if (announced === 0) return Promise.resolve(EMPTY);
    if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax));
    if (stream.destroyed) return Promise.reject(connectionEnded());
    if (this.headers["expect"] === "100-continue" && !stream.headersSent) {
      stream.additionalHeaders({ ":status": 100 });
    }
    // A stream that the client resets ends like one that is complete; the code tells them apart.
    const isCut = (): boolean => stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR;
    const read = new BodyRead(stream, { announced, bytesMax, isCut });
    stream.once("close", () => {
      read.fail(connectionEnded());
    });
    this.body = read;
    return this.#surroundings.watch.watch(read);
  }

  /** Made when first asked for: most requests end before anybody wants to abort them. */
  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    const { clock, deadlineMs } = this.#surroundings;
    const delayMs = Math.min(deadlineMs, clientDeadlineMs(this.headers) ?? deadlineMs);
    const abort = new AbortController();
    this.#abort = abort;
    const stream = this.#stream;
    if (stream.destroyed) {
      abort.abort(clientGone());
      return abort.signal;
    }
    const timer = clock.after(delayMs, () => {
      abort.abort(deadlinePassed());
    });
    stream.once("close", () => {
      timer.cancel();
      // A reset ends the writing side too, so that it looks finished.
      if (stream.aborted || !stream.writableFinished) abort.abort(clientGone());
    });
    return abort.signal;
  }
}

/** Without the pseudo-headers; the authority is the host, as HTTP/1.1 would have it. */
function ordinaryHeaders(
  headers: IncomingHttpHeaders,
): Readonly<Record<string, string | undefined>> {
  const ordinary: Record<string, string | undefined> = {};
  for (const name in headers) {
    const value = headers[name];
    if (name.startsWith(":")) continue;
    ordinary[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const authority = headers[":authority"];
  if (authority !== undefined) ordinary["host"] = authority;
  return ordinary;
}
