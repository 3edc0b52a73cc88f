/**
 * The object that makes a point, and the one that sums up all points before it.
 * ON DISK: docs/formats/mirror.md.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import type { FileChange, FreedPiece, Piece, PieceRange, PointChange } from "./mirror-state.ts";

const MAGIC = Buffer.from("INSV", "latin1");
const FORMAT_VERSION = 1;
const WRITER_BYTES = 4;
const HASH_BYTES = 32;
const CRC_BYTES = 4;
const HEAD_BYTES = MAGIC.length + 4 + 8 + 8 + WRITER_BYTES + 1;

export interface PointHead {
  readonly number: number;
  /** When the data folder was in this state. */
  readonly atMs: number;
  /** Hexadecimal: the life of the node that wrote it. */
  readonly writer: string;
  readonly isSealed: boolean;
}

/** Turns plain bytes into what lies in the store, and back. */
export interface PointSeal {
  seal(bytes: Uint8Array, purpose: string): Uint8Array;
  open(bytes: Uint8Array, purpose: string): Uint8Array;
}

export interface PointBody extends PointChange {
  /** Of a base: pieces that nothing uses any more and that are still there. */
  readonly freed: readonly FreedPiece[];
}

/** @param purpose tells a point from a base of the same number. */
export function encodePoint(
  head: PointHead,
  body: PointBody,
  { seal, purpose }: { readonly seal: PointSeal; readonly purpose: string },
): Buffer {
  const writer = new ByteWriter(1024).raw(MAGIC).uint32(FORMAT_VERSION);
  writer.uint64(head.number).uint64(head.atMs).raw(Buffer.from(head.writer, "hex"));
  writer.uint8(head.isSealed ? 1 : 0).bytes(seal.seal(encodeBody(body), purpose));
  return writer.uint32(crc32(writer.view())).finish();
}

/** @throws InsulaError `data_damaged`, `format_unsupported`. */
export function decodeHead(key: string, bytes: Uint8Array): PointHead {
  const end = bytes.length - CRC_BYTES;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isPoint = end > HEAD_BYTES && MAGIC.equals(file.subarray(0, MAGIC.length));
  const version = isPoint ? file.readUInt32LE(MAGIC.length) : 0;
  if (version > FORMAT_VERSION) {
    throw new InsulaError(
      "format_unsupported",
      `Cannot read ${key}: expected format ${String(FORMAT_VERSION)}, received ${String(version)}.`,
    );
  }
  if (!isPoint || crc32(file.subarray(0, end)) !== file.readUInt32LE(end)) {
    throw new InsulaError("data_damaged", `Cannot read the mirror: "${key}" is damaged.`, {
      details: { object: key },
    });
  }
  const reader = new ByteReader(bytes, MAGIC.length + 4);
  const number = reader.uint64();
  const atMs = reader.uint64();
  const writer = reader.raw(WRITER_BYTES).toString("hex");
  return { number, atMs, writer, isSealed: reader.uint8() !== 0 };
}

/** @throws InsulaError `data_damaged`, `format_unsupported`. */
export function decodePoint(
  key: string,
  bytes: Uint8Array,
  { seal, purpose }: { readonly seal: PointSeal; readonly purpose: string },
): { readonly head: PointHead; readonly body: PointBody } {
  const head = decodeHead(key, bytes);
  const body = new ByteReader(bytes, HEAD_BYTES).bytes();
  return { head, body: decodeBody(seal.open(body, purpose)) };
}

function encodeBody({ files, removed, freed }: PointBody): Buffer {
  const pieces = new Map<string, { readonly piece: Piece; readonly index: number }>();
  for (const { ranges } of files) {
    for (const { piece } of ranges) {
      if (!pieces.has(piece.name)) pieces.set(piece.name, { piece, index: pieces.size });
    }
  }
  const writer = new ByteWriter(1024).varint(pieces.size);
  for (const { piece } of pieces.values()) {
    writer.string(piece.name).varint(piece.bytes).raw(piece.sha256);
  }
  writer.varint(files.length);
  for (const { path, isWhole, ranges } of files) {
    writer
      .string(path)
      .uint8(isWhole ? 1 : 0)
      .varint(ranges.length);
    for (const { piece, offset, length } of ranges) {
      writer
        .varint(pieces.get(piece.name)?.index ?? 0)
        .varint(offset)
        .varint(length);
    }
  }
  writer.varint(removed.length);
  for (const path of removed) writer.string(path);
  writer.varint(freed.length);
  for (const { point, name } of freed) writer.varint(point).string(name);
  return writer.finish();
}

function decodeBody(bytes: Uint8Array): PointBody {
  const reader = new ByteReader(bytes);
  const pieces = Array.from({ length: reader.varint() }, () => ({
    name: reader.string(),
    bytes: reader.varint(),
    sha256: new Uint8Array(reader.raw(HASH_BYTES)),
  }));
  const files = Array.from({ length: reader.varint() }, () => decodeFile(reader, pieces));
  const removed = Array.from({ length: reader.varint() }, () => reader.string());
  const freed = Array.from({ length: reader.varint() }, () => ({
    point: reader.varint(),
    name: reader.string(),
  }));
  return { files, removed, freed };
}

function decodeFile(reader: ByteReader, pieces: readonly Piece[]): FileChange {
  const path = reader.string();
  const isWhole = reader.uint8() !== 0;
  const ranges = Array.from({ length: reader.varint() }, (): PieceRange => {
    const piece = pieces[reader.varint()];
    if (piece === undefined) {
      throw new InsulaError("data_damaged", "Cannot read the mirror: a file names no piece.");
    }
    return { piece, offset: reader.varint(), length: reader.varint() };
  });
  return { path, isWhole, ranges };
}
