/**
 * Unary calls of gRPC over a request and an answer of HTTP/2.
 *
 * For: dialects whose clients speak gRPC; they read one message, write one, and end with a status.
 * Not for: streams, reflection, and what the messages mean (protobuf/).
 *
 * Life of a call: `isGrpcRequest` → `readGrpcMessage` → `toGrpcAnswer`, whose status is in its
 * trailers, or `toGrpcFailure`, which has headers alone. The client's deadline aborts the request's
 * signal (http/http2-request.ts).
 *
 * Sources: grpc/doc/PROTOCOL-HTTP2.md, grpc/doc/compression.md.
 */
export { GRPC_ENCODINGS, isGrpcRequest, readGrpcMessage, toGrpcAnswer } from "./frame.ts";
export { GRPC_MESSAGE_CHARACTERS_MAX } from "./limits.ts";
export { GRPC_STATUS, percentEncode, toGrpcFailure } from "./status.ts";
export type { GrpcFailure } from "./status.ts";
export { parseGrpcTimeout } from "./timeout.ts";
