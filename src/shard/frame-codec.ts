/**
 * Payload of one data frame: the operations that one group of one shard applied together.
 *
 * Vector blocks stay apart from the small fields, so that a put of 500 vectors is written from the
 * caller's own block of memory. Layout: docs/formats/node-log.md, "data frames".
 *
 * ```
 * version u8, operation count varint, then per operation
 *   kind u8 (1 upsert, 2 delete keys, 3 delete all; 4 reserved for range tombstones)
 *   count varint, keys, [upsert] metadata (varint length, 0 for none) each,
 *   [upsert] field count varint, per field: name, dimension varint
 * padding to a multiple of 4, then the float32 blocks in the same order
 * ```
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { assert, InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";

/** ON DISK. */
const FRAME_VERSION = 1;
const KIND_UPSERT = 1;
const KIND_DELETE = 2;
const KIND_DELETE_ALL = 3;
const HEADER_LENGTH_BYTES = 4;

/** Records by columns with their metadata encoded. */
export interface UpsertOperation {
  readonly kind: "upsert";
  readonly keys: readonly string[];
  readonly metadata: readonly (Uint8Array | undefined)[];
  readonly vectors: readonly FieldBlock[];
}

export interface DeleteOperation {
  readonly kind: "delete";
  readonly keys: readonly string[];
}

export interface DeleteAllOperation {
  readonly kind: "delete-all";
}

export type Operation = UpsertOperation | DeleteOperation | DeleteAllOperation;

/** Rows of one vector field: `count × dimension` float32, row-major. */
export interface FieldBlock {
  readonly field: string;
  readonly dimension: number;
  readonly values: Float32Array;
}

/**
 * Parts to write one after the other; vector blocks are views on the operations, not copies, so the
 * operations must stay unchanged until the frame is on disk.
 */
export function encodeOperations(operations: readonly Operation[]): readonly Uint8Array[] {
  const writer = new ByteWriter(1024);
  const blocks: Uint8Array[] = [];
  writer.uint32(0).uint8(FRAME_VERSION).varint(operations.length);
  for (const operation of operations) encodeOperation(writer, operation, blocks);
  while (writer.length % 4 !== 0) writer.uint8(0);
  writer.patchUint32(0, writer.length - HEADER_LENGTH_BYTES);
  return [writer.finish(), ...blocks];
}

/** The inverse; the result shares no memory with `payload` except metadata views. */
export function decodeOperations(payload: Uint8Array): readonly Operation[] {
  const reader = new ByteReader(payload);
  const blocksStart = HEADER_LENGTH_BYTES + reader.uint32();
  const version = reader.uint8();
  if (version !== FRAME_VERSION) {
    throw otherFormat("a frame of the log", FRAME_VERSION, version);
  }
  const blocks = new ByteReader(payload, blocksStart);
  return Array.from({ length: reader.varint() }, () => decodeOperation(reader, blocks));
}

function encodeOperation(writer: ByteWriter, operation: Operation, blocks: Uint8Array[]): void {
  switch (operation.kind) {
    case "upsert":
      writer.uint8(KIND_UPSERT).varint(operation.keys.length);
      for (const key of operation.keys) writer.string(key);
      for (const bytes of operation.metadata) {
        if (bytes === undefined) writer.varint(0);
        else writer.bytes(bytes);
      }
      writer.varint(operation.vectors.length);
      for (const { field, dimension, values } of operation.vectors) {
        assert(
          values.length === dimension * operation.keys.length,
          "a block holds one row per key",
        );
        writer.string(field).varint(dimension);
        blocks.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
      return;
    case "delete":
      writer.uint8(KIND_DELETE).varint(operation.keys.length);
      for (const key of operation.keys) writer.string(key);
      return;
    case "delete-all":
      writer.uint8(KIND_DELETE_ALL).varint(0);
      return;
  }
}

function decodeOperation(reader: ByteReader, blocks: ByteReader): Operation {
  const kind = reader.uint8();
  const count = reader.varint();
  if (kind === KIND_DELETE_ALL) return { kind: "delete-all" };
  const keys = Array.from({ length: count }, () => reader.string());
  if (kind === KIND_DELETE) return { kind: "delete", keys };
  if (kind !== KIND_UPSERT) {
    throw new InsulaError(
      "data_damaged",
      `Cannot decode a frame: unknown operation ${String(kind)}.`,
    );
  }
  const metadata = Array.from({ length: count }, () => {
    const bytes = reader.bytes();
    return bytes.length === 0 ? undefined : bytes;
  });
  const vectors = Array.from({ length: reader.varint() }, () => {
    const field = reader.string();
    const dimension = reader.varint();
    const values = new Float32Array(count * dimension);
    new Uint8Array(values.buffer).set(blocks.raw(values.byteLength));
    return { field, dimension, values };
  });
  return { kind: "upsert", keys, metadata, vectors };
}
