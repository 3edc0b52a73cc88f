/** Bounds of a listener against slow, large and many requests. */

export interface ListenerLimits {
  /** From the connection to the end of the TLS handshake, ms. */
  readonly handshakeTimeoutMs: number;
  /** From the first byte of a request, or from the connection, to the end of its headers, ms. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body, ms. */
  readonly requestTimeoutMs: number;
  /** How long a connection may rest between two requests, ms. */
  readonly keepAliveTimeoutMs: number;
  /** From the start of a request until its signal is aborted, ms. */
  readonly deadlineMs: number;
  /** Open connections; more are closed at once. */
  readonly connectionsMax: number;
  /** Bytes of the request line and all headers. */
  readonly headerBytesMax: number;
  /** Requests of one connection before it is closed; 0: no bound. */
  readonly requestsPerConnectionMax: number;
  /** Bodies of one connection over HTTP/2 that are still on their way, all together, bytes. */
  readonly unfinishedBodiesBytesMax: number;
  /** How long a stop waits for running requests, ms. */
  readonly stopDeadlineMs: number;
}

/** Ports of one range. Source: each is a listening socket. */
export const PORT_RANGE_PORTS_MAX = 1_000;

/**
 * Node's own defaults are 60 s for headers, 300 s for a request, a sweep every 30 s and no bound on
 * connections: too lax for a server that strangers reach.
 */
export const LISTENER_LIMITS: ListenerLimits = {
  handshakeTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000, // longer than the 60 s of common load balancers
  deadlineMs: 60_000,
  connectionsMax: 10_000,
  headerBytesMax: 16_384,
  requestsPerConnectionMax: 0,
  unfinishedBodiesBytesMax: 268_435_456,
  stopDeadlineMs: 10_000,
};

/** How often open connections are looked at, ms. */
export const SWEEP_INTERVAL_MS = 2_000;
/** A body must bring {@link BODY_BYTES_PER_WINDOW_MIN} in every window of this length, ms. */
export const BODY_WINDOW_MS = 10_000;
/** 1 KiB/s: below any network that works, above a client that holds a connection on purpose. */
export const BODY_BYTES_PER_WINDOW_MIN = 10_240;
/** Answers above this are watched until they are taken, bytes. */
export const WATCHED_ANSWER_BYTES_MIN = 65_536;
/** A reader has 10 s and one second more for each of these, bytes. */
export const ANSWER_BYTES_PER_SECOND_MIN = 131_072;
export const ANSWER_PATIENCE_MS = 10_000;
/**
 * After a refusal with an unread body the connection stays open to take this much of it, or this
 * long: many clients read an answer only after they have sent everything.
 */
export const LINGER_BYTES_MAX = 67_108_864;
export const LINGER_MS_MAX = 2_000;
/** An unread body up to this length is taken quietly and the connection kept, bytes. */
export const QUIET_DRAIN_BYTES_MAX = 65_536;
/**
 * Requests of one connection under way at once. A client may send the next before the last is
 * answered; beyond this its socket is not read until half of them are.
 */
export const PIPELINED_REQUESTS_MAX = 64;
