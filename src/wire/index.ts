/**
 * Protocols without our meaning: HTTP framing, gRPC, protobuf, signatures, JSON, later GraphQL and
 * SQL syntax.
 */
export type { HttpAnswer, HttpRequest } from "./http/message.ts";
export {
  HttpListener,
  isInRange,
  LISTENER_LIMITS,
  parsePortRange,
  wholeBody,
} from "./http/index.ts";
export type {
  HttpListenerOptions,
  ListenerClock,
  ListenerLimits,
  PortRange,
} from "./http/index.ts";
export {
  AWS4_S3_VECTORS,
  CLOCK_SKEW_MS_MAX,
  OSS4,
  ossResourceUri,
  signHeaders,
  SigningKeyCache,
  signQuery,
  UNSIGNED_PAYLOAD,
  verifySignature,
} from "./signature/index.ts";
export type {
  OssResource,
  SignableRequest,
  SignatureClaim,
  SignatureScheme,
  SignOptions,
  VerifiedRequest,
  VerifyOptions,
} from "./signature/index.ts";
export {
  decodeText,
  JSON_DEPTH_MAX,
  parseJsonBytes,
  parseJsonExact,
  parseJsonParts,
  printFloat32,
  printFloat32Array,
  printJson,
  scanJsonArrays,
} from "./json/index.ts";
export type {
  JsonObject,
  JsonOptions,
  JsonValue,
  MemberPath,
  Printable,
  ScannedBody,
  ScanOptions,
} from "./json/index.ts";
export {
  GRPC_STATUS,
  isGrpcRequest,
  readGrpcMessage,
  toGrpcAnswer,
  toGrpcFailure,
} from "./grpc/index.ts";
export { FloatArena, ProtoReader, ProtoWriter, readStruct, writeStruct } from "./protobuf/index.ts";
