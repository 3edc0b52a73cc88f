/**
 * The object that makes a point, and the one that sums up all points before it.
 * ON DISK: docs/formats/mirror.md.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import { decodeBody, encodeBody, type PointBody } from "./point-body.ts";
import { Turns, partsOf } from "./turns.ts";

const MAGIC = Buffer.from("INSV", "latin1");
const FORMAT_VERSION = 1;
const WRITER_BYTES = 4;
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
  /** @throws InsulaError `data_damaged` */
  open(bytes: Uint8Array, purpose: string): Uint8Array;
  /** The same of bytes that come in parts, giving way between them; in as many parts or more. */
  sealParts(
    parts: readonly Uint8Array[],
    purpose: string,
    turns: Turns,
  ): Promise<readonly Uint8Array[]>;
  openInTurns(bytes: Uint8Array, purpose: string, turns: Turns): Promise<Uint8Array>;
}

export interface PointOpening {
  readonly seal: PointSeal;
  /** Tells a point from a base of the same number. */
  readonly purpose: string;
  /** A body may have a million files. Without it everything is done in one turn. */
  readonly turns?: Turns;
}

export async function encodePoint(
  head: PointHead,
  body: PointBody,
  { seal, purpose, turns = new Turns() }: PointOpening,
): Promise<Buffer> {
  const sealed = await seal.sealParts(await encodeBody(body, turns), purpose, turns);
  const bytes = sealed.reduce((sum, { length }) => sum + length, 0);
  const writer = new ByteWriter(64).raw(MAGIC).uint32(FORMAT_VERSION);
  writer.uint64(head.number).uint64(head.atMs).raw(Buffer.from(head.writer, "hex"));
  const start = writer
    .uint8(head.isSealed ? 1 : 0)
    .varint(bytes)
    .finish();
  const object = Buffer.allocUnsafeSlow(start.length + bytes + CRC_BYTES);
  let at = 0;
  let sum = 0;
  for (const part of [start, ...sealed]) {
    object.set(part, at);
    at += part.length;
    sum = crc32(part, sum);
    if (turns.isOverAfterBytes(part.length)) await turns.next();
  }
  object.writeUInt32LE(sum, at);
  return object;
}

/** @throws InsulaError `data_damaged`, `format_unsupported`. */
export async function decodeHead(
  key: string,
  bytes: Uint8Array,
  turns: Turns = new Turns(),
): Promise<PointHead> {
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
  if (!isPoint || (await sumOf(file.subarray(0, end), turns)) !== file.readUInt32LE(end)) {
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

async function sumOf(bytes: Uint8Array, turns: Turns): Promise<number> {
  let sum = 0;
  for (const part of partsOf(bytes)) {
    sum = crc32(part, sum);
    if (turns.isOverAfterBytes(part.length)) await turns.next();
  }
  return sum;
}

/** @throws InsulaError `data_damaged`, `format_unsupported`. */
export async function decodePoint(
  key: string,
  bytes: Uint8Array,
  { seal, purpose, turns = new Turns() }: PointOpening,
): Promise<{ readonly head: PointHead; readonly body: PointBody }> {
  const head = await decodeHead(key, bytes, turns);
  const sealed = new ByteReader(bytes, HEAD_BYTES).bytes();
  return { head, body: await decodeBody(await seal.openInTurns(sealed, purpose, turns), turns) };
}
