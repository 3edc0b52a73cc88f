/**
 * Connections that speak HTTP/2, under the bounds of http2-limits.ts.
 *
 * A connection carries many requests at once, so what HTTP/1.1 bounds by connections is bounded
 * here by sessions and streams. One timer looks at all of them; none runs while there are none.
 */
import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
} from "node:http2";
import type { Socket } from "node:net";
import { answerBytes } from "./answer-body.ts";
import { sendHttp2Answer } from "./http2-answer.ts";
import {
  HTTP2_HEADERS_MAX,
  HTTP2_IDLE_MS_MAX,
  HTTP2_INVALID_FRAMES_MAX,
  HTTP2_REJECTED_STREAMS_MAX,
  HTTP2_RESET_WINDOW_MS,
  HTTP2_RESETS_MAX,
  HTTP2_RUNNING_MAX,
  HTTP2_SESSION_MEGABYTES_MAX,
  HTTP2_SESSION_WINDOW_BYTES,
  HTTP2_SETTINGS_MAX,
  HTTP2_STREAM_WINDOW_BYTES,
  HTTP2_STREAMS_MAX,
} from "./http2-limits.ts";
import { Http2Request } from "./http2-request.ts";
import {
  ANSWER_BYTES_PER_SECOND_MIN,
  ANSWER_PATIENCE_MS,
  SWEEP_INTERVAL_MS,
  type ListenerLimits,
} from "./limits.ts";
import type { HttpAnswer, HttpRequest } from "./message.ts";
import { plainAnswer } from "./plain-answer.ts";
import type { PourDoors } from "./poured-body.ts";
import type { RequestSurroundings } from "./request.ts";

export interface Http2Options {
  readonly limits: ListenerLimits;
  readonly surroundings: RequestSurroundings;
  nextId(): string;
  handle(request: HttpRequest): Promise<HttpAnswer>;
  onSent?(durationMs: number): void;
  onFault(error: unknown, requestId: string | undefined): void;
}

/** A request on its way. */
interface Exchange {
  readonly stream: ServerHttp2Stream;
  readonly request: Http2Request;
  readonly startMs: number;
  /** When the client must have taken the answer, on the monotonic clock; undefined before it. */
  takenByMs: number | undefined;
}

interface SessionState {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  readonly exchanges: Set<Exchange>;
  /** Requests worked on, also those whose stream is gone. */
  runningCount: number;
  /** When the last request ended, or the connection began. */
  restingSinceMs: number;
  /** Since when the client is told to go. */
  closingSinceMs: number | undefined;
  resetCount: number;
  resetWindowStartMs: number;
}

export class Http2Sessions {
  readonly #options: Http2Options;
  readonly #settings: ServerSessionOptions;
  readonly #sessions = new Set<SessionState>();
  #timer: { cancel(): void } | undefined;
  #isClosing = false;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#settings = {
      maxSettings: HTTP2_SETTINGS_MAX,
      maxHeaderListPairs: HTTP2_HEADERS_MAX,
      maxSessionMemory: HTTP2_SESSION_MEGABYTES_MAX,
      maxSessionInvalidFrames: HTTP2_INVALID_FRAMES_MAX,
      maxSessionRejectedStreams: HTTP2_REJECTED_STREAMS_MAX,
      settings: {
        enablePush: false,
        maxConcurrentStreams: HTTP2_STREAMS_MAX,
        initialWindowSize: HTTP2_STREAM_WINDOW_BYTES,
        maxHeaderListSize: options.limits.headerBytesMax,
      },
    };
  }

  /** Takes a connection whose client speaks HTTP/2. Nothing was read from it, or put back. */
  take(socket: Socket): void {
    // A broken client ends its own connection; that is no fault of ours.
    socket.on("error", () => undefined);
    const session = performServerHandshake(socket, this.#settings);
    const nowMs = this.#nowMs();
    const state: SessionState = {
      session,
      socket,
      exchanges: new Set(),
      runningCount: 0,
      restingSinceMs: nowMs,
      closingSinceMs: undefined,
      resetCount: 0,
      resetWindowStartMs: nowMs,
    };
    this.#sessions.add(state);
    socket.once("close", () => this.#sessions.delete(state));
    session.on("error", () => undefined);
    session.on("stream", (stream, headers) => {
      this.#takeStream(state, stream, headers);
    });
    session.setLocalWindowSize(HTTP2_SESSION_WINDOW_BYTES);
    if (this.#isClosing) this.#closeSession(state);
    this.#timer ??= this.#options.surroundings.clock.after(SWEEP_INTERVAL_MS, this.#sweep);
  }

  /** Tells all clients to send nothing more here; running requests finish. */
  close(): void {
    this.#isClosing = true;
    for (const state of this.#sessions) this.#closeSession(state);
  }

  /** Ends what is left at once. */
  destroy(): void {
    for (const { session, socket } of this.#sessions) {
      session.destroy();
      socket.destroy();
    }
  }

  #closeSession(state: SessionState): void {
    state.closingSinceMs ??= this.#nowMs();
    state.session.close();
  }

  #takeStream(state: SessionState, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on("error", () => undefined);
    if (state.runningCount >= HTTP2_RUNNING_MAX) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      this.#countReset(state);
      return;
    }
    const id = this.#options.nextId();
    const request = new Http2Request(id, stream, headers, this.#options.surroundings);
    const exchange: Exchange = { stream, request, startMs: this.#nowMs(), takenByMs: undefined };
    state.exchanges.add(exchange);
    state.runningCount++;
    stream.once("close", () => {
      this.#end(state, exchange);
    });
    void this.#answer(exchange).finally(() => {
      state.runningCount--;
    });
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request } = exchange;
    try {
      // One authority, whichever of the two headers says it (RFC 9113 §8.3.1).
      const isSound = request.host !== "" && !request.host.includes(",");
      const answer = isSound ? await this.#options.handle(request) : plainAnswer(400, request.id);
      this.#send(exchange, answer);
    } catch (error) {
      this.#options.onFault(error, request.id);
      this.#send(exchange, plainAnswer(500, request.id));
    }
  }

  #send(exchange: Exchange, answer: HttpAnswer): void {
    const { stream, request } = exchange;
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    const startMs = this.#nowMs();
    const bytes = answerBytes(answer) ?? 0;
    const patienceMs = ANSWER_PATIENCE_MS + (bytes / ANSWER_BYTES_PER_SECOND_MIN) * 1_000;
    // One of unknown length has somebody of its own who waits for its client.
    exchange.takenByMs = answer.stream === undefined ? startMs + patienceMs : Infinity;
    try {
      sendHttp2Answer(stream, request.method, answer, this.#poured(request.id));
      this.#options.onSent?.(this.#nowMs() - startMs);
    } catch (error) {
      this.#options.onFault(error, request.id);
      giveUp(exchange, this.#poured(request.id));
    }
  }

  #poured(requestId: string): Omit<PourDoors, "cut"> {
    return {
      clock: this.#options.surroundings.clock,
      onFault: (error) => {
        this.#options.onFault(error, requestId);
      },
    };
  }

  /** A stream is gone: answered, or given up by the client. */
  #end(state: SessionState, exchange: Exchange): void {
    state.exchanges.delete(exchange);
    state.restingSinceMs = this.#nowMs();
    if (exchange.takenByMs === undefined) this.#countReset(state);
  }

  #countReset(state: SessionState): void {
    const nowMs = this.#nowMs();
    if (nowMs - state.resetWindowStartMs >= HTTP2_RESET_WINDOW_MS) {
      state.resetWindowStartMs = nowMs;
      state.resetCount = 0;
    }
    if (++state.resetCount > HTTP2_RESETS_MAX) endForExcess(state.session);
  }

  readonly #sweep = (): void => {
    const nowMs = this.#nowMs();
    for (const state of this.#sessions) this.#look(state, nowMs);
    const { clock } = this.#options.surroundings;
    this.#timer =
      this.#sessions.size === 0 ? undefined : clock.after(SWEEP_INTERVAL_MS, this.#sweep);
  };

  #look(state: SessionState, nowMs: number): void {
    const { session, socket, exchanges, restingSinceMs, closingSinceMs } = state;
    if (exchanges.size === 0) {
      // A closed session leaves its connection half open, for the client to end its side.
      const goneMs =
        closingSinceMs === undefined ? 0 : nowMs - Math.max(closingSinceMs, restingSinceMs);
      if (goneMs >= ANSWER_PATIENCE_MS) socket.destroy();
      else if (nowMs - restingSinceMs >= HTTP2_IDLE_MS_MAX) this.#closeSession(state);
      return;
    }
    const { requestTimeoutMs, unfinishedBodiesBytesMax } = this.#options.limits;
    let bodyBytes = 0;
    for (const { stream, request, startMs, takenByMs } of exchanges) {
      const isArriving = !stream.readableEnded && !stream.endAfterHeaders;
      if (isArriving) bodyBytes += request.body?.received ?? 0;
      if (takenByMs === undefined) {
        if (isArriving && nowMs - startMs >= requestTimeoutMs) {
          stream.close(constants.NGHTTP2_CANCEL);
        }
      } else if (nowMs >= takenByMs) {
        stream.close(constants.NGHTTP2_CANCEL);
      }
    }
    if (bodyBytes > unfinishedBodiesBytesMax) endForExcess(session);
  }

  #nowMs(): number {
    return this.#options.surroundings.clock.monotonicMs();
  }
}

/** The answer was refused by node:http2, for example for a header no server may send. */
function giveUp({ stream, request }: Exchange, doors: Omit<PourDoors, "cut">): void {
  if (stream.headersSent) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else sendHttp2Answer(stream, request.method, plainAnswer(500, request.id), doors);
}

/** The client asks for more than a client may: it is told so, and the connection ends. */
function endForExcess(session: ServerHttp2Session): void {
  if (!session.destroyed) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
}
