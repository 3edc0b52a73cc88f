/**
 * Payload of one data frame: the operations that one group of one shard applied together.
 *
 * Vector blocks stay apart from the small fields, so that a put of 500 vectors is written from the
 * caller's own block of memory. Layout: docs/formats/node-log.md, "data frames".
 *
 * ```
 * version u8, operation count varint, then per operation
 *   kind u8 (1 upsert, 2 delete keys, 3 delete all, 5 upsert with sparse vectors;
 *            4 reserved for range tombstones)
 *   count varint, keys, [upsert] metadata (varint length, 0 for none) each,
 *   [upsert] field count varint, per field: name, dimension varint
 *   [with sparse] field count varint, per field: name, values of each record varint
 * padding to a multiple of 4, then the float32 blocks in the same order; of a sparse field the
 * dimensions u32 of all records, then their values float32
 * ```
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { assert, InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import { scanSteps, type Pace } from "../base/pace.ts";
import type { SparseColumn } from "../model/index.ts";

/** ON DISK. */
const FRAME_VERSION = 1;
const KIND_UPSERT = 1;
const KIND_DELETE = 2;
const KIND_DELETE_ALL = 3;
const KIND_UPSERT_SPARSE = 5;
const HEADER_LENGTH_BYTES = 4;

/** Steps of one key, or of the metadata of one record, besides its bytes. */
const ITEM_STEPS = 48;

/** Records by columns with their metadata encoded. */
export interface UpsertOperation {
  readonly kind: "upsert";
  readonly keys: readonly string[];
  readonly metadata: readonly (Uint8Array | undefined)[];
  readonly vectors: readonly FieldBlock[];
  /** Of the sparse fields that any of the records has. */
  readonly sparse?: readonly SparseColumn[];
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
export async function encodeOperations(
  operations: readonly Operation[],
  pace: Pace,
): Promise<readonly Uint8Array[]> {
  const writer = new ByteWriter(1024);
  const blocks: Uint8Array[] = [];
  writer.uint32(0).uint8(FRAME_VERSION).varint(operations.length);
  for (const operation of operations) await encodeOperation({ writer, blocks, pace }, operation);
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

/** Where a frame is being written. */
interface FrameTarget {
  readonly writer: ByteWriter;
  readonly blocks: Uint8Array[];
  readonly pace: Pace;
}

async function encodeOperation(target: FrameTarget, operation: Operation): Promise<void> {
  const { writer, blocks } = target;
  switch (operation.kind) {
    case "upsert": {
      const { sparse = [] } = operation;
      writer.uint8(sparse.length === 0 ? KIND_UPSERT : KIND_UPSERT_SPARSE);
      await encodeKeys(target, operation.keys);
      for (const bytes of operation.metadata) {
        const steps = ITEM_STEPS + scanSteps(bytes?.length ?? 0);
        if (!target.pace.fits(steps)) await target.pace.take(steps);
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
        blocks.push(bytesOf(values));
      }
      if (sparse.length > 0) encodeSparse(writer, sparse, blocks);
      return;
    }
    case "delete":
      writer.uint8(KIND_DELETE);
      await encodeKeys(target, operation.keys);
      return;
    case "delete-all":
      writer.uint8(KIND_DELETE_ALL).varint(0);
      return;
  }
}

async function encodeKeys({ writer, pace }: FrameTarget, keys: readonly string[]): Promise<void> {
  writer.varint(keys.length);
  for (const key of keys) {
    const steps = ITEM_STEPS + scanSteps(key.length);
    if (!pace.fits(steps)) await pace.take(steps);
    writer.string(key);
  }
}

function decodeOperation(reader: ByteReader, blocks: ByteReader): Operation {
  const kind = reader.uint8();
  const count = reader.varint();
  if (kind === KIND_DELETE_ALL) return { kind: "delete-all" };
  const keys = Array.from({ length: count }, () => reader.string());
  if (kind === KIND_DELETE) return { kind: "delete", keys };
  if (kind !== KIND_UPSERT && kind !== KIND_UPSERT_SPARSE) {
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
  if (kind === KIND_UPSERT) return { kind: "upsert", keys, metadata, vectors };
  const sparse = Array.from({ length: reader.varint() }, () => decodeSparse(reader, blocks, count));
  return { kind: "upsert", keys, metadata, vectors, sparse };
}

function encodeSparse(
  writer: ByteWriter,
  columns: readonly SparseColumn[],
  blocks: Uint8Array[],
): void {
  writer.varint(columns.length);
  for (const { field, starts, indices, values } of columns) {
    writer.string(field);
    for (let i = 0; i + 1 < starts.length; i++) {
      writer.varint((starts[i + 1] ?? 0) - (starts[i] ?? 0));
    }
    blocks.push(bytesOf(indices), bytesOf(values));
  }
}

function decodeSparse(reader: ByteReader, blocks: ByteReader, count: number): SparseColumn {
  const field = reader.string();
  const starts = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) starts[i + 1] = (starts[i] ?? 0) + reader.varint();
  const total = starts[count] ?? 0;
  const indexBytes = Uint8Array.from(blocks.raw(total * 4));
  const valueBytes = Uint8Array.from(blocks.raw(total * 4));
  const indices = new Uint32Array(indexBytes.buffer);
  return { field, starts, indices, values: new Float32Array(valueBytes.buffer) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
