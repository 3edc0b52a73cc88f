/** Bounds of connections that speak HTTP/2; those of {@link ListenerLimits} hold besides. */

/** Requests of one connection at once; the client waits with more. */
export const HTTP2_STREAMS_MAX = 128;
/**
 * Requests of one connection that are still worked on, those the client has given up included.
 * Beyond it new ones are refused: opening and resetting streams must not buy more work than
 * {@link HTTP2_STREAMS_MAX} allows ("rapid reset", CVE-2023-44487).
 */
export const HTTP2_RUNNING_MAX = 256;
/** Requests of one connection given up before their answer, in {@link HTTP2_RESET_WINDOW_MS}. */
export const HTTP2_RESETS_MAX = 256;
export const HTTP2_RESET_WINDOW_MS = 10_000;
/** What a client may send of one request before we have taken it, bytes. */
export const HTTP2_STREAM_WINDOW_BYTES = 1_048_576;
/** The same for all requests of a connection. */
export const HTTP2_SESSION_WINDOW_BYTES = 8_388_608;
/** What node:http2 may hold for one connection, megabytes: mostly answers not yet taken. */
export const HTTP2_SESSION_MEGABYTES_MAX = 64;
/** Headers of a request, in number. */
export const HTTP2_HEADERS_MAX = 128;
/** Entries of a SETTINGS frame. */
export const HTTP2_SETTINGS_MAX = 32;
/** Frames that make no sense, and streams refused, before the connection ends. */
export const HTTP2_INVALID_FRAMES_MAX = 100;
export const HTTP2_REJECTED_STREAMS_MAX = 100;
/**
 * How long a connection may rest without a request, ms. Longer than over HTTP/1.1: the channels of
 * gRPC rest between calls, and opening one anew costs a TLS handshake.
 */
export const HTTP2_IDLE_MS_MAX = 300_000;
/** What is taken and thrown away of a body after its request was answered, bytes. */
export const HTTP2_DISCARDED_BYTES_MAX = 65_536;
