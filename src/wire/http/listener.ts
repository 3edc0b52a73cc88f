/** A port that speaks HTTP/1.1 and HTTP/2, plain or over TLS. */
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { assert, InsulaError } from "../../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import { BodyWatch, type ListenerClock } from "./body.ts";
import { Http2Sessions } from "./http2-sessions.ts";
import {
  LISTENER_LIMITS,
  PIPELINED_REQUESTS_MAX,
  QUIET_DRAIN_BYTES_MAX,
  SWEEP_INTERVAL_MS,
  type ListenerLimits,
} from "./limits.ts";
import type { HttpAnswer, HttpRequest } from "./message.ts";
import { plainAnswer } from "./plain-answer.ts";
import { ALPN_PROTOCOLS, ProtocolSplit } from "./protocol-split.ts";
import { RequestIds } from "./request-id.ts";
import { NodeHttpRequest, type RequestSurroundings } from "./request.ts";

/** PEM texts. */
interface TlsContext {
  readonly cert: string;
  readonly key: string;
}

export interface HttpListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** How the user sets the port; named when it is taken. */
  readonly setting: { readonly flag: string; readonly variable: string };
  /** PEM text; with it the listener speaks TLS only. */
  readonly tls?: TlsContext;
  readonly limits?: Partial<ListenerLimits>;
  readonly clock: ListenerClock;
  readonly random: { bytes(count: number): Uint8Array };
  /** Answers a request. A rejection is answered with 500 and reported. */
  handle(request: HttpRequest): Promise<HttpAnswer>;
  /** Called with the time it took to hand an answer over to the system. */
  onSent?(durationMs: number): void;
  /** A bug in `handle`, or an error of the listening socket. */
  onFault(error: unknown, requestId: string | undefined): void;
}

export class HttpListener {
  readonly scheme: "http" | "https";
  readonly #server: http.Server;
  readonly #options: HttpListenerOptions;
  readonly #limits: ListenerLimits;
  readonly #ids: RequestIds;
  readonly #surroundings: RequestSurroundings;
  /** Requests under way per connection. */
  readonly #underWay = new WeakMap<Duplex, { count: number; isHeld: boolean }>();
  readonly #split: ProtocolSplit;
  readonly #http2: Http2Sessions;
  #closing: Promise<void> | undefined;

  private constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#limits = { ...LISTENER_LIMITS, ...options.limits };
    this.scheme = options.tls === undefined ? "http" : "https";
    this.#ids = new RequestIds(options.random);
    this.#surroundings = {
      scheme: this.scheme,
      clock: options.clock,
      watch: new BodyWatch(options.clock),
      deadlineMs: this.#limits.deadlineMs,
    };
    this.#server = createServer(options, this.#limits);
    this.#server.on("request", (message, response) => {
      this.#take(message, response, false);
    });
    this.#server.on("checkContinue", (message: http.IncomingMessage, response) => {
      this.#take(message, response, true);
    });
    this.#server.on("clientError", refuseBytes);
    this.#http2 = new Http2Sessions({
      limits: this.#limits,
      surroundings: this.#surroundings,
      nextId: () => this.#ids.next(),
      handle: (request) => options.handle(request),
      ...(options.onSent === undefined ? {} : { onSent: (ms: number) => options.onSent?.(ms) }),
      onFault: (error, requestId) => {
        options.onFault(error, requestId);
      },
    });
    this.#split = new ProtocolSplit(this.#server, options.tls !== undefined, {
      silenceMsMax: this.#limits.headersTimeoutMs,
      takeHttp2: (socket) => {
        this.#http2.take(socket);
      },
    });
  }

  /**
   * Binds the port.
   *
   * @throws InsulaError `port_taken`; `setting_invalid` for an address, port or certificate that
   *         cannot be used.
   */
  static async open(options: HttpListenerOptions): Promise<HttpListener> {
    const listener = new HttpListener(options);
    await listener.#bind();
    return listener;
  }

  /** Where it listens, with the port the system chose when 0 was asked for. */
  get address(): { readonly host: string; readonly port: number; readonly url: string } {
    const { address, port, family } = this.#server.address() as AddressInfo;
    const host = family === "IPv6" ? `[${address}]` : address;
    return { host: address, port, url: `${this.scheme}://${host}:${String(port)}` };
  }

  /**
   * Connections from now on get this certificate; for a listener that was opened with one.
   * @throws what OpenSSL says of a pair it cannot use; then the one before stays.
   */
  setCertificate(tls: TlsContext): void {
    assert(this.#server instanceof https.Server, "this listener speaks TLS");
    this.#server.setSecureContext(contextOf(tls));
  }

  /**
   * Stops accepting, lets running requests finish, closes resting connections, and after the stop
   * deadline cuts what is left. Calling it again waits for the same stop.
   */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  #take(
    message: http.IncomingMessage,
    response: http.ServerResponse,
    expectsContinue: boolean,
  ): void {
    const exchange = { message, response, expectsContinue };
    const request = new NodeHttpRequest(this.#ids.next(), exchange, this.#surroundings);
    this.#hold(message.socket);
    // Names are joined when repeated, so a comma shows a second Host; RFC 9112 §3.2 wants 400.
    if (message.headers.host?.includes(",") === true) {
      this.#send(exchange, request, plainAnswer(400, request.id));
      return;
    }
    let answering: Promise<HttpAnswer>;
    try {
      answering = this.#options.handle(request);
    } catch (error) {
      this.#fail(exchange, request, error);
      return;
    }
    answering.then(
      (answer) => {
        this.#send(exchange, request, answer);
      },
      (error: unknown) => {
        this.#fail(exchange, request, error);
      },
    );
  }

  #fail(exchange: Exchange, request: NodeHttpRequest, error: unknown): void {
    this.#options.onFault(error, request.id);
    this.#send(exchange, request, plainAnswer(500, request.id));
  }

  #send(exchange: Exchange, request: NodeHttpRequest, answer: HttpAnswer): void {
    const { message, response } = exchange;
    this.#release(message.socket);
    if (response.destroyed || response.headersSent) return;
    const lingers = !message.complete && request.isBodyPending(QUIET_DRAIN_BYTES_MAX);
    const closes = this.#closing !== undefined;
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      const onFault = (error: unknown): void => {
        this.#options.onFault(error, request.id);
      };
      sendAnswer({ message, response, answer, clock, closes, lingers, onFault });
      this.#options.onSent?.(clock.monotonicMs() - startMs);
    } catch (error) {
      this.#options.onFault(error, request.id);
      this.#giveUp(exchange, request.id);
    }
  }

  /** The answer was refused by node:http, for example for a header value no server may send. */
  #giveUp({ message, response }: Exchange, id: string): void {
    if (response.headersSent) {
      message.socket.destroy();
      return;
    }
    const answer = plainAnswer(500, id);
    const { clock } = this.#options;
    const onFault = (): void => undefined;
    sendAnswer({ message, response, answer, clock, closes: true, lingers: false, onFault });
  }

  #hold(socket: Duplex): void {
    const state = this.#underWay.get(socket);
    if (state === undefined) {
      this.#underWay.set(socket, { count: 1, isHeld: false });
    } else if (++state.count > PIPELINED_REQUESTS_MAX) {
      state.isHeld = true;
      // node:http resumes the socket after each message, so the pause has to come after this chunk.
      queueMicrotask(() => {
        if (state.isHeld) socket.pause();
      });
    }
  }

  #release(socket: Duplex): void {
    const state = this.#underWay.get(socket);
    if (state === undefined) return;
    if (--state.count <= PIPELINED_REQUESTS_MAX / 2 && state.isHeld) {
      state.isHeld = false;
      socket.resume();
    }
  }

  #bind(): Promise<void> {
    const { host, port } = this.#options;
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException): void => {
        reject(bindError(error, this.#options));
      };
      server.once("error", refuse);
      server.listen(port, host, () => {
        server.off("error", refuse);
        server.on("error", (error) => {
          this.#options.onFault(error, undefined);
        });
        resolve();
      });
    });
  }

  #stop(): Promise<void> {
    const server = this.#server;
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(this.#limits.stopDeadlineMs, () => {
        server.closeAllConnections();
        this.#http2.destroy();
      });
      server.close(() => {
        timer.cancel();
        this.#surroundings.watch.close();
        resolve();
      });
      server.closeIdleConnections();
      this.#split.close();
      this.#http2.close();
    });
  }
}

interface Exchange {
  readonly message: http.IncomingMessage;
  readonly response: http.ServerResponse;
}

function createServer(options: HttpListenerOptions, limits: ListenerLimits): http.Server {
  const settings = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: SWEEP_INTERVAL_MS,
    joinDuplicateHeaders: true,
    noDelay: true,
  };
  const server = secured(options, settings, limits);
  server.maxConnections = limits.connectionsMax;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
  return server;
}

function secured(
  { tls }: HttpListenerOptions,
  settings: http.ServerOptions,
  limits: ListenerLimits,
): http.Server {
  if (tls === undefined) return http.createServer(settings);
  try {
    const server = https.createServer({
      ...settings,
      ...contextOf(tls),
      ALPNProtocols: [...ALPN_PROTOCOLS],
      handshakeTimeout: limits.handshakeTimeoutMs,
    });
    // An answer to what is no TLS would wait for the end of a handshake that never comes.
    server.on("tlsClientError", (_error, socket) => {
      socket.destroy();
    });
    return server;
  } catch (error) {
    throw new InsulaError(
      "setting_invalid",
      "Cannot use the TLS certificate: expected PEM files of a certificate and its key.",
      { cause: error },
    );
  }
}

function contextOf({ cert, key }: TlsContext): https.ServerOptions {
  return { cert, key, minVersion: "TLSv1.2" };
}

/**
 * Bytes that are no HTTP, headers too long or too slow: answered once, then the connection ends.
 */
function refuseBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Somebody is still waiting for an answer on this connection: this one would be taken for it.
  const isBusy = "_httpMessage" in socket && socket._httpMessage !== null;
  if (isBusy || !socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = REFUSALS[error.code ?? ""] ?? "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => {
    socket.destroy();
  });
}

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

function bindError(error: NodeJS.ErrnoException, options: HttpListenerOptions): InsulaError {
  const { host, port, setting } = options;
  const place = `${host}:${String(port)}`;
  if (error.code === "EADDRINUSE") {
    return new InsulaError(
      "port_taken",
      `Cannot listen on ${place}: another program has the port: choose another with ` +
        `${setting.flag} or ${setting.variable} (0 takes a free one).`,
      { cause: error, details: { port, flag: setting.flag, variable: setting.variable } },
    );
  }
  return new InsulaError(
    "setting_invalid",
    `Cannot listen on ${place}: ${error.code ?? error.message}: ` +
      `check --host (INSULA_HOST) and ${setting.flag} (${setting.variable}).`,
    { cause: error },
  );
}
