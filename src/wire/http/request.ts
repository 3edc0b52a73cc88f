/** A request of node:http in the shape the house knows. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { InsulaError } from "../../base/errors.ts";
import { announcedBytes, BodyRead, tooLarge, type BodyWatch, type ListenerClock } from "./body.ts";
import { clientDeadlineMs } from "./client-deadline.ts";
import type { HttpRequest } from "./message.ts";
import { parseTarget } from "./target.ts";

/** What all requests of one listener share. */
export interface RequestSurroundings {
  readonly scheme: "http" | "https";
  readonly clock: ListenerClock;
  readonly watch: BodyWatch;
  readonly deadlineMs: number;
}

const EMPTY = Buffer.alloc(0);

export class NodeHttpRequest implements HttpRequest {
  readonly id: string;
  readonly httpVersion = "1.1";
  readonly method: string;
  readonly target: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #surroundings: RequestSurroundings;
  readonly #expectsContinue: boolean;
  #isBodyTaken = false;
  #abort: AbortController | undefined;

  constructor(
    id: string,
    exchange: {
      readonly message: IncomingMessage;
      readonly response: ServerResponse;
      readonly expectsContinue: boolean;
    },
    surroundings: RequestSurroundings,
  ) {
    const { message } = exchange;
    this.id = id;
    this.method = message.method ?? "GET";
    this.target = message.url ?? "/";
    // Only Set-Cookie comes as an array, and requests do not carry it in any meaning we know.
    this.headers = message.headers as Readonly<Record<string, string | undefined>>;
    const hostHeader = message.headers.host ?? "";
    const parts = parseTarget(this.target, { scheme: surroundings.scheme, hostHeader });
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.path = parts.path;
    this.query = parts.query;
    this.#message = message;
    this.#response = exchange.response;
    this.#expectsContinue = exchange.expectsContinue;
    this.#surroundings = surroundings;
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? "";
  }

  get localPort(): number | undefined {
    return this.#message.socket.localPort;
  }

  readBody(bytesMax: number): Promise<Buffer> {
    if (this.#isBodyTaken) {
      return Promise.reject(new InsulaError("invariant_broken", "A body was read twice."));
    }
    this.#isBodyTaken = true;
    const announced = announcedBytes(this.#message);
    if (announced === 0) return Promise.resolve(EMPTY);
    if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax));
    if (this.#expectsContinue) this.#response.writeContinue();
    return this.#surroundings.watch.watch(new BodyRead(this.#message, { announced, bytesMax }));
  }

  /** Made when first asked for: most requests end before anybody wants to abort them. */
  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    const { clock, deadlineMs } = this.#surroundings;
    const delayMs = Math.min(deadlineMs, clientDeadlineMs(this.headers) ?? deadlineMs);
    const abort = new AbortController();
    this.#abort = abort;
    const response = this.#response;
    if (response.destroyed || this.#message.socket.destroyed) {
      abort.abort(clientGone());
      return abort.signal;
    }
    const timer = clock.after(delayMs, () => {
      abort.abort(deadlinePassed());
    });
    response.once("close", () => {
      timer.cancel();
      if (!response.writableFinished) abort.abort(clientGone());
    });
    return abort.signal;
  }

  /** True when the body, or the rest of it, is still to come and longer than worth waiting for. */
  isBodyPending(quietBytesMax: number): boolean {
    if (this.#message.complete) return false;
    const announced = announcedBytes(this.#message);
    if (announced === 0) return false;
    return this.#isBodyTaken || this.#expectsContinue || announced < 0 || announced > quietBytesMax;
  }
}

export function clientGone(): InsulaError {
  return new InsulaError("deadline_exceeded", "Cannot finish the request: the client went away.");
}

export function deadlinePassed(): InsulaError {
  return new InsulaError(
    "deadline_exceeded",
    "Cannot finish the request: its deadline has passed.",
  );
}
