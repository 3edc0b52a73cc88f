/** The body of a point or base, written and read in slices. ON DISK: docs/formats/mirror.md. */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import type { FileChange, FreedPiece, Piece, PieceRange, PointChange } from "./mirror-state.ts";
import { eachInTurns, type Turns } from "./turns.ts";

const HASH_BYTES = 32;
/** What is written before it is handed on: no buffer grows to the size of the body. */
const CHUNK_BYTES = 65_536;

export interface PointBody extends PointChange {
  /** Of a base: pieces that nothing uses any more and that are still there. */
  readonly freed: readonly FreedPiece[];
}

/** @returns parts that are the body one behind the other. */
export async function encodeBody(
  { files, removed, freed }: PointBody,
  turns: Turns,
): Promise<readonly Uint8Array[]> {
  const positions = new Map<string, number>();
  const pieces: Piece[] = [];
  await eachInTurns(files, turns, ({ ranges }) => {
    for (const { piece } of ranges) {
      if (!positions.has(piece.name)) positions.set(piece.name, pieces.push(piece) - 1);
    }
    return ranges.length;
  });
  const out = new Chunks();
  out.writer.varint(pieces.length);
  await eachInTurns(pieces, turns, ({ name, bytes, sha256 }) => {
    out.writer.string(name).varint(bytes).raw(sha256);
    out.cutIfFull();
  });
  out.writer.varint(files.length);
  await eachInTurns(files, turns, (file) => {
    encodeFile(out.writer, file, positions);
    out.cutIfFull();
    return file.ranges.length;
  });
  out.writer.varint(removed.length);
  await eachInTurns(removed, turns, (path) => {
    out.writer.string(path);
    out.cutIfFull();
  });
  out.writer.varint(freed.length);
  await eachInTurns(freed, turns, ({ point, name }) => {
    out.writer.varint(point).string(name);
    out.cutIfFull();
  });
  return out.end();
}

/** @throws InsulaError `data_damaged` */
export async function decodeBody(bytes: Uint8Array, turns: Turns): Promise<PointBody> {
  const reader = new ByteReader(bytes);
  const pieces = await readAll(reader, turns, (): Piece => ({
    name: reader.string(),
    bytes: reader.varint(),
    sha256: new Uint8Array(reader.raw(HASH_BYTES)),
  }));
  const files = await readAll(reader, turns, () => decodeFile(reader, pieces));
  const removed = await readAll(reader, turns, () => reader.string());
  const freed = await readAll(reader, turns, () => ({
    point: reader.varint(),
    name: reader.string(),
  }));
  return { files, removed, freed };
}

/** What was written, in buffers of bounded size. */
class Chunks {
  writer: ByteWriter = new ByteWriter(CHUNK_BYTES);
  readonly #full: Uint8Array[] = [];

  cutIfFull(): void {
    if (this.writer.length >= CHUNK_BYTES) this.#cut();
  }

  end(): readonly Uint8Array[] {
    this.#cut();
    return this.#full;
  }

  #cut(): void {
    this.#full.push(this.writer.finish());
    this.writer = new ByteWriter(CHUNK_BYTES);
  }
}

function encodeFile(
  writer: ByteWriter,
  { path, isWhole, ranges }: FileChange,
  positions: ReadonlyMap<string, number>,
): void {
  writer
    .string(path)
    .uint8(isWhole ? 1 : 0)
    .varint(ranges.length);
  for (const { piece, offset, length } of ranges) {
    writer
      .varint(positions.get(piece.name) ?? 0)
      .varint(offset)
      .varint(length);
  }
}

/** A number of items, then the items. */
async function readAll<T>(reader: ByteReader, turns: Turns, read: () => T): Promise<T[]> {
  const count = reader.varint();
  const all: T[] = [];
  while (all.length < count) {
    const before = reader.position;
    all.push(read());
    if (turns.isOverAfterBytes(reader.position - before)) await turns.next();
  }
  return all;
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
