/**
 * The wire format of proto3, read and written by hand.
 *
 * For: dialects over gRPC, which say in a `switch` which field is what. Not for: schemas; there is
 * no .proto file, no generated code and no reflection, since the messages are few and most of their
 * bytes are floats, which are copied as they lie.
 *
 * Invariants: no bytes make a reader hang, read outside its message or nest without bound; what is
 * wrong is `body_malformed` with position and reason. Unknown fields are skipped.
 *
 * Sources: protobuf.dev, Encoding; google/protobuf/struct.proto.
 */
export { FloatArena } from "./float-arena.ts";
export { STRUCT_DEPTH_MAX } from "./limits.ts";
export { ProtoReader } from "./proto-reader.ts";
export { ProtoWriter } from "./proto-writer.ts";
export { readStruct, writeStruct } from "./struct.ts";
