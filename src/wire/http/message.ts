/** A request after framing, before any dialect has looked at its meaning. */
export interface HttpRequest {
  /** 24 upper-case hexadecimal characters, unique per request; every answer carries it. */
  readonly id: string;
  /** Absent: 1.1. */
  readonly httpVersion?: "1.1" | "2";
  readonly method: string;
  /** The request target exactly as received: origin form or absolute form. */
  readonly target: string;
  /** Of the absolute form, else of the listener. */
  readonly scheme: "http" | "https";
  /** Authority the client meant: from an absolute-form target, else the Host header; with port. */
  readonly host: string;
  /** Still percent-encoded; at least "/". */
  readonly path: string;
  /** Raw query without "?", empty when there is none. */
  readonly query: string;
  /** Lower-case names; repeated headers are joined with ", " as node:http does. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly remoteAddress: string;
  /** The port of ours that the connection came to; absent where there is no socket. */
  readonly localPort?: number | undefined;
  /**
   * The whole body, owned by the caller. Call at most once.
   * @throws InsulaError `body_too_large` (the connection is closed after the answer),
   *   `body_malformed` when it ends
   *         early, `deadline_exceeded` when it trickles.
   */
  readBody(bytesMax: number): Promise<Buffer>;
  /**
   * Aborted when the client goes away or the deadline passes, that of the server or, where it is
   * sooner, of the client.
   * @throws InsulaError `argument_invalid` for a deadline of the client that is none.
   */
  readonly signal: AbortSignal;
}

/** An answer; the listener adds Content-Length, Date and, over HTTP/1.1, Connection. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** In place of a body, one behind the other: a long one that was put together in turns. */
  readonly parts?: readonly Uint8Array[];
  /**
   * In place of a body, of a length that nobody knows: taken at the pace at which the client reads,
   * and given up when it goes away. One that throws is cut short, so that no client takes what came
   * of it for the whole; the deadline of a request is not its deadline.
   */
  readonly stream?: AsyncIterable<Uint8Array>;
  /** Sent after the body, over HTTP/2 alone. */
  readonly trailers?: Readonly<Record<string, string>>;
}
