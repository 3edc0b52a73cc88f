/**
 * HTTP/1.1 and HTTP/2 framing over node:http, node:https and node:http2, on one port.
 *
 * A listener turns bytes into {@link HttpRequest} and {@link HttpAnswer} into bytes, and keeps
 * slow, huge and broken clients away from everybody else: bounds on time, size and number, each in
 * limits.ts. It knows no protocol; what a request means is decided above.
 *
 * Life of a connection: the handshake, or its first three bytes, say which of the two it speaks
 * (protocol-split.ts); the bounds on connections and the stop are those of one server for both.
 *
 * Life of a request: node:http parses the head → one `handle` call → one write of head and body.
 * The body is read only when somebody asks for it, and an AbortSignal is made only when somebody
 * looks.
 */
export { LISTENER_LIMITS } from "./limits.ts";
export type { ListenerLimits } from "./limits.ts";
export { wholeBody } from "./answer-body.ts";
export { HttpListener } from "./listener.ts";
export type { HttpListenerOptions } from "./listener.ts";
export type { ListenerClock } from "./body.ts";
export { isInRange, parsePortRange } from "./port-range.ts";
export type { PortRange } from "./port-range.ts";
export type { HttpAnswer, HttpRequest } from "./message.ts";
